"""Accuracy against figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compress_studio.base.errors import Cancelled
from compress_studio.meters.accuracy import METER, auc, macro_f1
from tests.unit.meters.bench import bench, linear, measured

RNG = np.random.default_rng(3)


def test_top1_and_top5_count_right_answers(tmp_path: Path) -> None:
    x = np.eye(8, dtype=np.float32)[np.arange(64) % 8]
    y = np.arange(64) % 8
    y[:16] = (y[:16] + 1) % 8
    scores = np.eye(8) * 9 - np.arange(8)[None, :] * 0.1
    net = linear(tmp_path, scores)
    got = measured(METER, bench(tmp_path, net, x_test=x, y_test=y), [net], net)[0]
    assert got["top1"].value == 48 / 64
    assert got["top1"].low is not None
    assert got["top1"].high is not None
    assert got["top1"].low < 0.75 < got["top1"].high
    assert got["top1"].n == 64
    ranks = [list(np.argsort(-row @ scores, kind="stable")[:5]) for row in x]
    assert got["top5"].value == np.mean([label in rank for label, rank in zip(y, ranks, strict=True)])


def test_macro_f1_is_the_mean_over_the_classes_that_occur() -> None:
    truth = np.asarray([0, 0, 1, 1, 2, 2])
    said = np.asarray([0, 1, 1, 1, 2, -1])
    value, low, high = macro_f1(truth, said, 4, 0)
    assert value == pytest.approx((2 / 3 + 4 / 5 + 2 / 3) / 3)
    assert low <= value <= high


def test_auc_counts_ties_half_and_needs_both_classes() -> None:
    assert auc(np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert auc(np.asarray([0, 1]), np.asarray([0.5, 0.5])) == 0.5
    assert auc(np.ones(3), np.arange(3.0)) is None


def test_a_single_score_gives_accuracy_and_auc(tmp_path: Path) -> None:
    x = RNG.standard_normal((80, 3)).astype(np.float32)
    net = linear(tmp_path, np.asarray([[1.0], [0], [0]]), ending=["Sigmoid"])
    got = measured(METER, bench(tmp_path, net, x_test=x, y_test=(x[:, 0] > 0).astype(int)), [net], net)[0]
    assert got["top1"].value == 1.0
    assert got["top1"].detail["threshold"] == 0.5
    assert got["auc"].value == 1.0


def test_regression_gives_r2_mae_and_rmse(tmp_path: Path) -> None:
    x = RNG.standard_normal((100, 2)).astype(np.float32)
    truth = x @ np.asarray([2.0, -1.0]) + RNG.normal(0, 0.5, 100)
    net = linear(tmp_path, np.asarray([[2.0], [-1.0]]), output="price")
    got = measured(METER, bench(tmp_path, net, x_test=x, y_test=truth), [net], net)[0]
    error = x.astype(np.float64) @ [2.0, -1.0] - truth
    assert got["mae"].value == pytest.approx(np.abs(error).mean(), rel=1e-4)
    assert got["rmse"].value == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
    assert got["r2"].value == pytest.approx(1 - (error**2).sum() / ((truth - truth.mean()) ** 2).sum(), rel=1e-4)
    assert got["r2"].low is not None
    assert got["r2"].low < got["r2"].value


def test_outputs_that_are_not_numbers_are_wrong_answers_and_counted(tmp_path: Path) -> None:
    x = np.abs(RNG.standard_normal((50, 3))).astype(np.float32)
    x[:10] *= -1
    net = linear(tmp_path, np.asarray([[1.0, 0], [1, 0], [1, 0]]), ending=["Log"])
    context = bench(tmp_path, net, x_test=x, y_test=np.zeros(50, int))
    got = measured(METER, context, [net], net)[0]
    assert got["top1"].value == 0.8
    assert got["top1"].detail["nan_outputs"] == 10


def test_without_labels_nothing_is_measured(tmp_path: Path) -> None:
    net = linear(tmp_path, np.eye(3))
    assert measured(METER, bench(tmp_path, net), [net, net], net) == [{}, {}]


def test_a_cancelled_measurement_stops_at_the_next_batch(tmp_path: Path) -> None:
    net = linear(tmp_path, np.eye(3))
    context = bench(tmp_path, net, x_test=RNG.random((500, 3)).astype(np.float32), y_test=np.zeros(500, int))
    context.stop_after = 2
    with pytest.raises(Cancelled):
        METER.run(context, [net], net)
