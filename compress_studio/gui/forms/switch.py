"""A switch: on or off, painted."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from compress_studio.gui.theme import current

WIDTH, HEIGHT, MARGIN = 34, 18, 3


class Switch(QAbstractButton):
    """On or off; Space and click turn it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        current.watch().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens, on = current.tokens(), self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(MARGIN, (self.height() - HEIGHT) / 2, WIDTH, HEIGHT)
        if self.hasFocus():
            painter.setPen(QPen(current.color(tokens.accent, 0.5), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(body.adjusted(-1.5, -1.5, 1.5, 1.5), HEIGHT / 2 + 1.5, HEIGHT / 2 + 1.5)
        filled = tokens.accent if on and self.isEnabled() else tokens.faint if on else tokens.hover
        painter.setPen(Qt.PenStyle.NoPen if on else QPen(current.color(tokens.strong_border), 1))
        painter.setBrush(current.color(filled))
        painter.drawRoundedRect(body, HEIGHT / 2, HEIGHT / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        knob = tokens.text if tokens.dark else tokens.card if on else tokens.muted
        painter.setBrush(current.color(knob if self.isEnabled() else tokens.muted))
        x = body.right() - HEIGHT / 2 if on else body.left() + HEIGHT / 2
        painter.drawEllipse(QPointF(x, body.center().y()), HEIGHT / 2 - 3, HEIGHT / 2 - 3)
