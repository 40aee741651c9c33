"""Ports: what goes into a step and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OnnxNet:
    """A network as an immutable file on disk. What arrives at a step is canonical ONNX and must not be written to."""

    path: Path
    """The .onnx file; weights above 2 GB lie beside it in the same folder."""
    digest: str = ""
    """Digest of its contents, empty for a file that is not in the store yet."""


class Kind(StrEnum):
    """What a port carries."""

    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Port:
    """A named, typed input or output of a step."""

    name: str
    kind: Kind = Kind.NETWORK
    optional: bool = False
    """May stay unconnected; the step then gets None. One named "teacher" is joined to the source on appending."""
    title: str = ""


def can_join(out: Port, into: Port) -> bool:
    """Whether an output may feed an input."""
    return out.kind == into.kind
