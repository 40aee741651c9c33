"""Axes: words at round values, factors in powers of two."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.gui.charts.scales import Form, Scale, time_text
from compress_studio.gui.words import THIN


def words(form: Form, low: float, high: float, *, log: bool = False, pixels: float = 700) -> list[str]:
    return [text.replace(THIN, " ") for _, text in Scale(form, log).ticks(low, high, pixels)]


def test_factors_on_a_logarithmic_axis_stand_at_powers_of_two() -> None:
    assert words(Form.FACTOR, math.log10(0.9), math.log10(17), log=True) == ["÷ 1", "÷ 2", "÷ 4", "÷ 8", "÷ 16"]


def test_a_factor_below_one_is_said_as_larger() -> None:
    assert words(Form.FACTOR, math.log10(0.4), math.log10(2.1), log=True)[0] == "× 2"


def test_shares_are_said_in_percent_with_as_many_digits_as_they_need() -> None:
    assert words(Form.SHARE, 0.80, 0.92, pixels=350) == ["80.0 %", "82.5 %", "85.0 %", "87.5 %", "90.0 %"]
    assert words(Form.SHARE, 0.0, 1.0, pixels=350) == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]


def test_bytes_keep_their_units() -> None:
    assert words(Form.BYTES, 0, 1.2e6, pixels=300)[:2] == ["0", "500 kB"]


def test_times_beside_each_other_share_one_unit() -> None:
    assert time_text(0.0876, 0.155).replace(THIN, " ") == "87.6 µs"
    assert time_text(0.155, 0.155).replace(THIN, " ") == "155 µs"
    assert time_text(0.155, 12.0).replace(THIN, " ") == "0.155 ms"
    assert time_text(1500.0, 2000.0).replace(THIN, " ") == "1.50 s"


def test_an_empty_range_has_no_words() -> None:
    assert Scale(Form.NUMBER).ticks(1.0, 1.0, 300) == []
    assert Scale(Form.NUMBER).ticks(math.nan, 1.0, 300) == []


@pytest.mark.parametrize("form", list(Form))
@given(low=st.floats(1e-4, 1e6), factor=st.floats(1.01, 1e4), pixels=st.floats(80, 3000), log=st.booleans())
def test_words_lie_within_the_axis_and_are_not_too_many(
    form: Form, low: float, factor: float, pixels: float, log: bool
) -> None:
    scale = Scale(form, log)
    first, last = scale.place(low), scale.place(low * factor)
    ticks = scale.ticks(first, last, pixels)
    slack = 1e-6 * max(abs(first), abs(last), last - first)
    assert all(first - slack <= place <= last + slack for place, _ in ticks)
    assert len(ticks) <= pixels / 70 + 4
    assert len({place for place, _ in ticks}) == len(ticks)


def test_a_short_axis_has_at_least_two_words() -> None:
    assert len(words(Form.SHARE, 0.862, 0.919, pixels=100)) >= 2
