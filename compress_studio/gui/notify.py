"""Tells the user that a long run has ended, when they are looking at something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from compress_studio.gui.theme.icons import icon
from compress_studio.gui.words import seconds_text

if TYPE_CHECKING:
    from compress_studio.engine.runstate import RunState
    from compress_studio.gui.session import Session

LONG_SECONDS = 20.0
SHOWN_MS = 10_000


class EndNotice(QObject):
    """Watches the runs of a session for a window."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        self.last = ""
        """What was told last."""
        session.run_ended.connect(self._ended)

    def _ended(self, state: RunState) -> None:
        if state.cancelled or state.seconds < LONG_SECONDS or self._window.isActiveWindow():
            return
        self.last = end_words(state)
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(icon("chip"), self)
            self._tray.messageClicked.connect(self._window.activateWindow)
        self._tray.show()
        kind = QSystemTrayIcon.MessageIcon.Information if state.ok else QSystemTrayIcon.MessageIcon.Warning
        self._tray.showMessage("Compress Studio", self.last, kind, SHOWN_MS)


def end_words(state: RunState) -> str:
    """How a run ended, in a sentence."""
    took = seconds_text(state.seconds)
    failed = sum(one.error is not None for one in state.nodes.values())
    if failed:
        return f"The run ended after {took}: {failed} step{'s' if failed > 1 else ''} failed."
    return f"The run is done after {took}." if state.ok else f"The run ended after {took} with problems."
