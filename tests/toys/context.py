"""A step context and a data set in memory, for tests of steps without the engine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.base.digest import Json
from compress_studio.base.errors import Cancelled
from compress_studio.spec.data import Batch, DataSource, Part, Split, Task

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


class ToyContext:
    """A StepContext and MeterContext that records all it is told.

    Cancel at once with cancel(), or at the n-th cancel point with cancel_at = n.
    """

    def __init__(
        self, tmp_path: Path, data: DataSource | None = None, seed: int = 0, *, threads: int = 1, device: str = "cpu"
    ) -> None:
        self._folder = tmp_path
        self._scratch: Path | None = None
        self._data = data
        self.seed = seed
        self.threads = threads
        self.device = device
        self.cancel_at: int | None = None
        self.checks = 0
        """How often the work came to a cancel point."""
        self.fractions: list[float] = []
        self.progress_notes: list[str] = []
        self.points: dict[str, list[tuple[float, float]]] = {}
        self.log: list[str] = []
        self.changes: list[tuple[int, int]] = []
        self.skipped: list[tuple[str, str]] = []
        self.warnings: list[tuple[str, str]] = []
        self.facts: dict[str, Json] = {}

    @property
    def scratch(self) -> Path:
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=self._folder))
        return self._scratch

    @property
    def data(self) -> DataSource:
        assert self._data is not None, "the step asked for data, and this test gave none"
        return self._data

    @property
    def codes(self) -> Sequence[str]:
        """The codes of the warnings, in order."""
        return [code for code, _ in self.warnings]

    def cancel(self) -> None:
        self.cancel_at = 0

    def check(self) -> None:
        self.checks += 1
        if self.cancel_at is not None and self.checks > self.cancel_at:
            raise Cancelled

    def progress(self, fraction: float, note: str = "") -> None:
        self.fractions.append(fraction)
        self.progress_notes.append(note)
        self.check()

    def point(self, series: str, x: float, y: float) -> None:
        self.points.setdefault(series, []).append((x, y))

    def note(self, text: str) -> None:
        self.log.append(text)

    def changed(self, layers: int, total: int) -> None:
        self.changes.append((layers, total))

    def skip(self, layer: str, reason: str) -> None:
        self.skipped.append((layer, reason))

    def warn(self, code: str, message: str) -> None:
        self.warnings.append((code, message))

    def fact(self, name: str, value: Json) -> None:
        self.facts[name] = value


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
