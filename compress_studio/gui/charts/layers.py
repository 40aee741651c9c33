"""Layers: what every layer of the selected result costs beside the same layer of the original."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QHBoxLayout, QWidget

from compress_studio.engine.records import Failure
from compress_studio.gui.charts.bars import BarList
from compress_studio.gui.charts.frame import Chart, Hint, fill_choice
from compress_studio.gui.charts.layer_rows import (
    BY_NAME,
    MEASURES,
    ORDERS,
    LayerRow,
    arrange,
    card_rows,
    change_words,
    largest,
    make_table,
    state_words,
    value_words,
)
from compress_studio.gui.charts.looks import LayerLooks, Subject, subject_of
from compress_studio.gui.charts.style import (
    HAIR,
    brush,
    draw_text,
    group_color,
    original_color,
    pen,
    small_font,
    text_font,
)
from compress_studio.gui.charts.tables import Table
from compress_studio.gui.theme.current import tokens
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel
from compress_studio.gui.widgets.search import SearchField

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

NAME_SHARE = 0.36
VALUE_WIDTH, CHANGE_WIDTH = 150.0, 74.0
STRIP = 40.0
"""Height of the overview of all layers."""
PAGES = 1.6
"""From how many pages on the overview helps."""
BEFORE, AFTER = 6.0, 8.0
"""Heights of the two bars."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Everything that the chart of layers shows."""

    subject: Subject | None = None
    rows: tuple[LayerRow, ...] = ()
    """As they are shown: sorted and filtered."""
    total: int = 0
    measure: str = "bytes"
    order: str = "network"
    search: str = ""
    waiting: bool = False
    failure: Failure | None = None


