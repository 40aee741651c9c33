"""The frame of the window: docks, toolbar, status bar, layout."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QToolButton

from compress_studio.gui.docks import LayoutMemory
from compress_studio.gui.main_window import MainWindow
from compress_studio.project.pipeline import Node, Pipeline
from compress_studio.project.project import Project
from tests.gui.asking import ScriptedAsking


@pytest.fixture
def filled(window, session) -> MainWindow:
    """The window with a project; without one there are no docks."""
    session.open(Project(Pipeline((Node("source1", "source.model", {"path": ""}),))))
    session.settle()
    return window


def test_without_a_project_there_are_no_docks_and_with_one_they_come(window, session) -> None:
    assert all(dock.isHidden() for dock in window.docks)
    session.open(Project(Pipeline((Node("source1", "source.model", {"path": ""}),))))
    assert all(dock.isVisible() for dock in window.docks)
    session.settle()


def test_every_dock_has_a_title_and_can_be_closed_and_brought_back(filled) -> None:
    for dock in filled.docks:
        close = dock.findChild(QToolButton, f"{dock.objectName()}_close")
        close.click()
        assert dock.isHidden()
        dock.toggleViewAction().trigger()
        assert dock.isVisible()


def test_a_floating_dock_goes_back_by_reset(filled) -> None:
    window = filled
    dock = window.charts_dock
    dock.findChild(QToolButton, "dock_charts_float").click()
    assert dock.isFloating()
    window.side_dock.close()
    window.reset_layout()
    assert not dock.isFloating()
    assert window.side_dock.isVisible()


def test_size_and_docks_are_remembered_also_when_the_window_was_left_empty(session, qtbot) -> None:
    project = Project(Pipeline((Node("source1", "source.model", {"path": ""}),)))
    first = MainWindow(session, ScriptedAsking(), layout=LayoutMemory())
    first.closed_for_good = session.settle
    qtbot.addWidget(first)
    first.resize(760, 700)  # the screen of the tests is small
    first.show()
    session.open(project)
    first.runs_dock.close()
    height = first.height()
    session.open(Project())
    first.close()
    second = MainWindow(session, ScriptedAsking(), layout=LayoutMemory())
    qtbot.addWidget(second)
    second.show()
    assert second.remembered
    assert second.height() == height
    assert second.side_dock.isHidden()
    session.open(project)
    assert second.side_dock.isVisible()
    assert second.runs_dock.isHidden()
    session.settle()


def test_a_damaged_memory_is_forgotten(session, qtbot, isolated_home) -> None:
    (isolated_home / "data").mkdir(exist_ok=True)
    (isolated_home / "data" / "window.ini").write_text("[General]\nversion=1\ngeometry=nonsense\nstate=@ByteArray(x)\n")
    made = MainWindow(session, ScriptedAsking(), layout=LayoutMemory())
    qtbot.addWidget(made)
    assert not made.remembered


def test_the_window_fits_on_a_small_screen(window) -> None:
    window.resize(1280, 720)
    assert window.minimumSizeHint().width() <= 1280
    assert window.minimumSizeHint().height() <= 720
    assert (window.width(), window.height()) == (1280, 720)


def test_a_staged_window_becomes_whole_when_asked(session, qtbot) -> None:
    made = MainWindow(session, ScriptedAsking(), staged=True)
    qtbot.addWidget(made)
    assert not made.finished
    made.finish()
    assert made.finished
    assert made.charts is made.charts


def test_everything_in_the_frame_can_be_named_and_reached(window) -> None:
    nameless = [
        widget
        for widget in window.toolbar.findChildren(QToolButton)
        if widget.isVisible() and not (widget.objectName() and widget.accessibleName() and widget.toolTip())
    ]
    assert nameless == []


@pytest.mark.slow
def test_the_usage_of_memory_and_processor_appears(window, session, qtbot) -> None:
    window.status.begin_sampling()
    session.settle()
    assert "GB · CPU" in window.statusBar().findChild(QLabel, "status_right").text()
