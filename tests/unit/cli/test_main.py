"""Start-up loads next to nothing; bugs and lost terminals end in order."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compress_studio.cli import main as command_line
from compress_studio.cli import steps
from tests.unit.cli.conftest import Cli

HEAVY = ("torch", "onnx", "onnx_ir", "onnxruntime", "PySide6", "numpy", "pydantic")


def loaded(code: str) -> list[str]:
    """The heavy packages that a fresh interpreter has loaded after some code."""
    tail = f"; import sys; print([one for one in {HEAVY!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return [word.strip("' ") for word in done.stdout.splitlines()[-1].strip("[]").split(",") if word.strip()]


def test_the_version_loads_nothing_heavy() -> None:
    assert loaded("from compress_studio.__main__ import main; main(['--version'])") == []


def test_the_command_line_itself_loads_nothing_heavy() -> None:
    assert loaded("import compress_studio.cli.main as m; m.make_parser()") == []


def test_listing_steps_loads_no_network_library() -> None:
    assert set(loaded("from compress_studio.__main__ import main; main(['steps'])")) <= {"pydantic"}


def test_the_modules_of_all_commands_load_no_network_library() -> None:
    names = ", ".join(command_line.MODULES.values())
    assert set(loaded(f"import {names}")) <= {"pydantic"}


def test_the_version_is_that_of_the_package(cli: Cli) -> None:
    from compress_studio import __version__

    assert cli("--version").out == f"compress-studio {__version__}\n"
    assert cli("-V").code == 0


def broken(options: argparse.Namespace) -> int:
    raise ZeroDivisionError("by zero\nand more")


def test_a_bug_is_one_line_and_a_log_with_the_traceback(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, isolated_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(steps, "command", broken)
    said = cli("steps", "--json")
    assert said.code == 1
    assert "error: This is a bug: ZeroDivisionError: by zero\n" in said.err
    assert "Traceback" not in said.err
    log = Path(next(word for word in said.err.split() if ".log" in word).rstrip("."))
    assert "Traceback" in log.read_text()
    assert said.json["ok"] is False
    caplog.clear()


@pytest.mark.parametrize(
    ("number", "words", "hint"),
    [
        (28, "Writing failed: results.json: No space left", "Make room"),
        (13, "results.json cannot be used: Permission denied", "Check its permissions"),
        (30, "results.json cannot be used: Read-only", "Check its permissions"),
    ],
)
def test_a_disk_that_takes_nothing_is_no_bug(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, number: int, words: str, hint: str
) -> None:
    def full(options: argparse.Namespace) -> int:
        raise OSError(number, os.strerror(number), "results.json")

    monkeypatch.setattr(steps, "command", full)
    said = cli("steps")
    assert said.code == 1
    assert words in said.err
    assert f"hint: {hint}" in said.err


def test_a_results_folder_that_cannot_be_made_names_the_way_out(
    cli: Cli, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COMPRESS_STUDIO_HOME", str(tmp_path / "file" / "home"))
    said = cli("run", model, "--step", "graph.optimize")
    assert said.code == 1
    assert "The results folder" in said.err
    assert "set COMPRESS_STUDIO_HOME to another folder" in said.err


def test_ctrl_c_anywhere_ends_with_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(options: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(steps, "command", interrupted)
    said = cli("steps")
    assert said.code == 130
    assert "Stopped." in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell with pipefail")
def test_a_reader_that_leaves_early_gets_no_complaint() -> None:
    command = f"{sys.executable} -m compress_studio steps --json | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("{")


def test_a_terminal_without_the_letters_still_shows_the_table() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "compress_studio", "samples"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def test_a_broken_plug_in_is_mentioned_and_does_no_harm(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from compress_studio.spec import registry

    real = registry.load_steps()
    real.broken.append(registry.Broken("magic", "acme", "Traceback …\nImportError: no magic"))
    monkeypatch.setattr("compress_studio.steps.runtime.load_steps", lambda: real)
    said = cli("steps")
    assert said.code == 0
    assert "warning: the plug-in magic of acme could not be loaded: ImportError: no magic" in said.err


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_closed_stream_does_not_end_the_program(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, name, None)
    assert command_line.main(["steps"]) == 0
    assert command_line.main(["info", "nowhere.onnx"]) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that is always full")
@pytest.mark.parametrize("words", [["steps"], ["steps", "--json"], ["info", "nowhere.onnx", "--json"]])
def test_a_full_disk_below_stdout_is_one_message(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "compress_studio", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            encoding="utf-8",
        )
    assert done.returncode in {1, 2}
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_signs_have_a_stand_in_where_the_terminal_has_only_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    held = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(held, encoding="ascii"))
    assert command_line.main(["steps"]) == 0
    sys.stdout.flush()
    assert b"?" not in held.getvalue().splitlines()[1]
    assert set(held.getvalue().splitlines()[1]) <= set(b"- ")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_request_to_end_stops_in_order(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def ended(options: argparse.Namespace) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(steps, "command", ended)
    try:
        assert command_line.main(["steps", "--json"]) == 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 130


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("place", ["model", "data", "out", "inside"])
def test_a_name_that_is_no_text_is_refused(cli: Cli, model: Path, tmp_path: Path, place: str) -> None:
    odd = tmp_path / os.fsdecode(b"m\xff")
    odd.write_bytes(model.read_bytes())
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / os.fsdecode(b"a\xff.png")).write_bytes(b"")
    words = {
        "model": ["run", odd, "--step", "graph.optimize"],
        "data": ["run", model, "--step", "graph.optimize", "--data", odd],
        "out": ["run", model, "--step", "graph.optimize", "--out", odd],
        "inside": ["run", model, "--step", "graph.optimize", "--data", tmp_path / "photos"],
    }
    said = cli(*words[place], "--json")
    assert said.code == 2
    assert "is not valid text" in said.json["error"]["message"]
