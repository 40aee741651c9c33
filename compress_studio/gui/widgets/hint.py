"""What a panel shows when it has nothing to show: why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as Text
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import Glyph

_JOINT = re.compile(r"(?<=[_\-./\\])(?=\w)")
LONG_WORD = 24


def breakable(text: str) -> str:
    """The text with places to wrap inside long names of files and layers."""
    return " ".join(_JOINT.sub("\u200b", word) if len(word) > LONG_WORD else word for word in text.split(" "))


def plain_tip(text: str) -> str:
    """A tooltip with text of strangers, which is shown letter by letter also when it looks like markup."""
    return Text.convertFromPlainText(text) if Text.mightBeRichText(text) else text


class EmptyHint(QWidget):
    """An icon, a line, an explanation, and one button."""

    def __init__(
        self,
        icon_name: str,
        title: str,
        text: str = "",
        button: str = "",
        on_click: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.pad, METRICS.pad, METRICS.pad, METRICS.pad)
        layout.setSpacing(METRICS.gap // 2)
        layout.addStretch(1)
        self._glyph = Glyph(icon_name, 2 * METRICS.icon, "faint", self)
        layout.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(METRICS.gap // 2)
        self._title, self._text = QLabel(self), QLabel(self)
        self._title.setProperty("role", "hint")
        self._text.setProperty("tone", "muted")
        for label in (self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            layout.addWidget(label)
        self._button = QPushButton(self)
        self._button.setObjectName("hint_button")
        if on_click is not None:
            self._button.clicked.connect(lambda _checked=False: on_click())
        layout.addSpacing(METRICS.gap)
        layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        self.show_hint(icon_name, title, text, button)

    def show_hint(self, icon_name: str, title: str, text: str = "", button: str = "") -> None:
        """Say something else."""
        self._glyph.set_glyph(icon_name, "faint")
        self._title.setText(breakable(title))
        self._text.setText(breakable(text))
        self._text.setVisible(bool(text))
        self._button.setText(button)
        self._button.setToolTip(button)
        self._button.setAccessibleName(button)
        self._button.setVisible(bool(button))
