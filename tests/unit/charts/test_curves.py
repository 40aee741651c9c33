"""Curves of trainings: thinned without losing a peak, labels moved apart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.gui.charts.curves import Training, arrays, make_curves, smooth, spread, thin


def result(points: int, start: float = 1.0) -> NodeResult:
    loss = tuple((at / 10, start / (at + 1)) for at in range(points))
    return NodeResult(Stage.RUNNING, series={"loss": loss, "validation": ((0.0, 0.5), (1.0, 0.4))})


def test_the_run_that_goes_on_replaces_the_curves_of_the_one_before() -> None:
    curves = make_curves({"a": "Distil"}, {"a": result(5)}, {"a": result(9)}, frozenset({"a"}))
    assert [(one.series, len(one.points), one.live) for one in curves] == [("loss", 9, True), ("validation", 2, True)]


def test_the_curves_of_the_last_run_stay_while_the_next_one_has_none() -> None:
    curves = make_curves({"a": "Distil"}, {"a": result(5)}, {"a": NodeResult()}, frozenset())
    assert len(curves[0].points) == 5


def test_hidden_nodes_are_left_out_of_both_plots() -> None:
    curves = make_curves({"a": "Distil", "b": "Fine-tune"}, {"a": result(3), "b": result(4)}, {}, frozenset())
    state = Training(curves, hidden=frozenset({"a"}))
    assert [one.node for one in state.shown(loss=True)] == ["b"]
    assert [one.series for one in state.shown(loss=False)] == ["validation"]
    assert state.nodes == (("a", "Distil"), ("b", "Fine-tune"))


def test_values_that_are_not_finite_are_left_out() -> None:
    x, y = arrays(((0.0, 1.0), (1.0, float("nan")), (2.0, float("inf")), (3.0, 2.0)))
    assert x.tolist() == [0.0, 3.0]
    assert y.tolist() == [1.0, 2.0]


@given(st.integers(2, 5000), st.integers(10, 400))
def test_thinning_keeps_the_peaks_the_ends_and_the_order(count: int, most: int) -> None:
    rng = np.random.default_rng(count)
    x, y = np.arange(count, dtype=float), rng.normal(size=count)
    few_x, few_y = thin(x, y, most)
    assert few_y.max() == y.max()
    assert few_y.min() == y.min()
    assert (np.diff(few_x) > 0).all()
    assert (few_x[0], few_x[-1]) == (x[0], x[-1])
    assert len(few_x) <= 2 * most + 2 or count <= most


def test_smoothing_follows_the_mean_and_leaves_short_curves_alone() -> None:
    assert smooth(np.ones(10)).tolist() == [1.0] * 10
    noisy = np.tile([0.0, 2.0], 500)
    assert abs(smooth(noisy)[-1] - 1.0) < 0.1


def test_labels_are_moved_apart_and_keep_their_order() -> None:
    assert spread([10.0, 12.0, 50.0], 0.0, 100.0, 15.0) == [10.0, 25.0, 50.0]
    placed = spread([99.0, 98.0], 0.0, 100.0, 10.0)
    assert placed == [100.0, 90.0]
