"""What must be said about a result before anybody calls it a success: plain sentences with numbers and a next step.

Every function here works on plain mappings, so that the command line, the window and tests judge alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
"""One reading: {"value", "low", "high", "n", "detail"}; all but the value may be missing or None."""

BUDGET = 0.01
"""How much quality may fall when no goal says otherwise: one point."""
Z = 1.959963984540054
SOURCE = "source.model"
FASTER = frozenset({"prune.channels", "factorize.lowrank", "quantize.static", "quantize.dynamic"})
"""Steps that promise speed."""
SAME_SIZE = frozenset({SOURCE, "graph.optimize", "train.finetune", "train.distil", "prune.weights"})
"""Steps that do not promise a smaller file; zeros are judged on their own."""
SHRUNK = 0.98
"""Share of the source's bytes above which a file counts as not smaller."""
GROWN = 1.005
"""Share of the source's bytes above which a file counts as bigger; a few bytes of names do not."""
SAME_SPEED = 0.02
"""Nobody notices a difference of two percent, however certain it is."""
LOST_SPEED = 0.05
"""Share of the speed of the node before that a step may cost without a word."""
LARGER = 1.02
COLLAPSED = 0.5
FEW = 30
NOTES_IN_FULL = frozenset({"labels_missing", "nan_features", "preprocessing_guessed"})
"""Notes of which a data set may have several, one for each part or input."""
QUALITY = ("top1", "auc", "r2")
ERRORS = ("rmse", "mae")
NAMES = {
    "top1": "Accuracy",
    "auc": "AUC",
    "r2": "R²",
    "rmse": "The root mean square error",
    "mae": "The mean absolute error",
}
AS_IT_IS = ""
"""Stands for the step of a model that was measured as it is: there is nothing to advise then."""
NEXT = {
    AS_IT_IS: "",
    "quantize.static": "Try ranges=mse, keep the most sensitive layers in float, or append train.distil.",
    "quantize.dynamic": "Try quantize.static with calibration data, or quantize.weights.",
    "quantize.weights": "Try bits=8, or a smaller block.",
    "graph.fp16": "Use the weight-only form, or leave the step out.",
    "prune.weights": "Try less sparsity, another criterion, or append train.distil.",
    "prune.channels": "Append train.distil, or try a smaller amount.",
    "factorize.lowrank": "Try a larger ratio, which keeps more parameters, or append train.distil.",
    "cluster.weights": "Try one bit more.",
    "train.finetune": "Try more epochs, or train.distil with the source as teacher.",
    "train.distil": "Try more epochs, or compress less in the steps before.",
}
SPEED_NEXT = {
    AS_IT_IS: "",
    "quantize.dynamic": "Small layers gain nothing from 8 bits; quantize.weights saves as many bytes at full speed.",
    "quantize.weights": "Weight-only forms save bytes, not time; quantize.static saves time.",
    "factorize.lowrank": "Try a smaller ratio, which keeps fewer parameters, or prune.channels.",
    "prune.channels": "Try a larger amount; small layers gain little.",
    "quantize.static": "This machine or these layers gain nothing from 8 bits; try prune.channels.",
}


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that must be said about a result; code is a stable word."""

    code: str
    message: str

    def plain(self) -> dict[str, str]:
        """As a row of a report."""
        return {"code": self.code, "message": self.message}


def judge(
    report: Mapping[str, Any],
    readings: Mapping[str, Row],
    source: Mapping[str, Row],
    step_id: str,
    goals: Mapping[str, float],
    data: Mapping[str, Any],
) -> list[Caution]:
    """What must be said about the result of one node.

    Args:
        report: the StepReport as JSON (layers_changed, layers_total, skipped, …).
        readings: of the node, by name; latency as "ratio" and "median_ms".
        source: the readings of the source, by name.
        step_id: of the node; AS_IT_IS for a model that was only measured.
        goals: limits by metric; "quality_drop" is the share by which quality may fall.
        data: what the data set says about itself (DataSource.describe()).
    """
    found: list[Caution] = []
    if step_id == SOURCE:
        found += _notes(data)
    else:
        budget = float(goals.get("quality_drop", BUDGET))
        found += _nothing_changed(report)
        found += _size(readings, source, step_id)
        found += _speed(readings, step_id)
        found += _collapsed(readings, step_id, data)
        found += _quality(readings, source, step_id, budget, data)
        found += _limits(readings, goals)
    found += _about_data(readings, data)
    return _once(found)


def _notes(data: Mapping[str, Any]) -> list[Caution]:
    """What the data set itself warns of: said once, at the source."""
    notes: Sequence[Mapping[str, Any]] = data.get("notes") or ()
    return [Caution(str(one["code"]), str(one["message"])) for one in notes]


def _once(found: Sequence[Caution]) -> list[Caution]:
    """The first of each kind; but what differs in words about the data is said in full."""
    kept: list[Caution] = []
    for one in found:
        known = [other for other in kept if other.code == one.code]
        if not known or (one.code in NOTES_IN_FULL and one not in known):
            kept.append(Caution(one.code, one.message.rstrip()))
    return kept


def _nothing_changed(report: Mapping[str, Any]) -> list[Caution]:
    total = int(report.get("layers_total", 0))
    if int(report.get("layers_changed", 0)) > 0:
        return []
    reasons = Counter(str(one.get("reason", "")) for one in report.get("skipped") or ())
    why = ""
    if reasons:
        reason, count = reasons.most_common(1)[0]
        why = f" The most frequent reason ({count} ×): {reason.rstrip('.')}."
    what = f"0 of {total} layers changed." if total else "Nothing changed: there are no layers that this step works on."
    return [Caution("nothing_changed", f"{what}{why} Change its parameters, or leave the step out.")]


def _size(readings: Mapping[str, Row], source: Mapping[str, Row], step_id: str) -> list[Caution]:
    own, base = _value(readings, "bytes"), _value(source, "bytes")
    if own is None or not base:
        return []
    zeros = _zeros(readings, source, own, base)
    if own > GROWN * base:
        words = f"The file is bigger than the source: {_bytes(own)} instead of {_bytes(base)} (× {own / base:.2f})."
        return [
            Caution(
                "bigger",
                words + (" Leave the step out, or combine it with one that stores fewer bits." * bool(step_id)),
            ),
            *zeros,
        ]
    if own > SHRUNK * base and step_id not in {*SAME_SIZE, AS_IT_IS}:
        words = f"The file is not smaller: {_bytes(own)}, the source has {_bytes(base)}."
        return [Caution("not_smaller", f"{words} {NEXT.get(step_id, 'Compress more, or leave the step out.')}"), *zeros]
    return zeros


def _zeros(readings: Mapping[str, Row], source: Mapping[str, Row], own: float, base: float) -> list[Caution]:
    """Many zeros in a file that is as large as before."""
    parameters, nonzero = _value(readings, "parameters"), _value(readings, "nonzero")
    before, before_all = _value(source, "nonzero"), _value(source, "parameters")
    if not parameters or nonzero is None or own <= SHRUNK * base:
        return []
    share = 1 - nonzero / parameters
    known = 1 - before / before_all if before is not None and before_all else 0.0
    if share - known < 0.1:
        return []
    zipped, zipped_base = _value(readings, "zipped_bytes"), _value(source, "zipped_bytes")
    packed = f", but zipped it is ÷ {zipped_base / zipped:.2f}" if zipped and zipped_base else ""
    return [
        Caution(
            "zeros_not_smaller",
            f"{share:.0%} of the weights are zero, yet the file is as large as before{packed}: zeros are stored like "
            "any other number and are not skipped at run time. Add cluster.weights or a quantization for a small file, "
            "use prune.channels for speed.",
        )
    ]


def _speed(readings: Mapping[str, Row], step_id: str) -> list[Caution]:
    """Slower only when the interval lies below 1 and beyond the spread of the source against itself."""
    row = readings.get("ratio")
    value, low, high = _value(readings, "ratio"), _end(row, "low"), _end(row, "high")
    if row is None or value is None or low is None or high is None:
        return []
    detail: Mapping[str, Any] = row.get("detail") or {}
    noise = max(abs(float(detail.get("aa_ratio", 1.0)) - 1), SAME_SPEED)
    between = f"× {value:.2f} the speed of the source (95 %: {low:.2f} to {high:.2f})"
    hint = SPEED_NEXT.get(step_id, "Leave the step out if speed is what you need.")
    if high < 1 and value < 1 - noise:
        return [Caution("slower", f"It is slower: {between}. {hint}")]
    if step_id in FASTER and (low <= 1 or value <= 1 + noise):
        return [Caution("not_faster", f"It is not measurably faster: {between}. {hint}")]
    return []


def judge_step(readings: Mapping[str, Row], before: Mapping[str, Row], step_id: str) -> list[Caution]:
    """What a step undid of the node before it, which the comparison with the source does not show."""
    found: list[Caution] = []
    own, base = readings.get("ratio"), before.get("ratio")
    value, was = _value(readings, "ratio"), _value(before, "ratio")
    high, low = _end(own, "high"), _end(base, "low")
    if value and was and high is not None and low is not None and high < low and value < (1 - LOST_SPEED) * was:
        hint = SPEED_NEXT.get(step_id, "Leave the step out if speed is what you need.")
        words = f"It is slower than the node before: × {value:.2f} the speed of the source after × {was:.2f}."
        found.append(Caution("slower_than_before", f"{words} {hint}"))
    size, size_was = _value(readings, "bytes"), _value(before, "bytes")
    if size and size_was and size > LARGER * size_was:
        words = f"The file is larger than that of the node before: {_bytes(size)} after {_bytes(size_was)}."
        found.append(Caution("bigger_than_before", f"{words} Leave the step out, or put it before the others."))
    return found


def _collapsed(readings: Mapping[str, Row], step_id: str, data: Mapping[str, Any]) -> list[Caution]:
    broken = max((_broken(row) for row in readings.values()), default=0)
    hint = NEXT.get(step_id, "Leave the step out.")
    if broken:
        n = max((int(row.get("n") or 0) for row in readings.values()), default=0)
        return [
            Caution("collapsed", f"The result collapsed: {broken} of {n} samples give not-a-number outputs. {hint}")
        ]
    agreement, cosine = _value(readings, "agreement"), _value(readings, "cosine")
    if agreement is not None and agreement < COLLAPSED and not data.get("synthetic"):
        return [
            Caution("collapsed", f"The result collapsed: it agrees with the source on {agreement:.1%} only. {hint}")
        ]
    if cosine is not None and cosine < COLLAPSED:
        return [
            Caution(
                "collapsed", f"The result collapsed: its outputs have a cosine of {cosine:.2f} to the source. {hint}"
            )
        ]
    return []


def _quality(
    readings: Mapping[str, Row],
    source: Mapping[str, Row],
    step_id: str,
    budget: float,
    data: Mapping[str, Any],
) -> list[Caution]:
    hint = NEXT.get(step_id, "Compress less, or append train.distil.")
    for name in QUALITY:
        if _value(readings, name) is not None and _value(source, name) is not None:
            change = readings.get("top1_change") if name == "top1" else None
            return _dropped(name, readings[name], source[name], change, budget, hint)
    for name in ERRORS:
        own, base = _value(readings, name), _value(source, name)
        if own is not None and base:
            if own / base - 1 <= budget:
                return []
            words = f"{NAMES[name]} grew by {own / base - 1:.1%} ({base:.4g} → {own:.4g}); {budget:.1%} is allowed"
            return [Caution("accuracy_dropped", f"{words}. {hint}")]
    return _disagrees(readings, budget, hint, data)


def _dropped(name: str, own: Row, base: Row, change: Row | None, budget: float, hint: str) -> list[Caution]:
    """Judge by the paired change on the same samples where it was measured.

    Otherwise the two intervals are taken as independent, which is careful: both saw the same samples.
    """
    drop = float(base["value"]) - float(own["value"])
    if drop <= budget:
        return []
    paired = _end(change, "high")
    half = math.hypot(_half(own), _half(base)) if paired is None else drop + paired
    n = int(own.get("n") or 0)
    points = f"{100 * drop:.1f} points ({float(base['value']):.2%} → {float(own['value']):.2%}, {n} samples)"
    allowed = f"{100 * budget:g} {'point is' if budget == 0.01 else 'points are'} allowed"
    if drop - half > budget:
        words = f"{NAMES[name]} dropped by {points}, at least by {100 * (drop - half):.1f}; {allowed}."
    else:
        words = f"{NAMES[name]} probably dropped: by {points}, give or take {100 * half:.1f}; {allowed}."
    return [Caution("accuracy_dropped", f"{words} {hint}")]


def _disagrees(readings: Mapping[str, Row], budget: float, hint: str, data: Mapping[str, Any]) -> list[Caution]:
    """Without labels: answers that changed bound how much accuracy can have changed."""
    agreement, row = _value(readings, "agreement"), readings.get("agreement")
    where = " on random inputs, which says little about real ones" if data.get("synthetic") else ""
    if agreement is not None:
        if 1 - agreement <= budget:
            return []
        low, high = _end(row, "low"), _end(row, "high")
        between = f" (95 %: {low:.1%} to {high:.1%})" if low is not None and high is not None else ""
        sure = "" if high is not None and 1 - high > budget else "probably "
        words = f"It {sure}gives other answers than the source: it agrees on {agreement:.1%}{between}{where}"
        return [Caution("agreement_dropped", f"{words}. Accuracy may have fallen by as much as the rest. {hint}")]
    cosine = _value(readings, "cosine")
    if cosine is not None and 1 - cosine > budget:
        words = f"Its outputs have a cosine of {cosine:.3f} to those of the source{where}"
        return [Caution("agreement_dropped", f"{words}. {hint}")]
    return []


def _limits(readings: Mapping[str, Row], goals: Mapping[str, float]) -> list[Caution]:
    """Goals on other readings: most bytes, most milliseconds."""
    found: list[Caution] = []
    for name, limit in goals.items():
        value = _value(readings, name)
        if name != "quality_drop" and value is not None and value > limit:
            found.append(Caution(f"over_{name}", f"{name} is {value:g}, the goal allows {limit:g}. Compress more."))
    return found


def _about_data(readings: Mapping[str, Row], data: Mapping[str, Any]) -> list[Caution]:
    if data.get("synthetic"):
        return [
            Caution(
                "synthetic_data",
                "There are no data: everything about answers was measured on random inputs and says little about "
                "real ones. Give a data set with --data.",
            )
        ]
    parts: Mapping[str, Any] = data.get("parts") or {}
    tested = int(parts.get("test", FEW))
    judged = any(name in readings for name in (*QUALITY, *ERRORS, "agreement", "cosine"))
    if tested < FEW and judged:
        samples = "1 test sample says" if tested == 1 else f"{tested} test samples say"
        return [Caution("few_samples", f"{samples} almost nothing about accuracy. Give at least a few hundred.")]
    return []


def _value(rows: Mapping[str, Row], name: str) -> float | None:
    row = rows.get(name)
    value = None if row is None else row.get("value")
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _end(row: Row | None, name: str) -> float | None:
    value = None if row is None else row.get(name)
    return float(value) if isinstance(value, int | float) else None


def _broken(row: Row) -> int:
    detail: Mapping[str, Any] = row.get("detail") or {}
    return int(detail.get("nan_outputs", 0))


def _half(row: Row) -> float:
    """Half the width of the 95 % interval; of the largest share interval for n samples when there is none."""
    low, high = _end(row, "low"), _end(row, "high")
    if low is not None and high is not None:
        return (high - low) / 2
    n = int(row.get("n") or 0)
    return Z * math.sqrt(0.25 / n) if n else 0.0


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count:.0f} bytes"
