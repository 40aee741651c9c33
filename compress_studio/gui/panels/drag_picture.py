"""What hangs at the pointer while a step is dragged: a node as the canvas will show it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPainterPath, QPen, QPixmap

from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS

HEIGHT = 56
STRIPE = 4


def node_picture(title: str, group: str, ratio: float) -> QPixmap:
    """A small node with the colour of its group, sharp at this ratio of pixels."""
    tokens = current.tokens()
    width = METRICS.node_width
    picture = QPixmap(round(width * ratio), round(HEIGHT * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setOpacity(0.92)
    body = QRectF(0.5, 0.5, width - 1, HEIGHT - 1)
    path = QPainterPath()
    path.addRoundedRect(body, METRICS.radius, METRICS.radius)
    painter.fillPath(path, current.color(tokens.card))
    painter.save()
    painter.setClipPath(path)
    colour = current.color(tokens.groups.get(group, tokens.muted))
    painter.fillRect(QRectF(0, 0, STRIPE, HEIGHT), colour)
    painter.restore()
    painter.setPen(QPen(current.color(tokens.accent), 1.2))
    painter.drawPath(path)
    left, inner = STRIPE + METRICS.gap, width - STRIPE - 2 * METRICS.gap
    painter.setPen(current.color(tokens.muted))
    painter.setFont(current.font(METRICS.small_font))
    painter.drawText(QRectF(left, 8, inner, 16), Qt.AlignmentFlag.AlignVCenter, group.upper())
    painter.setPen(current.color(tokens.text))
    painter.setFont(current.font(METRICS.font, QFont.Weight.DemiBold))
    text = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, round(inner))
    painter.drawText(QRectF(left, 26, inner, 20), Qt.AlignmentFlag.AlignVCenter, text)
    painter.end()
    return picture
