"""What the inspector says in numbers: predictions, estimates, results and facts as rows (label, value, tone). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from compress_studio.engine.summary import LABELS, LESS_IS_BETTER, SHARES, Change, Summary
from compress_studio.gui.nodeview import NodeView
from compress_studio.gui.words import (
    THIN,
    bytes_text,
    count_text,
    factor_text,
    grouped_text,
    ms_text,
    number_text,
    percent_text,
    points_text,
)
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.spec.preview import Estimate, Prediction

Rows = list[tuple[str, str, str]]
DTYPES = {"FLOAT": "float32", "DOUBLE": "float64"}
ARROW = " → "
GOOD_AGREEMENT, FAIR_AGREEMENT = 0.98, 0.95
GOOD_DROP, FAIR_DROP = 0.005, 0.02
"""Points of accuracy that are shown as harmless, and as worth a thought."""


def amount_text(count: float | None) -> str:
    """A count: with all digits below a million, else with three and a letter."""
    return grouped_text(count) if count is not None and abs(count) < 1e6 else count_text(count)


def macs_text(facts: Mapping[str, Any], text: Callable[[float], str] = amount_text) -> str:
    """MACs per sample, with the sizes that they were counted for where the model leaves any free but the batch.

    Runs count with the sizes of the data, so that their number is another one.
    """
    batches = {dims[0] for one in facts.get("inputs") or () if isinstance(dims := one.get("dims"), list) and dims}
    sizes = {name: size for name, size in (facts.get("sizes") or {}).items() if name not in batches}
    words = ", ".join(f"{name} {size}" for name, size in sizes.items())
    return text(facts["macs"]) + (f" at {words}" if words else "")


def prediction_rows(made: Prediction, before: Mapping[str, Any] | None) -> Rows:
    """Before → after of everything that can be told; before: facts of the network that arrives."""
    facts = before or {}
    rows: Rows = []
    for label, after, name, text in (
        ("parameters", made.parameters, "parameters", amount_text),
        ("non-zero weights", made.nonzero, "nonzero", amount_text),
        ("MACs", made.macs, "macs", amount_text),
        ("size", made.bytes, "bytes", bytes_text),
    ):
        if after is not None:
            rows.append(_change_row(label, facts.get(name), after, text))
    if made.sparsity is not None:
        total, nonzero = facts.get("parameters"), facts.get("nonzero")
        zeros = 1 - nonzero / total if total and nonzero is not None else None
        rows.append(_change_row("zeros", zeros, made.sparsity, percent_text))
    return rows


def estimate_title(made: Estimate | None) -> str:
    """Says that it is an estimate, and on what."""
    if made is None:
        return "Live preview"
    return f"Live preview · {'earlier ' if made.outdated else ''}estimate on {made.samples} samples"


def estimate_rows(made: Estimate | None, *, estimating: bool) -> Rows:
    """What trying the step on a few samples gave."""
    if made is None:
        return [("agreement with original", "estimating…", "muted")] if estimating else []
    rows: Rows = []
    old = made.outdated or estimating
    if made.agreement is not None:
        text = percent_text(made.agreement) + _spread(made.agreement_low, made.agreement_high)
        rows.append(("agreement with original", text, "muted" if old else agreement_tone(made.agreement)))
    elif made.cosine is not None:
        rows.append(("likeness of outputs", percent_text(made.cosine, 2), "muted" if old else ""))
    if made.top1 is not None:
        text = percent_text(made.top1) + _spread(made.top1_low, made.top1_high)
        rows.append(("accuracy estimate", text, "muted" if old else drop_tone(made.top1, made.top1_before)))
        if made.top1_before is not None:
            rows.append(("before, same samples", percent_text(made.top1_before), "muted"))
    if estimating and rows:
        rows[0] = (rows[0][0], "estimating…", "muted")
    return rows


def agreement_tone(share: float) -> str:
    """How an agreement is coloured."""
    return "good" if share >= GOOD_AGREEMENT else "warn" if share >= FAIR_AGREEMENT else "bad"


def drop_tone(after: float, before: float | None) -> str:
    """How an accuracy is coloured against the one before."""
    if before is None:
        return ""
    drop = before - after
    return "good" if drop <= GOOD_DROP else "warn" if drop <= FAIR_DROP else "bad"


def result_rows(view: NodeView) -> Rows:
    """The measured result of a node against its source."""
    summary, result = view.summary, view.result
    if summary is None or result is None:
        return []
    rows: Rows = []
    if summary.quality is not None:
        rows += _quality_rows(summary.quality)
    rows += [
        _smaller_row("size", summary.bytes, bytes_text),
        _smaller_row("zipped", summary.zipped_bytes, bytes_text),
        _smaller_row("parameters", summary.parameters, amount_text),
        _smaller_row("MACs", summary.macs, amount_text),
    ]
    rows += _latency_rows(summary, own=view.node.step == SOURCE_STEP)
    memory = result.reading("peak_bytes")
    if memory is not None:
        rows.append(("memory at its peak", bytes_text(memory.value), ""))
    if summary.layers is not None and summary.layers[1] and view.node.step != SOURCE_STEP:
        changed, total = summary.layers
        rows.append(("layers changed", f"{changed} of {total}", "" if changed else "warn"))
    return [row for row in rows if row[1]]


def source_rows(facts: Mapping[str, Any]) -> Rows:
    """The facts of a model."""
    rows: Rows = [("format", " ".join(filter(None, (str(facts.get("format", "")), _opset(facts)))), "")]
    rows += [("producer", str(facts.get("producer") or ""), "")]
    rows += [(f"input {one['name']}", value_shape(one), "") for one in facts.get("inputs") or ()]
    rows += [(f"output {one['name']}", value_shape(one), "") for one in facts.get("outputs") or ()]
    for label, name, text in (
        ("parameters", "parameters", amount_text),
        ("size", "bytes", bytes_text),
        ("MACs per sample", "macs", amount_text),
        ("layers with weights", "layers_total", grouped_text),
    ):
        if isinstance(facts.get(name), int | float):
            rows.append((label, macs_text(facts) if name == "macs" else text(facts[name]), ""))
    if facts.get("quantized") not in {None, "none", ""}:
        rows.append(("quantized", {"int8": "computes in int8", "weights": "weights only"}[facts["quantized"]], ""))
    return [row for row in rows if row[1]]


def operator_rows(facts: Mapping[str, Any]) -> Rows:
    """The operators of a model, the most frequent first."""
    return [(str(name), f"{count}", "") for name, count in (facts.get("operators") or {}).items()]


def value_shape(value: Mapping[str, Any]) -> str:
    """ "N×3×32×32 float32": what goes in or comes out."""
    dims = value.get("dims")
    if isinstance(dims, list | tuple):
        dims = "×".join("?" if one is None else str(one) for one in dims)
    dtype = str(value.get("dtype") or "")
    return " ".join(filter(None, (str(dims or ""), DTYPES.get(dtype, dtype.lower()))))


def fact_rows(view: NodeView, most: int = 12) -> Rows:
    """What the step itself reported: single numbers and words, not tables."""
    facts: Any = {} if view.result is None else view.result.report.get("facts") or {}
    rows: Rows = []
    for name, value in facts.items():
        label = str(name).replace("_", " ")
        if isinstance(value, bool):
            rows.append((label, "yes" if value else "no", ""))
        elif isinstance(value, int):
            rows.append((label, amount_text(value), ""))
        elif isinstance(value, float):
            rows.append((label, number_text(value) if abs(value) >= 1e-6 else f"{value:.1e}", ""))
        elif isinstance(value, str) and value:
            rows.append((label, value, ""))
    return rows[:most]


def skipped_of(view: NodeView) -> list[tuple[str, str]]:
    """Layers that were left alone with the reasons."""
    said: Any = () if view.result is None else view.result.report.get("skipped") or ()
    return [(str(one.get("layer", "")), str(one.get("reason", ""))) for one in said]


def _change_row(label: str, before: Any, after: float, text: Any) -> tuple[str, str, str]:
    """What changes is told with both numbers, what stays is muted."""
    made = text(after)
    if not isinstance(before, int | float):
        return label, made, ""
    return (label, made, "muted") if text(before) == made else (label, f"{text(before)}{ARROW}{made}", "")


def _spread(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ± {50 * (high - low):.1f}"


def _quality_rows(change: Change) -> Rows:
    label = LABELS.get(change.name, change.name)
    if change.name not in SHARES:
        half = "" if change.low is None or change.high is None else f" ± {number_text((change.high - change.low) / 2)}"
        return [(label, number_text(change.value) + half, _tone(change))]
    tone = _tone(change)
    rows = [(label, percent_text(change.value) + _spread(change.low, change.high), tone)]
    if change.difference is not None and change.name not in {"agreement", "agreement_top5"} and tone:
        rows.append(("against original", points_text(change.difference), tone))
    return rows


def _tone(change: Change) -> str:
    if change.base is None or change.name in LESS_IS_BETTER:
        return ""
    return drop_tone(change.value, change.base) if change.difference else ""


def _smaller_row(label: str, change: Change | None, text: Any) -> tuple[str, str, str]:
    if change is None:
        return label, "", ""
    factor = change.factor
    if factor is None or abs(factor - 1) < 0.005:
        return label, text(change.value), ""
    return label, f"{text(change.value)}  {factor_text(factor)}", "good" if factor > 1 else "warn"


def _latency_rows(summary: Summary, *, own: bool) -> Rows:
    rows: Rows = []
    if summary.latency is not None:
        rows.append(("latency", ms_text(summary.latency.value), ""))
    speed = summary.speedup
    if speed is not None and not own:
        text, tone = factor_text(speed.value), ""
        if speed.low is not None and speed.high is not None:
            text += f"  ({number_text(speed.low)} – {number_text(speed.high)})"
            tone = "good" if speed.low > 1 else "warn" if speed.high < 1 else "muted"
        rows.append(("speed-up", text, tone))
    return rows


def _opset(facts: Mapping[str, Any]) -> str:
    return f"opset{THIN}{facts['opset']}" if facts.get("opset") else ""
