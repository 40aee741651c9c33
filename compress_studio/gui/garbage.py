"""Garbage is looked for in the window's thread only.

Python looks for unreachable cycles in whichever thread happens to make the next object. When such a cycle holds a
timer, a widget or a menu, its C++ part would be destroyed in a thread that it does not live in: its timers and events
stay registered, and the next one that is due ends the process without a word.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1000


class Garbage(QObject):
    """While it is in force, Python does not look for garbage by itself; this does, now and then."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._before: bool | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.look)

    def begin(self) -> None:
        """Come into force, in the window's thread."""
        if self._before is None:
            self._before = gc.isenabled()
        gc.disable()
        self._timer.start()

    def keep(self) -> None:
        """What is there now stays until the end: do not look through it again."""
        gc.freeze()

    def look(self) -> int:
        """Look for garbage as thoroughly as Python would by now; returns how much was found."""
        counts, limits = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > limits[generation] > 0:
                return gc.collect(generation)
        return 0

    def end(self) -> None:
        """Python may look by itself again, if it did before."""
        self._timer.stop()
        gc.unfreeze()
        if self._before:
            gc.enable()
        self._before = None
