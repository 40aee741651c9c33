"""What steps and meters may ask of a data set. The data package implements it; everybody else only sees these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.base.digest import Json


class Part(StrEnum):
    """The parts of a data set. Nothing that changes a network ever sees TEST."""

    CALIBRATE = "calibrate"
    TUNE = "tune"
    TEST = "test"


class Task(StrEnum):
    """What the labels mean."""

    CLASSIFY = "classify"
    """Labels are class numbers, the first output holds one score per class."""
    BINARY = "binary"
    """Labels are 0 or 1, the first output holds one score."""
    REGRESS = "regress"
    """Labels are numbers, the first output predicts them."""
    NONE = "none"
    """There are no labels, or nothing is known to do with them."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Which data set, as a project names it; plain JSON in the file."""

    path: str = ""
    """File or folder; empty: synthetic inputs."""
    options: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    """Overrides of what data.toml or the proposal says; see data.options for the names."""
    seed: int = 0
    """Of the split, and of synthetic inputs."""


@dataclass(frozen=True, slots=True)
class SampleShape:
    """What one sample of a data set looks like before it is joined to a network."""

    shape: tuple[int, ...]
    """Without the axis that counts samples; negative: it differs from sample to sample."""
    dtype: str
    """As NumPy names it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples ready to be fed: preprocessed, in the types and layout of the network's inputs."""

    inputs: Mapping[str, np.ndarray]
    labels: np.ndarray | None
    """One row per sample, or None."""
    first: int = 0
    """Number of the first sample within its part, so that worst samples can be named."""
    names: tuple[str, ...] = field(default=())
    """File names of the samples where they are files."""

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


class Split(Protocol):
    """One part of a data set, read in batches; never all in memory."""

    @property
    def labelled(self) -> bool: ...

    def __len__(self) -> int: ...

    def batches(self, size: int, limit: int | None = None, shuffle: int | None = None) -> Iterator[Batch]:
        """Batches of at most size samples, limit samples in all, in a shuffled order when a seed is given.

        A network with a fixed batch size gets exactly that size, whatever is asked; the samples that do not fill
        a batch are then left out.
        """
        ...


class DataSource(Protocol):
    """A data set joined to the inputs of one network."""

    @property
    def digest(self) -> str:
        """Names the contents and every option that changes what batches hold."""
        ...

    @property
    def synthetic(self) -> bool:
        """True when the samples are random numbers because there are no data; every result must say so."""
        ...

    @property
    def task(self) -> Task: ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, when known."""
        ...

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """Warnings as (code, message): not-a-number rows, guessed preprocessing, very few samples."""
        ...

    def part(self, part: Part) -> Split: ...

    def describe(self) -> Mapping[str, Json]:
        """For people and reports: name, sizes of the parts, preprocessing, task."""
        ...
