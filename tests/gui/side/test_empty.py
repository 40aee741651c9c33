"""The page without a project."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QPushButton

from compress_studio.base.paths import resource
from compress_studio.gui import recent
from compress_studio.gui.panels.empty import EmptyShown, bundled_samples
from compress_studio.gui.theme import current

LETTERS = resource("samples") / "letters" / "letters.onnx"


@pytest.fixture
def page(window, session, monkeypatch):
    """The page; what is opened from it is not computed, so no worker starts."""
    monkeypatch.setattr(session, "look_at", lambda *_nodes, measure: None)
    return window.empty


def test_a_sample_is_one_click_from_a_working_pipeline(window, session, qtbot) -> None:
    card = window.empty.findChild(QAbstractButton, "sample:letters")
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert next(one.step for one in session.project.pipeline) == "source.model"
    assert len(session.project.pipeline) == 4
    assert session.project.data.path.endswith("letters.npz")
    session.settle()
    assert session.artifact_of("source1") is not None


def test_everything_is_reached_by_tab_and_opened_by_enter(page, window, session, qtbot) -> None:
    page.zone.button.setFocus()
    qtbot.keyClick(page.zone.button, Qt.Key.Key_Tab)
    assert window.focusWidget().objectName() == "sample:fashion"
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
    assert window.focusWidget().objectName() == "sample:letters"
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    assert session.project.title == "Letters in a table"


def test_the_button_asks_for_a_file(page, session, asking, qtbot) -> None:
    asking.answers.append(LETTERS)
    qtbot.mouseClick(page.findChild(QPushButton, "empty.choose"), Qt.MouseButton.LeftButton)
    assert session.project.pipeline.sources()[0].params["path"] == str(LETTERS)


def test_recent_files_are_offered_with_folder_and_time(page, session, qtbot) -> None:
    assert not page._recent_place.isVisible()
    recent.remember(LETTERS, "letters.onnx", "model")
    page.refresh()
    assert page._recent_place.isVisible()
    card = page.findChild(QAbstractButton, "recent:letters.onnx")
    assert "just now" in card.accessibleDescription()
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert len(session.project.pipeline) == 1


def test_a_refusal_stays_readable_until_something_is_opened(page, window, session, tmp_path, qtbot) -> None:
    path = tmp_path / "notes.pdf"
    path.write_bytes(b"%PDF-1.7 \x00\x01")
    window.commands.open_path(path)
    assert page.zone.notices.isVisible()
    window.commands.open_sample("letters")
    window.commands.new_project()
    assert not page.zone.notices.isVisible()


def test_panels_are_put_away_while_there_is_nothing_to_show(window, page) -> None:
    assert window.pages.currentWidget() is window.empty
    assert not any(dock.isVisible() for dock in window.docks)
    window.commands.open_sample("letters")
    assert all(dock.isVisible() for dock in window.docks)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_the_page_fits_without_scrolling(page, window, qapp: QApplication, theme: str, size: tuple[int, int]) -> None:
    current.apply(qapp, theme)
    window.resize(*size)
    files = tuple(recent.RecentFile(f"/home/me/{'a' * 60}{one}.cstudio", "A long name " * 8, 0.0, "project")
                  for one in range(4))  # fmt: skip
    page.show_state(EmptyShown(bundled_samples(), files[:2], time.time()))
    QApplication.processEvents()
    assert page.verticalScrollBar().maximum() == 0
    assert not page.grab().isNull()
    current.apply(qapp, "dark")
