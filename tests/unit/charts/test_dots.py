"""From variants to the dots, the best line and the budget lines of the trade-off."""

from __future__ import annotations

from compress_studio.engine.variants import Variants
from compress_studio.gui.charts.dots import front_of, limit_of, make_budgets, make_dots, speed_words, with_goal
from compress_studio.gui.charts.naming import Named
from compress_studio.gui.charts.quantities import BYTES, LATENCY, SIZE, SPEEDUP, qualities, quality
from compress_studio.gui.words import THIN
from compress_studio.project.pipeline import SOURCE_STEP, Edge, Node, Pipeline
from compress_studio.project.project import QUALITY_DROP, Goal
from tests.toys.variants import measured, variant

PIPELINE = Pipeline(
    (Node("source1", SOURCE_STEP, {}), Node("prune1", "prune.weights", {})),
    (Edge("source1", "network", "prune1", "network"),),
)
ORIGIN = measured(0.91, 1e6, 2.0)
SMALL = measured(0.90, 2.5e5, 1.0, 2.0)
ROWS = Variants.of((
    variant(1, PIPELINE, "source1", ORIGIN),
    variant(2, PIPELINE, "prune1", SMALL, source="v1"),
    variant(3, PIPELINE, "prune1", measured(0.85, 5e5, 1.5, 1.3), source="v1"),
))  # fmt: skip
TOP1 = quality("top1")
CURRENT = {"v1": Named("source1", "model.onnx", "source"), "v2": Named("prune1", "Prune", "prune")}
FORMER = {"v3": Named("", "Prune · 30 %", "prune")}


def dots(x=SIZE, y=TOP1, bubble=LATENCY):
    return make_dots(ROWS, CURRENT, FORMER, ("prune1",), x, y, bubble)


def test_a_dot_lies_at_its_size_reduction_and_its_quality() -> None:
    origin, small, former = dots()
    assert (origin.x, origin.y, origin.origin) == (1.0, 0.91, True)
    assert (small.x, small.y, small.y_low, small.y_high) == (4.0, 0.90, 0.89, 0.91)
    assert (former.node, former.label) == ("", "Prune · 30 %")
    assert (origin.selected, small.selected) == (False, True)


def test_the_area_of_a_dot_is_its_share_of_the_largest() -> None:
    assert [dot.share for dot in dots()] == [1.0, 0.5, 0.75]
    assert [dot.share for dot in dots(bubble=None)] == [None] * 3


def test_only_the_speed_up_has_an_interval_across() -> None:
    assert dots()[1].x_low is None
    assert dots(x=SPEEDUP)[1].x_low == 0.99 * 2.0


def test_the_card_of_a_dot_tells_quality_with_its_interval_and_the_change() -> None:
    rows = {name: value.replace(THIN, " ") for name, value, _ in dots()[1].facts}
    assert rows["Accuracy"] == "90.0 %  (89.0 % – 91.0 %)"
    assert rows["Change"] == "−1.0 pt"
    assert rows["File size"] == "250 kB  ÷ 4.00"
    assert rows["Speed-up"] == "÷ 2.00 ± 0.02"


def test_the_best_line_leaves_out_what_is_beaten() -> None:
    shown = dots()
    assert front_of(shown, SIZE, TOP1) == ((1.0, 0.91), (4.0, 0.90))
    assert front_of(dots(x=BYTES), BYTES, TOP1) == ((2.5e5, 0.90), (1e6, 0.91))


def test_the_quality_budget_is_a_line_below_the_original() -> None:
    (line,) = make_budgets((Goal(QUALITY_DROP, 0.01),), ORIGIN, SIZE, TOP1)
    assert (line.vertical, round(line.at, 6)) == (False, 0.90)
    assert limit_of(line, 0.8837, SIZE, TOP1) == 0.0263
    assert limit_of(line, 0.95, SIZE, TOP1) == 0.0


def test_without_labels_the_budget_is_counted_from_full_agreement() -> None:
    (line,) = make_budgets((Goal(QUALITY_DROP, 0.02),), ORIGIN, SIZE, quality("agreement"))
    assert line.at == 0.98


def test_a_budget_for_bytes_is_a_line_also_on_the_axis_of_factors() -> None:
    (line,) = make_budgets((Goal("bytes", 2e5),), ORIGIN, SIZE, TOP1)
    assert (line.vertical, line.at) == (True, 5.0)
    assert limit_of(line, 8.0, SIZE, TOP1) == 125000.0
    assert make_budgets((Goal("bytes", 2e5),), ORIGIN, LATENCY, TOP1) == ()


def test_a_goal_is_set_added_and_removed() -> None:
    goals = (Goal(QUALITY_DROP, 0.01),)
    assert with_goal(goals, QUALITY_DROP, 0.02) == (Goal(QUALITY_DROP, 0.02),)
    assert with_goal(goals, "bytes", 5.0) == (*goals, Goal("bytes", 5.0))
    assert with_goal((*goals, Goal("bytes", 5.0)), "bytes", None) == goals


def test_the_figures_to_choose_from_are_those_that_were_measured() -> None:
    assert [one.id for one in qualities([ORIGIN])] == ["top1", "agreement"]
    assert qualities([]) == ()


def test_no_gain_is_claimed_that_the_interval_does_not_show() -> None:
    assert speed_words(measured(ratio=1.005)).startswith("no difference")
