"""The outline beside a lone model that says how to go on."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from compress_studio.gui.canvas.ink import BODY, ink

FIRST, SECOND = "Drag a step here", "or press A"
TOP = QRectF(0.0, BODY.height() / 2 - 22.0, BODY.width(), 20.0)
LOW = QRectF(0.0, BODY.height() / 2 + 2.0, BODY.width(), 20.0)


class HintItem(QGraphicsRectItem):
    """A dashed place for the first step."""

    def __init__(self) -> None:
        super().__init__(BODY.adjusted(-1.0, -1.0, 1.0, 1.0))
        self.lit = False
        """A step is being dragged over it."""
        self.setVisible(False)
        self.setToolTip("Choose the first step")

    def light(self, *, lit: bool) -> None:
        """Show that a drop here would work."""
        if lit != self.lit:
            self.lit = lit
            self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        paint = ink()
        painter.setPen(paint.frame_target if self.lit else paint.ghost)
        painter.setBrush(paint.band if self.lit else paint.hollow)
        painter.drawPath(paint.body)
        painter.setPen(paint.pens["muted"])
        painter.setFont(paint.title)
        painter.drawText(TOP, Qt.AlignmentFlag.AlignCenter, FIRST)
        painter.setFont(paint.plain)
        painter.drawText(LOW, Qt.AlignmentFlag.AlignCenter, SECOND)
