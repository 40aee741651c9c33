"""Networks exported from the command line in other formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli


def test_a_model_file_becomes_a_pytorch_program_at_once(cli: Cli, model: Path, tmp_path: Path) -> None:
    done = cli("export", model, "--out", tmp_path / "small.pt2", "--json")
    assert done.code == 0, done.err
    assert done.json["format"] == "torch.program"
    assert done.json["files"] == [str(tmp_path / "small.pt2")]
    assert [row["ok"] for row in done.json["checks"]] == [True, True]
    assert (tmp_path / "small.pt2").stat().st_size == done.json["bytes"]


def test_a_node_of_a_project_becomes_source_with_weights(cli: Cli, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "result"
    assert cli("run", model, "--step", "prune.weights:sparsity=50%", "--out", out).code == 0
    done = cli("export", out / "project.cstudio", "--node", "prune1", "--out", out / "small.py")
    assert done.code == 0, done.err
    assert "PyTorch source" in done.out
    assert "only torch" in done.out
    assert "Keep small.safetensors beside it" in done.err
    assert (out / "small.py").is_file()
    assert not [path for path in out.iterdir() if path.name.startswith(".cs-")]


def test_source_may_have_a_name_that_python_cannot_import_which_is_said(cli: Cli, model: Path, tmp_path: Path) -> None:
    done = cli("export", model, "--out", tmp_path / "my-net.int8.py")
    assert done.code == 0, done.err
    assert "Python cannot import a file named my-net.int8.py" in done.out + done.err
    assert (tmp_path / "my-net.int8.safetensors").exists()


def test_the_opset_of_an_onnx_file_can_be_chosen(cli: Cli, model: Path, tmp_path: Path) -> None:
    done = cli("export", model, "--out", tmp_path / "newer.onnx", "--opset", "20", "--json")
    assert done.code == 0, done.err
    assert "opset 20" in done.json["checks"][1]["detail"]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--out", "a.tar"], "no ending of a known format", ".onnx"),
        (["--out", "a.pt2", "--format", "torch.script"], "not the name of a file of the format", ".pt"),
        (["--out", "a.pt2", "--format", "nonsense"], "no output format nonsense", "Did you mean"),
        (["--out", "a.pt2", "--opset", "17"], "no option opset", "batch"),
        (["--out", "a.onnx", "--opset", "99"], "from 13 to 26", ""),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_runs(
    cli: Cli, model: Path, words: list[str], message: str, hint: str
) -> None:
    done = cli("export", model, *words)
    assert done.code == 2
    assert message in done.err
    assert hint in done.err
    assert "source1" not in done.err


def test_formats_lists_both_directions_and_what_is_missing(cli: Cli) -> None:
    done = cli("formats")
    assert done.code == 0
    assert "an ONNX model" in done.out
    both = json.loads(cli("formats", "--json").out)
    opened = {row["format"]: row for row in both["in"]}
    assert {"onnx", "pt2", "checkpoint", "pickle", "safetensors", "folder_hub", "keras", "tflite"} <= set(opened)
    assert opened["onnx"] == {"format": "onnx", "title": "an ONNX model", "opens": True, "hint": ""}
    assert all(row["hint"] for row in opened.values() if not row["opens"])
    found = {row["id"]: row for row in both["out"]}
    assert {"onnx", "torch.program", "torch.script", "torch.source", "openvino", "tflite", "coreml"} <= set(found)
    assert found["torch.program"]["ready"]
    for row in found.values():
        assert row["ready"] == (not row["missing"])
        assert all(one["install"].startswith("pip install ") for one in row["missing"])


def test_weights_are_exported_with_what_is_said_about_their_network(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\ndef make(width=4):\n    return nn.Sequential(nn.Linear(6, width), nn.ReLU())\n"
    )
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.ReLU()).state_dict(), tmp_path / "w.pth")
    words = [f"architecture={tmp_path / 'net.py'}:make", "arguments=width=3", "dims=x=Nx6"]
    options = [part for word in words for part in ("--source", word)]
    code = ["--allow-code", tmp_path / "net.py"]
    done = cli("export", tmp_path / "w.pth", *options, *code, "--out", tmp_path / "w.onnx", "--json")
    assert done.code == 0, done.err
    assert (tmp_path / "w.onnx").is_file()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--source", "colour=red"], "a model is not opened with that", "architecture"),
        (["--source", "path=other.onnx"], "a model is not opened with that", "dims"),
        (["--step", "prune.weights"], "applies no steps", "run"),
    ],
)
def test_what_says_nothing_about_opening_a_model_is_refused(
    cli: Cli, model: Path, tmp_path: Path, words: list[str], message: str, hint: str
) -> None:
    done = cli("export", model, *words, "--out", tmp_path / "x.onnx")
    assert done.code == 2
    assert message in done.err
    assert hint in done.err
