"""Code or a command to be read and copied."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import IconButton
from compress_studio.gui.widgets.hint import breakable

COPIED_MS = 1500


def code_font(size: int = METRICS.font - 1) -> QFont:
    """Letters that are all equally wide."""
    made = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    made.setPixelSize(size)
    made.setStyleHint(QFont.StyleHint.Monospace)
    return made


class CodeBox(QFrame):
    """Text in letters of equal width with a button that copies it."""

    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("surface", "card")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(METRICS.gap, METRICS.gap // 2, METRICS.gap // 2, METRICS.gap // 2)
        layout.setSpacing(METRICS.gap // 2)
        self._text = ""
        self._tip = tip
        self.label = QLabel(self)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setFont(code_font())
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.copy = IconButton("copy", tip, self)
        self.copy.setObjectName(f"{name}:copy")
        self.copy.clicked.connect(self._copy)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        self._back = QTimer(self)
        self._back.setSingleShot(True)
        self._back.setInterval(COPIED_MS)
        self._back.timeout.connect(self._calm)

    @property
    def text(self) -> str:
        """What is copied."""
        return self._text

    def set_text(self, text: str) -> None:
        """Show other code."""
        if text != self._text:
            self._text = text
            self.label.setText(breakable(text))
            self.label.setAccessibleName(text)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
        self.copy.set_icon("check", "good")
        self.copy.set_tip("Copied")
        self._back.start()

    def _calm(self) -> None:
        self.copy.set_icon("copy")
        self.copy.set_tip(self._tip)
