"""Surfaces that hold things: cards, rows of facts, parts that fold away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, IconButton, set_look

VALUE_WIDTH = 136
"""Of a value that is never shortened."""


class Card(QFrame):
    """A raised surface with a title, small buttons beside it and a body."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.pad, METRICS.gap, METRICS.pad, METRICS.pad)
        layout.setSpacing(METRICS.gap // 2)
        self._header = QWidget(self)
        self._header.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._head = QHBoxLayout(self._header)
        self._head.setContentsMargins(0, 0, 0, 0)
        self._head.setSpacing(2)
        self._title = ElidedLabel(parent=self)
        self._title.setProperty("role", "title")
        self._head.addWidget(self._title, 1)
        layout.addWidget(self._header)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(METRICS.gap // 2)
        layout.addLayout(self.body, 1)
        self.set_title(title)

    def set_title(self, text: str, tip: str = "") -> None:
        """What is on the card."""
        self._title.setText(text)
        self._title.setToolTip(tip)
        self._show_header()

    def add_button(self, button: IconButton) -> None:
        """Put a small button at the right of the title."""
        self._head.addWidget(button)
        self._show_header()

    def _show_header(self) -> None:
        self._header.setVisible(bool(self._title.text()) or self._head.count() > 1)


class _Value(ElidedLabel):
    """How much it is: where there is little room, what it is gives way first."""

    def minimumSizeHint(self) -> QSize:
        least = super().minimumSizeHint()
        return QSize(max(least.width(), min(self.sizeHint().width(), VALUE_WIDTH)), least.height())


class FactRows(QWidget):
    """Facts as rows: what it is at the left, how much at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(METRICS.pad)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[ElidedLabel, ElidedLabel]] = []
        self._shown: tuple[tuple[str, str, str], ...] = ()

    def show_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """(label, value, tone); tone: "good", "warn", "bad", "muted" or empty."""
        shown = tuple(rows)
        if shown == self._shown:
            return
        self._shown = shown
        while len(self._rows) < len(rows):
            self._add_row()
        for place, (name, value) in enumerate(self._rows):
            used = place < len(rows)
            if used:
                text, number, tone = rows[place]
                name.setText(text)
                value.setText(number)
                set_look(value, "tone", tone)
            name.setVisible(used)
            value.setVisible(used)

    def _add_row(self) -> None:
        name = ElidedLabel(mode=Qt.TextElideMode.ElideRight, parent=self)
        name.setProperty("tone", "muted")
        value = _Value(parent=self)
        value.setProperty("role", "value")
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        place = len(self._rows)
        self._grid.addWidget(name, place, 0)
        self._grid.addWidget(value, place, 1)
        self._rows.append((name, value))


class Collapsible(QWidget):
    """A part that folds away below its title."""

    toggled = Signal(bool)

    def __init__(self, title: str, open: bool = False, parent: QWidget | None = None) -> None:  # noqa: A002 - as asked
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        self._button = QToolButton(self)
        self._button.setObjectName(f"fold:{title}")
        self._button.setProperty("kind", "fold")
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setIconSize(QSize(METRICS.icon, METRICS.icon))
        self._button.setCheckable(True)
        self._button.toggled.connect(self._fold)
        layout.addWidget(self._button)
        self._inside = QWidget(self)
        self.body = QVBoxLayout(self._inside)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(METRICS.gap // 2)
        layout.addWidget(self._inside)
        self.set_title(title)
        self._fold(open)
        self.set_open(open)

    @property
    def is_open(self) -> bool:
        """Whether the body is shown."""
        return self._button.isChecked()

    def set_title(self, title: str) -> None:
        """What is inside."""
        self._button.setText(title)
        self._button.setAccessibleName(title)
        self._button.setToolTip(f"Show or hide: {title}")

    def set_open(self, open: bool) -> None:  # noqa: A002
        """Show or hide the body."""
        self._button.setChecked(open)

    def _fold(self, open: bool) -> None:  # noqa: A002
        self._button.setIcon(icon("chevron-down" if open else "chevron-right", "muted"))
        self._inside.setVisible(open)
        self.toggled.emit(open)
