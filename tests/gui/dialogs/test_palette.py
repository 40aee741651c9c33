"""The command palette by keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from compress_studio.gui.dialogs.palette import Palette
from compress_studio.gui.session import Session
from compress_studio.project import edits


@pytest.fixture
def palette(window, qtbot) -> Palette:
    """The palette, opened by its keys."""
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    found = window.findChild(Palette)
    assert found is not None
    qtbot.waitUntil(found.search.hasFocus)
    return found


def add_model(session: Session) -> None:
    session.edit("Add a model", edits.add_node("source.model", {"path": "/nowhere/net.onnx"}))
    session.settle()


def test_what_is_typed_is_found_and_enter_does_it(window, palette: Palette, qtbot) -> None:
    qtbot.keyClicks(palette.search, "about")
    assert palette.current is not None
    assert palette.current.title == "About Compress Studio"
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    dialog = window.findChild(object, "about")
    assert dialog is not None
    dialog.close()


def test_what_is_not_possible_is_listed_but_not_done(window, palette: Palette, qtbot, session: Session) -> None:
    qtbot.keyClicks(palette.search, "undo")
    assert palette.current is not None
    assert not palette.current.enabled
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_arrow_keys_move_and_wrap(palette: Palette, qtbot) -> None:
    first = palette.current
    qtbot.keyClick(palette.search, Qt.Key.Key_Up)
    assert palette.current == palette.shown[-1]
    qtbot.keyClick(palette.search, Qt.Key.Key_Down)
    assert palette.current == first


def test_escape_puts_it_away(palette: Palette, qtbot) -> None:
    qtbot.keyClick(palette.search, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_without_an_answer_it_says_so(palette: Palette, qtbot) -> None:
    qtbot.keyClicks(palette.search, "zzzz")
    assert palette.shown == []
    assert palette.nothing.isVisible()
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_a_step_is_added_and_selected(window, session: Session, qtbot) -> None:
    add_model(session)
    window.actions_by_id["palette.open"].trigger()
    palette = window.findChild(Palette)
    qtbot.keyClicks(palette.search, "add remove channels")
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert [node.step for node in session.project.pipeline.nodes][-1] == "prune.channels"
    assert session.current == session.project.pipeline.nodes[-1].id
    session.settle()


def test_a_node_is_gone_to(window, session: Session, qtbot) -> None:
    add_model(session)
    window.actions_by_id["palette.open"].trigger()
    palette = window.findChild(Palette)
    qtbot.keyClicks(palette.search, "go to net")
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert session.current == session.project.pipeline.nodes[0].id


def test_a_click_elsewhere_puts_it_away(window, palette: Palette, qtbot) -> None:
    other = window.findChild(QLineEdit, "library.search")
    other.setFocus()
    qtbot.waitUntil(lambda: not palette.isVisible())


def test_the_theme_is_changed_from_the_palette(window, palette: Palette, qtbot) -> None:
    qtbot.keyClicks(palette.search, "light")
    assert palette.current is not None
    assert palette.current.title == "Light theme"
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert window.commands.settings.now.theme == "light"
