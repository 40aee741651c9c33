"""The drawing of live curves: the noise thin, the trend strong, the newest value written beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QGraphicsSimpleTextItem, QWidget

from compress_studio.gui import words
from compress_studio.gui.charts.curves import LOSS, Curve, arrays, smooth, spread, thin
from compress_studio.gui.charts.hover import HoverCard
from compress_studio.gui.charts.plots import NO_PEN, Plot, padded
from compress_studio.gui.charts.scales import Form, Scale
from compress_studio.gui.charts.style import FEW, LINE, brush, pen, series_color, small_font
from compress_studio.gui.theme.current import tokens

MOST_ROOM = 0.4
"""Share of the width that is kept free for the newest values at most."""
MARKED = 60
"""Points up to which each one has a dot."""
LABEL_GAP = 6.0


class CurvePlot(Plot):
    """One or several series over epochs."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._curves: list[Curve] = []
        self._values: list[tuple[np.ndarray, np.ndarray]] = []
        self._lines: list[tuple[pg.PlotCurveItem, pg.PlotCurveItem]] = []
        self._labels: list[QGraphicsSimpleTextItem] = []
        self._best = pg.ScatterPlotItem(pxMode=True, antialias=True)
        self._best.setZValue(10)
        self.addItem(self._best)
        self._scale = Scale(Form.NUMBER)
        self._card = HoverCard(self)
        self.pointed.connect(self._point)
        self.left.connect(self._card.hide_card)
        self.moved.connect(self._place_labels)

    def show_curves(self, curves: Sequence[Curve], colors: Sequence[int], *, log: bool) -> None:
        """Show these curves; colors: number of the colour of each."""
        if log != self._scale.log:
            self.fitted = True
        self._curves = list(curves)
        self._values = [arrays(one.points) for one in curves]
        positive = all((y > 0).all() for _, y in self._values)
        self._scale = Scale(Form.NUMBER, log and positive)
        self.across.set_scale(Scale(Form.NUMBER), "Epochs")
        self.up.set_scale(self._scale, f"{self._title}{', logarithmic' if self._scale.log else ''}")
        self._keep(len(curves))
        spots: list[dict[str, object]] = []
        for place, one in enumerate(self._curves):
            spots += self._draw(place, one, series_color(colors[place]))
        self._best.setData(spots)
        self._fit()
        self._place_labels()

    def _keep(self, count: int) -> None:
        while len(self._lines) < count:
            pair = (pg.PlotCurveItem(), pg.PlotCurveItem())
            for depth, item in enumerate(pair):
                item.setZValue(depth)
                self.addItem(item)
            self._lines.append(pair)
            self._labels.append(self.add_label("", small_font(QFont.Weight.Medium)))
        for place, pair in enumerate(self._lines):
            for item in pair:
                item.setVisible(place < count)
            self._labels[place].setVisible(place < count)

    def _draw(self, place: int, curve: Curve, tone: str) -> list[dict[str, object]]:
        x, y = self._values[place]
        thin_line, strong = self._lines[place]
        noisy = curve.series == LOSS and len(x) > MARKED
        up = np.log10(y) if self._scale.log else y
        if noisy:
            thin_line.setData(*thin(x, up), antialias=False)
            thin_line.setPen(pen(tone, 1.0, 0.35))
            trend = smooth(y)
            strong.setData(*thin(x, np.log10(trend) if self._scale.log else trend, FEW), antialias=True)
        else:
            strong.setData(*thin(x, up), antialias=len(x) <= FEW)
        thin_line.setVisible(noisy)
        strong.setPen(pen(tone, LINE if len(x) <= FEW or noisy else 1.0))
        several = len({one.node for one in self._curves}) > 1
        name = curve.label if several else "now" if curve.live else "last"
        value = smooth(y)[-1] if noisy else (y[-1] if len(y) else float("nan"))
        self._labels[place].setText(f"{_short(name)} {words.number_text(float(value))}")
        self._labels[place].setBrush(brush(tone))
        return [] if noisy or not len(x) else self._marks(x, up, y, tone)

    def _marks(self, x: np.ndarray, up: np.ndarray, y: np.ndarray, tone: str) -> list[dict[str, object]]:
        best = int(np.argmin(y))
        dots: list[dict[str, object]] = []
        if len(x) <= MARKED:
            dots = [
                {"pos": (float(a), float(b)), "size": 5, "pen": NO_PEN, "brush": brush(tone)}
                for a, b in zip(x, up, strict=True)
            ]
        ring = {"pos": (float(x[best]), float(up[best])), "size": 11, "pen": pen(tokens().good, 1.8), "brush": None}
        return [*dots, ring]

    def _fit(self) -> None:
        x = np.concatenate([one for one, _ in self._values] or [np.zeros(1)])
        y = np.concatenate([one for _, one in self._values] or [np.zeros(1)])
        if not len(x):
            return
        high = float(y.max())
        if len(y) > 200 and not self._scale.log:
            high = min(high, 1.3 * float(np.quantile(y, 0.995)))
        low_place, high_place = self._scale.place(float(y.min())), self._scale.place(high)
        last = max(float(x.max()), 0.2)
        self.fit((-0.02 * last, last * self._room()), padded(low_place, high_place, 0.08, 1e-6))

    def _room(self) -> float:
        """How much wider the axis is than the curves, so that the labels find room behind them."""
        width = max((one.boundingRect().width() for one in self._labels if one.isVisible()), default=0.0)
        share = (width + 2 * LABEL_GAP) / max(self.drawing.width(), 1.0)
        return 1.0 / (1.0 - min(share, MOST_ROOM))

    def _place_labels(self) -> None:
        area = self.drawing
        places: list[QPointF] = []
        for (x, y), (_, strong) in zip(self._values, self._lines, strict=False):
            data = strong.yData
            end = float(data[-1]) if data is not None and len(data) else 0.0
            places.append(self.to_pixels(float(x[-1]) if len(x) and len(y) else 0.0, end))
        height = self._labels[0].boundingRect().height() if self._labels else 0.0
        tops = spread([at.y() - height / 2 for at in places], area.top(), area.bottom() - height, height)
        for label, at, top in zip(self._labels, places, tops, strict=False):
            width = label.boundingRect().width()
            label.setPos(min(at.x() + LABEL_GAP, area.right() - width), top)

    def _point(self, place: QPointF) -> None:
        if not self.drawing.contains(place) or not any(len(x) for x, _ in self._values):
            self._card.hide_card()
            return
        epoch = float(self.box.mapSceneToView(place).x())
        rows: list[tuple[str, str, str]] = []
        nearest = 0.0
        for curve, (x, y) in zip(self._curves, self._values, strict=True):
            if len(x):
                at = int(np.argmin(np.abs(x - epoch)))
                nearest = float(x[at])
                rows.append((curve.label, words.number_text(float(y[at])), ""))
                if curve.series != LOSS:
                    best = int(np.argmin(y))
                    rows.append(("best", f"{words.number_text(float(y[best]))}  after {x[best]:g} epochs", "good"))
        self._card.show_card((nearest, tuple(rows)), self._title, f"after {nearest:.2f} epochs", rows, place)


def _short(label: str, most: int = 16) -> str:
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"
