"""Starting the program as users do: files, samples, pictures, no display, a home that cannot be written to."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compress_studio.base.paths import resource

FASHION = resource("samples") / "fashion"
DRIVEN = """
import sys, time
from PySide6.QtCore import QTimer
from compress_studio.gui.app import main
def begun(studio):
    session, window = studio.session, studio.window
    window.commands.asking.choose = lambda question: "discard"
    def look():
        if session.running or session.light.busy or session.looks.busy:
            return
        timer.stop()
        heavy = [name for name in ("torch", "onnx", "onnxruntime", "onnx_ir", "safetensors") if name in sys.modules]
        print("nodes", len(session.project.pipeline), "data", session.project.data.path != "")
        print("heavy", heavy)
        print("toasts", [one.message.text for one in window.toasts.toasts])
        window.close()
    timer = QTimer(window)
    timer.timeout.connect(look)
    timer.start(100)
sys.exit(main(sys.argv[1:], begun))
"""
TIMED = """
import os, sys, time
from compress_studio.gui import app, studio
begun = float(os.environ["BEGUN"])
painted = studio.Studio._first_painted
def first(self):
    print(time.time() - begun, flush=True)
    painted(self)
studio.Studio._first_painted = first
app.main([], lambda studio: studio.window.close())
"""


def start(*words: str, code: str = "", home: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the program, or some code with the same arguments, without a screen."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **more}
    if home is not None:
        environment["COMPRESS_STUDIO_HOME"] = str(home)
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "compress_studio"]
    return subprocess.run([*command, *words], env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_sample_is_opened_and_no_network_library_is_loaded_in_the_window() -> None:
    done = start("--sample", "fashion", code=DRIVEN)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "nodes 4 data True"
    assert lines[1] == "heavy []"
    assert lines[2] == "toasts []"


def test_files_are_opened_in_the_order_that_makes_sense() -> None:
    done = start(str(FASHION / "data.toml"), str(FASHION / "fashion.onnx"), code=DRIVEN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "nodes 1 data True"


def test_a_bad_file_opens_the_window_with_a_message(tmp_path: Path) -> None:
    bad = tmp_path / "broken.onnx"
    bad.write_bytes(b"\x00\x01nothing")
    done = start(str(bad), code=DRIVEN)
    assert done.returncode == 0, done.stderr
    assert "nodes 0" in done.stdout
    assert "broken.onnx" in done.stdout.splitlines()[2]


def test_a_home_that_cannot_be_written_to_is_said_and_the_window_opens(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = start("--sample", "letters", code=DRIVEN, home=blocked)
    assert done.returncode == 0, done.stderr
    assert "nodes 4" in done.stdout
    assert "Results cannot be kept" in done.stdout


def test_a_picture_of_the_window_is_written_and_is_the_same_twice(tmp_path: Path) -> None:
    from PIL import Image

    pictures = []
    for name in ("first.png", "a.png", "b.png"):  # the first one still has to compute what the others find
        out = tmp_path / name
        words = ("--shot", str(out), "--theme", "light", "--size", "1280x720", "--scale", "2", "--sample", "letters")
        done = start(*words, "--tab", "Problems")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        pictures.append(Image.open(out).convert("RGB"))
    assert pictures[1].size == (2560, 1440)
    assert pictures[1].getpixel((20, 700))[0] > 200, "the light theme is light"
    assert pictures[1].tobytes() == pictures[2].tobytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--open", "missing.onnx"], "missing.onnx"),
        (["--sample", "nothing"], "There is no sample nothing"),
        (["--sample", "letters", "--tab", "Nothing"], "There is no tab Nothing"),
        (["--sample", "letters", "--select", "nothing"], "There is no node nothing"),
        (["--size", "huge"], "1440x900"),
    ],
)
def test_a_picture_that_cannot_be_made_ends_with_a_sentence(tmp_path: Path, words: list[str], sentence: str) -> None:
    done = start("--shot", str(tmp_path / "x.png"), *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.png").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_without_a_display_a_sentence_names_the_command_line() -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    }
    command = [sys.executable, "-m", "compress_studio"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "command line" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_tells_of_the_window() -> None:
    done = start("--help")
    assert done.returncode == 0
    assert "open the window" in done.stdout


@pytest.mark.perf
@pytest.mark.slow
def test_the_window_can_be_seen_after_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    times: list[float] = []
    for _ in range(6):
        done = start(code=TIMED, BEGUN=repr(time.time()))
        assert done.returncode == 0, done.stderr
        times.append(float(done.stdout.split()[0]))
    warm = sorted(times[1:])
    with capsys.disabled():
        print(f"\nfirst paint after {statistics.median(warm):.2f} s ({warm[0]:.2f} to {warm[-1]:.2f})")
    assert statistics.median(warm) < 5.0, "wide margins: the machine may be busy"
