"""Samples before they are joined to a network: rows that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

VARYING = -1
"""Stands in a shape for a length that differs from sample to sample."""


class Rows(Protocol):
    """One value per sample: an array on disk, decoded pictures, a column."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample; VARYING where it differs."""
        ...

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def picture(self) -> bool:
        """True when a sample is (height, width) or (height, width, channels)."""
        ...

    def __len__(self) -> int: ...

    def take(self, index: np.ndarray) -> np.ndarray:
        """The samples of these numbers, stacked; those of varying length must be of one length."""
        ...


@dataclass(frozen=True, slots=True)
class ArrayRows:
    """Rows of an array in memory or mapped from a file."""

    array: np.ndarray
    picture: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array) if self.array.ndim else 0

    def take(self, index: np.ndarray) -> np.ndarray:
        import numpy as np

        start, stop = int(index[0]), int(index[-1]) + 1
        if len(index) == stop - start and bool(np.all(np.diff(index) == 1)):
            return np.asarray(self.array[start:stop])
        return np.asarray(self.array[index])


@dataclass(frozen=True, slots=True)
class Table:
    """One part of a data set as it was found: columns by name, all of one length but those that are constants."""

    columns: Mapping[str, Rows]
    labels: np.ndarray | None
    """Raw, one row per sample."""
    name: Callable[[int], str]
    """What people call sample i: "cats/07.png", "x_test[17]"."""
    lengths: np.ndarray | None = None
    """True length of each sample where rows are padded or vary."""
    files: bool = False
    """True when samples are files."""

    def __len__(self) -> int:
        return max(len(one) for one in self.columns.values())


@dataclass(frozen=True, slots=True)
class Found:
    """A data set as it was found: one table, or several when the data come already divided."""

    kind: str
    """ "arrays", "images", "table", "sequences"."""
    tables: Mapping[str, Table]
    """By part: "train", "val", "test", or "all"."""
    classes: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = field(default=())
