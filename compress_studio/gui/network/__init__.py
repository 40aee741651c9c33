"""The inside of a network as a picture."""
