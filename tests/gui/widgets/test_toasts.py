"""Messages at the corner of the window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QCursor, QEnterEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QPushButton

from compress_studio.gui.message import Message
from compress_studio.gui.widgets.toasts import LIMIT, Toasts


@pytest.fixture
def stack(qtbot) -> Toasts:
    """The messages of a small window."""
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(800, 600)
    QCursor.setPos(window.mapToGlobal(QPoint(5, 5)))
    made = Toasts(window)
    with qtbot.waitExposed(window):
        window.show()
    return made


def test_news_go_by_themselves_and_errors_stay(stack: Toasts) -> None:
    stack.show_message(Message("Saved.", level="success"))
    stack.show_message(Message("Broken.", "Mend it.", "error"))
    assert [one.waiting for one in stack.toasts] == [True, False]


def test_the_clock_stands_still_while_the_mouse_is_over_it(stack: Toasts) -> None:
    stack.show_message(Message("Saved."))
    toast = stack.toasts[0]
    QApplication.sendEvent(toast, QEnterEvent(QPointF(), QPointF(), QPointF()))
    assert not toast.waiting
    QApplication.sendEvent(toast, QEvent(QEvent.Type.Leave))
    assert toast.waiting


def test_a_report_can_be_copied(stack: Toasts, qtbot) -> None:
    stack.show_message(Message("Broken.", level="error", report="all about it"))
    qtbot.mouseClick(stack.findChild(QPushButton, "toast_copy"), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "all about it"


def test_a_message_is_closed_by_keyboard(stack: Toasts, qtbot) -> None:
    stack.show_message(Message("Broken.", level="error"))
    stack.focus_newest()
    qtbot.waitUntil(stack.toasts[0].hasFocus)
    qtbot.keyClick(stack.toasts[0], Qt.Key.Key_Escape)
    assert stack.toasts == ()
    assert not stack.isVisible()


def test_the_same_message_is_shown_once(stack: Toasts) -> None:
    for _ in range(3):
        stack.show_message(Message("Saved."))
    assert len(stack.toasts) == 1


def test_errors_outlast_news_when_there_are_many(stack: Toasts) -> None:
    stack.show_message(Message("Broken.", level="error"))
    for number in range(2 * LIMIT):
        stack.show_message(Message(f"Saved {number}."))
    assert len(stack.toasts) == LIMIT
    assert stack.toasts[0].message.text == "Broken."


def test_messages_keep_to_the_corner_and_below_the_toolbar(window, qtbot) -> None:
    for number in range(LIMIT):
        window.session.message.emit(
            Message(f"Broken {number}.", "A remedy that takes a whole line or two. " * 3, "error")
        )
    stack, toolbar = window.toasts, window.toolbar
    run = window.findChild(object, "toolbar:run.all")
    assert not stack.geometry().intersects(toolbar.geometry())
    assert not stack.geometry().contains(run.mapTo(window, run.rect().center()))
    window.resize(1280, 720)
    assert window.rect().contains(stack.geometry())


def test_long_paths_and_command_lines_stay_inside_their_message(stack: Toasts, qtbot) -> None:
    path = "/home/somebody/a_rather_long_folder_name/with-another-one.inside/of_it,and:more=than_one_line_holds.onnx"
    stack.show_message(Message(f"{path} cannot be read.", f"Run tool --step {path}", "error"))
    toast = stack.toasts[0]
    labels = [one for one in toast.findChildren(QLabel) if one.text()]
    assert len(labels) == 2
    for label in labels:
        assert toast.rect().contains(label.geometry())
        assert label.height() >= label.heightForWidth(label.width())
        assert label.minimumSizeHint().width() <= label.width()
    assert toast.message.text.startswith(path)
