"""Values as people write them."""

from __future__ import annotations

import pytest

from compress_studio.base.errors import BadInput
from compress_studio.gui.forms.wording import choice_word, is_share, is_shown, read_text, slider_range, value_text
from compress_studio.spec.params import Field, Range, Ui
from tests.gallery.form_fields import DemoParams

FIELDS = {one.name: one for one in DemoParams.fields()}


@pytest.mark.parametrize(
    ("text", "value"),
    [("42", 0.42), ("42 %", 0.42), ("42%", 0.42), ("0.42", 0.42), ("0,42", 0.42), ("0.5 %", 0.005), ("0", 0.0)],
)
def test_a_share_is_typed_in_percent(text, value):
    assert read_text(FIELDS["share"], text) == pytest.approx(value)


def test_a_percentile_keeps_its_number():
    assert read_text(FIELDS["percent"], "95.5 %") == 95.5
    assert not is_share(FIELDS["percent"])


@pytest.mark.parametrize("text", ["", "many", "96", "-1", "nan", "inf"])
def test_what_is_no_share_is_refused_with_what_is_expected(text):
    with pytest.raises(BadInput, match=r"Channels removed must be from 0.% to 95.%"):
        read_text(FIELDS["share"], text)


def test_whole_numbers_refuse_parts():
    with pytest.raises(BadInput, match="a whole number from 1 to 200"):
        read_text(FIELDS["epochs"], "2.5")


def test_auto_can_be_typed_where_it_is_allowed():
    assert read_text(FIELDS["multiple"], "auto") is None
    assert read_text(FIELDS["multiple"], "16") == 16


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("share", 0.3, "30 %"), ("share", 0.07, "7 %"), ("rate", 1e-3, "0.001"), ("rate", 2.5e-5, "2.5e-5"),
     ("epochs", 5, "5"), ("multiple", None, "auto"), ("percent", 99.9, "99.9 %")],
)  # fmt: skip
def test_values_are_shown_in_their_units(name, value, text):
    assert value_text(FIELDS[name], value).replace("\u202f", " ") == text


def test_choices_have_words():
    assert choice_word("least_squares") == "Least squares on data"
    assert choice_word("something_new") == "Something new"


def test_a_parameter_is_shown_when_it_matters():
    assert not is_shown(FIELDS["samples"], {"criterion": "magnitude"})
    assert is_shown(FIELDS["samples"], {"criterion": "taylor"})


def test_very_wide_ranges_of_whole_numbers_are_laid_out_by_magnitude():
    span = slider_range(Field("n", "int", 1, Ui("N"), Range(16, 10_000_000, 1)))
    assert span is not None
    assert span.log
    assert span.from_unit(0.5) < 20_000
