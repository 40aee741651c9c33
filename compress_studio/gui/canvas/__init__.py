"""The pipeline editor."""
