"""What the inspector says in numbers."""

from __future__ import annotations

import pytest

from compress_studio.gui.panels.inspector_fixes import fixes_for
from compress_studio.gui.panels.inspector_preview import join_notes
from compress_studio.gui.panels.inspector_source import free_dims, read_dims, write_dims
from compress_studio.gui.panels.inspector_words import (
    agreement_tone,
    drop_tone,
    estimate_rows,
    macs_text,
    prediction_rows,
)
from compress_studio.gui.stepwords import in_words
from compress_studio.spec.preview import Estimate, Prediction
from compress_studio.spec.runtime import BUILT_IN, load_runtime


@pytest.fixture(scope="module")
def steps():
    return load_runtime(BUILT_IN).steps


def plain(rows):
    return [(label, value.replace("\u202f", " "), tone) for label, value, tone in rows]


def test_numbers_are_told_before_and_after():
    rows = plain(prediction_rows(Prediction(parameters=151_210), {"parameters": 272_474}))
    assert rows == [("parameters", "272 474 → 151 210", "")]


def test_what_stays_is_muted_and_told_once():
    assert plain(prediction_rows(Prediction(bytes=1e6), {"bytes": 1e6})) == [("size", "1.00 MB", "muted")]


def test_zeros_are_told_as_a_share():
    rows = plain(prediction_rows(Prediction(sparsity=0.5), {"parameters": 100, "nonzero": 100}))
    assert rows == [("zeros", "0.0 % → 50.0 %", "")]


def test_nothing_is_said_about_what_cannot_be_told():
    assert prediction_rows(Prediction(), None) == []


def test_an_outdated_estimate_is_muted_and_a_new_one_announced():
    made = Estimate(64, agreement=0.99, outdated=True)
    assert estimate_rows(made, estimating=False)[0][2] == "muted"
    assert estimate_rows(made, estimating=True)[0][1] == "estimating…"
    assert estimate_rows(None, estimating=True)[0][1] == "estimating…"
    assert estimate_rows(None, estimating=False) == []


@pytest.mark.parametrize(("share", "tone"), [(0.99, "good"), (0.96, "warn"), (0.9, "bad")])
def test_agreement_has_a_tone(share, tone):
    assert agreement_tone(share) == tone


@pytest.mark.parametrize(("after", "tone"), [(0.91, "good"), (0.9, "warn"), (0.85, "bad")])
def test_a_drop_has_a_tone(after, tone):
    assert drop_tone(after, 0.912) == tone


def test_advice_names_steps_by_their_titles_and_settings_as_the_form_does(steps):
    text = "Try ranges=mse, keep layers in float, or append train.distil."
    spec = steps.get("quantize.static")
    assert in_words(text, spec, steps) == (
        "Try Ranges: Least error, keep layers in float, or append “Distil from the original”."
    )
    fixes = fixes_for(text, spec, {}, steps)
    assert [fix.label for fix in fixes] == ["Append Distil", "Set Ranges to Least error"]


def test_a_setting_of_the_model_is_asked_for_where_the_form_has_it(steps):
    spec = steps.get("source.model")
    text = "Say it as the first step: --step source.model:dims=x=Nx3x224x224 (N for a free batch)."
    assert in_words(text, spec, steps) == (
        "Say it in the form of the model, under “Sizes”: x=Nx3x224x224 (N for a free batch)."
    )
    assert fixes_for(text, spec, {}, steps) == []


def test_a_command_line_in_a_message_can_be_copied_as_it_is(steps):
    command = "compress-studio run a.pth --step source.model:dims=x=Nx3 --allow-code net.py --step graph.optimize"
    said = in_words(f"Run {command}. Or append train.distil.", steps.get("source.model"), steps)
    assert said == f"Run {command}. Or append “Distil from the original”."


def test_alternatives_are_not_offered_as_steps_to_append(steps):
    assert fixes_for("Try quantize.static with calibration data.", steps.get("quantize.dynamic"), {}, steps) == []


def test_what_is_set_already_is_not_offered(steps):
    assert fixes_for("Try bits=8.", steps.get("quantize.weights"), {"bits": "8"}, steps) == []


def test_sizes_are_read_and_written_as_the_parameter_holds_them():
    assert read_dims("L=128+x=Nx3x224x224") == {"L": "128", "x": "Nx3x224x224"}
    assert write_dims({"L": "128", "M": ""}) == "L=128"
    facts = {"inputs": [{"name": "x", "dims": ["N", "L", 8]}], "sizes": {"N": 2, "L": 16}}
    assert free_dims(facts) == {"L": 16}


def test_no_sentence_stands_twice():
    notes = ("Shown for the result of A. It is rough.", "It is rough. The file keeps its size.")
    assert join_notes(notes) == "Shown for the result of A. It is rough. The file keeps its size."


def test_macs_say_the_sizes_that_they_were_counted_for():
    facts = {"macs": 2_425_472, "sizes": {"time": 16, "batch": 2}, "inputs": [{"dims": ["batch", "time", 40]}]}
    assert macs_text(facts).endswith(" at time 16")
    assert " at " not in macs_text({**facts, "sizes": {"batch": 2}})
