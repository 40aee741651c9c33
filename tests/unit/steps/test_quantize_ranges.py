"""Ranges of activations from streamed histograms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.spec.data import Part
from compress_studio.steps.kernels import quantizers, ranges
from tests.toys.context import ToyData
from tests.toys.networks import conv_net


def filled(*arrays: np.ndarray) -> ranges.Histogram:
    histogram = ranges.Histogram()
    for array in arrays:
        histogram.add(array.astype(np.float32))
    return histogram


def error_of(array: np.ndarray, low: float, high: float) -> float:
    return float(np.square(quantizers.affine(low, high).apply(array) - array).mean())


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=40), st.integers(1, 5))
def test_a_histogram_counts_every_value_however_it_arrives(values: list[float], pieces: int) -> None:
    array = np.array(values, np.float32)
    parts = filled(*np.array_split(array, pieces))
    assert parts.counts.sum() == len(values)
    assert (parts.low, parts.high) == (array.min(), array.max())
    width = max(parts.reach / (len(parts.counts) // 2), 1e-30)
    mean = (parts.counts * parts.centres()).sum() / len(values)
    assert abs(mean - array.mean(dtype=np.float64)) <= width


def test_order_does_not_matter_where_doubling_ends_at_the_same_reach() -> None:
    small, large = np.linspace(-1, 1, 999), np.linspace(-30, 50, 999)
    one, other = filled(small, large), filled(large, small)
    assert one.reach == other.reach == 64
    assert np.abs(np.cumsum(one.counts) - np.cumsum(other.counts)).max() <= 20


def test_values_that_are_not_finite_are_left_out() -> None:
    histogram = filled(np.array([1.0, np.nan, -2.0, np.inf]))
    assert (histogram.low, histogram.high, histogram.counts.sum()) == (-2.0, 1.0, 2)


def test_the_percentile_cuts_outliers_off() -> None:
    array = np.append(np.random.default_rng(0).standard_normal(100_000), [1000.0])
    low, high = ranges.central(filled(array), 99.9)
    assert -5 < low < -3
    assert 3 < high < 5


def test_a_rare_outlier_does_not_spoil_the_range_by_entropy() -> None:
    array = np.append(np.random.default_rng(0).laplace(size=200_000), [300.0]).astype(np.float32)
    low, high = ranges.entropy(filled(array))
    assert high < 150
    assert error_of(array[:-1], low, high) < error_of(array[:-1], float(array.min()), 300.0)


def test_the_least_error_is_never_worse_than_the_extremes() -> None:
    rng = np.random.default_rng(1)
    for array in (rng.standard_normal(5000), np.maximum(rng.standard_normal(5000), 0), rng.random(5000) + 3):
        low, high = ranges.least_error(filled(array))
        assert error_of(array, low, high) <= error_of(array, float(array.min()), float(array.max())) * 1.05


def test_a_tensor_that_is_always_zero_has_a_range() -> None:
    for choose in (ranges.entropy, ranges.least_error, lambda one: ranges.central(one, 99.9)):
        low, high = choose(filled(np.zeros(10)))
        assert quantizers.affine(low, high).scale == 1.0


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_every_method_lies_within_the_extremes(method: str) -> None:
    model = conv_net()
    data = ToyData.for_model(model, 40)
    names = ["x", "conv1.out.relu", "y"]
    split = data.part(Part.CALIBRATE)
    widest = ranges.find(model, names, split.batches(5), "minmax")
    found = ranges.find(model, names, split.batches(5), method)
    for name in names:
        slack = 1e-3 * (widest[name][1] - widest[name][0])
        assert widest[name][0] - slack <= found[name][0] <= found[name][1] <= widest[name][1] + slack
