"""An export is made beside its target and proved before anything is replaced."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import onnx_ir as ir
import pytest

from compress_studio.base.errors import BadInput, UserError
from compress_studio.engine import delivery
from compress_studio.engine.exporting import ExportRequest, discard, finish, stage
from compress_studio.graph.saving import save
from compress_studio.inspection.verifying import verify
from compress_studio.project import edits, files
from compress_studio.project.project import Project
from compress_studio.spec.registry import load_steps
from tests.toys.networks import conv_net, mlp

STEPS = load_steps()
REPORT = {
    "schema": 1, "app": "0", "title": "A <b>", "data": {"path": ""}, "environment": {"cpu": "x"},
    "nodes": [{
        "id": "source1", "step": "source.model", "params": {"path": "a.onnx"}, "metrics": {
            "top1": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 10, "unit": ""}},
        "latency": {"median_ms": 1.5, "ratio": 1.0, "ratio_low": 0.9, "ratio_high": 1.1}, "bytes": 1000,
        "zipped_bytes": 900, "macs": 10, "layers_changed": 0, "layers_total": 0,
        "warnings": [{"code": "x", "message": "5 < 6 & so"}],
    }],
}  # fmt: skip


@pytest.fixture
def request_of(tmp_path: Path):
    """Makes an export request for a toy network in a store-like folder."""

    def make(target: Path, model: ir.Model | None = None, **more) -> ExportRequest:
        folder = tmp_path / "stored"
        folder.mkdir(exist_ok=True)
        stored = folder / "model.onnx"
        save(conv_net() if model is None else model, stored)
        digest = delivery.digest_of(delivery.artifact_files(stored))
        project = edits.add_node("source.model", {"path": str(tmp_path / "a.onnx")}, STEPS)(Project(title="t"))
        return ExportRequest(target, stored, digest, "source1", project, REPORT, **more)

    return make


def test_everything_that_was_asked_for_is_written_and_reads_back(tmp_path: Path, request_of) -> None:
    target = tmp_path / "out" / "small.onnx"
    staged = stage(request_of(target, with_script=True))
    assert not target.exists()
    assert all(row["ok"] for row in verify(str(staged.model), str(tmp_path / "stored" / "model.onnx")))
    written = finish(staged)
    assert sorted(path.name for path in written) == [
        "run_small.py", "small.cstudio", "small.onnx", "small.report.html", "small.report.json",
    ]  # fmt: skip
    assert sorted(path.name for path in target.parent.iterdir()) == sorted(path.name for path in written)
    assert files.load(tmp_path / "out" / "small.cstudio", STEPS).pipeline.nodes[0].step == "source.model"
    assert json.loads((tmp_path / "out" / "small.report.json").read_text())["schema"] == 1
    page = (tmp_path / "out" / "small.report.html").read_text()
    assert "5 &lt; 6 &amp; so" in page
    assert "A &lt;b&gt;" in page
    compile((tmp_path / "out" / "run_small.py").read_text(), "run_small.py", "exec")


def test_what_was_there_stays_until_the_new_file_is_put_into_place(tmp_path: Path, request_of) -> None:
    target = tmp_path / "small.onnx"
    target.write_text("old")
    staged = stage(request_of(target, with_recipe=False, with_report=False))
    assert target.read_text() == "old"
    discard(staged)
    assert target.read_text() == "old"
    assert not staged.folder.exists()


def test_a_stored_network_that_was_damaged_is_not_exported(tmp_path: Path, request_of) -> None:
    asked = request_of(tmp_path / "small.onnx")
    path = tmp_path / "stored" / "model.onnx"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="differs from the model that was measured"):
        stage(asked)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["stored"]


def test_a_name_that_is_no_onnx_file_is_refused(tmp_path: Path, request_of) -> None:
    with pytest.raises(BadInput, match="not the name of an ONNX file"):
        stage(request_of(tmp_path / "small.txt"))


def test_a_different_network_fails_the_proof_and_says_where(tmp_path: Path, request_of) -> None:
    request_of(tmp_path / "x.onnx")
    first = tmp_path / "first.onnx"
    save(mlp(), first)
    other = tmp_path / "other.onnx"
    model = mlp()
    for value in model.graph.initializers.values():
        if value.const_value is not None and len(value.shape or ()) == 2:
            value.const_value = ir.tensor(value.const_value.numpy() * 1.5, name=value.name)
    save(model, other)
    rows = verify(str(other), str(first))
    assert [row["ok"] for row in rows] == [True, True, False]
    assert "differs" in rows[-1]["detail"]


def test_a_file_that_does_not_open_fails_every_check_in_words(tmp_path: Path, request_of) -> None:
    request_of(tmp_path / "x.onnx")
    broken = tmp_path / "broken.onnx"
    shutil.copyfile(__file__, broken)
    rows = verify(str(broken), str(tmp_path / "stored" / "model.onnx"))
    assert not any(row["ok"] for row in rows)
    assert all(row["detail"] for row in rows)


def test_the_script_registers_the_operators_that_the_source_names(tmp_path: Path, request_of) -> None:
    params = {"path": str(tmp_path / "a.onnx"), "custom_ops": "extensions+/somewhere/libmine.so"}
    project = edits.add_node("source.model", params, STEPS)(Project(title="t"))
    finish(stage(replace(request_of(tmp_path / "small.onnx", with_script=True), project=project)))
    script = (tmp_path / "run_small.py").read_text()
    assert "onnxruntime_extensions" in script
    assert "with_name('libmine.so')" in script
    assert "/somewhere" not in script
