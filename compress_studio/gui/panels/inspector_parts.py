"""Small parts of the inspector: notices with their remedies, and progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from compress_studio.gui.forms.flow import FlowLayout
from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, Glyph
from compress_studio.gui.words import seconds_text

ICONS = {"bad": "error", "warn": "warning", "info": "info", "muted": "info", "good": "check"}
BUSY = frozenset({Shown.QUEUED, Shown.RUNNING, Shown.MEASURING})


class Notice(QFrame):
    """Something that must be said: what it is, what to do, and buttons that do it."""

    def __init__(
        self,
        tone: str,
        text: str,
        hint: str = "",
        buttons: Sequence[tuple[str, Callable[[], object]]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"notice:{tone}")
        self.setProperty("surface", "card")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(METRICS.gap, METRICS.gap, METRICS.gap, METRICS.gap)
        layout.setSpacing(METRICS.gap)
        layout.addWidget(Glyph(ICONS.get(tone, "info"), METRICS.icon, tone, self), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(METRICS.gap // 2)
        layout.addLayout(words, 1)
        for part, part_tone in ((text, ""), (hint, "muted")):
            if part:
                words.addWidget(wrapped(part, part_tone, self))
        if buttons:
            row = QWidget(self)
            flow = FlowLayout(row)
            for label, does in buttons:
                button = QPushButton(label, row)
                button.setObjectName(f"fix:{label}")
                button.setProperty("kind", "small")
                button.setAccessibleName(label)
                button.setToolTip(label)
                button.clicked.connect(lambda _checked=False, does=does: does())
                flow.addWidget(button)
            words.addWidget(row)


class NodeProgress(QWidget):
    """What a run does with the node now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector.progress")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        words = QHBoxLayout()
        self._note = ElidedLabel(mode=Qt.TextElideMode.ElideRight, parent=self)
        self._note.setProperty("tone", "muted")
        self._left = QLabel(self)
        self._left.setProperty("tone", "muted")
        words.addWidget(self._note, 1)
        words.addWidget(self._left)
        self._bar = QProgressBar(self)
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        layout.addLayout(words)
        layout.addWidget(self._bar)

    def show_progress(self, view: NodeView | None) -> None:
        """Show how far it is; nothing while nothing is done."""
        if view is None or view.state not in BUSY:
            self.hide()
            return
        word = {Shown.QUEUED: "Waiting for its turn", Shown.MEASURING: "Measuring"}.get(view.state, "Running")
        note = view.note[:1].upper() + view.note[1:]
        self._note.setText(note or word)
        left = "" if view.remaining is None else f"{seconds_text(view.remaining)} left"
        self._left.setText(left if view.state is not Shown.QUEUED else "")
        self._bar.setValue(round(1000 * view.progress))
        self._bar.setAccessibleName(f"{word}, {view.progress:.0%}")
        self.show()


def wrapped(text: str, tone: str, parent: QWidget) -> QLabel:
    """Plain text over several lines, to be selected with the mouse; long names break."""
    label = QLabel(breakable(text), parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    if tone:
        label.setProperty("tone", tone)
    return label


def breakable(text: str) -> str:
    """Text in which long names may go on in the next line: a place to break after dots, slashes and underscores."""
    words = text.split(" ")
    space = "\u200b"
    return " ".join(
        word if len(word) <= 20 else "".join(f"{one}{space}" if one in "./_-:" else one for one in word)
        for word in words
    )


def clear(layout: QVBoxLayout) -> None:
    """Remove everything from a layout."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
