"""Every variant that was measured as a row with its numbers, their texts and their sort keys; pure values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from compress_studio.engine.runstate import NodeResult
from compress_studio.engine.summary import (
    LABELS,
    LESS_IS_BETTER,
    SHARES,
    Change,
    Summary,
    quality_name,
    summarize,
    value_of,
)
from compress_studio.engine.variants import Variant, Variants, recipe_of
from compress_studio.gui.charts.naming import name_variants
from compress_studio.gui.nodeview import Shown, describe_params
from compress_studio.gui.views import title_of
from compress_studio.gui.words import (
    NOTHING,
    bytes_text,
    count_text,
    factor_text,
    ms_text,
    number_text,
    percent_text,
    points_text,
    seconds_text,
)
from compress_studio.project.pipeline import SOURCE_STEP, NodeId, Pipeline
from compress_studio.spec.registry import StepRegistry

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

Key = float | str
COLUMNS = ("★", "#", "pipeline", "quality", "size on disk", "zipped", "latency", "MACs", "layers", "state")


@dataclass(frozen=True, slots=True)
class Cell:
    """What one cell shows and sorts by."""

    text: str
    key: Key = ""
    tone: str = ""
    """ "good", "warn", "bad" or empty."""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One variant, or one node that is being worked on."""

    id: str
    """Of the variant; empty for a node at work."""
    node: NodeId
    """The node of the open pipeline that has this result now; empty when none has."""
    starred: bool
    pareto: bool
    cells: tuple[Cell, ...]
    """By column."""
    progress: float | None = None
    """0 to 1 while it is being worked on."""


def run_rows(session: Session) -> tuple[str, tuple[RunRow, ...]]:
    """The heading of the quality column and the rows: originals first, then the newest first, work on top of them."""
    variants = session.variants
    quality = quality_name(one.result for one in variants.rows)
    best = pareto(variants, quality)
    here = {
        name: named.node for name, named in name_variants(session)[0].items() if not session.views[named.node].outdated
    }
    sources = [_row(one, session, variants, quality, best, here) for one in variants.rows if not one.source]
    others = [_row(one, session, variants, quality, best, here) for one in reversed(variants.rows) if one.source]
    working = [
        _working(node, session)
        for node, view in session.views.items()
        if view.state in {Shown.RUNNING, Shown.MEASURING} and view.node.step != SOURCE_STEP
    ]
    return LABELS.get(quality, "quality"), (*sources, *working, *others)


def pareto(variants: Variants, quality: str) -> frozenset[str]:
    """Ids of the variants that nothing beats in quality, size and latency at once (of those that have all three)."""
    points: dict[str, tuple[float, ...]] = {}
    for one in variants.rows:
        values = [value_of(one.result, name) for name in (quality, "bytes", "median_ms")]
        if all(value is not None for value in values):
            sign = 1.0 if quality in LESS_IS_BETTER else -1.0
            points[one.id] = (sign * (values[0] or 0.0), values[1] or 0.0, values[2] or 0.0)

    def beaten(mine: tuple[float, ...]) -> bool:
        return any(other != mine and all(a <= b for a, b in zip(other, mine, strict=True)) for other in points.values())

    return frozenset(name for name, mine in points.items() if not beaten(mine))


def recipe_text(recipe: Pipeline, steps: StepRegistry, *, short: bool = True) -> str:
    """A recipe in words: "Remove channels 42 % → Distil → Static int8"; the file name for a source alone."""
    order = recipe.order()
    parts: list[str] = []
    for node in order:
        spec = steps.get(node.step) if node.step in steps else None
        if node.step == SOURCE_STEP:
            if len(order) == 1:
                parts.append(title_of(node, spec))
        elif node.on:
            words = "" if spec is None else describe_params(spec, node.params, 1 if short else 4)
            parts.append(f"{title_of(node, spec)} {words}".strip())
    return " → ".join(parts)


def quality_text(name: str, value: float | None) -> str:
    """A quality with its unit."""
    if value is None:
        return NOTHING
    return percent_text(value) if name in SHARES else number_text(value)


def difference_text(name: str, difference: float | None) -> str:
    """A change of quality: in points for shares, plain for others."""
    if difference is None:
        return ""
    if name in SHARES:
        return points_text(difference)
    return f"{'+' if difference > 0 else '−' if difference < 0 else '±'}{number_text(abs(difference))}"


