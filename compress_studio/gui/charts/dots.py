"""From variants to what the trade-off chart shows; pure, so that it can be tested without a window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compress_studio.engine.runstate import NodeResult
from compress_studio.engine.summary import LABELS, SHARES, value_of
from compress_studio.engine.variants import Variant, Variants
from compress_studio.gui import words
from compress_studio.gui.charts.naming import Named
from compress_studio.gui.charts.pareto import front
from compress_studio.gui.charts.quantities import BYTES, COSTS, SIZE, SPEEDUP, Quantity
from compress_studio.gui.charts.scales import text_of
from compress_studio.project.project import QUALITY_DROP, Goal

RELATIVE = frozenset({"mae", "rmse"})
"""Their budget is a share of the source's error."""
ITSELF = frozenset({"agreement", "agreement_top5", "cosine"})
"""The source agrees with itself without being measured."""
ROUNDED = 4
"""Digits of a budget that was dragged."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One variant in the chart."""

    variant: str
    node: str
    """Of the pipeline, when this is its newest result; empty for former ones."""
    label: str
    group: str
    x: float
    y: float
    x_low: float | None = None
    x_high: float | None = None
    y_low: float | None = None
    y_high: float | None = None
    share: float | None = None
    """Of the largest bubble, 0 to 1."""
    origin: bool = False
    starred: bool = False
    selected: bool = False
    facts: tuple[tuple[str, str, str], ...] = ()
    """(label, value, tone) for the card."""
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A goal as a line."""

    metric: str
    vertical: bool
    at: float
    """On the axis that it crosses."""
    base: float
    """What the limit is counted from."""
    text: str


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """Everything that the trade-off chart shows."""

    x: Quantity = SIZE
    y: Quantity | None = None
    bubble: Quantity | None = None
    log: bool = True
    choices: tuple[Quantity, ...] = ()
    """Quality figures to choose from."""
    dots: tuple[Dot, ...] = ()
    front: tuple[tuple[float, float], ...] = ()
    budgets: tuple[BudgetLine, ...] = ()
    running: bool = False


def make_dots(
    variants: Variants,
    current: Mapping[str, Named],
    former: Mapping[str, Named],
    selection: Sequence[str],
    x: Quantity,
    y: Quantity,
    bubble: Quantity | None,
) -> tuple[Dot, ...]:
    """One dot per variant that has both values.

    current: by id of the variant, those that are the newest result of a node. former: names of all others.
    """
    found: list[Dot] = []
    largest = max((_area(one, variants, bubble) or 0.0 for one in variants.rows), default=0.0)
    for one in variants.rows:
        base = _base(one, variants)
        across, up = x.of(one.result, base), _quality(one, y)
        if across is None or up is None or not (math.isfinite(across) and math.isfinite(up)):
            continue
        named = current.get(one.id)
        shown = named or former.get(one.id) or Named("", one.node, "")
        area = _area(one, variants, bubble)
        reading, beside = one.result.reading(y.reading), one.result.reading(x.reading)
        spread = beside is not None and x == SPEEDUP
        found.append(
            Dot(
                one.id,
                named.node if named else "",
                shown.label,
                shown.group,
                across,
                up,
                beside.low if spread and beside else None,
                beside.high if spread and beside else None,
                reading.low if reading else None,
                reading.high if reading else None,
                area / largest if area and largest else None,
                not one.source,
                one.starred,
                named is not None and named.node in selection,
                card_facts(one.result, base, y),
                _origin(one, known=named is not None),
            )
        )
    return tuple(found)


def _origin(one: Variant, *, known: bool) -> str:
    text = f"Result {one.number}" if known else f"Result {one.number}, with other parameters than now"
    return f"{text}, on synthetic inputs" if one.synthetic else text


def front_of(dots: Sequence[Dot], x: Quantity, y: Quantity) -> tuple[tuple[float, float], ...]:
    """The line of the dots that no other one beats."""
    places = front([(dot.x, dot.y) for dot in dots], less_x=x.less, less_y=y.less)
    return tuple((dots[at].x, dots[at].y) for at in places)


def make_budgets(goals: Sequence[Goal], base: NodeResult | None, x: Quantity, y: Quantity) -> tuple[BudgetLine, ...]:
    """Goals as lines, where the axes can show them."""
    if base is None:
        return ()
    lines: list[BudgetLine] = []
    for goal in goals:
        if goal.metric == QUALITY_DROP:
            whole = 1.0 if y.reading in ITSELF else value_of(base, y.reading)
            if whole is not None and y.reading != "cosine":
                lines.append(_quality_line(goal.limit, whole, y))
        elif goal.metric == x.goal and goal.limit > 0:
            whole = value_of(base, x.reading)
            if whole:
                at = whole / goal.limit if x is SIZE else goal.limit
                form = BYTES.form if x is SIZE else x.form
                text = f"budget: at most {text_of(form, goal.limit)}"
                lines.append(BudgetLine(goal.metric, True, at, whole, text))
    return tuple(lines)


def limit_of(line: BudgetLine, at: float, x: Quantity, y: Quantity) -> float:
    """The limit that a budget line stands for when it is dragged there."""
    if line.vertical:
        value = line.base / at if x is SIZE else at
        return float(f"{max(value, 0.0):.3g}")
    if y.reading in RELATIVE:
        return round(max(0.0, at / line.base - 1.0), ROUNDED)
    return round(min(max(0.0, line.base - at), 1.0), ROUNDED)


def with_goal(goals: Sequence[Goal], metric: str, limit: float | None) -> tuple[Goal, ...]:
    """The goals with one of them set, or removed by None."""
    kept = [Goal(one.metric, limit) if one.metric == metric and limit is not None else one for one in goals]
    kept = [one for one in kept if one.metric != metric or limit is not None]
    if limit is not None and all(one.metric != metric for one in goals):
        kept.append(Goal(metric, limit))
    return tuple(kept)


def card_facts(result: NodeResult, base: NodeResult | None, y: Quantity) -> tuple[tuple[str, str, str], ...]:
    """Everything measured of a result, in words, for the card beside a dot."""
    rows: list[tuple[str, str, str]] = []
    value = value_of(result, y.reading)
    if value is not None:
        rows.append((y.label, _with_interval(result, y.reading, text_of(y.form, value), y), ""))
        whole = value_of(base, y.reading)
        if whole is not None and y.reading in SHARES and base is not result:
            rows.append(("Change", words.points_text(value - whole), _tone(value - whole, y.less)))
    for one in COSTS:
        if one is SIZE:
            continue
        number = value_of(result, one.reading)
        if number is None:
            continue
        if one is SPEEDUP:
            if base is not None and base is not result:
                rows.append((LABELS["ratio"].capitalize(), speed_words(result), ""))
            continue
        text = text_of(one.form, number)
        whole = value_of(base, one.reading)
        if whole and number and base is not result and one.reading != "median_ms":
            text += f"  {words.factor_text(whole / number)}"
        rows.append((one.label, text, ""))
    return tuple(rows)


def speed_words(result: NodeResult) -> str:
    """What can be claimed about the speed of a result: "÷ 2.69 ± 0.03", or that there is no difference."""
    reading = result.reading("ratio")
    if reading is None or not math.isfinite(reading.value):
        return words.NOTHING
    if reading.low is None or reading.high is None:
        return words.factor_text(reading.value)
    if reading.low <= 1.0 <= reading.high:
        return f"no difference ({words.factor_text(reading.low)} to {words.factor_text(reading.high)})"
    if reading.value < 1.0:
        slower = (1 / reading.low - 1 / reading.high) / 2
        return f"{words.factor_text(reading.value)} ± {_spread(slower)} slower"
    return f"{words.factor_text(reading.value)} ± {_spread((reading.high - reading.low) / 2)}"


def _spread(half: float) -> str:
    return f"{half:.2f}" if half >= 0.005 else "0.01"


def _with_interval(result: NodeResult, name: str, text: str, y: Quantity) -> str:
    reading = result.reading(name)
    if reading is None or reading.low is None or reading.high is None:
        return text
    return f"{text}  ({text_of(y.form, reading.low)} – {text_of(y.form, reading.high)})"


def _tone(change: float, less: bool) -> str:
    if abs(change) < 0.0005:
        return ""
    return "good" if (change > 0) != less else "bad"


def _quality_line(limit: float, whole: float, y: Quantity) -> BudgetLine:
    if y.reading in RELATIVE:
        text = f"budget: at most {words.percent_text(limit)} more error"
        return BudgetLine(QUALITY_DROP, False, whole * (1 + limit), whole, text)
    at = whole - limit
    drop = f"{100 * limit:g}{words.THIN}pt drop" if y.reading in SHARES else f"{limit:g} drop"
    return BudgetLine(QUALITY_DROP, False, at, whole, f"budget: at most {drop}")


def _quality(one: Variant, y: Quantity) -> float | None:
    value = value_of(one.result, y.reading)
    return 1.0 if value is None and not one.source and y.reading in ITSELF else value


def _base(one: Variant, variants: Variants) -> NodeResult | None:
    if not one.source:
        return one.result
    found = variants.get(one.source)
    return None if found is None else found.result


def _area(one: Variant, variants: Variants, bubble: Quantity | None) -> float | None:
    return None if bubble is None else bubble.of(one.result, _base(one, variants))
