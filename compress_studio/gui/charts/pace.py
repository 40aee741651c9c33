"""How often charts are drawn: ten times a second at most, and not at all while a timing is taken."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

INTERVAL_MS = 100


class Pace(QObject):
    """Collects wishes to draw and says when it is time."""

    due = Signal()

    def __init__(self, parent: QObject | None = None, interval: int = INTERVAL_MS) -> None:
        super().__init__(parent)
        self._interval = interval
        self._last = 0.0
        self._quiet = False
        self._wanted = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._fire)

    @property
    def quiet(self) -> bool:
        """Whether nothing should be drawn now."""
        return self._quiet

    def ask(self) -> None:
        """Something has changed."""
        self._wanted = True
        if not self._quiet and not self._timer.isActive():
            passed = 1000 * (time.monotonic() - self._last)
            self._timer.start(max(0, round(self._interval - passed)))

    def set_quiet(self, quiet: bool) -> None:
        """Hold everything back, or catch up."""
        self._quiet = quiet
        if quiet:
            self._timer.stop()
        elif self._wanted:
            self.ask()

    def _fire(self) -> None:
        self._wanted = False
        self._last = time.monotonic()
        self.due.emit()
