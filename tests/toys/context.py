"""A step context and a data set in memory, for tests of steps without the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.base.digest import Json
from compress_studio.spec.data import Batch, Part, Split, Task
from compress_studio.spec.trial import TrialContext

if TYPE_CHECKING:
    import onnx_ir as ir

SHARES = {Part.CALIBRATE: 0.3, Part.TUNE: 0.5, Part.TEST: 0.2}
FREE_DIMENSION = 6
VOCABULARY = 8


@dataclass(frozen=True)
class ToySplit:
    """Rows of arrays in memory as one part of a data set."""

    inputs: Mapping[str, np.ndarray]
    labels: np.ndarray | None
    fixed_batch: int | None = None

    @property
    def labelled(self) -> bool:
        return self.labels is not None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def batches(self, size: int, limit: int | None = None, shuffle: int | None = None) -> Iterator[Batch]:
        order = np.arange(len(self)) if shuffle is None else np.random.default_rng(shuffle).permutation(len(self))
        order = order[:limit]
        step = self.fixed_batch or size
        for first in range(0, len(order), step):
            rows = order[first : first + step]
            if self.fixed_batch is not None and len(rows) < self.fixed_batch:
                return
            inputs = {name: values[rows] for name, values in self.inputs.items()}
            yield Batch(inputs, None if self.labels is None else self.labels[rows], first)


@dataclass
class ToyData:
    """A data set in memory, split into calibrate, tune and test by a fixed permutation of its rows."""

    inputs: Mapping[str, np.ndarray]
    labels: np.ndarray | None = None
    synthetic: bool = False
    task: Task = Task.NONE
    classes: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    fixed_batch: int | None = None
    digest: str = "toy"
    asked: list[Part] = field(default_factory=list)
    """The parts that somebody read, in order: steps must never read TEST."""

    def __post_init__(self) -> None:
        if self.labels is not None and self.task is Task.NONE:
            self.task = Task.CLASSIFY if np.issubdtype(self.labels.dtype, np.integer) else Task.REGRESS

    @classmethod
    def for_model(cls, model: ir.Model, count: int = 40, seed: int = 0, *, classes: int = 0) -> ToyData:
        """Random samples that fit the inputs of a network; labelled with random classes when classes is given."""
        rng = np.random.default_rng(seed)
        inputs = {value.name or "": _random(value, count, rng) for value in model.graph.inputs}
        return cls(inputs, rng.integers(0, classes, count) if classes else None)

    def part(self, part: Part) -> Split:
        self.asked.append(part)
        count = len(next(iter(self.inputs.values())))
        order = np.random.default_rng(1234).permutation(count)
        sizes = [round(count * share) for share in SHARES.values()]
        first = sum(sizes[: list(SHARES).index(part)])
        rows = order[first : first + sizes[list(SHARES).index(part)]]
        labels = None if self.labels is None else self.labels[rows]
        return ToySplit({name: values[rows] for name, values in self.inputs.items()}, labels, self.fixed_batch)

    def describe(self) -> Mapping[str, Json]:
        return {"name": "toy", "samples": len(next(iter(self.inputs.values()))), "task": self.task.value}


class ToyContext(TrialContext):
    """A StepContext and MeterContext that records all it is told; see TrialContext."""


def _random(value: ir.Value, count: int, rng: np.random.Generator) -> np.ndarray:
    shape = [count]
    for size in list(value.shape or [])[1:]:
        shape.append(size if isinstance(size, int) else FREE_DIMENSION)
    dtype = value.dtype.numpy() if value.dtype is not None else np.dtype(np.float32)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(1, VOCABULARY, shape).astype(dtype)
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)
