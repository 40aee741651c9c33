"""A data set of which only a few samples are read, once, and then kept in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.base.errors import Refused
from compress_studio.spec.data import Batch, Part

if TYPE_CHECKING:
    from compress_studio.base.digest import Json
    from compress_studio.spec.data import DataSource, Split, Task

READ = 32


@dataclass(frozen=True, slots=True)
class FewSplit:
    """Some samples of one part, in memory."""

    read: tuple[Batch, ...]
    labelled: bool
    fixed: bool
    """Batches must stay as they were read: the network wants exactly their size."""

    def __len__(self) -> int:
        return sum(len(batch) for batch in self.read)

    def batches(self, size: int, limit: int | None = None, shuffle: int | None = None) -> Iterator[Batch]:
        """As Split.batches. The order is drawn when a seed is given, unless the batches are fixed."""
        if self.fixed or not self.read:
            room = len(self) if limit is None else limit
            for batch in self.read:
                if room <= 0:
                    return
                room -= len(batch)
                yield batch
            return
        inputs = {name: np.concatenate([one.inputs[name] for one in self.read]) for name in self.read[0].inputs}
        labels = [one.labels for one in self.read if one.labels is not None]
        together = np.concatenate(labels) if len(labels) == len(self.read) else None
        count = len(self)
        order = np.arange(count) if shuffle is None else np.random.default_rng(shuffle).permutation(count)
        order = order[:limit]
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            part = {name: array[rows] for name, array in inputs.items()}
            yield Batch(part, None if together is None else together[rows], first)


class FewSamples:
    """A DataSource that gives a few samples of each part, and none of the test part."""

    def __init__(self, source: DataSource, limits: Mapping[Part, int]) -> None:
        self._source = source
        self._limits = limits
        self._parts: dict[Part, FewSplit] = {}

    @property
    def digest(self) -> str:
        return self._source.digest

    @property
    def synthetic(self) -> bool:
        return self._source.synthetic

    @property
    def task(self) -> Task:
        return self._source.task

    @property
    def classes(self) -> tuple[str, ...]:
        return self._source.classes

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        return self._source.notes

    def describe(self) -> Mapping[str, Json]:
        """As the whole data set."""
        return self._source.describe()

    def part(self, part: Part) -> Split:
        """Some samples of a part; Refused for the test part, which nothing that changes a network may see."""
        if part not in self._limits:
            raise Refused("Estimates never look at test samples.", "Run the step to measure it.")
        if part not in self._parts:
            split = self._source.part(part)
            read = tuple(split.batches(READ, self._limits[part]))
            self._parts[part] = FewSplit(read, split.labelled, _fixed(read))
        return self._parts[part]


def _fixed(read: tuple[Batch, ...]) -> bool:
    """Whether samples may not be put into other batches: sizes that were not asked for, or shapes that differ."""
    shapes = [{name: array.shape[1:] for name, array in batch.inputs.items()} for batch in read]
    sizes = [len(batch) for batch in read]
    counted = all(len(array) == len(batch) for batch in read for array in batch.inputs.values())
    asked = all(size == READ for size in sizes[:-1]) and (not sizes or sizes[-1] <= READ)
    return not (counted and asked and all(one == shapes[0] for one in shapes))
