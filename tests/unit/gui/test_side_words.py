"""What the cards and the library say."""

from __future__ import annotations

from dataclasses import replace

from compress_studio.gui.panels.budgets import summary_text, with_goal
from compress_studio.gui.panels.data_card import data_rows, details_text, prepared_text
from compress_studio.gui.panels.empty import when_text
from compress_studio.gui.panels.model_card import fact_rows, operators_text, value_text
from compress_studio.gui.panels.step_rows import BROKEN, HEADER, STEP, best_match, library_rows
from compress_studio.project.project import Goal, Project
from compress_studio.spec.registry import Broken, StepRegistry
from compress_studio.spec.runtime import load_runtime
from compress_studio.spec.step import Verdict

FACTS = {
    "format": "ONNX",
    "opset": 18,
    "bytes": 1_080_000,
    "parameters": 272_474,
    "macs": 41_000_000,
    "quantized": "none",
    "inputs": [{"name": "x", "dtype": "FLOAT", "dims": ["N", 3, 32, 32]}],
    "outputs": [{"name": "y", "dtype": "FLOAT", "dims": ["N", 10]}],
    "operators": {"Conv": 20, "Relu": 19},
}


def steps() -> StepRegistry:
    return load_runtime().steps


def test_facts_of_a_model_are_rows() -> None:
    rows = {label: value for label, value, _ in fact_rows(FACTS)}
    assert rows["ONNX opset 18"] == "39 nodes"
    assert rows["input"] == "N×3×32×32 f32"
    assert rows["parameters"] == "272\u202f474"
    assert "quantized" not in rows


def test_a_quantized_model_says_so() -> None:
    assert ("quantized", "int8", "warn") in fact_rows({**FACTS, "quantized": "int8"})


def test_many_inputs_are_counted() -> None:
    inputs = [{"name": f"x{one}", "dtype": "INT64", "dims": [1]} for one in range(5)]
    assert ("5 inputs", "x0, x1, x2, …", "") in fact_rows({**FACTS, "inputs": inputs})


def test_facts_that_are_missing_leave_no_empty_rows() -> None:
    rows = fact_rows({"format": "a TorchScript program", "bytes": 10})
    assert rows == (("TorchScript", "", ""), ("file size", "10\u202fB", ""))


def test_shapes_are_short() -> None:
    assert value_text({"dtype": "INT64", "dims": []}) == "one number i64"
    assert value_text({"dtype": "UINT8", "dims": None}) == "any shape u8"


def test_operators_are_listed_by_number() -> None:
    assert operators_text(FACTS).startswith("Operators: 20 × Conv, 19 × Relu")


def test_preparation_is_told_in_few_letters() -> None:
    assert prepared_text("as 1 × 28 × 28, × 1/255, − 0.286, ÷ 0.353, type float32") == "×1/255 −0.286 ÷0.353"
    assert prepared_text("type float32") == "as it is"
    assert prepared_text("type int64") == "as int64"


def test_data_rows_name_task_and_parts() -> None:
    facts = {"task": "classify", "classes": ["a", "b"], "parts": {"calibrate": 512, "tune": 8000, "test": 2000}}
    assert data_rows(facts)[:2] == (
        ("task", "classification · 2", ""),
        ("samples", "512 / 8\u202f000 / 2\u202f000", ""),
    )
    assert "Classes: a, b" in details_text(facts)


def test_budgets_are_summed_up() -> None:
    project = replace(Project(), goals=(Goal("quality_drop", 0.01), Goal("bytes", 5e5)))
    assert summary_text(project) == "−1 pt · 500\u202fkB"
    assert with_goal(project.goals, "bytes", None) == (Goal("quality_drop", 0.01),)
    assert with_goal(project.goals, "bytes", 1.0)[-1] == Goal("bytes", 1.0)


def test_times_are_told_as_people_do() -> None:
    assert when_text(0, 30) == "just now"
    assert when_text(0, 720) == "12 min ago"
    assert when_text(0, 7300) == "2 h ago"
    assert when_text(0, 90_000) == "yesterday"
    assert when_text(0, 86_400 * 5) == "5 days ago"


def test_the_library_lists_every_step_but_the_source_in_groups() -> None:
    rows = library_rows(steps())
    assert {row.step for row in rows if row.kind == STEP} == {one.id for one in steps() if one.id != "source.model"}
    groups = [row.title for row in rows if row.kind == HEADER]
    assert groups == sorted(groups, key=["Graph", "Prune", "Factorize", "Quantize", "Train", "Combine"].index)


def test_a_search_finds_by_name_and_only_then_by_what_the_help_mentions() -> None:
    found = [row.step for row in library_rows(steps(), search="int8") if row.kind == STEP]
    assert {"quantize.static", "quantize.dynamic"} <= set(found)
    assert library_rows(steps(), search="xyzzy") == ()


def test_enter_adds_the_step_that_is_called_so() -> None:
    for search, step in (
        ("train.dis", "train.distil"),
        ("Prune weights", "prune.weights"),
        ("low rank", "factorize.lowrank"),
    ):
        assert best_match(steps(), library_rows(steps(), search=search), search) == step
    assert best_match(steps(), (), "anything") == ""


def test_a_step_that_does_not_apply_carries_its_reason() -> None:
    spec = next(one for one in steps() if one.id == "quantize.static")
    registry = StepRegistry(
        "step", {"x": replace(spec, applies=lambda facts, params: Verdict.no("Too small.", "Use another."))}
    )
    row = next(row for row in library_rows(registry, {"parameters": 3}) if row.kind == STEP)
    assert row.reason == "Too small."
    assert "Use another." in row.tip
    unknown = next(row for row in library_rows(registry, None) if row.kind == STEP)
    assert unknown.reason == ""


def test_a_check_that_crashes_does_not_take_the_library_with_it() -> None:
    def crash(facts: object, params: object) -> Verdict:
        raise RuntimeError("boom")

    spec = next(one for one in steps() if one.id == "quantize.static")
    rows = library_rows(StepRegistry("step", {"x": replace(spec, applies=crash)}), {"parameters": 3})
    assert "boom" in rows[1].reason


def test_plug_ins_that_failed_stand_at_the_end_with_their_error() -> None:
    rows = library_rows(steps(), broken=[Broken("mine", "my-package", "Traceback\nImportError: no such thing\n")])
    assert rows[-1].kind == BROKEN
    assert rows[-1].reason == "ImportError: no such thing"
