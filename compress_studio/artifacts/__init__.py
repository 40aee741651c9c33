"""Networks as files: what a user's file is, and where results are kept."""