class LayerBars(BarList):
    """Two bars per layer, and an overview of all of them where they do not fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("layers:bars")
        self.setAccessibleName("Layers before and after")
        self.state = Layers()
        self._end = 1.0
        self._names = 0.0
        """Width of the longest name."""
        self.head_clicked.connect(self._jump)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    def show_rows(self, state: Layers) -> None:
        """Show these layers."""
        other = (state.subject, state.order, state.search) != (self.state.subject, self.state.order, self.state.search)
        self.state = state
        self._end = largest(state.rows, state.measure)
        metrics = QFontMetricsF(text_font())
        self._names = max((metrics.horizontalAdvance(row.name) for row in state.rows), default=0.0) + METRICS.gap
        self._fit_head()
        self.rows_changed()
        if other:
            self.verticalScrollBar().setValue(0)

    @property
    def count(self) -> int:
        return len(self.state.rows)

    def card(self, row: int) -> tuple[str, str, tuple[tuple[str, str, str], ...]]:
        one = self.state.rows[row]
        return one.name, state_words(one), card_rows(one)

    def _fit_head(self) -> None:
        self.head_height = STRIP if self.count * self.row_height > PAGES * self.viewport().height() else 0.0

    def _columns(self, width: float) -> tuple[float, float]:
        left = min(NAME_SHARE * width, self._names) + METRICS.gap
        return left, max(left + 40.0, width - VALUE_WIDTH - CHANGE_WIDTH - 2 * METRICS.gap)

    def _color(self) -> str:
        return group_color(self.state.subject.group if self.state.subject else "")

    def paint_row(self, painter: QPainter, row: int, box: QRectF) -> None:
        one, ink, measure = self.state.rows[row], tokens(), self.state.measure
        left, right = self._columns(box.width())
        before, after = one.values(measure)
        quiet = one.state == "same" or before == after
        name = QRectF(4, box.top(), left - METRICS.gap - 4, box.height())
        draw_text(painter, name, one.name, ink.muted if one.state == "same" else ink.text, text_font())
        unit = (right - left) / self._end
        painter.setPen(Qt.PenStyle.NoPen)
        middle = box.center().y()
        for value, top, height, color in (
            (before, middle - BEFORE - 1.5, BEFORE, original_color()),
            (after, middle - 0.5, AFTER, self._color()),
        ):
            if value:
                painter.setBrush(brush(color, 0.55 if quiet else 0.95))
                painter.drawRoundedRect(QRectF(left, top, max(value * unit, 1.0), height), 1.5, 1.5)
        values = QRectF(right + METRICS.gap, box.top(), VALUE_WIDTH, box.height())
        draw_text(painter, values, value_words(one, measure), ink.text, small_font(), Qt.AlignmentFlag.AlignRight)
        told = change_words(one, measure)
        tone = ink.muted if told in {"same", "–"} else ink.bad if _worse(one, measure) else ink.good
        column = QRectF(values.right() + METRICS.gap, box.top(), CHANGE_WIDTH - METRICS.gap, box.height())
        draw_text(painter, column, told, tone, small_font(QFont.Weight.Medium), Qt.AlignmentFlag.AlignRight)

    def paint_head(self, painter: QPainter, box: QRectF) -> None:
        if box.height() < STRIP or not self.count:
            return
        ink = tokens()
        width, high = box.width() / self.count, STRIP - 10.0
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, width >= 4.0)
        painter.setPen(Qt.PenStyle.NoPen)
        gap = 1.0 if width >= 3.0 else 0.0
        for side, alpha, color in ((0, 0.4, original_color()), (1, 0.95, self._color())):
            painter.setBrush(brush(color, alpha))
            for at, row in enumerate(self.state.rows):
                height = high * (row.values(self.state.measure)[side] or 0.0) / self._end
                painter.drawRect(QRectF(box.left() + at * width, box.top() + high - height, width - gap, height))
        whole = self.count * self.row_height
        first = self.verticalScrollBar().value() / whole
        share = min(self._page() / whole, 1.0)
        painter.setBrush(brush(ink.text, 0.09))
        painter.setPen(pen(ink.strong_border, HAIR))
        painter.drawRoundedRect(
            QRectF(box.left() + first * box.width(), box.top(), share * box.width(), high + 3), 3, 3
        )
        painter.restore()

    def _jump(self, place: QPointF) -> None:
        row = int(place.x() / max(self.viewport().width(), 1) * self.count)
        self.show_row(min(max(row, 0), self.count - 1))

    def _scrolled(self, _value: int) -> None:
        self.viewport().update()

    def resizeEvent(self, event: object) -> None:
        self._fit_head()
        super().resizeEvent(event)  # type: ignore[arg-type]


class LayersChart(Chart):
    """Layers of the selected result."""

    name = "layers"
    title = "Layers"
    follows = frozenset({"results", "selection", "project", "plan"})

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        self._bars: LayerBars | None = None
        self._wanted = Layers()
        super().__init__(commands, parent)
        self._looks = LayerLooks.of(self.session)
        self._looks.changed.connect(self.stale)

    def build_bar(self, bar: QHBoxLayout) -> None:
        self._measure = self.labelled(bar, "Show", "measure", "What the bars show")
        fill_choice(self._measure, [(one.id, one.label) for one in MEASURES], "bytes")
        self._order = self.labelled(bar, "", "order", "Order of the layers")
        fill_choice(self._order, list(ORDERS), "network")
        self._search = SearchField("Find a layer", self.bar)
        self._search.setObjectName("layers:search")
        self._search.setMaximumWidth(170)
        self._search.textChanged.connect(self._choose)
        for box in (self._measure, self._order):
            box.currentIndexChanged.connect(self._choose)
        bar.addWidget(self._search)
        self._about = ElidedLabel("", Qt.TextElideMode.ElideMiddle, self.bar)
        self._about.setProperty("tone", "muted")
        bar.addWidget(self._about, 100)

    def read(self) -> Layers:
        subject, wanted = subject_of(self.session), self._wanted
        if subject is None:
            return wanted
        found = self._looks.rows(subject)
        if found is None:
            return replace(wanted, subject=subject, waiting=True)
        if isinstance(found, Failure):
            return replace(wanted, subject=subject, failure=found)
        rows = arrange(found, wanted.measure, wanted.order, wanted.search)
        return replace(wanted, subject=subject, rows=rows, total=len(found))

    def hint(self, state: Layers) -> Hint | None:
        if state.total:
            return None
        if state.failure is not None:
            return Hint("warning", state.failure.message, state.failure.hint)
        if state.waiting and state.subject is not None:
            return Hint("layers", "Looking at the layers", f"of {state.subject.label} and {state.subject.source}.")
        if state.subject is not None:
            return Hint("layers", "There are no layers with weights here", f"{state.subject.label} holds none.")
        return Hint("layers", "No result yet", "Run the pipeline (F5) to see what became of every layer.", "Run")

    def build_stage(self) -> QWidget:
        self._bars = LayerBars(self)
        return self._bars

    def draw(self, state: Layers) -> None:
        self._about.setText(about(state.subject))
        if self._bars is not None:
            self._bars.show_rows(state)

    def restyle(self) -> None:
        if self._bars is not None:
            self._bars.restyle()

    def table(self) -> Table:
        state: Layers = self.state or Layers()
        return make_table(state.rows, state.measure)

    def picture_size(self) -> QSize:
        return super().picture_size() if self._bars is None else self._bars.full_size()

    def paint_picture(self, painter: QPainter) -> None:
        if self._bars is not None:
            self._bars.paint_all(painter, self._bars.full_size())

    def _choose(self, _value: object = None) -> None:
        self._wanted = Layers(
            measure=self._measure.currentData(), order=self._order.currentData(), search=self._search.text()
        )
        self.refresh()


def about(subject: Subject | None) -> str:
    """Which result is shown."""
    if subject is None:
        return ""
    words = (
        subject.label
        if subject.node == "" or subject.digest == subject.reference_digest
        else (f"{subject.label} beside {subject.source}")
    )
    return f"{words} (from before the last change)" if subject.outdated else words


def _worse(row: LayerRow, measure: str) -> bool:
    before, after = row.values(measure)
    if row.state in {"gone", "new"} or before is None or after is None:
        return row.state == "new"
    return after > before if BY_NAME[measure].id != "sparsity" else after < before
