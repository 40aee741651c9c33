"""Layers before and after, as rows of a chart; pure, so that they can be tested without a window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compress_studio.gui import words
from compress_studio.gui.charts.scales import Form, text_of
from compress_studio.gui.charts.tables import Table


@dataclass(frozen=True, slots=True)
class Measure:
    """What layers can be compared by."""

    id: str
    label: str
    form: Form
    unit: str = ""


MEASURES = (
    Measure("bytes", "Bytes", Form.BYTES),
    Measure("parameters", "Parameters", Form.COUNT),
    Measure("macs", "MACs", Form.COUNT, "per sample"),
    Measure("bits", "Bits per weight", Form.NUMBER),
    Measure("sparsity", "Zeros", Form.SHARE, "share"),
)
BY_NAME = {one.id: one for one in MEASURES}
ORDERS = (("network", "in network order"), ("change", "largest change first"), ("size", "largest first"))
CHANGES = {"gone": "removed", "new": "new", "same": "same"}


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of the source and what became of it."""

    name: str
    op: str
    state: str
    """ "same", "changed", "gone" or "new"."""
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]
    """By measure; None: there is no such side, or it is not known."""
    parts: tuple[str, ...] = ()
    """Names of the layers that it was split into."""

    def values(self, measure: str) -> tuple[float | None, float | None]:
        """Before and after."""
        return self.before.get(measure), self.after.get(measure)

    @property
    def has_weights(self) -> bool:
        """Whether either side has weights."""
        return bool(self.before.get("parameters") or self.after.get("parameters"))


def read_row(row: Mapping[str, Any]) -> LayerRow:
    """The row that inspection.layers gives."""
    before = {one.id: row.get(f"{one.id}_before") for one in MEASURES}
    after = {one.id: row.get(f"{one.id}_after") for one in MEASURES}
    ops = [str(row.get(name) or "") for name in ("op_before", "op_after")]
    op = " → ".join(dict.fromkeys(one for one in ops if one)) or str(row.get("op", ""))
    return LayerRow(str(row["name"]), op, str(row["state"]), before, after, tuple(row.get("parts") or ()))


def change(row: LayerRow, measure: str) -> float:
    """How much a layer changed, for sorting: doublings or halvings, or difference of shares."""
    before, after = row.values(measure)
    if row.state in {"gone", "new"}:
        return math.inf
    if before is None or after is None:
        return 0.0
    if BY_NAME[measure].form is Form.SHARE:
        return abs(after - before)
    if before <= 0 or after <= 0:
        return 0.0 if before == after else math.inf
    return abs(math.log2(before / after))


def change_words(row: LayerRow, measure: str) -> str:
    """How much a layer changed: "÷ 4.00", "+50.0 pt", "removed"."""
    before, after = row.values(measure)
    if row.state in {"gone", "new"}:
        return CHANGES[row.state]
    if before is None or after is None:
        return words.NOTHING
    if before == after:
        return "same"
    if BY_NAME[measure].form is Form.SHARE:
        return words.points_text(after - before)
    return words.factor_text(before / after) if before and after else words.NOTHING


def value_words(row: LayerRow, measure: str) -> str:
    """ "36.9 kB → 9.22 kB", or one value where both are the same."""
    form = BY_NAME[measure].form
    before, after = row.values(measure)
    if row.state == "gone":
        return text_of(form, before)
    if row.state == "new" or before == after:
        return text_of(form, after)
    return f"{text_of(form, before)} → {text_of(form, after)}"


def arrange(rows: Sequence[LayerRow], measure: str, order: str, search: str = "") -> tuple[LayerRow, ...]:
    """The rows whose name or operator has the text, in the order that was asked for."""
    text = search.strip().lower()
    kept = [row for row in rows if text in row.name.lower() or text in row.op.lower()]
    if order == "change":
        kept.sort(key=lambda row: -change(row, measure))
    elif order == "size":
        kept.sort(key=lambda row: -max(value or 0.0 for value in row.values(measure)))
    return tuple(kept)


def largest(rows: Sequence[LayerRow], measure: str) -> float:
    """Where the axis ends."""
    if BY_NAME[measure].form is Form.SHARE:
        return 1.0
    return max((value or 0.0 for row in rows for value in row.values(measure)), default=0.0) or 1.0


def card_rows(row: LayerRow) -> tuple[tuple[str, str, str], ...]:
    """What the card beside a layer says."""
    rows: list[tuple[str, str, str]] = []
    for one in MEASURES:
        before, after = row.values(one.id)
        if before is None and after is None:
            continue
        told = change_words(row, one.id)
        extra = "" if told in {"same", "removed", "new", words.NOTHING} else f"  {told}"
        rows.append((one.label, f"{value_words(row, one.id)}{extra}", ""))
    if row.parts:
        rows.append(("Split into", ", ".join(row.parts), ""))
    return tuple(rows)


def state_words(row: LayerRow) -> str:
    """The operator and what happened to the layer."""
    told = {"same": "not changed", "changed": "changed", "gone": "removed", "new": "new"}[row.state]
    return f"{row.op} · {told}" if row.op else told


def make_table(rows: Sequence[LayerRow], measure: str) -> Table:
    """The numbers of the chart."""
    one = BY_NAME[measure]
    header = f"{one.label} ({one.unit})" if one.unit else one.label
    cells = tuple((row.name, row.op, row.state, *row.values(measure), change_words(row, measure)) for row in rows)
    return Table(("Layer", "Operator", "State", f"{header} before", f"{header} after", "Change"), cells)
