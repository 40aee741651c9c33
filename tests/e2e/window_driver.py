"""Drives the real program by mouse and keyboard from inside its own event loop."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from compress_studio.gui.app import main
from compress_studio.gui.session import Session
from compress_studio.gui.studio import Studio
from tests.gui.asking import ScriptedAsking

Wait = Callable[[], object]
Story = Callable[["Driver"], Generator[Wait]]
W = TypeVar("W", bound=QWidget)
TICK_MS = 15


class Driver:
    """The hands and eyes of a user. A story yields what it waits for; everything else happens at once."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.window = studio.window
        self.session: Session = studio.session
        self.asking = ScriptedAsking()
        self.window.commands.asking = self.asking

    def find(self, name: str, kind: type[W] = QWidget) -> W:
        """The widget of that object name, also in open dialogs."""
        for top in QApplication.topLevelWidgets():
            found = top if top.objectName() == name else top.findChild(QWidget, name)
            if isinstance(found, kind):
                return found
        raise AssertionError(f"there is no {kind.__name__} named {name}")

    def click(self, name: str) -> None:
        """Click the middle of a widget."""
        widget = self.find(name)
        assert widget.isEnabled(), f"{name} is not enabled"
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=widget.rect().center())

    def type(self, name: str, text: str, end: Qt.Key | None = None) -> None:
        """Replace the text of a field by keyboard."""
        widget = self.find(name)
        widget.setFocus()
        QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(widget, text)
        if end is not None:
            QTest.keyClick(widget, end)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key in the window, which a window manager would have made active again after a dialog."""
        self.window.activateWindow()
        QApplication.processEvents()
        QTest.keyClick(self.window, key, modifiers)

    def drag_slider(self, name: str, share: float, moves: int = 12) -> None:
        """Drag the handle of a slider to a share of its width."""
        slider = self.find(name)
        y = slider.height() // 2
        start, end = QPoint(slider.width() // 2, y), QPoint(round(slider.width() * share), y)
        QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
        for turn in range(1, moves + 1):
            QTest.mouseMove(slider, start + (end - start) * turn / moves)
            QApplication.processEvents()
        QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=end)

    def drop(self, *paths: Path) -> None:
        """Drop files on the middle of the window."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        where = QPointF(self.window.rect().center())
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        for make in (QDragEnterEvent, QDragMoveEvent):
            point = where.toPoint()
            QApplication.sendEvent(self._under(), make(point, copy, data, left, none))
        QApplication.processEvents()
        QApplication.sendEvent(self._under(), QDropEvent(where, copy, data, left, none))

    def _under(self) -> QWidget:
        """What takes drops at the middle of the window."""
        widget: QWidget | None = self.window.childAt(self.window.rect().center())
        while widget is not None and not widget.acceptDrops():
            widget = widget.parentWidget()
        return widget or self.window


def check_no_problem() -> None:
    """Raise what the problem dialog says, if it is open: an exception in a slot ends the story."""
    for top in QApplication.topLevelWidgets():
        if top.objectName() == "problem_dialog" and top.isVisible():
            texts = [one.toPlainText() for one in top.findChildren(QPlainTextEdit)]
            raise AssertionError("\n".join(texts))


def play(words: list[str], story: Story, seconds: float = 90.0) -> int:
    """Start the program with these words and play a story in it; returns its exit code.

    seconds: how long a scene may wait for what it waits for.
    """
    failure: list[str] = []

    def begun(studio: Studio) -> None:
        driver = Driver(studio)
        scenes = story(driver)
        waiting: list[Wait] = [lambda: True]
        end = [time.monotonic() + seconds]
        timer = QTimer(studio)

        def tick() -> None:
            timer.stop()
            try:
                if time.monotonic() > end[0]:
                    states = {
                        name: f"{view.state} {view.progress:.2f} {view.note}"
                        for name, view in driver.session.views.items()
                    }
                    raise AssertionError(f"the story waits in vain; {states}; {QApplication.activeModalWidget()}")
                check_no_problem()
                if waiting[0]():
                    waiting[0] = next(scenes)
                    end[0] = time.monotonic() + seconds
            except StopIteration:
                studio.window.close()
                return
            except BaseException:  # noqa: BLE001 - told after the window is closed
                place = scenes.gi_frame.f_lineno if scenes.gi_frame is not None else "its end"
                failure.append(f"at line {place}:\n{traceback.format_exc()}")
                for top in QApplication.topLevelWidgets():
                    top.close()
                QApplication.exit(99)
                return
            timer.start(TICK_MS)

        timer.timeout.connect(tick)
        timer.start(TICK_MS)

    code = main(words, begun)
    assert not failure, failure[0]
    return code
