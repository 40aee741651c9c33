"""What happens to the window when work is stopped, fails or dies."""

from __future__ import annotations

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton, QWidget

from compress_studio.engine.records import Cause
from compress_studio.gui.main_window import MainWindow
from compress_studio.gui.nodeview import Shown
from compress_studio.gui.session import Session
from compress_studio.project import edits
from compress_studio.project.project import Project
from tests.gui.asking import ScriptedAsking


@pytest.fixture
def toy_window(toy_session: Session, toy_project: Project, qtbot) -> MainWindow:
    made = MainWindow(toy_session, ScriptedAsking())
    qtbot.addWidget(made)
    made.resize(1280, 720)
    made.show()
    toy_session.open(toy_project)
    return made


def append(session: Session, step: str, **params: object) -> str:
    session.edit("Add", edits.append_step(step, params, session.runtime.steps))
    last = session.project.pipeline.last()
    assert last is not None
    return last.id


def until_running(session: Session, node: str, qtbot) -> None:
    qtbot.waitUntil(lambda: session.views[node].state is Shown.RUNNING, timeout=20_000)


def test_a_run_is_told_in_toolbar_and_status_bar(toy_window, toy_session, qtbot) -> None:
    # A step that takes as long as it is looked at: what a quick one says may come in one batch with its end.
    node = append(toy_session, "toy.slow", seconds=60.0)
    toy_session.run(measure=False)
    until_running(toy_session, node, qtbot)
    progress, left = toy_window.toolbar.progress, toy_window.status.findChild(QLabel, "status_left")
    qtbot.waitUntil(lambda: progress.state.text.startswith("Slow · "))
    assert progress.findChild(QWidget, "run_progress_bar").isVisible()
    assert left.text().startswith("Running · 1 of 2 steps cached")
    with qtbot.waitSignal(toy_session.run_ended, timeout=20_000):
        toy_session.edit("Shorter", edits.set_param(node, "seconds", 0.0, toy_session.runtime.steps))
    toy_session.settle()
    assert left.text().startswith("Ready · 2 of 2 steps cached")
    assert not progress.findChild(QWidget, "run_progress_bar").isVisible()


def test_stop_answers_at_once_and_says_when_the_work_has_ended(toy_window, toy_session, qtbot) -> None:
    node = append(toy_session, "toy.slow", seconds=60.0)
    toy_session.run()
    until_running(toy_session, node, qtbot)
    stop = toy_window.findChild(QToolButton, "toolbar:run.stop")
    qtbot.waitUntil(stop.isEnabled)
    qtbot.mouseClick(stop, Qt.MouseButton.LeftButton)
    assert toy_window.toolbar.progress.state.text == "Stopping…"
    assert stop.text() == "Stopping…"
    with qtbot.waitSignal(toy_session.run_ended, timeout=10_000):
        pass
    assert toy_window.toolbar.progress.state.text == "Stopped"
    assert stop.text() == "Stop"
    toy_session.settle()


def test_a_worker_that_is_killed_fails_its_step_and_the_next_run_works(toy_window, toy_session, qtbot) -> None:
    node = append(toy_session, "toy.slow", seconds=60.0)
    toy_session.run()
    until_running(toy_session, node, qtbot)
    workers = [one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())]
    with qtbot.waitSignal(toy_session.run_ended, timeout=20_000):
        for one in workers:
            one.kill()
    failure = toy_session.views[node].failure
    assert failure is not None
    assert failure.cause is Cause.CRASH
    assert "killed" in failure.message
    assert toy_window.isVisible()
    assert toy_window.toolbar.progress.state.text == "1 step failed"
    toy_session.edit("Shorter", edits.set_param(node, "seconds", 0.0, toy_session.runtime.steps))
    with qtbot.waitSignal(toy_session.run_ended, timeout=20_000) as ended:
        toy_session.run()
    assert ended.args[0].ok
    toy_session.settle()


def test_a_bug_in_a_step_can_be_reported(toy_window, toy_session, qtbot) -> None:
    node = append(toy_session, "toy.fail", how="bug")
    with qtbot.waitSignal(toy_session.run_ended, timeout=20_000):
        toy_session.run()
    failure = toy_session.views[node].failure
    assert failure is not None
    assert failure.cause is Cause.BUG
    toy_window.commands.show_report(failure)
    (report,) = toy_window.commands.asking.reports
    assert "a mistake in the toy" in report.details
    toy_session.settle()


def test_closing_during_a_run_asks_and_can_be_called_off(toy_window, toy_session, qtbot) -> None:
    node = append(toy_session, "toy.slow", seconds=60.0)
    toy_session.run()
    until_running(toy_session, node, qtbot)
    asking = toy_window.commands.asking
    asking.answers = ["discard", None]
    assert not toy_window.close()
    assert toy_session.running
    toy_session.stop()
    toy_session.settle()


def test_other_threads_are_taken_for_the_next_run(toy_session, toy_project, qtbot) -> None:
    from dataclasses import replace

    toy_session.open(toy_project)
    toy_session.use(replace(toy_session.settings, threads=2))
    assert toy_session.runner.settings.threads == 2
    with qtbot.waitSignal(toy_session.run_ended, timeout=20_000) as ended:
        toy_session.run()
    assert ended.args[0].ok
    toy_session.settle()
