"""A distribution as bars, with thresholds and what a step would do to each bin; fast enough for every frame."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.words import number_text
from compress_studio.spec.preview import Histogram
from compress_studio.spec.step import Group

HEIGHT, AXIS = 110, 16
WANTED = 128
"""More bins than this are joined: they would be thinner than two pixels."""


def joined(histogram: Histogram, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Edges, counts and affected shares with at most so many bins."""
    edges, counts, affected = histogram.edges, histogram.counts.astype(float), histogram.affected
    take = -(-len(counts) // max(1, most))
    if take <= 1:
        return edges, counts, affected
    starts = np.arange(0, len(counts), take)
    total = np.add.reduceat(counts, starts)
    if affected is not None:
        affected = np.add.reduceat(counts * affected, starts) / np.maximum(total, 1e-12)
    return np.append(edges[starts], edges[-1]), total, affected


def bar_heights(counts: np.ndarray) -> np.ndarray:
    """Heights from 0 to 1; one bin that towers over all others, such as the zeros, is cut at twice the next."""
    if not len(counts) or counts.max() <= 0:
        return np.zeros(len(counts))
    ranked = np.partition(counts, -2)[-2:] if len(counts) > 1 else np.array([counts[0], counts[0]])
    top = min(ranked[1], 2 * ranked[0]) or ranked[1]
    return np.clip(counts / top, 0.0, 1.0)


class HistogramView(QWidget):
    """The histogram of a preview: two paths (kept and affected), lines, and the ends of the axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("histogram")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)
        self._histogram: Histogram | None = None
        self._kept, self._affected = QPainterPath(), QPainterPath()
        self._lines: list[float] = []
        self._laid_out = QSize()
        current.watch().changed.connect(self.update)

    @property
    def histogram(self) -> Histogram | None:
        """What is shown."""
        return self._histogram

    def show_histogram(self, histogram: Histogram | None) -> None:
        """Show a distribution, or nothing."""
        self._histogram = histogram
        self._laid_out = QSize()
        if histogram is not None:
            lines = ", ".join(number_text(line) for line in histogram.lines)
            self.setAccessibleName(f"{histogram.title}{f', lines at {lines}' if lines else ''}")
        self.update()

    def _lay_out(self) -> None:
        """Compute the paths; only after a change of content or size."""
        self._laid_out = self.size()
        self._kept, self._affected = QPainterPath(), QPainterPath()
        shown = self._histogram
        if shown is None or len(shown.edges) < 2:
            self._lines = []
            return
        edges, counts, affected = joined(shown, min(WANTED, max(8, self.width() // 3)))
        low, span = float(edges[0]), float(edges[-1] - edges[0]) or 1.0
        bottom, full = self.height() - AXIS, self.height() - AXIS - 4
        x = (edges - low) / span * self.width()
        heights = bar_heights(counts) * full
        gap = 1.0 if self.width() / len(counts) >= 3 else 0.0
        part = np.zeros(len(counts)) if affected is None else np.clip(affected, 0.0, 1.0)
        self._kept = _bars(x, bottom - heights, bottom - heights * part, gap)
        self._affected = _bars(x, bottom - heights * part, np.full(len(counts), float(bottom)), gap)
        places = [(line - low) / span * self.width() for line in shown.lines if low <= line <= low + span]
        self._lines = [min(max(place, 0.5), self.width() - 0.5) for place in places]

    def sizeHint(self) -> QSize:
        return QSize(240, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._laid_out != self.size():
            self._lay_out()
        shown = self._histogram
        tokens, painter = current.tokens(), QPainter(self)
        bottom = self.height() - AXIS
        painter.setPen(QPen(current.color(tokens.strong_border), 1))
        painter.drawLine(QPointF(0, bottom + 0.5), QPointF(self.width(), bottom + 0.5))
        if shown is None or len(shown.edges) < 2:
            return
        painter.fillPath(self._kept, current.color(tokens.groups[Group.QUANTIZE.value]))
        painter.fillPath(self._affected, current.color(tokens.groups[Group.PRUNE.value], 0.55))
        painter.setPen(QPen(current.color(tokens.warn), 1, Qt.PenStyle.DashLine))
        for x in self._lines:
            painter.drawLine(QPointF(x, 0), QPointF(x, bottom))
        painter.setPen(current.color(tokens.muted))
        painter.setFont(current.font(METRICS.small_font, QFont.Weight.Normal, tabular=True))
        area = QRectF(0, bottom + 2, self.width(), AXIS - 2)
        middle = Qt.AlignmentFlag.AlignVCenter
        unit = f" {shown.unit}" if shown.unit else ""
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | middle, _end(shown.edges[0]))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | middle, _end(shown.edges[-1]) + unit)


def _bars(x: np.ndarray, top: np.ndarray, bottom: np.ndarray, gap: float) -> QPainterPath:
    """All bars as one outline, left to right along the tops and back along the bottoms."""
    path = QPainterPath()
    for left, right, high, low in zip(
        x[:-1].tolist(), (x[1:] - gap).tolist(), top.tolist(), bottom.tolist(), strict=True
    ):
        if low - high > 0.05:
            path.addRect(left, high, max(0.5, right - left), low - high)
    return path


def _end(value: float) -> str:
    return number_text(float(value)).replace("-", "−")