def _row(
    one: Variant,
    session: Session,
    variants: Variants,
    quality: str,
    best: frozenset[str],
    here: Mapping[str, NodeId],
) -> RunRow:
    source = variants.get(one.source)
    base: NodeResult | None = one.result if not one.source else None if source is None else source.result
    found = summarize(one.result, base, quality)
    steps = session.runtime.steps
    words = recipe_text(one.recipe, steps)
    is_pareto = one.id in best and len(variants.rows) > 2
    state = "original" if not one.source else "★ Pareto" if is_pareto else ""
    on_what = measured_on(one)
    taken = time.strftime("%H:%M", time.localtime(one.at)) if one.at else ""
    done = f"{seconds_text(one.result.seconds)} {state}".strip() if one.source else state
    cells = (
        Cell("★" if one.starred else "☆", -float(one.starred), "warn" if one.starred else ""),
        Cell(str(one.number), one.number),
        Cell(words, words, "", f"{recipe_text(one.recipe, steps, short=False)}\n{on_what}"),
        _quality_cell(found, quality, on_what, is_source=not one.source, synthetic=one.synthetic),
        _size_cell(found.bytes, is_source=not one.source),
        _size_cell(found.zipped_bytes, is_source=not one.source),
        _latency_cell(found, is_source=not one.source),
        Cell(count_text(None if found.macs is None else found.macs.value), _key(found.macs and found.macs.value)),
        _layers_cell(found, is_source=not one.source),
        Cell(done, one.at, "good" if is_pareto else "", f"Measured at {taken}" if taken else ""),
    )
    return RunRow(one.id, here.get(one.id, ""), one.starred, is_pareto, cells)


def measured_on(one: Variant) -> str:
    """What a variant was measured on, in words: "On digits.npz · seed 4"."""
    where = f"On {PurePath(one.data).name}" if one.data else "On synthetic inputs, not on real data"
    return f"{where} · seed {one.seed}" if one.seed else where


def _quality_cell(found: Summary, name: str, on_what: str, *, is_source: bool, synthetic: bool) -> Cell:
    one = found.quality
    if one is None:
        return Cell(NOTHING, _key(None))
    text = quality_text(name, one.value)
    if one.low is not None and one.high is not None:
        tip = f"95 % interval: {quality_text(name, one.low)} to {quality_text(name, one.high)}. {on_what}"
    else:
        tip = on_what
    if synthetic:
        text = f"{text} synthetic"
    if is_source or one.difference is None:
        return Cell(text, one.value, "", tip)
    loss = one.difference if name in LESS_IS_BETTER else -one.difference
    tone = "" if name not in SHARES else "good" if loss <= 0.005 else "warn" if loss <= 0.01 else "bad"
    return Cell(f"{text}  ({difference_text(name, one.difference)})", one.value, tone, tip)


def _size_cell(one: Change | None, *, is_source: bool) -> Cell:
    if one is None:
        return Cell(NOTHING, _key(None))
    text = bytes_text(one.value)
    if is_source or one.factor is None:
        return Cell(text, one.value)
    return Cell(f"{text}  {factor_text(one.factor)}", one.value, "good" if one.factor > 1.02 else "")


def _latency_cell(found: Summary, *, is_source: bool) -> Cell:
    one, ratio = found.latency, found.speedup
    if one is None:
        return Cell(NOTHING, _key(None))
    if is_source or ratio is None or ratio.low is None or ratio.high is None:
        return Cell(ms_text(one.value), one.value)
    tip = f"Beside the original in one session: {ratio.low:.2f} to {ratio.high:.2f} times as fast (95 %)"
    if ratio.low <= 1 <= ratio.high:
        return Cell(f"{ms_text(one.value)}  ± 0", one.value, "", f"No difference can be claimed. {tip}")
    tone = "good" if ratio.low > 1 else "bad"
    return Cell(f"{ms_text(one.value)}  {factor_text(ratio.value)}", one.value, tone, tip)


def _layers_cell(found: Summary, *, is_source: bool) -> Cell:
    if found.layers is None or is_source:
        return Cell(NOTHING, _key(None))
    changed, total = found.layers
    return Cell(f"{changed} of {total}", float(changed), "warn" if not changed else "", "Layers that were changed")


def _working(node: NodeId, session: Session) -> RunRow:
    view = session.views[node]
    text = recipe_text(recipe_of(session.project.pipeline, node), session.runtime.steps)
    doing = view.note or ("measuring …" if view.state is Shown.MEASURING else "running …")
    left = f" · {seconds_text(view.remaining)} left" if view.remaining else ""
    cells = (
        Cell(""),
        Cell("…", 1e9),
        Cell(text, text, "warn"),
        Cell("…"), Cell("…"), Cell("…"), Cell("…"), Cell("…"), Cell("…"),
        Cell(f"{100 * view.progress:.0f} % · {doing}{left}", 0.0, "warn"),
    )  # fmt: skip
    return RunRow("", node, starred=False, pareto=False, cells=cells, progress=view.progress)


def _key(value: float | None) -> float:
    return float("inf") if value is None else value


def shown_cells(rows: Sequence[RunRow]) -> list[list[str]]:
    """The texts of a table, for copying."""
    return [[cell.text for cell in row.cells] for row in rows]
