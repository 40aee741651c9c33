"""Gestures: what belongs together for undo."""

from __future__ import annotations

import itertools

from PySide6.QtCore import QObject, QTimer

PAUSE_MS = 1000
"""So long without input, and a gesture has ended."""

_numbers = itertools.count(1)


def new_gesture() -> int:
    """A number that no gesture had before."""
    return next(_numbers)


class Gesture(QObject):
    """Gives the number of the gesture that goes on; a pause or an end begins another one."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self.end)

    def number(self) -> int:
        """Of the gesture that this input belongs to."""
        if not self._number:
            self._number = new_gesture()
        self._pause.start()
        return self._number

    def end(self) -> None:
        """The next input belongs to another gesture."""
        self._number = 0
        self._pause.stop()
