"""What differs between two results, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compress_studio.engine.summary import LABELS, SHARES, value_of
from compress_studio.engine.variants import Variant
from compress_studio.gui.forms.wording import value_text
from compress_studio.gui.panels.run_rows import difference_text, quality_text
from compress_studio.gui.words import NOTHING, bytes_text, count_text, factor_text, ms_text
from compress_studio.spec.params import Field
from compress_studio.spec.registry import StepRegistry

FACTS = (
    "top1", "top5", "macro_f1", "auc", "r2", "mae", "rmse", "agreement", "cosine",
    "bytes", "zipped_bytes", "median_ms", "macs", "parameters", "nonzero", "peak_bytes",
)  # fmt: skip
SIZES = frozenset({"bytes", "zipped_bytes", "peak_bytes"})
COUNTS = frozenset({"macs", "parameters", "nonzero"})


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One measured quantity of both."""

    name: str
    label: str
    first: float | None
    second: float | None
    first_text: str
    second_text: str
    difference: str


def compare_facts(first: Variant, second: Variant) -> tuple[CompareRow, ...]:
    """All quantities that at least one of them has."""
    rows: list[CompareRow] = []
    for name in FACTS:
        a, b = value_of(first.result, name), value_of(second.result, name)
        if a is None and b is None:
            continue
        difference = _speed(first, second) if name == "median_ms" else ""
        difference = difference or _difference(name, a, b)
        rows.append(CompareRow(name, LABELS.get(name, name), a, b, _text(name, a), _text(name, b), difference))
    return tuple(rows)


def compare_params(first: Variant, second: Variant, steps: StepRegistry) -> list[tuple[str, str, str]]:
    """Parameters that differ, and nodes that only one of them has."""
    rows: list[tuple[str, str, str]] = []
    for node in dict.fromkeys([*(n.id for n in first.recipe.order()), *(n.id for n in second.recipe.order())]):
        one = first.recipe.node(node) if node in first.recipe else None
        other = second.recipe.node(node) if node in second.recipe else None
        if one is None or other is None or one.step != other.step:
            here, there = (NOTHING if found is None else _title(found.step, steps) for found in (one, other))
            rows.append(("Step", here, there))
            continue
        fields = {f.name: f for f in steps.get(one.step).params.fields()} if one.step in steps else {}
        for name in dict.fromkeys([*one.params, *other.params]):
            field = fields.get(name)
            before = None if field is None else field.default
            a, b = one.params.get(name, before), other.params.get(name, before)
            if a != b:
                label = f"{_title(one.step, steps)} · {name if field is None else field.ui.label}"
                rows.append((label, _value(field, a), _value(field, b)))
    return rows or [("All steps and parameters are the same.", "", "")]


def _title(step: str, steps: StepRegistry) -> str:
    return steps.get(step).title if step in steps else step


def _value(field: Field | None, value: Any) -> str:
    return str(value) if field is None or field.kind in {"map", "str"} else value_text(field, value)


def layer_pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Layers of both by name, with their bytes."""
    mine = {row["name"]: row for row in first.get("layers", ())}
    theirs = {row["name"]: row for row in second.get("layers", ())}
    rows: list[tuple[str, str, str, str, str]] = []
    for name in dict.fromkeys([*mine, *theirs]):
        a, b = mine.get(name), theirs.get(name)
        op = str((a or b or {}).get("op", ""))
        x, y = (None if one is None else float(one["bytes"]) for one in (a, b))
        rows.append((name, op, bytes_text(x), bytes_text(y), factor_text(x / y) if x and y else ""))
    return rows


def _speed(first: Variant, second: Variant) -> str:
    """How much faster the second is, from what was measured beside the original; empty where that says nothing."""
    one, other = (1.0 if variant.source == "" else value_of(variant.result, "ratio") for variant in (first, second))
    same = (first.source or first.id) == (second.source or second.id)
    return factor_text(other / one) if same and one and other else ""


def _text(name: str, value: float | None) -> str:
    if value is None:
        return NOTHING
    if name in SIZES:
        return bytes_text(value)
    if name in COUNTS:
        return count_text(value)
    return ms_text(value) if name == "median_ms" else quality_text(name, value)


def _difference(name: str, first: float | None, second: float | None) -> str:
    if first is None or second is None:
        return ""
    if name in SIZES | COUNTS | {"median_ms"}:
        return factor_text(first / second) if second else ""
    if name == "cosine":
        return f"{second - first:+.3f}".replace("-", "−")
    return difference_text(name if name in SHARES else "", second - first)
