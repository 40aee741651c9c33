"""The card beside the pointer: exact numbers of what lies under it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.card import FactRows

DISTANCE = 14
WIDEST = 380


class HoverCard(QFrame):
    """A small card that lies over a chart and lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("hover_card")
        self.setProperty("surface", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.pad, METRICS.gap, METRICS.pad, METRICS.gap)
        layout.setSpacing(2)
        self._title, self._subtitle, self._rows = QLabel(self), QLabel(self), FactRows(self)
        for label in (self._title, self._subtitle):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setProperty("role", "title")
        self._subtitle.setProperty("tone", "muted")
        for part in (self._title, self._subtitle, self._rows):
            layout.addWidget(part)
        self._key: object = None
        self.hide()

    @property
    def text(self) -> str:
        """Everything that the card says, for tests and for readers of the screen."""
        return self.accessibleDescription()

    def show_card(
        self, key: object, title: str, subtitle: str, rows: Sequence[tuple[str, str, str]], at: QPointF
    ) -> None:
        """Show these facts beside a point of the parent; key: what they belong to, laid out anew when it changes."""
        if key != self._key:
            self._key = key
            metrics = self._title.fontMetrics()
            self._title.setText(metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, WIDEST - 2 * METRICS.pad))
            self._subtitle.setText(subtitle)
            self._subtitle.setVisible(bool(subtitle))
            self._rows.show_rows(rows)
            self._rows.setMinimumWidth(self._wanted_width(rows))
            self.setAccessibleDescription("\n".join([title, subtitle, *(f"{a}: {b}" for a, b, _ in rows)]))
            self.adjustSize()
        self.move(self._place(at))
        self.show()
        self.raise_()

    def hide_card(self) -> None:
        """Nothing lies under the pointer any more."""
        self._key = None
        self.hide()

    def _wanted_width(self, rows: Sequence[tuple[str, str, str]]) -> int:
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(f"{name}{value}") for name, value, _ in rows), default=0)
        return min(widest + 3 * METRICS.pad, WIDEST)

    def _place(self, at: QPointF) -> QPoint:
        parent = self._over
        left, top = at.x() + DISTANCE, at.y() + DISTANCE
        if left + self.width() > parent.width() - 2:
            left = at.x() - DISTANCE - self.width()
        if top + self.height() > parent.height() - 2:
            top = at.y() - DISTANCE - self.height()
        left = min(max(left, 2.0), max(parent.width() - self.width() - 2.0, 2.0))
        top = min(max(top, 2.0), max(parent.height() - self.height() - 2.0, 2.0))
        return QPoint(round(left), round(top))
