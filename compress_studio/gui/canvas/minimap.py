"""The whole pipeline in a corner, when it is larger than what is seen; drag to move."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from compress_studio.gui.canvas.ink import BODY, ink
from compress_studio.gui.canvas.view import PipelineView
from compress_studio.gui.theme.tokens import METRICS

SIZE, LEAST = QSize(168, 108), QSize(60, 40)
AROUND = 60.0


class Minimap(QWidget):
    """Shows every node as a block of its group's colour, and the part that is seen as a frame."""

    def __init__(self, view: PipelineView, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("canvas_minimap")
        self.setAccessibleName("Overview of the pipeline")
        self.setToolTip("The whole pipeline. Drag to move.")
        self.setFixedSize(SIZE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._view = view
        self._whole = QRectF()
        self.hide()

    def fit_into(self, room: QSize) -> None:
        """Be small enough to leave the canvas to the nodes."""
        self.setFixedSize(SIZE.boundedTo(room / 3).expandedTo(LEAST))

    def follow(self) -> None:
        """Show what is seen now; hides itself when everything is."""
        content = self._view.pipeline.content()
        seen = self._view.seen()
        needed = not content.isNull() and not seen.contains(content) and len(self._view.pipeline.nodes) > 1
        self.setVisible(needed)
        if needed:
            self._whole = content.united(seen.intersected(content.adjusted(-400, -300, 400, 300)))
            self._whole.adjust(-AROUND, -AROUND, AROUND, AROUND)
            self.update()

    def _scale(self) -> float:
        return min(self.width() / self._whole.width(), self.height() / self._whole.height())

    def _shift(self) -> QPointF:
        scale = self._scale()
        return QPointF(
            (self.width() - self._whole.width() * scale) / 2, (self.height() - self._whole.height() * scale) / 2
        )

    def _go(self, pixel: QPointF) -> None:
        spot = (pixel - self._shift()) / self._scale() + self._whole.topLeft()
        self._view.touched = True
        self._view.centerOn(spot)
        self._view.moved.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position())

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._whole.isNull():
            return
        paint, painter = ink(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(paint.frame_hover)
        painter.setBrush(paint.card)
        painter.drawRoundedRect(
            QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), METRICS.small_radius, METRICS.small_radius
        )
        painter.setClipRect(self.rect().adjusted(2, 2, -2, -2))
        painter.translate(self._shift())
        painter.scale(self._scale(), self._scale())
        painter.translate(-self._whole.topLeft())
        for item in self._view.pipeline.nodes.values():
            if item.look is not None:
                painter.fillRect(BODY.translated(item.pos()), paint.groups[item.look.group])
        painter.setPen(paint.band_frame)
        painter.setBrush(paint.band)
        painter.drawRect(self._view.seen())
