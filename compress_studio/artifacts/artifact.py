"""A network as immutable bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MODEL_FILE = "model.onnx"
"""Every stored network has this name, in a folder of its own."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored network. Equal digests mean equal bytes."""

    digest: str
    """Of the names and contents of its files."""
    path: Path
    """The .onnx file, read-only; weights above 2 GB lie beside it."""
    size: int
    """Bytes of all its files."""
