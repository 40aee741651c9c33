"""The line of the results that no other one beats."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from compress_studio.gui.charts.pareto import front

NUMBERS = st.floats(-1e6, 1e6)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40)


def test_a_point_that_is_worse_in_both_is_left_out() -> None:
    assert front([(1.0, 0.9), (2.0, 0.8), (1.5, 0.7)]) == [0, 1]


def test_of_equal_points_the_first_is_kept() -> None:
    assert front([(1.0, 1.0), (1.0, 1.0)]) == [0]


def test_less_can_be_better_on_either_axis() -> None:
    points = [(10.0, 1.0), (5.0, 2.0), (6.0, 3.0)]
    assert front(points, less_x=True, less_y=True) == [1, 0]


def test_points_that_are_not_finite_never_count() -> None:
    assert front([(math.nan, 5.0), (1.0, math.inf), (1.0, 1.0)]) == [2]


@given(POINTS)
def test_no_point_of_the_line_is_beaten_and_every_other_one_is(points: list[tuple[float, float]]) -> None:
    kept = front(points)
    for at, (x, y) in enumerate(points):
        beaten = any((a >= x and b >= y and (a > x or b > y)) for a, b in points)
        assert not (at in kept and beaten)
        if at not in kept:
            assert beaten or any(points[one] == (x, y) for one in kept)
