"""What runs said, line by line, with the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from compress_studio.engine.events import (
    MeasurementFailed,
    MeasurementTaken,
    NodeCached,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    Note,
    RunEnded,
    RunEvent,
    RunStarted,
)
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.words import seconds_text
from compress_studio.project.pipeline import NodeId

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

MOST_LINES = 5000


class LogPanel(QWidget):
    """A text that grows at its end."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("log")
        self._session = commands.session
        self.text = QPlainTextEdit(self)
        self.text.setObjectName("log:text")
        self.text.setAccessibleName("Log of the runs")
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        fixed.setPixelSize(METRICS.small_font + 1)
        fixed.setStyleHint(QFont.StyleHint.Monospace)
        self.text.setFont(fixed)
        self.text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        self._session.heard.connect(self._heard)

    def show_state(self, lines: Sequence[str]) -> None:
        """Add lines."""
        if lines:
            self.text.appendPlainText("\n".join(lines))

    def _heard(self, events: Sequence[RunEvent]) -> None:
        now = time.strftime("%H:%M:%S")
        self.show_state([f"{now}  {text}" for event in events if (text := line_of(event, self._title))])

    def _title(self, node: NodeId) -> str:
        """What a node is called; with its id where several are called the same."""
        view = self._session.views.get(node)
        if view is None:
            return node
        same = sum(one.title == view.title for one in self._session.views.values())
        return f"{view.title} ({node})" if same > 1 else view.title


def line_of(event: RunEvent, title: Callable[[NodeId], str] = str) -> str:
    """The line that an event makes; empty for those that make none. title: what a node is called."""
    at: NodeId = getattr(event, "node", "")
    node = title(at) if at else ""
    match event:
        case RunStarted():
            return f"Run begins: {', '.join(map(title, event.nodes))}"
        case NodeStarted():
            return f"{node}: begins"
        case NodeDone():
            return f"{node}: done in {seconds_text(event.seconds)}"
        case NodeCached():
            return f"{node}: was there already"
        case NodeFailed():
            return f"{node}: failed. {event.failure.message} {event.failure.hint}".rstrip()
        case NodeSkipped():
            return f"{node}: {event.text or event.why}"
        case MeasurementTaken() if not event.cached:
            return f"{node}: {event.meter} measured"
        case MeasurementFailed():
            return f"{node}: {event.meter} failed. {event.failure.message} {event.failure.hint}".rstrip()
        case Note():
            return f"{node}: {event.text}" if node else event.text
        case RunEnded():
            how = "stopped" if event.cancelled else "done" if event.ok else "ended with problems"
            return f"Run {how} after {seconds_text(event.seconds)}"
        case _:
            return ""
