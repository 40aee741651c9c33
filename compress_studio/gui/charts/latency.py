"""Latency: the time of one inference of every result beside the original, with its distribution and its claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPolygonF
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from compress_studio.gui.charts.bars import BarList
from compress_studio.gui.charts.frame import Chart, Hint
from compress_studio.gui.charts.latency_rows import (
    Latency,
    LatencyRow,
    axis_end,
    card_rows,
    conditions_words,
    density,
    make_row,
    make_table,
)
from compress_studio.gui.charts.naming import name_variants
from compress_studio.gui.charts.scales import Form, Scale, time_text
from compress_studio.gui.charts.style import BAR, HAIR, brush, draw_text, group_color, pen, small_font, text_font
from compress_studio.gui.charts.tables import Table
from compress_studio.gui.theme.current import tokens
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

LABEL_SHARE, LABEL_MOST = 0.26, 220.0
CLAIM_WIDTH = 190.0
SHORT_CLAIM = 84.0
NARROW = 520.0
"""Width below which bars need the room more than words do."""
TIME_WIDTH = 62.0
BINS = 72
VIOLIN = 9.0
"""Height of the distribution above and below the middle of a bar."""


class LatencyBars(BarList):
    """One bar per result."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latency:bars")
        self.setAccessibleName("Latency of every result")
        self.row_height = 30.0
        self.foot_height = 40.0
        self.state = Latency()
        self._end = 1.0
        self._violins: list[list[float]] = []

    def show_rows(self, state: Latency) -> None:
        """Show these rows."""
        self.state = state
        self._end = axis_end(state.rows)
        self._violins = [density(row.quantiles, 0.0, self._end, BINS * 3) for row in state.rows]
        self.rows_changed()

    @property
    def count(self) -> int:
        return len(self.state.rows)

    def card(self, row: int) -> tuple[str, str, tuple[tuple[str, str, str], ...]]:
        one = self.state.rows[row]
        return one.label, one.detail, card_rows(one)

    def _columns(self, width: float) -> tuple[float, float, float]:
        """Left and right end of the bars, and where the claims begin."""
        left = min(LABEL_SHARE * width, LABEL_MOST) + METRICS.gap
        claim = CLAIM_WIDTH if width > NARROW else SHORT_CLAIM
        right = max(left + 40.0, width - claim - TIME_WIDTH - 2 * METRICS.gap)
        return left, right, right + TIME_WIDTH + METRICS.gap

    def paint_row(self, painter: QPainter, row: int, box: QRectF) -> None:
        one, ink = self.state.rows[row], tokens()
        left, right, claim = self._columns(box.width())
        weight = QFont.Weight.Medium if one.selected else QFont.Weight.Normal
        tone = ink.accent if one.selected else ink.text if one.node else ink.muted
        name = QRectF(0, box.top(), left - METRICS.gap, box.height())
        draw_text(painter, name, one.label, tone, text_font(weight), Qt.AlignmentFlag.AlignRight)
        color = group_color(one.group) if one.node else ink.faint
        self._paint_bar(painter, one, row, box, (left, right), color)
        time = QRectF(right + 4, box.top(), TIME_WIDTH, box.height())
        draw_text(painter, time, time_text(one.median, self._end), ink.text, small_font(QFont.Weight.Medium))
        words = one.claim or "original"
        said = {"good": ink.good, "bad": ink.bad}.get(one.tone, ink.muted)
        draw_text(painter, QRectF(claim, box.top(), box.width() - claim, box.height()), words, said, small_font())

    def _paint_bar(
        self, painter: QPainter, one: LatencyRow, row: int, box: QRectF, ends: tuple[float, float], color: str
    ) -> None:
        left, right = ends
        unit = (right - left) / self._end
        middle = box.center().y()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(brush(color, 0.32 if one.quantiles else 0.85))
        painter.drawRoundedRect(QRectF(left, middle - BAR / 2, one.median * unit, BAR), 2, 2)
        painter.save()
        painter.setClipRect(QRectF(left, box.top(), right - left, box.height()), Qt.ClipOperation.IntersectClip)
        self._paint_violin(painter, row, left, right, middle, color)
        if one.p25 is not None and one.p75 is not None:
            painter.setPen(pen(tokens().text, 3.0, 0.9))
            painter.drawLine(QPointF(left + one.p25 * unit, middle), QPointF(left + one.p75 * unit, middle))
        painter.setPen(pen(tokens().text, 1.6))
        at = left + one.median * unit
        painter.drawLine(QPointF(at, middle - BAR / 2), QPointF(at, middle + BAR / 2))
        painter.restore()

    def _paint_violin(self, painter: QPainter, row: int, left: float, right: float, middle: float, color: str) -> None:
        heights = self._violins[row]
        step = (right - left) / max(len(heights), 1)
        filled = [at for at, height in enumerate(heights) if height > 0.01]
        if not filled:
            return
        first, last = filled[0], filled[-1]
        top = [QPointF(left + (at + 0.5) * step, middle - VIOLIN * heights[at] ** 0.5) for at in range(first, last + 1)]
        low = [QPointF(point.x(), 2 * middle - point.y()) for point in reversed(top)]
        ends = [QPointF(left + first * step, middle)], [QPointF(left + (last + 1) * step, middle)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(brush(color, 0.9))
        painter.drawPolygon(QPolygonF([*ends[0], *top, *ends[1], *low]))

    def paint_foot(self, painter: QPainter, box: QRectF) -> None:
        ink = tokens()
        left, right, _ = self._columns(box.width())
        unit = (right - left) / self._end
        for place, text in Scale(Form.MS).ticks(0.0, self._end, right - left):
            at = left + place * unit
            painter.setPen(pen(ink.strong_border, HAIR))
            painter.drawLine(QPointF(at, box.top()), QPointF(at, box.top() + 3))
            area = QRectF(at - 40, box.top() + 3, 80, 16)
            draw_text(painter, area, text, ink.muted, small_font(), Qt.AlignmentFlag.AlignHCenter)
        painter.setPen(pen(ink.strong_border, HAIR))
        painter.drawLine(QPointF(left, box.top()), QPointF(right, box.top()))
        if box.width() <= NARROW:
            return
        words = "time of one inference, shorter is better · line: median, thick: half of all rounds, shape: all rounds"
        if QFontMetricsF(small_font()).horizontalAdvance(words) > box.width() - left:
            words = "time of one inference, shorter is better"
        draw_text(painter, QRectF(left, box.top() + 20, box.width() - left, 16), words, ink.muted, small_font())


class LatencyChart(Chart):
    """Latency of every result."""

    name = "latency"
    title = "Latency"
    follows = frozenset({"results", "variants", "selection", "project", "plan"})

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        self._bars: LatencyBars | None = None
        super().__init__(commands, parent)

    def build_bar(self, bar: QHBoxLayout) -> None:
        self._former = QCheckBox("former results", self.bar)
        self._former.setObjectName("latency:former")
        self._former.setAccessibleName("Show former results too")
        self._former.setToolTip("Show results that were measured with other parameters, too")
        self._former.toggled.connect(self._choose)
        bar.addWidget(self._former)
        self._conditions = ElidedLabel("", Qt.TextElideMode.ElideRight, self.bar)
        self._conditions.setObjectName("latency:conditions")
        self._conditions.setProperty("tone", "muted")
        bar.addWidget(self._conditions, 100)

    def read(self) -> Latency:
        session = self.session
        current, former = name_variants(session)
        rows: list[LatencyRow] = []
        detail: dict[str, object] = {}
        for one in session.variants.rows:
            named = current.get(one.id)
            if named is None and not self._former.isChecked():
                continue
            shown = named or former[one.id]
            row = make_row(
                one.id,
                shown.node,
                shown.label,
                shown.group,
                one.result,
                origin=not one.source,
                selected=bool(shown.node) and shown.node in session.selection,
                detail=f"Result {one.number}",
            )
            if row is not None:
                rows.append(row)
                reading = one.result.reading("median_ms")
                detail = dict(reading.detail) if reading is not None and (not detail or named) else detail
        rows.sort(key=lambda row: bool(row.claim))
        order = {node.id: place for place, node in enumerate(session.project.pipeline.order())}
        rows.sort(key=lambda row: order.get(row.node, len(order)))
        measured = bool(session.variants.rows)
        return Latency(tuple(rows), conditions_words(detail), self._former.isChecked(), session.running, measured)

    def hint(self, state: Latency) -> Hint | None:
        if state.rows:
            return None
        if state.running:
            return Hint("clock", "Times are measured after the steps", "Nothing else runs meanwhile.")
        if state.measured and not state.former:
            text = "The pipeline has changed since the last run. Run it (F5) to measure it again."
            return Hint("clock", "No time was measured for the pipeline as it is", text, "Run")
        text = "Run the pipeline (F5) to see how long every result takes beside the original, measured in turns."
        return Hint("clock", "Nothing was measured yet", text, "Run")

    def build_stage(self) -> QWidget:
        self._bars = LatencyBars(self)
        self._bars.row_clicked.connect(self._select)
        self._bars.row_double_clicked.connect(self._restore)
        return self._bars

    def draw(self, state: Latency) -> None:
        self._conditions.setText(state.conditions)
        if self._bars is not None:
            self._bars.show_rows(state)

    def restyle(self) -> None:
        if self._bars is not None:
            self._bars.restyle()

    def table(self) -> Table:
        return make_table(() if self.state is None else self.state.rows)

    def picture_size(self) -> QSize:
        return super().picture_size() if self._bars is None else self._bars.full_size()

    def paint_picture(self, painter: QPainter) -> None:
        if self._bars is not None:
            self._bars.paint_all(painter, self._bars.full_size())

    def _choose(self, _on: bool) -> None:
        self.refresh()

    def _select(self, row: int) -> None:
        node = self.state.rows[row].node
        if node:
            self.session.select((node,))

    def _restore(self, row: int) -> None:
        one = self.session.variants.get(self.state.rows[row].key)
        if one is not None:
            self.session.restore(one, "Restore variant")
