"""Project files: everything survives, bad ones are named, failures leave things alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.base.paths import resource
from compress_studio.project import edits, files, migrations
from compress_studio.project.project import Project
from compress_studio.spec.data import DataRequest
from tests.unit.project.steps import registry

STEPS = registry()


def project_of(model: Path) -> Project:
    project = edits.add_node("source.model", {"path": str(model)}, STEPS)(Project(title="Täst ÷ 模型"))
    return edits.append_step("prune.channels", {"amount": 0.3}, STEPS)(project)


def test_a_project_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    project = project_of(tmp_path / "m.onnx")
    files.save(project, tmp_path / "a.cstudio")
    assert files.load(tmp_path / "a.cstudio") == project


def test_a_model_below_the_project_is_stored_relative_and_moves_with_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "models").mkdir(parents=True)
    (old / "models" / "m.onnx").write_bytes(b"x")
    (old / "d.npz").write_bytes(b"x")
    project = edits.set_data(DataRequest(str(old / "d.npz")))(project_of(old / "models" / "m.onnx"))
    files.save(project, old / "a.cstudio")
    assert json.loads((old / "a.cstudio").read_text())["nodes"][0]["params"]["path"] == "models/m.onnx"
    shutil.move(old, new)
    loaded = files.load(new / "a.cstudio")
    assert loaded.pipeline.node("source1").params["path"] == str(new / "models" / "m.onnx")
    assert loaded.data.path == str(new / "d.npz")


def test_a_model_elsewhere_is_found_beside_the_project_when_both_moved(tmp_path: Path) -> None:
    project = project_of(tmp_path / "gone" / "m.onnx")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "m.onnx").write_bytes(b"x")
    files.save(project, tmp_path / "here" / "a.cstudio")
    loaded = files.load(tmp_path / "here" / "a.cstudio")
    assert loaded.pipeline.node("source1").params["path"] == str(tmp_path / "here" / "m.onnx")


def test_unknown_steps_and_fields_survive_untouched(tmp_path: Path) -> None:
    raw = {
        "format": 1,
        "future": {"a": [1, None]},
        "nodes": [
            {"id": "x1", "step": "acme.magic", "version": 9, "params": {"deep": {"er": [1.5, "ü"]}}, "colour": "red"}
        ],
    }
    path = tmp_path / "a.cstudio"
    path.write_text(json.dumps(raw))
    files.save(files.load(path, STEPS), path)
    again = json.loads(path.read_text())
    assert again["future"] == raw["future"]
    assert again["nodes"][0].items() >= raw["nodes"][0].items()  # type: ignore[index]


def test_parameters_are_completed_and_renamed_with_a_registry(tmp_path: Path) -> None:
    path = tmp_path / "a.cstudio"
    path.write_text(
        json.dumps({"format": 1, "nodes": [{"id": "p", "step": "prune.channels", "params": {"ratio": 0.2}}]})
    )
    node = files.load(path, STEPS).pipeline.node("p")
    assert node.params == {"amount": 0.2, "criterion": "l1", "multiple": None, "keep": []}
    assert node.version == 2


def test_invalid_parameters_are_kept_for_the_user_to_mend(tmp_path: Path) -> None:
    path = tmp_path / "a.cstudio"
    path.write_text(
        json.dumps({"format": 1, "nodes": [{"id": "p", "step": "prune.channels", "params": {"amount": 9}}]})
    )
    assert files.load(path, STEPS).pipeline.node("p").params == {"amount": 9}


BAD = {
    "empty": (b"", "not a complete project file"),
    "cut off": (b'{"format": 1, "nodes": [', "not a complete project file"),
    "binary": (b"\xff\xfe\x00\x01", "not a text file"),
    "a list": (b"[1, 2]", "not a project file"),
    "no format": (b"{}", "no format number"),
    "format true": (b'{"format": true}', "no format number"),
    "newer": (b'{"format": 999}', "newer version"),
    "not a number": (b'{"format": 1, "seed": NaN}', "not a number"),
    "infinite": (b'{"format": 1, "nodes": [{"id": "a", "step": "b", "pos": [1e999, 0]}]}', "too large"),
    "deep": (b'{"format": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "lone surrogate": (b'{"format": 1, "title": "\\ud800"}', "not a text file"),
    "wrong type": (b'{"format": 1, "seed": "seven"}', "seed"),
    "pos": (b'{"format": 1, "nodes": [{"id": "a", "step": "b", "pos": [1]}]}', "nodes.0.pos"),
    "no step": (b'{"format": 1, "nodes": [{"id": "a"}]}', "nodes.0.step"),
    "same name": (b'{"format": 1, "nodes": [{"id": "a", "step": "b"}, {"id": "a", "step": "b"}]}', "same name: a"),
    "circle": (
        b'{"format": 1, "nodes": [{"id": "a", "step": "b"}, {"id": "c", "step": "b"}],'
        b' "edges": [{"from": "a", "to": "c"}, {"from": "c", "to": "a"}]}',
        "circle",
    ),
    "ghost": (b'{"format": 1, "edges": [{"from": "a", "to": "c"}]}', "does not exist"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_a_bad_file_is_refused_by_name_with_the_cause(tmp_path: Path, case: str) -> None:
    content, words = BAD[case]
    path = tmp_path / "bad.cstudio"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        files.load(path)
    assert "bad.cstudio" in caught.value.message
    assert caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.cstudio cannot be read"):
        files.load(tmp_path / "nowhere.cstudio")
    with pytest.raises(BadInput, match="cannot be read"):
        files.load(tmp_path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.cstudio"
    with path.open("wb") as stream:
        stream.truncate(files.LARGEST + 1)
    with pytest.raises(BadInput, match="too big"):
        files.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.cstudio"
    files.save(project_of(tmp_path / "m.onnx"), path)
    before = path.read_bytes()

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        files.save(Project(), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.cstudio"]


def test_migrations_run_one_after_the_other() -> None:
    steps = {1: lambda raw: {**raw, "one": True}, 2: lambda raw: {**raw, "two": raw["one"]}}
    assert migrations.upgrade({"format": 1}, "x", 3, steps) == {"format": 3, "one": True, "two": True}


GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "projects"


def test_projects_of_every_format_open_for_ever() -> None:
    project = files.load(GOLDEN / "format1.cstudio", STEPS)
    assert [node.id for node in project.pipeline.order()] == ["source1", "prune1", "distil1", "magic1"]
    assert project.pipeline.source_of("magic1") == "source1"
    assert project.pipeline.node("prune1").params["amount"] == 0.3
    assert not project.pipeline.node("magic1").on
    assert project.data.options == {"layout": "nchw"}
    assert project.goal("quality_drop") == 0.02
    assert project.seed == 7


def test_every_format_has_a_golden_file() -> None:
    assert {f"format{number}.cstudio" for number in range(1, migrations.FORMAT + 1)} == {
        path.name for path in GOLDEN.iterdir()
    }


def test_the_documented_schema_is_that_of_the_reader() -> None:
    schema = json.loads((resource("schemas") / "project-1.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads((GOLDEN / "format1.cstudio").read_text(encoding="utf-8")), schema)
    generated = files.ProjectRow.model_json_schema(by_alias=True)
    assert {name: value for name, value in schema.items() if not name.startswith("$")} == {
        name: value for name, value in generated.items() if not name.startswith("$")
    }
    assert schema["$defs"] == generated["$defs"]
