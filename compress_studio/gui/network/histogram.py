"""A small picture of how weights are distributed, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from compress_studio.gui import words
from compress_studio.gui.theme.current import color, font, tokens, watch
from compress_studio.gui.theme.tokens import METRICS

HEIGHT = 84
AXIS = 16
HEADROOM = 1.05
TALLEST = 3.0
"""A bin that is this many times as high as the next lower one (zeros, mostly) is cut off."""


class WeightHistogram(QWidget):
    """Bars for the result, a line for the source."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weight_histogram")
        self.setAccessibleName("Distribution of the weights")
        self.setToolTip("How the weights are distributed: bars are this model, the line is the source.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._edges = (0.0, 1.0)
        self._after: np.ndarray | None = None
        self._before: np.ndarray | None = None
        self._text = ""
        watch().changed.connect(self.update)

    def show_counts(self, found: Mapping[str, Any]) -> None:
        """Show what inspection.weights:histograms gives."""
        self._edges = (found["edges"][0], found["edges"][-1])
        sides = [None if found[name] is None else np.asarray(found[name], np.float64) for name in ("before", "after")]
        top = _top([side for side in sides if side is not None])
        self._before, self._after = (None if side is None else np.minimum(side / top, 1.0) for side in sides)
        self._text = ""
        self.update()

    def show_text(self, text: str) -> None:
        """Say why there is nothing yet, or at all."""
        self._before = self._after = None
        self._text = text
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(0, 0, self.width(), self.height() - AXIS)
        painter.setFont(font(METRICS.small_font))
        painter.setPen(QPen(color(now.border), 1))
        painter.drawLine(QLineF(area.bottomLeft(), area.bottomRight()))
        if self._text:
            painter.setPen(color(now.muted))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._text)
            return
        if self._after is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(now.accent))
            painter.drawPolygon(_outline(self._after, area, closed=True))
        if self._before is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(now.series[0] if self._after is not None else now.accent), 1.4))
            painter.drawPolyline(_outline(self._before, area, closed=False))
        painter.setPen(color(now.muted))
        line = QRectF(0, area.bottom() + 2, self.width(), AXIS - 2)
        low, high = (words.number_text(edge).replace("-", "−") for edge in self._edges)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, low)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, high)


def _top(sides: list[np.ndarray]) -> float:
    """The height of the axis; single bins that tower over everything do not flatten the rest."""
    values = np.sort(np.concatenate(sides)) if sides else np.ones(1)
    high = float(values[-1])
    rest = float(values[max(len(values) - 1 - len(sides), 0)])
    return max(min(high, TALLEST * rest) if rest > 0 else high, 1.0) * HEADROOM


def _outline(shares: np.ndarray, area: QRectF, *, closed: bool) -> QPolygonF:
    step = area.width() / len(shares)
    points = [area.bottomLeft()] if closed else []
    for number, share in enumerate(shares.tolist()):
        y = area.bottom() - share * area.height()
        points += [QPointF(area.left() + number * step, y), QPointF(area.left() + (number + 1) * step, y)]
    return QPolygonF([*points, area.bottomRight()] if closed else points)
