"""Compress Studio makes neural networks smaller and faster and measures every claim on the exported file."""

__version__ = "0.1.0"
