"""The few numbers that people compare results by: quality, size, latency, work; each against its source."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from compress_studio.engine.runstate import NodeResult
from compress_studio.spec.meter import Reading

QUALITY = ("top1", "auc", "r2", "mae", "rmse", "agreement", "cosine")
"""What stands for quality: the first of these that a result has."""
LABELS = {
    "top1": "accuracy",
    "auc": "AUC",
    "r2": "R²",
    "mae": "MAE",
    "rmse": "RMSE",
    "agreement": "agreement",
    "cosine": "cosine",
    "top5": "top-5 accuracy",
    "macro_f1": "macro F1",
    "bytes": "size",
    "zipped_bytes": "zipped size",
    "parameters": "parameters",
    "nonzero": "non-zeros",
    "macs": "MACs",
    "median_ms": "latency",
    "ratio": "speed-up",
    "peak_bytes": "memory",
}
SHARES = frozenset({"top1", "top5", "macro_f1", "agreement", "agreement_top5"})
"""Shown in percent, differences in points."""
LESS_IS_BETTER = frozenset({"mae", "rmse", "bytes", "zipped_bytes", "parameters", "nonzero", "macs", "median_ms"})
ORIGINAL = {"bytes": "original_bytes", "zipped_bytes": "original_zipped_bytes"}
"""Of a source, sizes are those of the user's own file; the facts of source.model name them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One number of a result beside that of its source."""

    name: str
    value: float
    base: float | None
    low: float | None = None
    high: float | None = None
    """The 95 % interval of value, where there is one."""

    @property
    def difference(self) -> float | None:
        """value − base."""
        return None if self.base is None else self.value - self.base

    @property
    def factor(self) -> float | None:
        """base ÷ value: above 1 is smaller or faster."""
        return None if self.base is None or not self.value else self.base / self.value


@dataclass(frozen=True, slots=True)
class Summary:
    """What a result amounts to. None: not measured (yet)."""

    quality: Change | None = None
    bytes: Change | None = None
    zipped_bytes: Change | None = None
    latency: Change | None = None
    """Milliseconds; base is that of the source in the same session."""
    speedup: Change | None = None
    """Ratio of the paired medians with its interval: the only number that claims speed."""
    macs: Change | None = None
    parameters: Change | None = None
    nonzero: Change | None = None
    layers: tuple[int, int] | None = None
    """How many layers were really changed, of how many."""


def value_of(result: NodeResult | None, name: str) -> float | None:
    """A number of a result; sizes of a source are those of the user's own file. None when it is not finite."""
    if result is None:
        return None
    facts = result.report.get("facts")
    own = facts.get(ORIGINAL[name]) if isinstance(facts, dict) and name in ORIGINAL else None
    if isinstance(own, int | float):
        return float(own)
    reading = result.reading(name)
    return None if reading is None or not math.isfinite(reading.value) else reading.value


def quality_name(results: Iterable[NodeResult]) -> str:
    """The name of what stands for quality among these results; empty when nothing was measured.

    Agreement of a source with itself tells nothing, so give results of other nodes too.
    """
    names = {reading.name for result in results for rows in result.readings.values() for reading in rows}
    return next((name for name in QUALITY if name in names), "")


def summarize(result: NodeResult, source: NodeResult | None, quality: str = "") -> Summary:
    """The summary of a result against its source; quality: the name to use, else the first that the result has."""
    quality = quality or quality_name([result])
    report = result.report
    changed, total = report.get("layers_changed"), report.get("layers_total")
    layers = (changed, total) if isinstance(changed, int) and isinstance(total, int) else None
    return Summary(
        quality=_change(result, source, quality),
        bytes=_change(result, source, "bytes"),
        zipped_bytes=_change(result, source, "zipped_bytes"),
        latency=_change(result, source, "median_ms"),
        speedup=_change(result, None, "ratio"),
        macs=_change(result, source, "macs"),
        parameters=_change(result, source, "parameters"),
        nonzero=_change(result, source, "nonzero"),
        layers=layers,
    )


def _change(result: NodeResult, source: NodeResult | None, name: str) -> Change | None:
    value = value_of(result, name) if name else None
    if value is None:
        return None
    reading: Reading | None = result.reading(name)
    base = value_of(source, name)
    if base is None and name in {"agreement", "cosine"} and source is not None:
        base = 1.0
    low, high = (None, None) if reading is None else (reading.low, reading.high)
    return Change(name, value, base, low, high)
