"""What the words after the name of the program mean for the window."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress_studio.__main__ import opens_window
from compress_studio.base.errors import BadInput
from compress_studio.gui.display import refusal
from compress_studio.gui.options import WindowOptions, parse


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["net.onnx"],
        ["a.onnx", "b.npz"],
        ["--sample", "fashion"],
        ["--theme=dark"],
        ["--shot", "x.png"],
    ],
)
def test_files_and_options_of_the_window_open_it(words: list[str]) -> None:
    assert opens_window(words)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["run", "--shot"], ["info", "net.onnx"], ["--nonsense"]])
def test_commands_and_other_options_are_for_the_command_line(words: list[str]) -> None:
    assert not opens_window(words)


def test_all_options_are_read() -> None:
    words = "a.onnx --shot o.png --theme light --size 800x600 --open b.npz --scale 2 --select n1 --tab Log --run"
    assert parse(words.split()) == WindowOptions(
        files=(Path("a.onnx"), Path("b.npz")),
        theme="light",
        size=(800, 600),
        shot=Path("o.png"),
        scale=2.0,
        select="n1",
        tab="Log",
        run=True,
    )


@pytest.mark.parametrize(
    "words", [["--theme", "pink"], ["--size", "big"], ["--shot", "x.jpg"], ["--scale", "0"], ["--what"]]
)
def test_a_wrong_word_is_a_sentence(words: list[str]) -> None:
    with pytest.raises(BadInput) as error:
        parse(words)
    assert error.value.message
    assert error.value.hint


def test_without_a_display_the_command_line_is_pointed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert "command line" in refusal({})
    assert "cannot be reached" in refusal({"DISPLAY": ":4711"}) or "missing" in refusal({"DISPLAY": ":4711"})
    assert refusal({"QT_QPA_PLATFORM": "offscreen"}) == ""
