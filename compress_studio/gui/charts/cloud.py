"""The drawing of the trade-off: dots with intervals, the line of the best ones, budgets that can be dragged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QBrush, QFontMetricsF, QKeyEvent, QPen
from PySide6.QtWidgets import QGraphicsSimpleTextItem, QWidget

from compress_studio.gui.charts.dots import BudgetLine, Dot, Tradeoff
from compress_studio.gui.charts.hover import HoverCard
from compress_studio.gui.charts.labels import Box, along, least_covered, place_labels
from compress_studio.gui.charts.plots import NO_PEN, Plot, padded
from compress_studio.gui.charts.scales import Form, Scale
from compress_studio.gui.charts.style import FRONT, LINE, brush, group_color, pen, small_font
from compress_studio.gui.theme.current import tokens

SMALL, LARGE, PLAIN = 4.0, 13.0, 6.0
"""Radii of bubbles in pixels; PLAIN where nothing is shown by their area."""
FORMER = 3.5
REACH = 5.0
"""Pixels around a dot that still belong to it."""
MOST_LABELS = 24
BUDGET_TEXT_GAP = 3.0
RING = 5.0
"""By how much the ring of a selected dot is wider than the dot."""
BUDGET_PLACES = 8
"""Along a level line at which its words are tried, from the right."""
NOTHING = QBrush(Qt.BrushStyle.NoBrush)


class Cloud(Plot):
    """The plot of the trade-off."""

    dot_clicked = Signal(str)
    """Id of the variant."""
    dot_double_clicked = Signal(str)
    budget_dragged = Signal(object, float)
    """(BudgetLine, the value on its axis)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tradeoff:plot")
        self.setAccessibleName("Trade-off: quality against cost, one dot per result")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._state = Tradeoff()
        self._dots: tuple[Dot, ...] = ()
        self._x, self._y = Scale(self._state.x.form), Scale(self._state.x.form)
        self._front = pg.PlotCurveItem(antialias=True)
        self._bars = pg.ErrorBarItem(beam=0.0)
        self._wide = pg.ErrorBarItem(beam=0.0)
        self._former = pg.ScatterPlotItem(pxMode=True, antialias=True)
        self._current = pg.ScatterPlotItem(pxMode=True, antialias=True)
        self._rings = pg.ScatterPlotItem(pxMode=True, antialias=True)
        self._stars = pg.ScatterPlotItem(pxMode=True, antialias=True, symbol="star")
        layers = (self._front, self._wide, self._bars, self._former, self._rings, self._current, self._stars)
        for depth, item in enumerate(layers):
            item.setZValue(depth)
            self.addItem(item)
        self._labels: list[tuple[Dot, QGraphicsSimpleTextItem]] = []
        self._budgets: list[tuple[BudgetLine, pg.InfiniteLine, QGraphicsSimpleTextItem]] = []
        self._card = HoverCard(self)
        self._pointed_at = -1
        self._placing = True
        """Texts follow the range; held back while several things change."""
        self.pointed.connect(self._point)
        self.left.connect(self._card.hide_card)
        self.clicked.connect(lambda place: self._tell(place, self.dot_clicked))
        self.double_clicked.connect(self._double)
        self.moved.connect(self._place_texts)

    def show_cloud(self, state: Tradeoff) -> None:
        """Show a state; y must be set."""
        if state.y is None:
            return
        if (state.x, state.y, state.log) != (self._state.x, self._state.y, self._state.log):
            self.fitted = True
        self._state, self._dots = state, state.dots
        self._placing = False
        self._x, self._y = Scale(state.x.form, state.log), Scale(state.y.form)
        suffix = ", logarithmic" if state.log and state.x.form is not Form.FACTOR else ""
        self.across.set_scale(self._x, f"{state.x.label}{suffix}")
        self.up.set_scale(self._y, state.y.label)
        self._draw_dots()
        self._draw_front()
        self._draw_budgets()
        self._draw_labels()
        self.fit(*self._ranges())
        self._placing = True
        self._place_texts()

    def show_all(self) -> None:
        """Bring everything into view."""
        self.fitted = True
        self.fit(*self._ranges())

    def dot_at(self, place: QPointF) -> Dot | None:
        """The dot under a point of the widget, the nearest one."""
        best, found = math.inf, None
        for dot in self._dots:
            at = self.place_of(dot)
            distance = math.hypot(at.x() - place.x(), at.y() - place.y()) - self._radius(dot)
            if distance < min(best, REACH):
                best, found = distance, dot
        return found

    def place_of(self, dot: Dot) -> QPointF:
        """Where a dot lies in the widget."""
        return self.to_pixels(self._x.place(dot.x), self._y.place(dot.y))

    def line_of(self, metric: str) -> pg.InfiniteLine | None:
        """The budget line of a metric."""
        return next((line for budget, line, _ in self._budgets if budget.metric == metric), None)

    # drawing --------------------------------------------------------------------------------------

    def _radius(self, dot: Dot) -> float:
        if not dot.node:
            return FORMER
        if self._state.bubble is None or dot.share is None:
            return PLAIN
        return max(SMALL, LARGE * math.sqrt(dot.share))

    def _draw_dots(self) -> None:
        ink = tokens()
        now = [dot for dot in self._dots if dot.node]
        edge, grey = pen(ink.window, 1.0), brush(ink.muted, 0.5)
        fills = [brush(group_color(dot.group), 0.95) for dot in now]
        self._show(self._current, now, [edge] * len(now), fills, 0.0)
        former = [dot for dot in self._dots if not dot.node]
        self._show(self._former, former, [NO_PEN] * len(former), [grey] * len(former), 0.0)
        chosen = [dot for dot in self._dots if dot.selected]
        self._show(self._rings, chosen, [pen(ink.accent, 2.0)] * len(chosen), [NOTHING] * len(chosen), 8.0)
        starred = [dot for dot in self._dots if dot.starred]
        x, y = self._places(starred)
        self._stars.setData(x=x, y=y, size=9, pen=pen(ink.window, 0.8), brush=brush(ink.warn))
        self._draw_intervals()

    def _places(self, dots: Sequence[Dot]) -> tuple[object, object]:
        return _array([self._x.place(dot.x) for dot in dots]), _array([self._y.place(dot.y) for dot in dots])

    def _show(
        self, item: pg.ScatterPlotItem, dots: Sequence[Dot], pens: list[QPen], fills: list[QBrush], more: float
    ) -> None:
        x, y = self._places(dots)
        sizes = [round(2 * self._radius(dot) + more) for dot in dots]
        item.setData(x=x, y=y, size=sizes, pen=pens, brush=fills)

    def _draw_intervals(self) -> None:
        for item, vertical in ((self._bars, True), (self._wide, False)):
            rows = [dot for dot in self._dots if dot.node and (dot.y_low if vertical else dot.x_low) is not None]
            if not rows:
                item.setData(x=None, y=None, top=None, bottom=None, left=None, right=None)
                continue
            x = [self._x.place(dot.x) for dot in rows]
            y = [self._y.place(dot.y) for dot in rows]
            at, scale = (y, self._y) if vertical else (x, self._x)
            ends = [(dot.y_low, dot.y_high) if vertical else (dot.x_low, dot.x_high) for dot in rows]
            low = [place - scale.place(end[0] or 0.0) for place, end in zip(at, ends, strict=True)]
            high = [scale.place(end[1] or 0.0) - place for place, end in zip(at, ends, strict=True)]
            names = ("bottom", "top") if vertical else ("left", "right")
            spread = {names[0]: _array(low), names[1]: _array(high)}
            item.setData(x=_array(x), y=_array(y), pen=pen(tokens().muted, 1.4, 0.8), **spread)

    def _draw_front(self) -> None:
        x = [self._x.place(one) for one, _ in self._state.front]
        y = [self._y.place(one) for _, one in self._state.front]
        self._front.setData(_array(x), _array(y))
        self._front.setPen(pen(tokens().accent, 1.3, 0.75, FRONT))

    def _draw_budgets(self) -> None:
        if any(line.moving for _, line, _ in self._budgets):
            return
        wanted = self._state.budgets
        if [(one.metric, one.vertical) for one in wanted] != [
            (one.metric, one.vertical) for one, _, _ in self._budgets
        ]:
            for _, line, text in self._budgets:
                self.removeItem(line)
                self.scene().removeItem(text)
            self._budgets = [(one, self._new_line(one), self.add_label()) for one in wanted]
        ink = tokens().warn
        for place, budget in enumerate(wanted):
            _, line, text = self._budgets[place]
            self._budgets[place] = (budget, line, text)
            scale = self._x if budget.vertical else self._y
            blocked = line.blockSignals(True)
            line.setValue(scale.place(budget.at))
            line.blockSignals(blocked)
            line.setPen(pen(ink, LINE))
            line.setHoverPen(pen(ink, 3.0))
            text.setText(budget.text)
            text.setBrush(brush(ink))

    def _new_line(self, budget: BudgetLine) -> pg.InfiniteLine:
        line = pg.InfiniteLine(angle=90 if budget.vertical else 0, movable=True)
        line.setZValue(20)
        line.setCursor(Qt.CursorShape.SizeHorCursor if budget.vertical else Qt.CursorShape.SizeVerCursor)
        line.sigPositionChanged.connect(self._budget_moved)
        line.sigPositionChangeFinished.connect(self._dropped)
        self.addItem(line)
        return line

    def _draw_labels(self) -> None:
        for _, text in self._labels:
            self.scene().removeItem(text)
        shown = sorted(
            (dot for dot in self._dots if dot.node), key=lambda dot: (not dot.selected, not dot.origin, -dot.x)
        )
        self._labels = []
        for dot in shown[:MOST_LABELS]:
            text = self.add_label(_short(dot.label))
            self._labels.append((dot, text))

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        x = [self._x.place(dot.x) for dot in self._dots] or [0.0, 1.0]
        y = [self._y.place(dot.y) for dot in self._dots] or [0.0, 1.0]
        for dot in self._dots:
            if dot.node:
                y += [self._y.place(end) for end in (dot.y_low, dot.y_high) if end is not None]
        for budget in self._state.budgets:
            (x if budget.vertical else y).append((self._x if budget.vertical else self._y).place(budget.at))
        least_x = math.log10(2.0) if self._x.log else 0.1 * max(map(abs, x), default=1.0)
        least_y = 0.02 if self._y.form is Form.SHARE else 0.02 * max(map(abs, y), default=1.0)
        return padded(min(x), max(x), 0.09, least_x), padded(min(y), max(y), 0.1, least_y)

    # places in pixels -------------------------------------------------------------------------------

    def _place_texts(self) -> None:
        if not self._placing:
            return
        area = self.drawing
        others = [dot for dot in self._dots if not dot.node]
        dots = [*(dot for dot, _ in self._labels), *others]
        places = [self.place_of(dot) - area.topLeft() for dot in dots]
        sized = zip(dots, places, strict=True)
        circles = [(at.x(), at.y(), self._radius(dot) + RING * dot.selected) for dot, at in sized]
        lines = self._line_boxes()
        circled = [(x - r, y - r, 2 * r, 2 * r) for x, y, r in circles]
        budgets = [*lines, *self._place_budget_texts([*circled, *lines])]
        metrics = QFontMetricsF(small_font())
        sizes = [(metrics.horizontalAdvance(text.text()), metrics.height()) for _, text in self._labels]
        corners = place_labels(circles, sizes, (area.width(), area.height()), budgets)
        for (_, text), at, (left, top) in zip(self._labels, places, corners, strict=False):
            text.setVisible(area.contains(at + area.topLeft()))
            text.setPos(area.left() + left, area.top() + top)

    def _line_boxes(self) -> list[Box]:
        """What words should not cover besides dots: the line of the best ones, and intervals."""
        corner = self.drawing.topLeft()
        front = [self.to_pixels(self._x.place(x), self._y.place(y)) - corner for x, y in self._state.front]
        found = along([(at.x(), at.y()) for at in front])
        for dot in self._dots:
            if dot.node and dot.y_low is not None and dot.y_high is not None:
                ends = [
                    self.to_pixels(self._x.place(dot.x), self._y.place(end)) - corner for end in (dot.y_high, dot.y_low)
                ]
                found.append((ends[0].x() - 2.0, ends[0].y(), 4.0, ends[1].y() - ends[0].y()))
        return found

    def _place_budget_texts(self, taken: Sequence[Box]) -> list[Box]:
        """Write what each line means where it covers no dot; returns the places of lines and words."""
        area = self.drawing
        found: list[Box] = []
        for budget, line, text in self._budgets:
            box = text.boundingRect()
            width, height = box.width(), box.height()
            if budget.vertical:
                at = self.to_pixels(_at(line), 0.0).x() - area.left()
                lines = (at - 1.0, 0.0, 2.0, area.height())
                beside = (at + BUDGET_TEXT_GAP, at - BUDGET_TEXT_GAP - width)
                corners = [(left, top) for top in (0.0, area.height() - height) for left in beside]
                text.setVisible(0.0 <= at <= area.width())
            else:
                at = self.to_pixels(0.0, _at(line)).y() - area.top()
                lines = (0.0, at - 1.0, area.width(), 2.0)
                room = max(0.0, area.width() - width - 2 * BUDGET_TEXT_GAP)
                lefts = [BUDGET_TEXT_GAP + room * (1.0 - place / BUDGET_PLACES) for place in range(BUDGET_PLACES + 1)]
                corners = [(left, top) for left in lefts for top in (at - height - 1.0, at + 1.0)]
                text.setVisible(0.0 <= at <= area.height())
            left, top = least_covered(corners, (width, height), (area.width(), area.height()), [*taken, *found])
            text.setPos(area.left() + left, area.top() + top)
            found += [lines, (left, top, width, height)]
        return found

    def _budget_moved(self, *_: object) -> None:
        self._place_texts()

    # gestures -----------------------------------------------------------------------------------------

    def _point(self, place: QPointF) -> None:
        dot = None if any(line.moving for _, line, _ in self._budgets) else self.dot_at(place)
        if dot is None:
            self._card.hide_card()
            self.viewport().unsetCursor()
            return
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self._show_card(dot, place)

    def _show_card(self, dot: Dot, place: QPointF) -> None:
        self._card.show_card(dot, dot.label, dot.subtitle, dot.facts, place)

    def _tell(self, place: QPointF, signal: object) -> None:
        dot = self.dot_at(place)
        if dot is not None:
            signal.emit(dot.variant)  # type: ignore[attr-defined]

    def _double(self, place: QPointF) -> None:
        if self.dot_at(place) is None:
            self.show_all()
        else:
            self._tell(place, self.dot_double_clicked)

    def _dropped(self, line: pg.InfiniteLine) -> None:
        for budget, one, _ in self._budgets:
            if one is line:
                scale = self._x if budget.vertical else self._y
                self.budget_dragged.emit(budget, scale.value(_at(line)))
                return

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
        ranked = sorted(self._dots, key=lambda dot: dot.x)
        if ev.key() in moves and ranked:
            self._pointed_at = (self._pointed_at + moves[Qt.Key(ev.key())]) % len(ranked)
            dot = ranked[self._pointed_at]
            self._show_card(dot, self.place_of(dot))
        elif ev.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and 0 <= self._pointed_at < len(ranked):
            again = ev.modifiers() & Qt.KeyboardModifier.ControlModifier
            signal = self.dot_double_clicked if again else self.dot_clicked
            signal.emit(ranked[self._pointed_at].variant)
        elif ev.key() == Qt.Key.Key_Escape:
            self._card.hide_card()
        else:
            super().keyPressEvent(ev)


def _at(line: pg.InfiniteLine) -> float:
    value: Any = line.value()
    return float(value)


def _array(values: Sequence[float]) -> object:
    import numpy as np

    return np.asarray(values, np.float64)


def _short(label: str, most: int = 28) -> str:
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"
