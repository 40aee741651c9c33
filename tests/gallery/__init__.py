"""Everything that the window is made of, in all its states, to look at."""
