"""From other threads to the window: what they say is collected and handed over at most 30 times a second."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

INTERVAL_MS = 33


class Bridge(QObject):
    """Anybody may put things in; the window's thread gets them in order, in batches. Idle costs nothing."""

    _woken = Signal()

    def __init__(self, receive: Callable[[list[Any]], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._receive = receive
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._armed = False
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.drain)
        self._woken.connect(self._timer.start, Qt.ConnectionType.QueuedConnection)

    def put(self, item: Any) -> None:
        """Hand something over; may be called in any thread."""
        if self._closed:
            return
        self._queue.put(item)
        if not self._armed:
            self._armed = True
            try:
                self._woken.emit()
            except RuntimeError:  # the window is gone; nobody listens any more
                return

    def close(self) -> None:
        """Nobody listens any more: what has not been delivered is dropped, and so is what still comes."""
        self._closed = True
        self._timer.stop()
        while not self._queue.empty():
            self._queue.get_nowait()

    def drain(self) -> None:
        """Deliver what is there now. Only for the window's thread."""
        self._armed = False
        batch: list[Any] = []
        while True:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        if batch:
            self._receive(batch)
