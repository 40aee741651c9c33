"""Parameters: one declaration, read by the command line, forms, keys and help pages."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.spec.params import Field, NoParams, Params, Range, Ui
from tests.unit.project.steps import Criterion, Distilling, Pruning


def field(name: str, of: type[Params] = Pruning) -> Field:
    found = of.field_named(name)
    assert found is not None
    return found


def test_fields_come_in_the_order_of_their_declaration() -> None:
    assert [(one.name, one.kind) for one in Pruning.fields()] == [
        ("amount", "float"),
        ("criterion", "choice"),
        ("multiple", "int"),
        ("keep", "list"),
    ]


def test_a_field_knows_its_range_choices_default_and_label() -> None:
    assert field("amount").range == Range(0.0, 0.95, 0.01)
    assert field("criterion").choices == ("l1", "taylor")
    assert field("criterion").default is Criterion.L1
    assert field("multiple").optional
    assert field("multiple").range == Range(1, 64, 1)
    assert field("labels", Distilling).kind == "bool"
    assert field("amount").ui.label == "Work removed"
    assert Pruning.field_named("amont") is None


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("amount", "0.5", 0.5),
        ("amount", "50%", 0.5),
        ("amount", " 1e-1 ", 0.1),
        ("criterion", "taylor", "taylor"),
        ("multiple", "auto", None),
        ("multiple", "None", None),
        ("multiple", "16", 16),
        ("keep", "conv1+fc 2", ["conv1", "fc 2"]),
        ("keep", "", []),
    ],
)
def test_words_become_values(name: str, word: str, value: Any) -> None:
    assert field(name).parse(word) == value


@pytest.mark.parametrize(("word", "value"), [("yes", True), ("ON", True), ("1", True), ("false", False), ("no", False)])
def test_switches_take_the_usual_words(word: str, value: bool) -> None:
    assert field("labels", Distilling).parse(word) is value


@pytest.mark.parametrize(
    ("name", "word", "expected"),
    [
        ("amount", "half", "a number from 0 to 0.95"),
        ("amount", "%", "a number from 0 to 0.95"),
        ("multiple", "1.5", "a whole number from 1 to 64, or auto"),
    ],
)
def test_a_word_that_is_no_value_is_answered_with_what_is_expected(name: str, word: str, expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        field(name).parse(word)


def test_a_switch_says_what_it_takes() -> None:
    with pytest.raises(BadInput, match="true or false"):
        field("labels", Distilling).parse("maybe")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"amount": 0.96}, r"Work removed \(amount\) must be a number from 0 to 0.95, not 0.96"),
        ({"amount": float("nan")}, "must be a number from 0 to 0.95"),
        ({"criterion": "l3"}, "must be one of l1, taylor, not l3"),
        ({"multiple": 0}, "must be a whole number from 1 to 64, or auto, not 0"),
        ({"multiple": 2.5}, "must be a whole number"),
        ({"amount": None}, "must be a number"),
        ({"wrong": 1}, r"There is no parameter wrong \(known: amount, criterion, multiple, keep\)"),
        ({"amount": 2, "criterion": "x"}, "Work removed.*Rank by"),
    ],
)
def test_invalid_values_are_refused_in_the_words_of_the_form(values: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Pruning.read(values)


def test_a_step_without_parameters_says_so() -> None:
    with pytest.raises(BadInput, match="it has none"):
        NoParams.read({"a": 1})


def test_renamed_and_removed_names_of_older_versions_are_understood() -> None:
    class Old(Params):
        renamed = {"ratio": "amount"}  # noqa: RUF012
        removed = frozenset({"gone"})

        amount: Annotated[float, Range(0, 1), Ui("Amount")] = 0.5

    assert Old.read({"ratio": 0.2, "gone": "x"}).amount == 0.2


def test_parameters_cannot_be_changed_afterwards() -> None:
    with pytest.raises(pydantic.ValidationError):
        Pruning().amount = 0.1  # type: ignore[misc]


def test_what_does_not_change_the_result_is_not_part_of_the_key() -> None:
    class Talkative(Params):
        amount: Annotated[float, Range(0, 1), Ui("Amount")] = 0.5
        loud: Annotated[bool, Ui("Loud", changes_result=False)] = False

    assert Talkative().canonical() == {"amount": 0.5}
    assert Talkative().plain() == {"amount": 0.5, "loud": False}


def test_a_kind_of_parameter_that_no_form_can_show_is_an_error_of_the_author() -> None:
    class Strange(Params):
        table: Annotated[dict[str, int], Ui("Table")] = {}  # noqa: RUF012

    with pytest.raises(TypeError, match="table"):
        list(Strange.fields())


@pytest.mark.parametrize(
    ("span", "value", "snapped"),
    [
        (Range(0, 1, 0.1), 0.6300034, 0.6),
        (Range(0, 1, 0.01), 0.6300034, 0.63),
        (Range(1, 64, 8), 14.0, 17.0),
        (Range(0, 1), 7.0, 1.0),
        (Range(0, 1), -7.0, 0.0),
        (Range(0.001, 1, log=True), 0.12345678, 0.123457),
    ],
)
def test_values_snap_to_the_grid_inside_the_limits(span: Range, value: float, snapped: float) -> None:
    assert span.snap(value) == snapped


def test_the_middle_of_a_logarithmic_slider_is_the_geometric_mean() -> None:
    assert Range(0.01, 1.0, log=True).from_unit(0.5) == pytest.approx(0.1)
    assert Range(5, 5).to_unit(5) == 0.0
