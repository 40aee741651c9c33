"""The grid of a Range, and the way of a value from a word on the command line to a parameter and back."""

from __future__ import annotations

import math
import random

from hypothesis import assume, given
from hypothesis import strategies as st

from compress_studio.base.digest import canonical_json
from compress_studio.spec.params import Range
from tests.unit.project.steps import Distilling, Pruning


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    log = draw(st.booleans())
    lo = draw(st.floats(1e-6, 1e3) if log else st.floats(-1e3, 1e3))
    hi = draw(st.floats(lo, lo + 1e4))
    assume(hi > lo * 1.001 if lo > 0 else hi - lo > 1e-6)
    step = draw(st.none() | st.sampled_from([0.001, 0.01, 0.1, 0.5, 1.0, 8.0])) if not log else None
    return Range(lo, hi, step, log)


@given(ranges(), st.floats(-1e5, 1e5))
def test_snapping_stays_inside_and_settles_at_once(span: Range, value: float) -> None:
    snapped = span.snap(value)
    assert span.lo <= snapped <= span.hi
    assert span.snap(snapped) == snapped


@given(ranges(), st.floats(0, 1))
def test_a_place_on_a_slider_is_found_again(span: Range, unit: float) -> None:
    value = span.from_unit(unit)
    assert span.from_unit(span.to_unit(value)) == value or math.isclose(
        span.from_unit(span.to_unit(value)), value, rel_tol=1e-5, abs_tol=(span.hi - span.lo) * 1e-6
    )
    assert 0 <= span.to_unit(value) <= 1


@given(ranges(), st.integers(0, 10**6))
def test_random_values_are_allowed_values(span: Range, seed: int) -> None:
    value = span.sample(random.Random(seed))
    assert span.lo <= value <= span.hi


@given(st.floats(0, 0.95), st.sampled_from(["l1", "taylor"]), st.none() | st.integers(1, 64))
def test_values_written_as_words_come_back(amount: float, criterion: str, multiple: int | None) -> None:
    words = {"amount": repr(amount), "criterion": criterion, "multiple": str(multiple).lower(), "keep": "a+b"}
    values = {one.name: one.parse(words[one.name]) for one in Pruning.fields()}
    params = Pruning.read(values)
    assert Pruning.read(params.plain()) == params
    assert canonical_json(Pruning.read(params.plain()).canonical()) == canonical_json(params.canonical())
    assert (params.amount, params.criterion, params.multiple) == (amount, criterion, multiple)


@given(st.floats(0.1, 100))
def test_defaults_are_filled_in_and_part_of_the_key(temperature: float) -> None:
    params = Distilling.read({"temperature": temperature})
    assert params.canonical() == {"epochs": 3, "temperature": temperature, "labels": False}
