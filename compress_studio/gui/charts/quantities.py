"""What results can be compared by: the choices of the axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compress_studio.engine.runstate import NodeResult
from compress_studio.engine.summary import LABELS, LESS_IS_BETTER, QUALITY, SHARES, value_of
from compress_studio.gui.charts.scales import Form


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that results can be compared by."""

    id: str
    label: str
    """In words, as it stands at the axis."""
    reading: str
    form: Form
    less: bool = True
    """Less is better."""
    log: bool = False
    """A logarithmic axis shows it better."""
    goal: str = ""
    """The metric whose budget is a line on this axis."""
    unit: str = ""
    """For headers of tables."""
    short: str = ""
    """Where there is little room; the label when empty."""

    def of(self, result: NodeResult, base: NodeResult | None) -> float | None:
        """The value of a result against its source; None when it was not measured."""
        value = value_of(result, self.reading)
        if self.id != "size":
            return value
        whole = value_of(base, self.reading)
        return whole / value if whole and value else None

    @property
    def choice(self) -> str:
        """In a list of choices."""
        return self.short or self.label

    @property
    def header(self) -> str:
        """For a column of a table."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


SIZE = Quantity("size", "Size reduction", "bytes", Form.FACTOR, less=False, log=True, goal="bytes", unit="times")
BYTES = Quantity("bytes", "File size", "bytes", Form.BYTES, goal="bytes", unit="bytes")
ZIPPED = Quantity("zipped_bytes", "Zipped size", "zipped_bytes", Form.BYTES, goal="zipped_bytes", unit="bytes")
SPEEDUP = Quantity("ratio", "Speed-up", "ratio", Form.FACTOR, less=False, log=True, unit="times")
LATENCY = Quantity("median_ms", "Latency", "median_ms", Form.MS, goal="median_ms", unit="ms")
MACS = Quantity("macs", "MACs per sample", "macs", Form.COUNT, goal="macs", short="MACs")
PARAMETERS = Quantity("parameters", "Parameters", "parameters", Form.COUNT, goal="parameters")
COSTS = (SIZE, BYTES, ZIPPED, SPEEDUP, LATENCY, MACS, PARAMETERS)
BUBBLES = (LATENCY, BYTES, ZIPPED, MACS, PARAMETERS)

NAMES = {
    "top1": "Accuracy",
    "top5": "Top-5 accuracy",
    "macro_f1": "Macro F1",
    "auc": "AUC",
    "r2": "R²",
    "mae": "Mean absolute error",
    "rmse": "Root mean square error",
    "agreement": "Agreement with the original",
    "agreement_top5": "Top-5 agreement",
    "cosine": "Cosine to the original",
}


def quality(name: str) -> Quantity:
    """The quality figure of that name as an axis."""
    form = Form.SHARE if name in SHARES else Form.NUMBER
    short, unit = LABELS.get(name, ""), "share" if name in SHARES else ""
    less = name in LESS_IS_BETTER
    return Quantity(name, NAMES[name], name, form, less=less, unit=unit, short=short[:1].upper() + short[1:])


def qualities(results: Iterable[NodeResult]) -> tuple[Quantity, ...]:
    """The quality figures that these results have, the one that matters most first."""
    names = {reading.name for result in results for rows in result.readings.values() for reading in rows}
    ranked = [*QUALITY, *(name for name in NAMES if name not in QUALITY)]
    return tuple(quality(name) for name in ranked if name in names)


def quantity(choices: Iterable[Quantity], name: str) -> Quantity | None:
    """The one of that id."""
    return next((one for one in choices if one.id == name), None)
