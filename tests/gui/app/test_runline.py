"""The line about the run, and what the status bar says, as pure functions."""

from __future__ import annotations

from pathlib import Path

from compress_studio.engine.records import Cause, Failure
from compress_studio.engine.runstate import NodeResult, RunState, Stage
from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.notify import end_words
from compress_studio.gui.panels.status import StatusState, Usage, count_problems, count_steps, saved_words
from compress_studio.gui.runline import run_line
from compress_studio.project.pipeline import Node


def view(name: str, state: Shown, note: str = "") -> NodeView:
    return NodeView(Node(name, "quantize.static"), None, state, f"Static int8 {name}", "", note=note)


def test_the_line_names_step_work_and_time_left() -> None:
    views = {"a": view("a", Shown.FRESH), "b": view("b", Shown.RUNNING, "calibrating 20/32")}
    nodes = {"a": NodeResult(Stage.DONE), "b": NodeResult(Stage.RUNNING, progress=0.5, remaining=14.2)}
    line = run_line(views, RunState("r", ("a", "b"), nodes), running=True, stopping=False)
    assert line.text == "Static int8 b · calibrating 20/32 · 0:14 left"
    assert line.share == 0.75


def test_the_line_says_when_work_is_stopping_and_how_it_ended() -> None:
    ended = RunState("r", nodes={"a": NodeResult(Stage.DONE)}, ended=True, ok=True, seconds=65)
    failed = RunState("r", nodes={"a": NodeResult(Stage.FAILED, error=Failure(Cause.USER, "No."))}, ended=True)
    assert run_line({}, RunState(), running=True, stopping=True).text == "Stopping…"
    assert run_line({}, RunState(), running=True, stopping=False).text == "Preparing"
    assert run_line({}, RunState(), running=False, stopping=False).text == ""
    assert run_line({}, ended, running=False, stopping=False).text == "Done in 1:05"
    assert run_line({}, failed, running=False, stopping=False).text == "1 step failed"
    assert run_line({}, RunState(ended=True, cancelled=True), running=False, stopping=False).text == "Stopped"


def test_steps_that_are_off_are_not_counted() -> None:
    states = (Shown.FRESH, Shown.MEASURING, Shown.STALE, Shown.OFF, Shown.FAILED)
    views = {str(place): view(str(place), state) for place, state in enumerate(states)}
    assert count_steps(views) == (2, 4)
    assert count_problems(views) == 1


def test_the_status_bar_speaks_in_words() -> None:
    state = StatusState("Ready", 4, 5, "project saved 23:04", 0, Usage(1.24e9, 23e9, 0.96))
    assert state.left == "Ready · 4 of 5 steps cached · project saved 23:04"
    assert state.right == "RAM 1.2 / 23 GB · CPU 96 %"


def test_when_the_project_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "p.cstudio"
    assert saved_words(None, dirty=True) == "project not saved yet"
    assert saved_words(path, dirty=False) == "the project file is gone"
    path.write_text("")
    assert saved_words(path, dirty=True).endswith("changed since")


def test_the_notice_at_the_end_says_how_it_went() -> None:
    assert end_words(RunState(ended=True, ok=True, seconds=75)) == "The run is done after 1:15."
    nodes = {"a": NodeResult(Stage.FAILED, error=Failure(Cause.USER, "No."))}
    assert end_words(RunState(nodes=nodes, ended=True, seconds=75)) == "The run ended after 1:15: 1 step failed."
