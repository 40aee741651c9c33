"""Intervals against known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.meters.intervals import mean_interval, median_interval, paired_change, wilson


def test_wilson_gives_the_published_values() -> None:
    """E. B. Wilson's interval for 0 of 10, 8 of 10 and 90 of 100, as in L. Brown, T. Cai, A. DasGupta (2001)."""
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(90, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_holds_the_share_and_stays_between_0_and_1(n: int, share: float) -> None:
    hits = round(n * share)
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1


def test_the_bootstrap_agrees_with_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(3, 2, 2000)
    low, high = mean_interval(values, 0)
    half = 1.96 * 2 / np.sqrt(2000)
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)
    assert mean_interval(values, 0) == (low, high)


def test_a_large_sample_takes_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(0, 1, 50_000)
    low, high = mean_interval(values, 0)
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(50_000), rel=0.02)


def test_a_median_has_an_interval_around_it() -> None:
    values = np.random.default_rng(0).normal(5, 1, 301)
    low, high = median_interval(values, 0)
    assert low < np.median(values) < high
    assert high - low < 0.5
    assert median_interval(np.asarray([2.0]), 0) == (2.0, 2.0)


def test_a_paired_change_is_more_certain_than_the_difference_of_two_shares() -> None:
    value, low, high = paired_change(gained=20, lost=40, n=3000)
    assert value == pytest.approx(-20 / 3000)
    assert low < value < high
    one, two = wilson(2700, 3000), wilson(2680, 3000)
    assert high - low < (one[1] - one[0] + two[1] - two[0]) / 2


def test_a_change_of_nothing_is_not_certain_to_be_nothing() -> None:
    value, low, high = paired_change(0, 0, 50)
    assert value == 0
    assert low < 0 < high
