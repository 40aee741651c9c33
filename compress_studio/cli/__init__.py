"""The command line: the same engine and the same numbers as everywhere else."""
