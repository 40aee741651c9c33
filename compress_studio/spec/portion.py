"""A part of a step's work that reports its own progress from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compress_studio.base.digest import Json
from compress_studio.spec.data import DataSource, SampleShape
from compress_studio.spec.step import StepContext


@dataclass(frozen=True, slots=True)
class Portion:
    """A StepContext whose progress from 0 to 1 is the whole step's progress from begin to end."""

    whole: StepContext
    begin: float
    end: float

    @property
    def scratch(self) -> Path:
        return self.whole.scratch

    @property
    def data(self) -> DataSource:
        return self.whole.data

    @property
    def seed(self) -> int:
        return self.whole.seed

    @property
    def threads(self) -> int:
        return self.whole.threads

    @property
    def device(self) -> str:
        return self.whole.device

    def sample_shapes(self, inputs: Sequence[str]) -> Mapping[str, SampleShape]:
        return self.whole.sample_shapes(inputs)

    @property
    def has_data(self) -> bool:
        return self.whole.has_data

    def joined_data(self, network: Path) -> DataSource | None:
        return self.whole.joined_data(network)

    def progress(self, fraction: float, note: str = "") -> None:
        self.whole.progress(self.begin + (self.end - self.begin) * min(max(fraction, 0.0), 1.0), note)

    def check(self) -> None:
        self.whole.check()

    def point(self, series: str, x: float, y: float) -> None:
        self.whole.point(series, x, y)

    def note(self, text: str) -> None:
        self.whole.note(text)

    def changed(self, layers: int, total: int) -> None:
        self.whole.changed(layers, total)

    def skip(self, layer: str, reason: str) -> None:
        self.whole.skip(layer, reason)

    def warn(self, code: str, message: str) -> None:
        self.whole.warn(code, message)

    def fact(self, name: str, value: Json) -> None:
        self.whole.fact(name, value)
