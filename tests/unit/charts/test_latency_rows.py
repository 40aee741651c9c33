"""The latency chart says what the measurement allows to say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.gui.charts.latency_rows import (
    HEADERS,
    axis_end,
    conditions_words,
    density,
    make_row,
    make_table,
)
from compress_studio.gui.words import THIN
from compress_studio.spec.meter import Reading


def timed(ratio: float, low: float, high: float, *, quantiles: bool = True) -> NodeResult:
    kept = {"quantiles_ms": [1.0 + at / 40 for at in range(41)]} if quantiles else {}
    readings = (
        Reading("median_ms", 1.5, "ms", 1.4, 1.6, 100, {"threads": 1, "cpu": "A processor", "rounds": 100, **kept}),
        Reading("p25_ms", 1.3, "ms"),
        Reading("p75_ms", 1.7, "ms"),
        Reading("ratio", ratio, "×", low, high, 100),
    )
    return NodeResult(Stage.DONE, "d", readings={"latency": readings})


def row(ratio: float, low: float, high: float, *, origin: bool = False):
    made = make_row("v", "n", "Static int8", "quantize", timed(ratio, low, high), origin=origin, selected=False)
    assert made is not None
    return made


def test_a_certain_gain_is_said_with_its_spread() -> None:
    one = row(2.69, 2.66, 2.72)
    assert one.claim.replace(THIN, " ") == "÷ 2.69 ± 0.03"
    assert one.tone == "good"


def test_an_interval_that_includes_one_is_no_difference() -> None:
    one = row(1.02, 0.98, 1.05)
    assert one.claim.startswith("no difference")
    assert one.tone == "muted"


def test_a_certain_loss_is_said_to_be_slower() -> None:
    one = row(0.5, 0.48, 0.52)
    assert one.claim.replace(THIN, " ").startswith("× 2.00 ±")
    assert one.claim.endswith("slower")
    assert one.tone == "bad"


def test_the_original_claims_nothing() -> None:
    one = row(1.0, 0.99, 1.01, origin=True)
    assert one.claim == ""
    assert one.ratio is None


def test_a_result_without_a_time_has_no_row() -> None:
    assert make_row("v", "n", "x", "", NodeResult(Stage.DONE, "d"), origin=False, selected=False) is None


def test_the_table_holds_the_numbers_that_are_shown() -> None:
    one = row(2.69, 2.66, 2.72)
    table = make_table([one])
    shown = dict(zip(HEADERS, table.rows[0], strict=True))
    assert shown["Median (ms)"] == 1.5
    assert (shown["Speed-up (times)"], shown["Speed-up low"], shown["Speed-up high"]) == (2.69, 2.66, 2.72)


def test_conditions_are_told_in_one_line() -> None:
    text = conditions_words(
        {"threads": 1, "cpu": "A processor", "batch": 1, "rounds": 400, "aa_low": 0.99, "aa_high": 1.01}
    )
    assert text == (
        "1 thread · A processor · 1 sample at a time · measured in turns, 400 rounds · "
        "the original against itself 0.99 to 1.01"
    )
    assert conditions_words({}) == ""


def test_a_few_slow_rounds_do_not_make_the_bars_tiny() -> None:
    assert axis_end([row(1, 1, 1)]) < 2.5


@given(st.lists(st.floats(0.1, 10.0), min_size=2, max_size=41), st.integers(4, 100))
def test_a_distribution_is_scaled_to_its_fullest_bin(values: list[float], bins: int) -> None:
    heights = density(sorted(values), 0.0, 11.0, bins)
    assert len(heights) == bins
    assert max(heights) == pytest.approx(1.0)
    assert min(heights) >= 0.0
