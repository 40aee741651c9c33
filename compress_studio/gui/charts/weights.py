"""Weights: how the numbers of one layer are distributed, before and after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from compress_studio.engine.records import Failure
from compress_studio.gui.charts.counting import counted
from compress_studio.gui.charts.frame import Chart, Hint
from compress_studio.gui.charts.layers import about
from compress_studio.gui.charts.looks import Histogram, LayerLooks, Side, Subject, subject_of
from compress_studio.gui.charts.tables import Table
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel
from compress_studio.gui.widgets.search import SearchField

if TYPE_CHECKING:
    from compress_studio.gui.charts.histogram import HistogramPlot
    from compress_studio.gui.commands import Commands

LIST_WIDTH = 210


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that the chart of weights shows."""

    subject: Subject | None = None
    layers: tuple[str, ...] = ()
    changed: frozenset[str] = frozenset()
    """Layers whose weights differ from those of the source."""
    layer: str = ""
    histogram: Histogram | None = None
    log: bool = False
    waiting: bool = False
    failure: Failure | None = None


class WeightsChart(Chart):
    """Histograms of the weights of one layer."""

    name = "weights"
    title = "Weights"
    follows = frozenset({"results", "selection", "project", "plan"})

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        self._plot: HistogramPlot | None = None
        self._wanted = Weights()
        super().__init__(commands, parent)
        self._looks = LayerLooks.of(self.session)
        self._looks.changed.connect(self.stale)

    def build_bar(self, bar: QHBoxLayout) -> None:
        self._log = QCheckBox("log count", self.bar)
        self._log.setObjectName("weights:log")
        self._log.setToolTip("Logarithmic heights: rare values become visible")
        self._log.setAccessibleName("Logarithmic heights")
        self._log.toggled.connect(self._choose_log)
        bar.addWidget(self._log)
        self._about = ElidedLabel("", Qt.TextElideMode.ElideMiddle, self.bar)
        self._about.setProperty("tone", "muted")
        bar.addWidget(self._about, 100)

    def read(self) -> Weights:
        subject, wanted = subject_of(self.session), self._wanted
        if subject is None:
            return wanted
        rows = self._looks.rows(subject)
        if not isinstance(rows, tuple):
            return replace(wanted, subject=subject, waiting=rows is None, failure=rows)
        names = tuple(row.name for row in rows if row.has_weights)
        changed = frozenset(row.name for row in rows if row.state != "same")
        state = replace(wanted, subject=subject, layers=names, changed=changed)
        if not names:
            return state
        layer = wanted.layer if wanted.layer in names else next((one for one in names if one in changed), names[0])
        found = self._looks.histogram(subject, layer)
        if isinstance(found, Failure):
            return replace(state, layer=layer, failure=found)
        return replace(state, layer=layer, histogram=found, waiting=found is None)

    def hint(self, state: Weights) -> Hint | None:
        if state.layers:
            return None
        if state.failure is not None:
            return Hint("warning", state.failure.message, state.failure.hint)
        if state.waiting and state.subject is not None:
            return Hint("histogram", "Looking at the weights", f"of {state.subject.label} and {state.subject.source}.")
        if state.subject is not None:
            return Hint("histogram", "There are no layers with weights here", f"{state.subject.label} holds none.")
        text = "Run the pipeline (F5) to see how the weights of every layer are distributed."
        return Hint("histogram", "No result yet", text, "Run")

    def build_stage(self) -> QWidget:
        from compress_studio.gui.charts.histogram import HistogramPlot

        stage = QWidget(self)
        layout = QHBoxLayout(stage)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        side = QVBoxLayout()
        side.setSpacing(METRICS.gap // 2)
        self._search = SearchField("Find a layer", stage)
        self._search.setObjectName("weights:search")
        self._search.setFixedWidth(LIST_WIDTH)
        self._search.textChanged.connect(self._filter)
        self._list = QListWidget(stage)
        self._list.setObjectName("weights:layers")
        self._list.setAccessibleName("Layers with weights")
        self._list.setToolTip("The layer whose weights are shown")
        self._list.setFixedWidth(LIST_WIDTH)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setUniformItemSizes(True)
        self._list.currentItemChanged.connect(self._choose_layer)
        side.addWidget(self._search)
        side.addWidget(self._list, 1)
        layout.addLayout(side)
        self._plot = HistogramPlot(stage)
        layout.addWidget(self._plot, 1)
        return stage

    def draw(self, state: Weights) -> None:
        self._about.setText(about(state.subject))
        self._show_layers(state)
        if self._plot is None:
            return
        if state.histogram is not None:
            group = state.subject.group if state.subject is not None else ""
            self._plot.show_histogram(state.histogram, group, log=state.log)
        elif state.failure is not None:
            self._plot.show_note(state.failure.message)
        else:
            self._plot.show_note("counting the weights …")

    def restyle(self) -> None:
        if self._plot is not None:
            self._plot.restyle()

    def table(self) -> Table:
        state: Weights = self.state or Weights()
        found = state.histogram
        headers = ("Layer", "From", "To", "Weights before", "Weights after")
        if found is None:
            return Table(headers)
        zeros = (found.layer, 0.0, 0.0, _zeros(found.before_side), _zeros(found.after_side))
        before = counted(found.before, found.edges, found.before_side)
        after = counted(found.after, found.edges, found.after_side)
        bins = [
            (found.layer, low, high, before[at] if before else None, after[at] if after else None)
            for at, (low, high) in enumerate(pairwise(found.edges))
        ]
        return Table(headers, (zeros, *bins))

    def picture_size(self) -> QSize:
        return super().picture_size() if self._plot is None else self._plot.size()

    def paint_picture(self, painter: QPainter) -> None:
        if self._plot is not None:
            self._plot.paint_at(painter, QRectF(0, 0, self._plot.width(), self._plot.height()))

    def _show_layers(self, state: Weights) -> None:
        blocked = self._list.blockSignals(True)
        have = tuple(self._list.item(at).text() for at in range(self._list.count()))
        if have != state.layers:
            self._list.clear()
            for name in state.layers:
                item = QListWidgetItem(name, self._list)
                item.setToolTip(name)
        for at, name in enumerate(state.layers):
            if name == state.layer:
                self._list.setCurrentRow(at)
        self._list.blockSignals(blocked)

    def _filter(self, text: str) -> None:
        wanted = text.strip().lower()
        for at in range(self._list.count()):
            item = self._list.item(at)
            item.setHidden(wanted not in item.text().lower())

    def _choose_layer(self, item: QListWidgetItem | None, _before: object) -> None:
        if item is not None:
            self._wanted = replace(self._wanted, layer=item.text())
            self.refresh()

    def _choose_log(self, on: bool) -> None:
        self._wanted = replace(self._wanted, log=on)
        self.show_state(replace(self.state, log=on))


def _zeros(side: Side | None) -> int | None:
    return None if side is None else side.zeros
