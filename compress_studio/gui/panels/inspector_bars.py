"""How rows of layers are painted: name, bar, text, and a cross where a layer has a value of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.spec.step import Group

if TYPE_CHECKING:
    from compress_studio.gui.panels.inspector_layers_model import LayersModel

NAME, BAR, TEXT, REMOVE = range(4)
"""Columns."""
THICK, CROSS = 6, 3.5


class BarDelegate(QStyledItemDelegate):
    """Paints cells straight from the model; no widget per cell."""

    def __init__(self, model: LayersModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        tokens, layer = current.tokens(), self._model.layer(index.row())
        own = layer.name in self._model.overrides
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue] - not in the stubs
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, current.color(tokens.selection, 0.6))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, current.color(tokens.hover, 0.5))
        painter.setPen(QPen(current.color(tokens.grid), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        column = index.column()
        if column == NAME:
            weight = QFont.Weight.Medium if own else QFont.Weight.Normal
            painter.setFont(current.font(METRICS.font - 1, weight))
            painter.setPen(current.color(tokens.muted if layer.note else tokens.text))
            area = rect.adjusted(2, 0, -6, 0)
            text = painter.fontMetrics().elidedText(layer.name, Qt.TextElideMode.ElideMiddle, int(area.width()))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        elif column == BAR:
            self._bar(painter, rect.adjusted(0, 0, -6, 0), layer.share, self._tone(own=own, alone=bool(layer.note)))
        elif column == TEXT:
            painter.setFont(current.font(METRICS.font - 1, tabular=True))
            painter.setPen(current.color(tokens.muted if layer.note else tokens.accent if own else tokens.text))
            text = painter.fontMetrics().elidedText(layer.text, Qt.TextElideMode.ElideRight, int(rect.width()) - 2)
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        elif self._model.is_own(layer.name):
            self._cross(painter, rect.center())

    def _tone(self, *, own: bool, alone: bool) -> str:
        tokens = current.tokens()
        return tokens.accent if own else tokens.faint if alone else tokens.groups[Group.PRUNE.value]

    def _bar(self, painter: QPainter, rect: QRectF, share: float, tone: str) -> None:
        tokens = current.tokens()
        groove = QRectF(rect.left(), rect.center().y() - THICK / 2, rect.width(), THICK)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(current.color(tokens.hover if tokens.dark else tokens.border))
        painter.drawRoundedRect(groove, THICK / 2, THICK / 2)
        width = groove.width() * min(max(share, 0.0), 1.0)
        if width > 0:
            groove.setWidth(max(width, THICK))
            painter.setBrush(current.color(tone))
            painter.drawRoundedRect(groove, THICK / 2, THICK / 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _cross(self, painter: QPainter, middle: QPointF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(current.color(current.tokens().muted), 1.4))
        painter.drawLine(middle + QPointF(-CROSS, -CROSS), middle + QPointF(CROSS, CROSS))
        painter.drawLine(middle + QPointF(-CROSS, CROSS), middle + QPointF(CROSS, -CROSS))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
