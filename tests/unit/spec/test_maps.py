"""Parameters that give single layers a number of their own."""

from __future__ import annotations

from typing import Annotated, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.digest import canonical_json
from compress_studio.base.errors import BadInput
from compress_studio.spec import render
from compress_studio.spec.params import Field, Params, Range, Ui
from compress_studio.spec.registry import load_steps


class Pruning(Params):
    amount: Annotated[float, Range(0.0, 0.95, 0.01), Ui("Amount", "How much.")] = 0.5
    layers: Annotated[
        dict[str, Annotated[float, Range(0.0, 0.95, 0.01)]], Ui("By layer", "Of single layers.", per_layer=True)
    ] = {}  # noqa: RUF012


def field() -> Field:
    found = Pruning.field_named("layers")
    assert found is not None
    return found


def test_a_map_knows_the_range_of_its_numbers() -> None:
    assert field().kind == "map"
    assert field().range == Range(0.0, 0.95, 0.01)
    assert field().ui.per_layer


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("layer:0.3+layer2:0.1", {"layer": 0.3, "layer2": 0.1}),
        ("a:b:20%", {"a:b": 0.2}),
        ("", {}),
        (" conv1 : 0.5 ", {"conv1": 0.5}),
    ],
)
def test_words_become_maps(word: str, value: dict[str, float]) -> None:
    assert field().parse(word) == value


@pytest.mark.parametrize("word", ["conv1", "conv1:", ":0.5", "conv1:much"])
def test_a_word_that_is_no_map_is_answered_with_what_is_expected(word: str) -> None:
    with pytest.raises(BadInput, match="name:number joined by"):
        field().parse(word)


def test_the_order_of_names_does_not_matter_and_an_empty_map_says_nothing() -> None:
    one = Pruning.read({"layers": {"b": 0.1, "a": 0.2}})
    two = Pruning.read({"layers": {"a": 0.2, "b": 0.1}})
    assert canonical_json(one.canonical()) == canonical_json(two.canonical())
    assert list(one.plain()["layers"]) == ["a", "b"]  # type: ignore[arg-type]
    assert Pruning.read({}).canonical() == {"amount": 0.5}
    assert Pruning.read(one.plain()) == one


invalid = st.one_of(
    st.floats(max_value=-0.001, allow_nan=False),
    st.floats(min_value=0.951),
    st.just(float("nan")),
    st.text(alphabet="xyz", min_size=1),
    st.none(),
)


@given(st.text(min_size=1, max_size=8), invalid)
def test_numbers_out_of_range_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(BadInput, match="By layer \\(layers\\) must be"):
        Pruning.read({"layers": {name: value}})


names = st.text(alphabet="abc.:0_*", min_size=1, max_size=8).filter(lambda name: name.strip(":") == name)


@given(st.dictionaries(names, st.floats(0, 0.95)))
def test_maps_come_back_from_the_command_line(values: dict[str, float]) -> None:
    word = "+".join(f"{name}:{value!r}" for name, value in values.items())
    assert field().parse(word) == values


def test_the_schema_and_the_pages_know_maps() -> None:
    spec = load_steps().get("prune.weights")
    schema = render.json_schema(spec)
    jsonschema.validate({"layers": {"conv1": 0.5}}, schema)
    for bad in ({"layers": {"conv1": 2}}, {"layers": ["conv1"]}, {"layers": {"conv1": "x"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
    assert "name:number 0 … 0.99, joined by +" in render.as_markdown(spec)
    assert render.shown({"b": 0.25, "a": 0.5}) == "a:0.5+b:0.25"
