"""Tab goes through the window part by part, as it is read, and comes round in both directions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from compress_studio.gui.tab_order import stops
from compress_studio.project.samples import sample_project

FIRST = "toolbar:model.open"


def _walk(window, modifier: Qt.KeyboardModifier) -> list[str]:
    start = window.toolbar.findChild(QWidget, FIRST)
    start.setFocus()
    names: list[str] = []
    for _ in range(200):
        now = QApplication.focusWidget()
        assert now is not None
        if names and now is start:
            return names
        names.append(now.objectName())
        QTest.keyClick(now, Qt.Key.Key_Tab, modifier)
    raise AssertionError(f"the keyboard is caught: {names[-5:]}")


def test_tab_goes_from_the_toolbar_over_the_steps_and_the_canvas_to_form_charts_and_results(window) -> None:
    session = window.session
    session.open(sample_project("letters", session.runtime.steps))
    session.settle()
    window.activateWindow()
    names = _walk(window, Qt.KeyboardModifier.NoModifier)
    order = ["toolbar:model.open", "device_button", "library.search", "pipeline_view", "canvas_fit", "dock_form_close",
             "dock_charts_close", "dock_runs_close"]  # fmt: skip
    assert [name for name in dict.fromkeys(names) if name in order] == order
    back = _walk(window, Qt.KeyboardModifier.ShiftModifier)
    assert back.index("dock_runs_close") < back.index("library.search")


def test_only_what_can_be_seen_and_used_is_a_stop(window) -> None:
    session = window.session
    session.open(sample_project("letters", session.runtime.steps))
    session.settle()
    found = stops([window.toolbar, window.runs_dock])
    assert all(one.isVisible() and one.isEnabled() for one in found)
    assert "toolbar:run.stop" not in {one.objectName() for one in found}
