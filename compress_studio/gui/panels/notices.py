"""Short texts on cards: warnings, failures with their remedy, and a line of progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, set_look

LONGEST = 220
"""Letters of a text that are shown; the tooltip has all of it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One text on a card."""

    tone: str
    """ "bad", "warn", "muted"."""
    text: str
    hint: str = ""
    """What to do, below the text."""


class Notices(QWidget):
    """Notices below each other; the user can select and copy their text."""

    def __init__(self, parent: QWidget | None = None, most: int = 3, *, centered: bool = False) -> None:
        super().__init__(parent)
        self._most, self._centered = most, centered
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, METRICS.gap // 2, 0, 0)
        self._layout.setSpacing(METRICS.gap // 2)
        self._labels: list[QLabel] = []
        self.setVisible(False)

    def show_notices(self, notices: Sequence[Notice]) -> None:
        """Show these; those beyond the most are counted."""
        shown, more = notices[: self._most], notices[self._most :]
        texts = [pair for one in shown for pair in ((one.tone, one.text), ("muted", one.hint)) if pair[1]]
        whole = any(one.tone == "bad" for one in shown)
        if more:
            texts.append(("muted", f"and {len(more)} more: " + " ".join(one.text for one in more)))
        while len(self._labels) < len(texts):
            self._labels.append(self._label())
        for place, label in enumerate(self._labels):
            tone, text = texts[place] if place < len(texts) else ("muted", "")
            short = text if whole or len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
            label.setText(short)
            label.setToolTip(text if short != text else "")
            set_look(label, "tone", tone)
            label.setVisible(bool(text))
        self.setVisible(bool(texts))

    def _label(self) -> QLabel:
        label = QLabel(self)
        label.setProperty("role", "small")
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        if self._centered:
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._layout.addWidget(label)
        return label


class BusyLine(QWidget):
    """What is being done, with a thin bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, METRICS.gap // 2, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        self._text = ElidedLabel(mode=Qt.TextElideMode.ElideRight, parent=self)
        self._text.setProperty("tone", "muted")
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 100)
        self._bar.setFixedHeight(METRICS.gap // 2)
        layout.addWidget(self._text)
        layout.addWidget(self._bar)
        self.setVisible(False)

    def show_busy(self, text: str, progress: float) -> None:
        """An empty text: nothing is being done."""
        self._text.setText(text)
        self._bar.setValue(round(100 * progress))
        self._bar.setAccessibleName(text)
        self.setVisible(bool(text))
