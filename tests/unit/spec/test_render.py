"""What is shown of a step follows its declaration; the help pages in the resources are up to date."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from compress_studio.base.paths import resource
from compress_studio.spec import render
from compress_studio.spec.registry import load_steps
from compress_studio.spec.step import spec_of
from tests.unit.project.steps import Pruning, distil, prune, registry, source


def test_the_text_page_names_every_parameter_with_its_values_and_default() -> None:
    lines = render.as_text(spec_of(prune)).splitlines()
    assert lines[0] == "prune.channels · Remove channels"
    row = next(line for line in lines if line.startswith("amount"))
    assert row.split() == ["amount", "0", "…", "0.95", "0.5", "Share", "of", "the", "work."]
    assert any(line.startswith("multiple") and "1 … 64, auto" in line for line in lines)


def test_the_text_page_says_when_the_data_matter() -> None:
    assert "depends on the data set" in render.as_text(spec_of(distil))


def test_the_help_page_is_markdown_with_a_table() -> None:
    page = render.as_markdown(spec_of(prune))
    assert page.startswith("# Remove channels\n")
    assert "| `criterion` | Rank by | l1, taylor | l1 | What makes a channel unimportant. |" in page
    assert "compress-studio run model.onnx --step prune.channels:amount=0.5" in page


def test_an_example_needs_no_parameter() -> None:
    assert render.example(spec_of(source)) == "source.model"


@pytest.mark.parametrize("values", [{}, {"amount": 0.2, "criterion": "taylor"}, {"multiple": None, "keep": ["a"]}])
def test_the_schema_accepts_what_the_step_accepts(values: dict[str, object]) -> None:
    schema = render.json_schema(spec_of(prune))
    jsonschema.validate(Pruning.read(values).plain(), schema)
    jsonschema.validate(values, schema)


@pytest.mark.parametrize("values", [{"amount": 2}, {"criterion": "x"}, {"keep": "a"}, {"wrong": 1}])
def test_the_schema_refuses_what_the_step_refuses(values: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, render.json_schema(spec_of(prune)))


def test_the_json_form_holds_everything_a_form_needs() -> None:
    row = render.as_json(spec_of(distil))
    assert row["inputs"] == [
        {"name": "network", "kind": "network", "optional": False},
        {"name": "teacher", "kind": "network", "optional": True},
    ]
    temperature = row["parameters"][1]  # type: ignore[index,call-overload]
    assert temperature["range"] == {"lo": 0.1, "hi": 100.0, "step": None, "log": True}  # type: ignore[index,call-overload]


def test_stale_missing_and_orphaned_pages_are_named(tmp_path: Path) -> None:
    steps = registry()
    for name, text in render.pages(steps).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert render.stale(steps, tmp_path) == []
    (tmp_path / "prune.channels.md").write_text("old", encoding="utf-8")
    (tmp_path / "source.model.md").unlink()
    (tmp_path / "gone.step.md").write_text("", encoding="utf-8")
    assert render.stale(steps, tmp_path) == ["gone.step.md", "prune.channels.md", "source.model.md"]


def test_the_help_pages_in_the_resources_are_up_to_date() -> None:
    steps = load_steps()
    if not len(steps):
        pytest.skip("no built-in step is installed yet")
    old = render.stale(steps, resource("help") / "steps")
    assert not old, f"run python -m compress_studio.spec.render --write: {old}"
