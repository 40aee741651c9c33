"""The command line by subprocess: usage, a real run, the cache, reports, exports."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from compress_studio.base.paths import resource
from tests.e2e.conftest import Cli

SCHEMA = json.loads((resource("schemas") / "report-1.json").read_text(encoding="utf-8"))
STEPS = ("--step", "prune.weights:sparsity=50%", "--step", "graph.fp16")


def test_the_version_is_one_line(cli: Cli) -> None:
    done = cli("--version")
    assert done.code == 0
    assert done.out.startswith("compress-studio ")
    assert done.err == ""


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["measure", "--help"], ["export", "--help"]])
def test_every_command_explains_itself(cli: Cli, words: list[str]) -> None:
    done = cli(*words)
    assert done.code == 0
    assert "usage: compress-studio" in done.out


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["run"],
        ["run", "--threads", "x", "m.onnx"],
        ["measure"],
        ["export", "p.cstudio"],
        ["info"],
        ["--wrong"],
    ],
)
def test_bad_usage_is_one_message_with_a_hint_and_ends_with_2(cli: Cli, words: list[str]) -> None:
    done = cli(*words, "--json")
    assert done.code == 2
    lines = done.err.strip().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("hint: ")
    assert done.json["ok"] is False
    assert done.json["error"]["exit_code"] == 2


def test_all_steps_are_listed_and_each_one_explains_its_parameters(cli: Cli) -> None:
    listed = cli("steps", "--json").json["steps"]
    assert {"source.model", "graph.fp16", "prune.weights"} <= {one["id"] for one in listed}
    done = cli("steps", "prune.weights")
    assert done.code == 0
    assert "sparsity" in done.out
    assert "0.99" in done.out
    assert cli("steps", "prune.wieghts").code == 2


def test_samples_are_listed_and_copied_but_never_over_other_files(cli: Cli, tmp_path: Path) -> None:
    names = [one["name"] for one in cli("samples", "--json").json["samples"]]
    assert names
    done = cli("samples", names[0], "--out", tmp_path / "copy")
    assert done.code == 0
    assert any((tmp_path / "copy").glob("*.onnx"))
    again = cli("samples", names[0], "--out", tmp_path / "copy")
    assert again.code == 2
    assert "is there already" in again.err
    assert cli("samples", "nothing").code == 2


def test_info_names_layers_inputs_and_sizes(cli: Cli, model: Path) -> None:
    done = cli("info", model)
    assert done.code == 0, done.err
    assert "fc1" in done.out
    facts = cli("info", model, "--json").json
    assert facts["parameters"] == 12 * 32 + 32 + 32 * 24 + 24 + 24 * 5 + 5
    assert facts["bytes"] == model.stat().st_size


def test_a_run_measures_writes_and_is_found_in_the_cache_again(
    cli: Cli, model: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "small"
    done = cli("run", model, *STEPS, "--data", samples, "--out", out, "--json")
    assert done.code == 0, done.err
    report = done.json
    jsonschema.validate(report, SCHEMA)
    assert sorted(path.name for path in out.iterdir()) == ["model.onnx", "project.cstudio", "report.json"]
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == report
    _check_nodes(report, model, out)

    begun = time.monotonic()
    again = cli("run", model, *STEPS, "--data", samples, "--json")
    assert time.monotonic() - begun < 10
    assert all(node["cached"] for node in again.json["nodes"])
    assert [node["digest"] for node in again.json["nodes"]] == [node["digest"] for node in report["nodes"]]

    changed = cli("run", out / "project.cstudio", "--set", "fp16_1.mode=full", "--json")
    assert changed.code == 0, changed.err
    assert [node["cached"] for node in changed.json["nodes"]] == [True, True, False]

    _check_export(cli, out, report)


def _check_nodes(report: dict, model: Path, out: Path) -> None:
    source, pruned, last = report["nodes"]
    assert source["path"] == str(model)
    assert source["bytes"] == model.stat().st_size
    assert last["bytes"] == (out / "model.onnx").stat().st_size
    assert 0.45 < 1 - pruned["nonzero"] / pruned["parameters"] < 0.55
    top1 = source["metrics"]["top1"]
    assert top1["low"] < top1["value"] < top1["high"]
    assert 0.8 < top1["value"] < 1.0
    assert top1["n"] == report["data"]["parts"]["test"]
    assert last["latency"]["ratio_low"] <= last["latency"]["ratio"] <= last["latency"]["ratio_high"]
    assert not report["data"]["synthetic"]


def _check_export(cli: Cli, out: Path, report: dict) -> None:
    done = cli("export", out / "project.cstudio", "--node", "prune1", "--out", out / "pruned.onnx", "--json")
    assert done.code == 0, done.err
    assert done.json["digest"] == report["nodes"][1]["digest"]
    import onnx

    onnx.checker.check_model(str(out / "pruned.onnx"))


def test_the_table_shows_every_node_and_says_that_inputs_were_made_up(cli: Cli, model: Path) -> None:
    done = cli("run", model, "--step", "graph.fp16")
    assert done.code == 0, done.err
    assert "agreement" in done.out.splitlines()[0]
    assert any(line.startswith("fp16_1") for line in done.out.splitlines())
    assert "random inputs" in done.out
    assert "--out small" in done.err


def test_models_are_measured_against_a_reference(cli: Cli, model: Path, samples: Path, tmp_path: Path) -> None:
    cli("run", model, *STEPS, "--data", samples, "--out", tmp_path / "o")
    done = cli("measure", tmp_path / "o" / "model.onnx", "--reference", model, "--data", samples, "--json")
    assert done.code == 0, done.err
    jsonschema.validate(done.json, SCHEMA)
    reference, other = done.json["nodes"]
    assert reference["metrics"]["agreement"]["value"] == 1.0
    assert other["metrics"]["agreement"]["value"] < 1.0
    assert other["reference"] == reference["id"]
    assert "peak_bytes" in other["metrics"]


def test_a_folder_that_moved_runs_and_exports_from_its_new_place(
    cli: Cli, model: Path, samples: Path, tmp_path: Path
) -> None:
    assert cli("run", model, "--step", "graph.fp16", "--data", samples, "--out", model.parent).code == 0
    moved = tmp_path / "elsewhere ü"
    shutil.move(model.parent, moved)
    done = cli("export", moved / "project.cstudio", "--out", moved / "again.onnx")
    assert done.code == 0, done.err
    assert (moved / "again.onnx").read_bytes() == (moved / "model.onnx").read_bytes()


def test_names_with_spaces_and_other_alphabets_work_everywhere(cli: Cli, model: Path, tmp_path: Path) -> None:
    odd = tmp_path / "mödel with spaces & 模型 #1.onnx"
    shutil.copy(model, odd)
    out = tmp_path / "ergebnis 模 %s"
    assert cli("info", odd).code == 0
    assert cli("run", odd, "--step", "graph.fp16", "--out", out).code == 0
    assert cli("export", out / "project.cstudio", "--out", tmp_path / "ö ü.onnx").code == 0


def heed_ctrl_c() -> None:
    """As from a terminal: a shell that starts tests in the background lets all its children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_ctrl_c_ends_at_once_and_what_was_done_is_kept(model: Path, samples: Path, tmp_path: Path) -> None:
    words = ["run", str(model), "--step", "graph.fp16", "--step", "train.distil:epochs=100", "--data", str(samples)]
    process = subprocess.Popen(
        [sys.executable, "-m", "compress_studio", *words, "--out", str(tmp_path / "o")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - no other thread runs here
    )
    assert process.stderr is not None
    said = ""
    while "distil1" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, said + err
    assert out == ""
    assert "Finished steps are kept" in err
    assert "Traceback" not in err
    assert not (tmp_path / "o").exists()
