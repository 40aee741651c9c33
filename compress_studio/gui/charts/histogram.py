"""The drawing of a histogram before and after; zeros stand apart, because they would dwarf everything else."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QWidget

from compress_studio.gui import words
from compress_studio.gui.charts.counting import counted
from compress_studio.gui.charts.hover import HoverCard
from compress_studio.gui.charts.looks import Histogram, Side
from compress_studio.gui.charts.plots import Plot
from compress_studio.gui.charts.scales import Form, Scale
from compress_studio.gui.charts.style import brush, group_color, original_color, pen
from compress_studio.gui.theme.current import tokens

LINES = 17.0
"""Distance of the lines of the legend."""


class HistogramPlot(Plot):
    """Two histograms over each other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weights:plot")
        self.setAccessibleName("Histogram of the weights before and after")
        self._found: Histogram | None = None
        self._curves = tuple(pg.PlotCurveItem() for _ in range(2))
        for depth, curve in enumerate(self._curves):
            curve.setZValue(depth)
            self.addItem(curve)
        self._zero = pg.InfiniteLine(0.0, angle=90)
        self.addItem(self._zero)
        self._legend = tuple(self.add_label() for _ in range(2))
        self._note = self.add_label()
        self._card = HoverCard(self)
        self._layer = ""
        self.pointed.connect(self._point)
        self.left.connect(self._card.hide_card)
        self.moved.connect(self._place)

    def show_histogram(self, found: Histogram, group: str, *, log: bool) -> None:
        """Show the weights of a layer."""
        self._note.setVisible(False)
        self._show_axes(True)
        self._found = found
        self.fitted = True
        scale = Scale(Form.COUNT, log)
        edges = np.asarray(found.edges)
        colors = (original_color(), group_color(group))
        sides = ((found.before, found.before_side, "before"), (found.after, found.after_side, "after"))
        most = 1.0
        for (counts, side, name), curve, text, color in zip(sides, self._curves, self._legend, colors, strict=True):
            shown = counted(counts, found.edges, side)
            curve.setVisible(shown is not None)
            text.setVisible(side is not None)
            if shown is None or side is None:
                continue
            heights = np.asarray(shown, np.float64)
            most = max(most, float(heights.max()))
            if log:
                heights = np.log10(np.maximum(heights, 0.5))
            curve.setData(edges, heights, stepMode="center", fillLevel=np.log10(0.5) if log else 0.0)
            curve.setBrush(brush(color, 0.45 if name == "before" else 0.4))
            curve.setPen(pen(color, 1.3 if name == "after" else 1.0, 1.0 if name == "after" else 0.7))
            text.setText(_legend(name, side))
            text.setBrush(brush(color))
        self._zero.setPen(pen(tokens().strong_border, 1.0, 1.0, Qt.PenStyle.DotLine))
        self.across.set_scale(Scale(Form.NUMBER), "Weight")
        self.up.set_scale(scale, "Number of weights, without zeros")
        low, high = (float(np.log10(0.5)), float(np.log10(most))) if log else (0.0, most)
        room = min(2.6 * LINES / max(self.drawing.height(), 1.0), 0.5)
        self.fit((float(edges[0]), float(edges[-1])), (low, low + (high - low) / (1.0 - room)))
        self._place()

    def show_note(self, text: str) -> None:
        """Say something in place of a histogram."""
        self._show_axes(False)
        for item in (*self._curves, *self._legend):
            item.setVisible(False)
        self._found = None
        self._note.setText(text)
        self._note.setBrush(brush(tokens().muted))
        self._note.setVisible(True)
        self._place()

    def _show_axes(self, shown: bool) -> None:
        for item in (self.across, self.up, self._zero):
            item.setVisible(shown)

    def _place(self) -> None:
        area = self.drawing
        top = area.top()
        for text in self._legend:
            if text.isVisible():
                text.setPos(area.right() - text.boundingRect().width() - 4, top)
                top += LINES
        box = self._note.boundingRect()
        self._note.setPos(area.center().x() - box.width() / 2, area.center().y() - box.height() / 2)

    def _point(self, place: QPointF) -> None:
        found = self._found
        if found is None or not self.drawing.contains(place):
            self._card.hide_card()
            return
        value = float(self.box.mapSceneToView(place).x())
        at = int(np.searchsorted(found.edges, value, side="right")) - 1
        if not 0 <= at < len(found.edges) - 1:
            self._card.hide_card()
            return
        rows: list[tuple[str, str, str]] = []
        for name, counts, side in (
            ("Before", found.before, found.before_side),
            ("After", found.after, found.after_side),
        ):
            shown = counted(counts, found.edges, side)
            if shown is not None:
                rows.append((name, words.grouped_text(shown[at]), ""))
        title = f"{words.number_text(found.edges[at])} to {words.number_text(found.edges[at + 1])}"
        self._card.show_card((found.layer, at), title, "weights without zeros", rows, place)


def _legend(name: str, side: Side) -> str:
    zeros = side.zeros / max(side.count, 1)
    parts = [name, f"{words.count_text(side.count)} weights", f"zeros {words.percent_text(zeros)}"]
    parts += [f"standard deviation {words.number_text(side.std)}", f"{side.bits:g} bit"]
    return " · ".join(parts)
