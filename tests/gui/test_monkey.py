"""Whatever is done in whatever order, the window stays whole and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices

from compress_studio.base.paths import cache_dir
from compress_studio.engine.cache import Store
from compress_studio.engine.settings import RunSettings
from compress_studio.gui.main_window import MainWindow
from compress_studio.gui.session import Session
from compress_studio.gui.settings import SettingsFile
from compress_studio.gui.theme import current
from compress_studio.project import edits
from compress_studio.project.project import Project
from compress_studio.spec.runtime import load_runtime
from tests.gui.asking import ScriptedAsking
from tests.gui.monkey import Monkey, opener

TOYS = "tests.toys.steps:make_runtime"
STEPS = ["toy.double", "toy.add", "toy.same", "toy.fail", "toy.slow"]
SECONDS = 4.0
MANY = 300


@pytest.fixture
def playground(qapp, tmp_path: Path, qtbot, monkeypatch) -> Iterator[MainWindow]:
    """A window on toy steps, in which nothing leads outside."""
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: True)
    session = Session(Store(cache_dir()), load_runtime(TOYS))
    session.use(RunSettings(runtime=TOYS, compute_threads=1))
    window = MainWindow(session, ScriptedAsking(), SettingsFile(tmp_path / "settings.json"))
    window.commands.settings.changed.connect(lambda _before, after: current.apply(qapp, after.theme))
    qtbot.addWidget(window)
    window.resize(1440, 900)
    window.show()
    yield window
    session.close()
    current.apply(qapp, "dark")


def numbers(folder: Path, name: str, window: MainWindow) -> Project:
    """A project with a source of three numbers."""
    path = folder / f"{name}.txt"
    path.write_text("1 2 3")
    adding = edits.add_node("source.model", {"path": str(path)}, window.session.runtime.steps)
    return adding(Project(title=name, meters=()))


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_order_of_gestures_breaks_the_window(playground, seed, tmp_path, qtbot) -> None:
    session = playground.session
    projects = [numbers(tmp_path, name, playground) for name in ("one", "two")]
    session.open(projects[0])
    monkey = Monkey(playground, seed, tmp_path, STEPS, [opener(playground, one) for one in projects])
    end = time.monotonic() + SECONDS
    with qtbot.capture_exceptions() as caught:
        for turn in range(MANY):
            monkey.act()
            assert not caught, (seed, monkey.done[-5:], caught)
            monkey.check(closely=turn % 25 == 0)
            if time.monotonic() > end:
                break
        monkey.finish()
    assert not caught, (seed, monkey.done[-5:], caught)
    assert not playground.commands.asking.reports
