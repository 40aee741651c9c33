"""Options of data as people edit them."""

from __future__ import annotations

import pytest

from compress_studio.base.errors import BadInput
from compress_studio.data import options as declared
from compress_studio.gui.panels.data_options import GROUPS, difference, options_of, texts_of

FILE = {"task": "classify", "input": {"image": {"scale": "1/255", "mean": [0.5]}}, "split": {"test": 0.5}}
INPUTS = ["image"]


def edited(changes: dict, file: dict | None = None, inputs: list[str] | None = None):
    file, inputs = FILE if file is None else file, INPUTS if inputs is None else inputs
    return options_of({**texts_of(file, inputs), **changes}, file, inputs)


def test_every_option_that_the_data_package_knows_can_be_edited() -> None:
    shown = {where: {one.name for group in GROUPS if group.where == where for one in group.fields} for where in
             ("top", "input", "split")}  # fmt: skip
    assert shown["input"] == set(declared.INPUT_KEYS)
    assert shown["split"] == set(declared.SPLIT_KEYS)
    assert shown["top"] == set(declared.TOP_KEYS) - {"path", "input", "split", "dims"}


def test_types_offered_are_known() -> None:
    field = next(one for group in GROUPS for one in group.fields if one.name == "dtype")
    assert set(field.choices) <= declared.DTYPES


def test_nothing_changed_gives_no_options() -> None:
    assert edited({}) == {}


def test_only_what_differs_from_the_file_becomes_an_option() -> None:
    assert edited({("top", "labels"): "klass"}) == {"labels": "klass"}


def test_an_input_is_written_whole_because_it_replaces_what_the_file_says() -> None:
    found = edited({("input:image", "mean"): "0.1, 0.2, 0.3"})
    assert found == {"input": {"image": {"scale": "1/255", "mean": [0.1, 0.2, 0.3]}}}


def test_what_the_file_says_can_be_taken_back() -> None:
    assert edited({("top", "task"): ""}) == {"task": None}
    assert edited({("split", "test"): ""}) == {"split": {}}


def test_lines_at_the_top_of_a_file_hold_for_its_only_input() -> None:
    texts = texts_of({"scale": "1/255", "size": [224, 224]}, INPUTS)
    assert texts["input:image", "scale"] == "1/255"
    assert texts["input:image", "size"] == "224, 224"


def test_amounts_are_shares_or_whole_numbers() -> None:
    assert edited({("split", "test"): "500"})["split"] == {"test": 500}
    assert edited({("split", "test"): "0.25"})["split"] == {"test": 0.25}


def test_sizes_names_and_switches_are_understood() -> None:
    found = edited({("dims", "dims"): "seq=64, N=1", ("top", "classes"): "cat, dog", ("top", "keep_nan"): "yes",
                    ("input:image", "size"): "32", ("input:image", "crop"): "no"})  # fmt: skip
    assert found["dims"] == {"seq": 64, "N": 1}
    assert found["classes"] == ["cat", "dog"]
    assert found["keep_nan"] is True
    assert found["input"]["image"]["size"] == [32]
    assert found["input"]["image"]["crop"] is False


@pytest.mark.parametrize("key", [("input:image", "mean"), ("split", "test"), ("dims", "dims")])
def test_words_in_place_of_numbers_are_refused_with_an_example(key: tuple[str, str]) -> None:
    with pytest.raises(BadInput, match="is not understood") as caught:
        edited({key: "many"} if key[0] != "dims" else {key: "seq=many"})
    assert "like" in caught.value.hint


def test_the_data_package_understands_what_was_edited() -> None:
    found = edited({("input:image", "mean"): "0.1", ("split", "calibrate"): "128", ("top", "task"): ""})
    declared._options(found, None, "test")  # pyright: ignore[reportPrivateUsage]


def test_a_change_is_told_in_sentences() -> None:
    before = {"task": "classify", "parts": {"test": 3000}, "preprocessing": {"x": "a"}, "notes": []}
    after = {"task": "none", "parts": {"test": 500}, "preprocessing": {"x": "b"}, "notes": [{"message": "Few."}]}
    assert difference(before, after) == [
        "Task: classify → none",
        "To test: 3\u202f000 → 500 samples",
        "x: b",
        "New: Few.",
    ]
    assert difference(before, before) == []
