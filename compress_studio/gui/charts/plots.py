"""A pyqtgraph plot in our look: plain ground, light grid, words at the axes. Import it only when something is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QMouseEvent, QPainter
from PySide6.QtWidgets import QGraphicsSimpleTextItem, QWidget

from compress_studio.gui.charts.scales import Form, Scale
from compress_studio.gui.charts.style import HAIR, background, brush, pen, small_font
from compress_studio.gui.theme.current import tokens
from compress_studio.gui.theme.tokens import METRICS

LEFT_WIDTH = 62
"""Of the axis at the left, so that plots do not move when their numbers get longer."""
DENSE = 1.8
"""How much closer words may stand above each other than beside each other."""
WORD_ROOM = 16.0
"""How far the words of an axis may reach beyond its ends."""
NO_PEN = pg.mkPen(None)


class WordAxis(pg.AxisItem):
    """An axis that writes what a Scale says."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.enableAutoSIPrefix(False)
        self._dense = DENSE if orientation in {"left", "right"} else 1.0
        self.scale_of_values = Scale(Form.NUMBER)
        self._label = ""
        self._words: dict[float, str] = {}

    def set_scale(self, scale: Scale, label: str) -> None:
        """Say what the axis measures."""
        if (scale, label) == (self.scale_of_values, self._label):
            return
        self.scale_of_values, self._label = scale, label
        self._say(label)
        self.picture = None
        self.update()

    def restyle(self) -> None:
        """Take over the colours and fonts of the theme."""
        self.setPen(NO_PEN)
        self.setTickPen(pen(tokens().grid, HAIR))
        self.setTextPen(pen(tokens().muted))
        self.setStyle(
            tickFont=small_font(),
            tickLength=0,
            tickTextOffset=6,
            autoExpandTextSpace=False,
            hideOverlappingLabels=False,
        )
        self.setGrid(255)
        self.setZValue(-100)
        self._say(self._label)

    def _say(self, label: str) -> None:
        looks: Any = {"color": tokens().muted, "font-size": f"{METRICS.small_font}px"}
        self.setLabel(label, **looks)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        ticks = self.scale_of_values.ticks(min(minVal, maxVal), max(minVal, maxVal), size * self._dense)
        self._words = dict(ticks)
        return [(1.0, [place for place, _ in ticks])]

    def boundingRect(self) -> QRectF:
        # With a grid the rectangle is that of the plot, and words at its ends would be left out.
        wide, high = (0.0, WORD_ROOM / 2) if self.orientation == "left" else (WORD_ROOM, 0.0)
        return super().boundingRect().adjusted(-wide, -high, wide, high)

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [self._words.get(value, "") for value in values]


class Plot(pg.PlotWidget):
    """One pair of axes."""

    pointed = Signal(QPointF)
    """The pointer moved, in pixels of the widget."""
    left = Signal()
    """The pointer left."""
    clicked = Signal(QPointF)
    double_clicked = Signal(QPointF)
    moved = Signal()
    """Places in pixels changed: another range or size."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.across, self.up = WordAxis("bottom"), WordAxis("left")
        nothing: Any = None
        super().__init__(parent, background=nothing, axisItems={"bottom": self.across, "left": self.up})
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setFrameShape(self.Shape.NoFrame)
        self.setAntialiasing(True)
        item: Any = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        self.box: Any = item.getViewBox()
        self.box.disableAutoRange()
        self.box.setBorder(None)
        self.up.setWidth(LEFT_WIDTH)
        self.fitted = True
        """The range follows what is shown, until the user moves it."""
        self.box.sigRangeChangedManually.connect(self._moved_by_user)
        self.box.sigRangeChanged.connect(self._range_changed)
        self.box.sigResized.connect(self._range_changed)
        scene: Any = self.scene()
        scene.sigMouseClicked.connect(self._scene_clicked)

    def restyle(self) -> None:
        """Take over the colours and fonts of the theme."""
        self.setBackground(background())
        self.across.restyle()
        self.up.restyle()

    def fit(self, across: tuple[float, float], up: tuple[float, float]) -> None:
        """Show this part, unless the user looks at another one."""
        if self.fitted:
            self.box.setRange(xRange=across, yRange=up, padding=0)

    def to_pixels(self, x: float, y: float) -> QPointF:
        """Where a place of the axes lies in the widget."""
        return self.box.mapViewToScene(QPointF(x, y))

    @property
    def drawing(self) -> QRectF:
        """The part of the widget between the axes."""
        return self.box.sceneBoundingRect()

    def add_label(self, text: str = "", font: QFont | None = None) -> QGraphicsSimpleTextItem:
        """Text that lies above the curves, placed in pixels."""
        label = QGraphicsSimpleTextItem(text)
        label.setFont(font or small_font())
        label.setZValue(50)
        label.setBrush(brush(tokens().text))
        self.scene().addItem(label)
        return label

    def paint_at(self, painter: QPainter, target: QRectF) -> None:
        """Paint everything into a rectangle of another device, dots as shapes and not as pictures of shapes."""
        dots = [item for item in self.scene().items() if isinstance(item, pg.ScatterPlotItem)]
        cached = [item.opts["useCache"] for item in dots]
        for item in dots:
            item.opts["useCache"] = False
        try:
            self.render(painter, target, self.viewport().rect())
        finally:
            for item, use in zip(dots, cached, strict=True):
                item.opts["useCache"] = use

    def _moved_by_user(self, *_: object) -> None:
        self.fitted = False

    def _range_changed(self, *_: object) -> None:
        self.moved.emit()

    def _scene_clicked(self, event: Any) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            place: QPointF = event.scenePos()
            (self.double_clicked if event.double() else self.clicked).emit(place)

    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        super().mouseMoveEvent(ev)
        self.pointed.emit(ev.position())

    def leaveEvent(self, ev: object) -> None:
        super().leaveEvent(ev)
        self.left.emit()

    def sizeHint(self) -> QSize:
        return QSize(420, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 100)


def padded(low: float, high: float, share: float, least: float) -> tuple[float, float]:
    """A range with room at both ends, never narrower than least."""
    missing = max(0.0, least - (high - low)) / 2
    room = share * max(high - low, least)
    return low - missing - room, high + missing + room
