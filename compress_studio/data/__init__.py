"""Data sets: read from files, joined to the inputs of a network, split so that nothing learns from test samples."""
