"""From results to the rows of the latency chart; pure, so that it can be tested without a window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from compress_studio.engine.runstate import NodeResult
from compress_studio.gui import words
from compress_studio.gui.charts.dots import speed_words
from compress_studio.gui.charts.tables import Cell, Table

HEADERS = (
    "Result", "Node", "Median (ms)", "Median low (ms)", "Median high (ms)", "First quartile (ms)",
    "Third quartile (ms)", "Speed-up (times)", "Speed-up low", "Speed-up high", "Claim", "Rounds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """The timing of one result."""

    key: str
    """Id of the variant."""
    node: str
    """Of the pipeline, when this is its newest result."""
    label: str
    group: str
    median: float
    low: float | None
    high: float | None
    p25: float | None
    p75: float | None
    quantiles: tuple[float, ...]
    """Evenly spaced, from the fastest to the slowest round; empty when they were not kept."""
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    claim: str
    """In words, against the original; empty for the original."""
    tone: str
    rounds: int
    selected: bool = False
    detail: str = ""
    """Parameters, to tell former results apart."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Everything that the latency chart shows."""

    rows: tuple[LatencyRow, ...] = ()
    conditions: str = ""
    former: bool = False
    """Former results are shown too."""
    running: bool = False
    measured: bool = False
    """Something was measured, though no latency."""


def make_row(
    key: str, node: str, label: str, group: str, result: NodeResult, *, origin: bool, selected: bool, detail: str = ""
) -> LatencyRow | None:
    """The row of a result; None when its latency was not measured."""
    median = result.reading("median_ms")
    if median is None or not math.isfinite(median.value):
        return None
    quarter, three, ratio = result.reading("p25_ms"), result.reading("p75_ms"), result.reading("ratio")
    kept: Any = median.detail.get("quantiles_ms") or ()
    return LatencyRow(
        key=key,
        node=node,
        label=label,
        group=group,
        median=median.value,
        low=median.low,
        high=median.high,
        p25=None if quarter is None else quarter.value,
        p75=None if three is None else three.value,
        quantiles=tuple(float(one) for one in kept),
        ratio=None if ratio is None or origin else ratio.value,
        ratio_low=None if ratio is None or origin else ratio.low,
        ratio_high=None if ratio is None or origin else ratio.high,
        claim="" if origin else speed_words(result),
        tone="" if origin else claim_tone(result),
        rounds=median.n,
        selected=selected,
        detail=detail,
    )


def claim_tone(result: NodeResult) -> str:
    """ "good" where it is certainly faster, "bad" where it is certainly slower."""
    ratio = result.reading("ratio")
    if ratio is None or ratio.low is None or ratio.high is None or ratio.low <= 1.0 <= ratio.high:
        return "muted"
    return "good" if ratio.value > 1.0 else "bad"


def conditions_words(detail: Mapping[str, Any]) -> str:
    """Under which conditions the times hold, in one line."""
    if not detail:
        return ""
    threads = int(detail.get("threads", 1))
    parts = [f"{threads} {'thread' if threads == 1 else 'threads'}"]
    if detail.get("cpu"):
        parts.append(str(detail["cpu"]))
    batch = int(detail.get("batch", 1))
    parts.append(f"{batch} {'sample' if batch == 1 else 'samples'} at a time")
    if detail.get("rounds"):
        parts.append(f"measured in turns, {detail['rounds']} rounds")
    low, high = detail.get("aa_low"), detail.get("aa_high")
    if isinstance(low, int | float) and isinstance(high, int | float):
        parts.append(f"the original against itself {low:.2f} to {high:.2f}")
    if detail.get("runtime"):
        parts.append(str(detail["runtime"]).replace("onnxruntime", "ONNX Runtime"))
    return " · ".join(parts)


def axis_end(rows: Sequence[LatencyRow]) -> float:
    """Where the axis ends: all bars fit; a few very slow rounds do not make them tiny."""
    ends = [max(row.median, row.p75 or 0.0, row.high or 0.0) for row in rows]
    tails = [row.quantiles[-3] for row in rows if len(row.quantiles) > 3]
    whole = max(ends, default=1.0)
    return max(whole, min(max(tails, default=0.0), 1.4 * whole)) * 1.02


def density(quantiles: Sequence[float], low: float, high: float, bins: int) -> list[float]:
    """How much of a distribution lies in each of even bins, scaled so that the fullest is 1.

    Between two neighbouring quantiles the share of rounds is taken as evenly spread.
    """
    found = [0.0] * bins
    if len(quantiles) < 2 or high <= low:
        return found
    width = (high - low) / bins
    for left, right in pairwise(quantiles):
        reach = max(right - left, width * 1e-6)
        first, last = (left - low) / width, (left + reach - low) / width
        for at in range(max(0, math.floor(first)), min(bins, math.floor(last) + 1)):
            found[at] += max(0.0, min(last, at + 1) - max(first, at)) / (last - first)
    most = max(found)
    return [one / most for one in found] if most > 0 else found


def card_rows(row: LatencyRow) -> tuple[tuple[str, str, str], ...]:
    """What the card beside a bar says."""
    interval = "" if row.low is None or row.high is None else f"  ({_ms(row.low)} – {_ms(row.high)})"
    rows = [("Median", f"{_ms(row.median)}{interval}", "")]
    if row.p25 is not None and row.p75 is not None:
        rows.append(("Half of all rounds", f"{_ms(row.p25)} – {_ms(row.p75)}", ""))
    if row.quantiles:
        rows.append(("Fastest, slowest", f"{_ms(row.quantiles[0])} – {_ms(row.quantiles[-1])}", ""))
    if row.claim:
        rows.append(("Speed-up", row.claim, row.tone))
        if row.ratio_low is not None and row.ratio_high is not None:
            ends = f"{words.factor_text(row.ratio_low)} to {words.factor_text(row.ratio_high)}"
            rows.append(("95 % interval", ends, ""))
    rows.append(("Rounds", str(row.rounds), ""))
    return tuple(rows)


def make_table(rows: Sequence[LatencyRow]) -> Table:
    """The numbers of the chart."""
    cells: list[tuple[Cell, ...]] = [
        (
            row.label, row.node, row.median, row.low, row.high, row.p25, row.p75, row.ratio, row.ratio_low,
            row.ratio_high, row.claim or "original", row.rounds,
        )
        for row in rows
    ]  # fmt: skip
    return Table(HEADERS, tuple(cells))


def _ms(value: float) -> str:
    return words.ms_text(value)
