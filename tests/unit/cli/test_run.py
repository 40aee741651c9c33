"""The command run on toy steps: results, failures, files, cancelling."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from compress_studio.base.paths import resource
from tests.unit.cli.conftest import Cli

SCHEMA = json.loads((resource("schemas") / "report-1.json").read_text(encoding="utf-8"))


def ran(journal: Path) -> list[str]:
    lines = journal.read_text().split("\n") if journal.exists() else []
    journal.unlink(missing_ok=True)
    return [line.split()[0] for line in lines if line]


def test_a_run_prints_a_row_per_node_and_how_to_get_the_model(toy: Path, model: Path, cli: Cli) -> None:
    said = cli("run", model, "--step", "toy.double:by=3", "--step", "toy.add")
    assert said.code == 0
    rows = [line.split() for line in said.out.splitlines()]
    assert [row[:2] for row in rows[2:5]] == [
        ["source1", "numbers.txt"],
        ["double1", "toy.double"],
        ["add1", "toy.add"],
    ]
    assert "! double1: only a toy" in said.out
    assert "· double1 left alone bias: nothing to double" in said.out
    assert "--out small" in said.err
    assert "double1 (Double): done in" in said.err


def test_json_is_the_documented_report_and_the_file_is_the_same(
    toy: Path, model: Path, cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "folder"
    said = cli("run", model, "--step", "toy.double", "--step", "toy.add:amount=5", "--json", "--seed", 4, "--out", out)
    assert said.code == 0, said.err
    jsonschema.validate(said.json, SCHEMA)
    assert sorted(path.name for path in out.iterdir()) == ["model.onnx", "project.cstudio", "report.json"]
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == said.json
    assert (out / "model.onnx").read_text() == "3 6 9"
    nodes = said.json["nodes"]
    assert [node["id"] for node in nodes] == ["source1", "double1", "add1"]
    assert nodes[0]["path"] == str(model)
    assert nodes[1]["params"] == {"by": 2.0, "comment": ""}
    assert (nodes[1]["layers_changed"], nodes[1]["layers_total"]) == (3, 3)
    assert nodes[1]["skipped"] == [{"layer": "bias", "reason": "nothing to double"}]
    assert {"code": "toy", "message": "only a toy"} in nodes[1]["warnings"]
    assert said.json["seed"] == 4


def test_written_files_have_the_rights_of_other_files(toy: Path, model: Path, cli: Cli, tmp_path: Path) -> None:
    cli("run", model, "--step", "toy.double", "--out", tmp_path / "out")
    plain = tmp_path / "plain"
    plain.touch()
    for path in (tmp_path / "out").iterdir():
        assert path.stat().st_mode & 0o600 == plain.stat().st_mode & 0o600
        assert path.stat().st_mode & 0o044 == plain.stat().st_mode & 0o044


def test_a_second_run_computes_nothing_and_a_changed_last_node_only_itself(toy: Path, model: Path, cli: Cli) -> None:
    cli("run", model, "--step", "toy.double", "--step", "toy.add")
    assert ran(toy) == ["source", "double", "add"]
    again = cli("run", model, "--step", "toy.double", "--step", "toy.add", "--json")
    assert ran(toy) == []
    assert all(node["cached"] for node in again.json["nodes"])
    cli("run", model, "--step", "toy.double", "--step", "toy.add:amount=9")
    assert ran(toy) == ["add"]


def test_a_project_runs_again_with_changed_parameters(toy: Path, model: Path, cli: Cli, tmp_path: Path) -> None:
    cli("run", model, "--step", "toy.double", "--out", tmp_path / "out")
    project = tmp_path / "out" / "project.cstudio"
    said = cli("run", project, "--set", "double1.by=10", "--out", tmp_path / "ten", "--json")
    assert said.code == 0, said.err
    assert (tmp_path / "ten" / "model.onnx").read_text() == "10 20 30"
    assert (tmp_path / "out" / "model.onnx").read_text() == "2 4 6"


def test_a_step_that_fails_is_named_and_nothing_is_written(toy: Path, model: Path, cli: Cli, tmp_path: Path) -> None:
    said = cli("run", model, "--step", "toy.double", "--step", "toy.fail", "--step", "toy.add", "--out", tmp_path / "o")
    assert said.code == 1
    assert "error: fail1: The layer conv1 is too small." in said.err
    assert "hint: Choose another one." in said.err
    assert "✗ fail1: The layer conv1 is too small." in said.out
    assert "blocked" in said.out
    assert not (tmp_path / "o").exists()


def test_a_failure_with_json_is_a_valid_report_that_says_which_node(toy: Path, model: Path, cli: Cli) -> None:
    said = cli("run", model, "--step", "toy.fail", "--json")
    assert said.code == 1
    jsonschema.validate(said.json, SCHEMA)
    assert not said.json["ok"]
    assert said.json["error"]["node"] == "fail1"
    assert said.json["error"]["exit_code"] == 1


def test_a_bug_in_a_step_is_one_line_and_a_log(toy: Path, model: Path, cli: Cli, isolated_home: Path) -> None:
    said = cli("run", model, "--step", "toy.fail:how=bug")
    assert said.code == 1
    assert "Traceback" not in said.err + said.out
    assert "This is a bug: ValueError: a mistake in the toy" in said.err
    log = next(word for word in said.err.split() if word.endswith(".log"))
    assert "Traceback" in Path(log).read_text()


def test_a_process_that_dies_is_a_failure_of_its_node(toy: Path, model: Path, cli: Cli) -> None:
    said = cli("run", model, "--step", "toy.crash")
    assert said.code == 1
    assert "error: crash1: The worker process ended by itself" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--step", "toy.doubl"], "There is no step toy.doubl."),
        (["--step", "toy.double:bi=3"], "toy.double has no parameter bi."),
        (["--step", "toy.double:by=many"], "by=many: a number from 0 to 100."),
        (["--step", "toy.double:by=1000"], "Factor (by) must be a number from 0 to 100, not 1000.0."),
        (["--step", "toy.double:by"], "by in --step toy.double:by has no value."),
        (["--step", "toy.double:by=1,by=2"], "by is given twice"),
        (["--step", "toy.add", "--step", "source.model"], "source.model opens a model and cannot follow another step"),
        ([], "no --step is given"),
        (["--step", "toy.double", "--data", "nowhere.npz"], "nowhere.npz does not exist."),
        (["--step", "toy.double", "--set", "double1.by=2"], "--set belongs to a project"),
        (["--step", "toy.double", "--device", "abacus"], "invalid choice: 'abacus'"),
        (["--step", "toy.double", "--seed", "-1"], "--seed"),
        (["--step", "toy.double", "--threads", "0"], "--threads"),
    ],
)
def test_bad_usage_ends_with_2_before_anything_runs(
    toy: Path, model: Path, cli: Cli, words: list[str], message: str
) -> None:
    said = cli("run", model, *words)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert "hint: " in said.err
    assert ran(toy) == []


def test_near_matches_are_offered(toy: Path, model: Path, cli: Cli) -> None:
    assert "Did you mean toy.double" in cli("run", model, "--step", "toy.doubl").err
    assert "Did you mean by?" in cli("run", model, "--step", "toy.double:bi=3").err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("double9.by=2", "There is no node double9."),
        ("double1.bi=2", "toy.double has no parameter bi."),
        ("double1", "--set double1 is not understood."),
        ("double1.by=-1", "must be a number from 0 to 100"),
    ],
)
def test_a_change_that_does_not_fit_the_project_is_refused(
    toy: Path, model: Path, cli: Cli, tmp_path: Path, change: str, message: str
) -> None:
    cli("run", model, "--step", "toy.double", "--out", tmp_path)
    said = cli("run", tmp_path / "project.cstudio", "--set", change)
    assert said.code == 2
    assert message in said.err


def test_a_model_that_is_not_there_is_named(toy: Path, cli: Cli, tmp_path: Path) -> None:
    said = cli("run", tmp_path / "nowhere.onnx", "--step", "toy.double", "--json")
    assert said.code == 2
    assert "nowhere.onnx does not exist." in said.err
    assert said.json["ok"] is False
    jsonschema.validate(said.json, SCHEMA)
    assert "is a folder" in cli("run", tmp_path, "--step", "toy.double").err


def test_an_output_folder_that_is_a_file_is_found_before_the_work(
    toy: Path, model: Path, cli: Cli, tmp_path: Path
) -> None:
    said = cli("run", model, "--step", "toy.double", "--out", model)
    assert said.code == 2
    assert "is a file, not a folder" in said.err
    assert cli("run", model, "--step", "toy.double", "--out", model / "below").code == 2
    assert ran(toy) == []


def test_export_runs_what_is_missing_and_writes_what_was_measured(
    toy: Path, model: Path, cli: Cli, tmp_path: Path
) -> None:
    cli("run", model, "--step", "toy.double", "--step", "toy.add", "--out", tmp_path / "out")
    project = tmp_path / "out" / "project.cstudio"
    said = cli("export", project, "--out", tmp_path / "last.onnx", "--json")
    assert said.code == 0, said.err
    assert (tmp_path / "last.onnx").read_text() == "3 6 9"
    assert said.json["files"] == [str(tmp_path / "last.onnx")]
    assert cli("export", project, "--node", "double1", "--out", tmp_path / "mid.onnx").code == 0
    assert (tmp_path / "mid.onnx").read_text() == "2 4 6"
    assert sorted(path.name for path in tmp_path.glob("*.onnx")) == ["last.onnx", "mid.onnx"]


def test_export_refuses_a_name_or_a_node_that_cannot_be(toy: Path, model: Path, cli: Cli, tmp_path: Path) -> None:
    cli("run", model, "--step", "toy.double", "--out", tmp_path / "out")
    project = tmp_path / "out" / "project.cstudio"
    assert "x.txt has no ending of a known format" in cli("export", project, "--out", tmp_path / "x.txt").err
    said = cli("export", project, "--node", "doubl", "--out", tmp_path / "x.onnx")
    assert said.code == 2
    assert "There is no node doubl." in said.err


def test_a_failed_export_writes_nothing(toy: Path, model: Path, cli: Cli, tmp_path: Path) -> None:
    cli("run", model, "--step", "toy.double", "--out", tmp_path / "out")
    project = tmp_path / "out" / "project.cstudio"
    text = project.read_text().replace('"by": 2.0', '"by": 2000')
    project.write_text(text)
    said = cli("export", project, "--out", tmp_path / "x.onnx")
    assert said.code == 2
    assert "double1: Factor (by) must be a number from 0 to 100" in said.err
    assert not (tmp_path / "x.onnx").exists()


def test_measure_compares_all_models_with_the_reference(toy: Path, model: Path, cli: Cli, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("2 4 6")
    said = cli("measure", other, "--reference", model, "--json")
    # Two of the toy meters fail on purpose; what the others measured is there.
    assert said.code == 1
    jsonschema.validate(said.json, SCHEMA)
    first, second = said.json["nodes"]
    assert (first["path"], second["path"]) == (str(model), str(other))
    assert second["metrics"]["ratio"]["value"] == 2.0
    assert "broken of" in said.err


def test_ctrl_c_stops_the_run_and_keeps_what_is_done(
    toy: Path, model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compress_studio.engine.runner import Run

    whole = Run.wait

    def interrupted(self: Run, timeout: float | None = None) -> object:
        outcome = whole(self, timeout)
        if timeout is not None and timeout > 0 and outcome is None and "slow" in toy.read_text():
            raise KeyboardInterrupt
        return outcome

    model_words = ("run", model, "--step", "toy.double", "--step", "toy.slow")
    toy.touch()
    monkeypatch.setattr(Run, "wait", interrupted)
    said = cli(*model_words)
    monkeypatch.undo()
    assert said.code == 130
    assert "Finished steps are kept" in said.err
    assert "slow-end" not in ran(toy)
