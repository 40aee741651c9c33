"""What the window shows for a file of weights: its tensors, which network they are of, consent, trial."""
