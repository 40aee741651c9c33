"""A button that is only a small icon, beside labels and in chips."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from compress_studio.gui.theme import current
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS

SIZE, GLYPH = 18, 12


class TinyButton(QAbstractButton):
    """Its tip is its name."""

    def __init__(self, icon_name: str, tip: str, parent: QWidget | None = None, *, glyph: int = GLYPH) -> None:
        super().__init__(parent)
        self._calm, self._lit = icon(icon_name, "muted"), icon(icon_name, "text")
        self._glyph = glyph
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setFixedSize(SIZE, SIZE)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        current.watch().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(SIZE, SIZE)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens, painter = current.tokens(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QPen(current.color(tokens.accent), 1) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(current.color(tokens.hover) if self.underMouse() else Qt.BrushStyle.NoBrush)
        if self.hasFocus() or self.underMouse():
            painter.drawRoundedRect(area, METRICS.small_radius, METRICS.small_radius)
        place = QRect(0, 0, self._glyph, self._glyph)
        place.moveCenter(self.rect().center())
        (self._lit if self.underMouse() else self._calm).paint(painter, place)
