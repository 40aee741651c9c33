"""A connection: a smooth curve, painted by Qt itself; dashed and labelled where it leads to a teacher."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsSimpleTextItem

from compress_studio.gui.canvas.ink import ink
from compress_studio.project.pipeline import TEACHER, Edge

PIECES = 20
"""Straight pieces that stand for the curve when something is measured against it."""


class EdgeState(Enum):
    """How a connection is drawn."""

    PLAIN = auto()
    OFF = auto()
    """It leads into or out of a node that is switched off."""
    HOVER = auto()
    SELECTED = auto()
    TARGET = auto()
    """What is being dragged would be inserted here."""


def curve(start: QPointF, end: QPointF, *, from_below: bool = False) -> QPainterPath:
    """The line from an output to an input; from_below: it enters at the lower edge and passes below what is between."""
    path = QPainterPath(start)
    if from_below:
        low = max(start.y() + 85.0, end.y() + 38.0)
        path.cubicTo(QPointF(start.x() + 40.0, low), QPointF(end.x() - 20.0, low + 12.0), end)
        return path
    reach = max(30.0, min(120.0, abs(end.x() - start.x()) / 2, 40.0 + abs(end.y() - start.y())))
    if end.x() < start.x():
        reach = max(reach, 90.0)
    path.cubicTo(QPointF(start.x() + reach, start.y()), QPointF(end.x() - reach, end.y()), end)
    return path


class EdgeItem(QGraphicsPathItem):
    """One connection of the pipeline."""

    def __init__(self, edge: Edge) -> None:
        super().__init__()
        self.edge = edge
        self.state = EdgeState.PLAIN
        self.quiet = False
        """It leads into a node that is switched off."""
        self.points: list[tuple[float, float]] = []
        """Along the curve, for measuring distances."""
        self.setZValue(-1.0)
        self._label: QGraphicsSimpleTextItem | None = None
        if self.is_teacher:
            self._label = QGraphicsSimpleTextItem(TEACHER, self)
        self.refresh()

    @property
    def is_teacher(self) -> bool:
        """Whether it carries the example to learn from instead of the main line."""
        return self.edge.inp == TEACHER

    def route(self, start: QPointF, end: QPointF) -> None:
        """Lead from one point to another."""
        path = curve(start, end, from_below=self.is_teacher)
        self.setPath(path)
        self.points = [
            (point.x(), point.y()) for point in (path.pointAtPercent(step / PIECES) for step in range(PIECES + 1))
        ]
        if self._label is not None:
            middle = path.pointAtPercent(0.5)
            self._label.setPos(middle.x() - self._label.boundingRect().width() / 2, middle.y() + 4.0)

    def show_state(self, state: EdgeState) -> None:
        """Draw it in this state."""
        if state is not self.state:
            self.state = state
            self.refresh()

    def refresh(self) -> None:
        """Take the pens of the theme in force."""
        paint = ink()
        plain = {
            EdgeState.PLAIN: (paint.edge, paint.teacher),
            EdgeState.OFF: (paint.edge_off, paint.teacher_off),
            EdgeState.HOVER: (paint.edge_hover, paint.teacher_hover),
            EdgeState.SELECTED: (paint.edge_selected, paint.teacher_selected),
            EdgeState.TARGET: (paint.edge_target, paint.edge_target),
        }
        self.setPen(plain[self.state][1 if self.is_teacher else 0])
        if self._label is not None:
            self._label.setFont(paint.small)
            self._label.setBrush(paint.brushes["muted"])

    def distance(self, x: float, y: float, near: float) -> float:
        """How far a point is from the curve; infinite when certainly further than near."""
        box = self.boundingRect()
        if not (box.left() - near <= x <= box.right() + near and box.top() - near <= y <= box.bottom() + near):
            return float("inf")
        return min(_to_piece(x, y, first, second) for first, second in zip(self.points, self.points[1:], strict=False))

    def crossed_by(self, start: tuple[float, float], end: tuple[float, float]) -> bool:
        """Whether a straight line crosses the curve."""
        return any(
            _cross(start, end, first, second) for first, second in zip(self.points, self.points[1:], strict=False)
        )


def _to_piece(x: float, y: float, first: tuple[float, float], second: tuple[float, float]) -> float:
    across, down = second[0] - first[0], second[1] - first[1]
    length = across * across + down * down
    along = 0.0 if length == 0 else max(0.0, min(1.0, ((x - first[0]) * across + (y - first[1]) * down) / length))
    return ((x - first[0] - along * across) ** 2 + (y - first[1] - along * down) ** 2) ** 0.5


def _cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: tuple[float, float], b: tuple[float, float], point: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
