"""Drags as the desktop sends them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

ACTION = Qt.DropAction.CopyAction
BUTTON = Qt.MouseButton.LeftButton
KEYS = Qt.KeyboardModifier.NoModifier


class Drag:
    """One drag over a window: enter, move, leave or drop."""

    def __init__(self, window: QWidget, paths: Sequence[object] = (), mime: QMimeData | None = None) -> None:
        self.window = window
        self._inside = False
        self.mime = mime or QMimeData()
        if mime is None:
            urls = [QUrl(str(one)) if "://" in str(one) else QUrl.fromLocalFile(str(one)) for one in paths]
            self.mime.setUrls(urls)

    def enter(self, x: int = 200, y: int = 300) -> QDragEnterEvent:
        event = QDragEnterEvent(QPoint(x, y), ACTION, self.mime, BUTTON, KEYS)
        event.ignore()
        QApplication.sendEvent(self.window, event)
        self._inside = True
        return event

    def move(self, x: int, y: int = 300) -> QDragMoveEvent:
        event = QDragMoveEvent(QPoint(x, y), ACTION, self.mime, BUTTON, KEYS)
        QApplication.sendEvent(self.window, event)
        return event

    def leave(self) -> None:
        QApplication.sendEvent(self.window, QDragLeaveEvent())

    def drop(self, x: int = 200, y: int = 300) -> QDropEvent:
        """Qt delivers a drop only to what a drag entered before."""
        if not self._inside:
            self.enter(x, y)
        event = QDropEvent(QPointF(x, y), ACTION, self.mime, BUTTON, KEYS)
        QApplication.sendEvent(self.window, event)
        return event
