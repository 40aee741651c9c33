"""The running program: recovery is offered, settings are applied at once, the end leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtGui import QColor, QPalette

from compress_studio.base.paths import data_dir
from compress_studio.engine.runstate import RunState
from compress_studio.gui import recovery
from compress_studio.gui.settings import SettingsFile
from compress_studio.gui.studio import Studio
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import DARK, LIGHT
from compress_studio.project import edits
from compress_studio.project.project import Project
from tests.gui.asking import ScriptedAsking


@pytest.fixture
def asked() -> ScriptedAsking:
    return ScriptedAsking()


@pytest.fixture
def studio(qapp, asked: ScriptedAsking, qtbot) -> Iterator[Studio]:
    begun: list[Studio] = []
    made = Studio(qapp, SettingsFile(), begun=begun.append, asking=asked)
    made.guard.uninstall()  # the tests catch exceptions themselves
    made.start()
    qtbot.waitUntil(lambda: bool(begun), timeout=15_000)
    yield made
    made.session.settle()
    made.window.close()
    made.close()
    current.apply(qapp, "dark")


def leave_behind(title: str) -> None:
    """What a process leaves that dies with an unsaved project."""
    folder = data_dir() / recovery.FOLDER / f"session-{title}"
    folder.mkdir(parents=True)
    project = edits.add_node("source.model", {"path": "/nowhere/net.onnx"})(Project(title=title))
    recovery._write(folder / recovery.FILE, replace(project, seed=5), None, title)


@pytest.fixture
def crashed() -> None:
    leave_behind("Lost")


@pytest.mark.parametrize("answer", ["restore", "discard", None])
def test_what_a_crash_left_is_offered(crashed, answer, asked, qapp, qtbot) -> None:
    asked.answers = [answer]
    begun: list[Studio] = []
    made = Studio(qapp, SettingsFile(), begun=begun.append, asking=asked)
    made.guard.uninstall()
    made.start()
    qtbot.waitUntil(lambda: bool(begun), timeout=15_000)
    assert asked.asked[0] == "Restore Lost?"
    assert made.session.project.seed == (5 if answer == "restore" else 0)
    assert made.session.dirty is (answer == "restore")
    made.session.settle()
    made.window.close()
    made.close()
    left = [one.title for one in recovery.left_behind()]
    assert left == (["Lost"] if answer is None else [])


def test_the_theme_is_applied_at_once(studio, qapp) -> None:
    studio.settings.change(theme="light")
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(LIGHT.window)
    studio.settings.change(theme="dark")
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)


def test_threads_and_the_limit_of_the_cache_are_applied_at_once(studio) -> None:
    studio.settings.change(timing_threads=2, compute_threads=1, cache_gigabytes=3.0)
    assert (studio.session.settings.threads, studio.session.settings.compute_threads) == (2, 1)
    assert studio.session.store.limit_bytes == 3_000_000_000
    studio.session.settle()
    assert "1 thread" in studio.window.toolbar.device.text()


def test_a_long_run_is_told_only_when_the_window_is_not_looked_at(studio) -> None:
    studio.notice._ended(RunState(ended=True, ok=True, seconds=5))
    assert studio.notice.last == ""
    studio.window.hide()
    studio.notice._ended(RunState(ended=True, ok=True, cancelled=True, seconds=50))
    assert studio.notice.last == ""
    studio.notice._ended(RunState(ended=True, ok=True, seconds=50))
    assert studio.notice.last == "The run is done after 0:50."
