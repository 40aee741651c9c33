"""A recipe becomes the command that gives the same pipeline again."""

from __future__ import annotations

import random
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.errors import UserError
from compress_studio.project import edits
from compress_studio.project.commandline import command_line
from compress_studio.project.pipeline import Edge
from compress_studio.project.project import Project
from compress_studio.project.words import parse_step
from compress_studio.spec.data import DataRequest
from compress_studio.spec.registry import load_steps

STEPS = load_steps()
LINE = [one.id for one in STEPS if one.inputs]


def with_source(path: str = "/models/net.onnx") -> Project:
    return edits.add_node("source.model", {"path": path}, STEPS)(Project())


def back(text: str) -> Project:
    """What `run` makes of the words."""
    words = shlex.split(text)
    assert words[:2] == ["compress-studio", "run"]
    project = with_source(words[2])
    for flag, word in zip(words[3::2], words[4::2], strict=True):
        if flag == "--step":
            spec, values = parse_step(word, STEPS)
            project = edits.append_step(spec.id, values, STEPS)(project)
    return project


def test_a_line_of_steps_comes_back_with_every_value() -> None:
    project = with_source("/models/my net.onnx")
    project = edits.append_step("prune.channels", {"amount": 0.35}, STEPS)(project)
    project = edits.append_step("train.distil", {}, STEPS)(project)
    text = command_line(project.pipeline, STEPS, DataRequest("/data/a b.npz"), "out")
    assert "--data '/data/a b.npz' --out out" in text
    again = back(text.split(" --data")[0])
    assert [(node.step, node.params) for node in again.pipeline] == [
        (node.step, node.params) for node in project.pipeline
    ]


@given(st.integers(0, 2**32), st.lists(st.sampled_from(LINE), min_size=1, max_size=4))
def test_random_values_of_every_step_survive_the_words(seed: int, chosen: list[str]) -> None:
    rng = random.Random(seed)
    project = with_source()
    for step in chosen:
        values = {}
        for one in STEPS.get(step).params.fields():
            if one.range is not None and one.kind in {"int", "float"}:
                value = one.range.sample(rng)
                values[one.name] = round(value) if one.kind == "int" else value
            elif one.choices:
                values[one.name] = rng.choice(one.choices)
            elif one.kind == "bool":
                values[one.name] = rng.random() < 0.5
        project = edits.append_step(step, values, STEPS)(project)
    assert [node.params for node in back(command_line(project.pipeline, STEPS)).pipeline] == [
        node.params for node in project.pipeline
    ]


def test_a_node_that_is_off_is_left_out() -> None:
    project = edits.append_step("graph.fp16", {}, STEPS)(with_source())
    project = edits.toggle(["fp16_1"])(project)
    assert "fp16" not in command_line(project.pipeline, STEPS)


def test_a_teacher_that_is_not_the_model_cannot_be_said_in_one_command() -> None:
    project = edits.add_node("source.model", {"path": "/other.onnx"}, STEPS)(with_source())
    project = edits.append_step("train.distil", {}, STEPS, after="source1")(project)
    project = edits.connect(Edge("source2", "network", "distil1", "teacher"), STEPS)(project)
    with pytest.raises(UserError, match="branches") as caught:
        command_line(project.pipeline, STEPS)
    assert "compress-studio run PROJECT.cstudio" in caught.value.hint


def test_a_value_that_the_separators_cannot_carry_is_refused_and_named() -> None:
    project = with_source()
    named = next(one for one in STEPS if any(field.kind == "list" for field in one.params.fields()))
    field = next(field for field in named.params.fields() if field.kind == "list")
    project = edits.append_step(named.id, {field.name: ["a,b"]}, STEPS)(project)
    with pytest.raises(UserError, match="cannot be written"):
        command_line(project.pipeline, STEPS)


def test_what_the_numbers_depend_on_besides_the_steps_is_written_too() -> None:
    text = command_line(with_source().pipeline, STEPS, seed=4, device="cpu", threads=2)
    assert text.endswith("--seed 4 --device cpu --threads 2")


def test_choices_about_the_data_are_refused_because_the_command_line_has_no_words_for_them() -> None:
    with pytest.raises(UserError, match="about the data"):
        command_line(with_source().pipeline, STEPS, DataRequest("/data/a.npz", {"labels": "y"}))
