"""A step tried by itself: a context that records all it is told, without the engine.

For the contract, for tests, and for people who write a step and want to see what it does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from compress_studio.base.digest import Json
from compress_studio.base.errors import Cancelled
from compress_studio.spec.data import DataSource, SampleShape


class TrialContext:
    """A StepContext and MeterContext that records all it is told.

    Cancel at once with cancel(), or after n cancel points with cancel_at = n.
    """

    def __init__(
        self, folder: Path, data: DataSource | None = None, seed: int = 0, *, threads: int = 1, device: str = "cpu"
    ) -> None:
        self._folder = folder
        self._scratch: Path | None = None
        self._data = data
        self.samples: Mapping[str, SampleShape] = {}
        """What sample_shapes answers."""
        self.real: DataSource | None = None
        """What joined_data answers."""
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
        assert self._data is not None, "the step asked for data, and this trial has none"
        return self._data

    def sample_shapes(self, inputs: Sequence[str]) -> Mapping[str, SampleShape]:
        return {name: self.samples[name] for name in inputs if name in self.samples}

    @property
    def has_data(self) -> bool:
        return self.real is not None

    def joined_data(self, network: Path) -> DataSource | None:
        return self.real

    @property
    def codes(self) -> Sequence[str]:
        """The codes of the warnings, in order."""
        return [code for code, _ in self.warnings]

    def cancel(self) -> None:
        """Let the next cancel point raise Cancelled."""
        self.cancel_at = self.checks

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
