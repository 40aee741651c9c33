"""The charts, one tab each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from compress_studio.gui.charts.frame import Chart
from compress_studio.gui.charts.latency import LatencyChart
from compress_studio.gui.charts.layers import LayersChart
from compress_studio.gui.charts.overview import Overview
from compress_studio.gui.charts.pace import Pace
from compress_studio.gui.charts.tradeoff import TradeoffChart
from compress_studio.gui.charts.training import TrainingChart
from compress_studio.gui.charts.weights import WeightsChart
from compress_studio.gui.network.panel import NetworkPanel

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

OTHERS: tuple[type[Chart], ...] = (TrainingChart, LatencyChart, LayersChart, WeightsChart)
NETWORK = "network"
WARM_EVERY_MS = 50
"""Between two drawings that are made ahead: the window answers meanwhile."""


class ChartsPanel(QWidget):
    """The charts, one tab each. Only what is seen is drawn; the others catch up when they are shown."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("charts")
        self._session = commands.session
        self._pace = Pace(self)
        self._pace.due.connect(self._draw_seen)
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("charts:tabs")
        self.tabs.setAccessibleName("Charts")
        self.tabs.setDocumentMode(True)
        tradeoff = TradeoffChart(commands, self.tabs)
        self.overview = Overview(commands, tradeoff, self.tabs)
        self.overview.grown.connect(self._grown)
        self.charts: dict[str, Chart] = {tradeoff.name: tradeoff}
        self._stale: set[Chart] = set()
        self._all: list[Chart] = []
        self.tabs.addTab(self.overview, tradeoff.title)
        for kind in OTHERS:
            chart = kind(commands, self.tabs)
            self.charts[chart.name] = chart
            self.tabs.addTab(chart, chart.title)
        for chart in self.charts.values():
            self._take(chart)
        self.network = NetworkPanel(commands)
        self.tabs.addTab(self.network, "Model graph")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self.tabs.currentChanged.connect(self._tab_changed)
        self._connect()

    def chart(self, name: str) -> Chart:
        """One of the charts, by name."""
        return self.charts[name]

    @property
    def seen(self) -> Chart | None:
        """The chart of the tab that is open; None for the model graph."""
        shown = self.tabs.currentWidget()
        if shown is self.overview:
            return self.overview.main
        return shown if isinstance(shown, Chart) else None

    def show_tab(self, name: str) -> None:
        """Open the tab of a chart, or "network"."""
        pages: dict[str, QWidget] = {**self.charts, "tradeoff": self.overview, NETWORK: self.network}
        self.tabs.setCurrentWidget(pages[name])

    def warm_up(self) -> None:
        """Make one thing after the other that is not needed yet, so that the first run does not hold up the window."""
        waiting = next((one for one in [*self.charts.values(), *self.overview.small] if one.stage is None), None)
        if waiting is not None:
            waiting.prepare()
        elif not self.overview.small:
            self.overview.prepare()
        else:
            return
        QTimer.singleShot(WARM_EVERY_MS, self, self.warm_up)

    def _connect(self) -> None:
        session = self._session
        session.results_changed.connect(self._results_changed)
        session.variants_changed.connect(self._variants_changed)
        session.run_changed.connect(self._run_changed)
        session.run_started.connect(self._run_started)
        session.run_ended.connect(self._run_changed)
        session.selection_changed.connect(self._selection_changed)
        session.project_changed.connect(self._project_changed)
        session.plan_changed.connect(self._plan_changed)
        session.facts.changed.connect(self._facts_changed)
        session.quiet_changed.connect(self._pace.set_quiet)

    def _take(self, chart: Chart) -> None:
        self._all.append(chart)
        self._stale.add(chart)
        chart.stale.connect(partial(self._mark_chart, chart))

    def _mark(self, *reasons: str) -> None:
        changed = {chart for chart in self._all if not chart.follows.isdisjoint(reasons)}
        self._stale |= changed
        if any(chart.isVisible() for chart in changed) or "run" in reasons:
            self._pace.ask()

    def _mark_chart(self, chart: Chart) -> None:
        self._stale.add(chart)
        if chart.isVisible():
            self._pace.ask()

    def _draw_seen(self) -> None:
        self.overview.arrange()
        for chart in self._all:
            if chart in self._stale and chart.isVisible():
                self._stale.discard(chart)
                chart.refresh()
        self.overview.arrange()

    def _grown(self) -> None:
        for chart in self.overview.small:
            self._take(chart)
        self._pace.ask()

    def _tab_changed(self, _place: int) -> None:
        if self._pace.quiet and all(chart.state is not None for chart in self._all if chart.isVisible()):
            self._pace.ask()
        else:
            self._draw_seen()

    def _results_changed(self) -> None:
        self._mark("results")

    def _variants_changed(self) -> None:
        self._mark("variants")

    def _run_changed(self, _state: object) -> None:
        self._mark("run")

    def _run_started(self) -> None:
        self._mark("run", "results")

    def _selection_changed(self, _nodes: object) -> None:
        self._mark("selection")

    def _project_changed(self, _before: object, _after: object) -> None:
        self._mark("project")

    def _plan_changed(self, _plan: object) -> None:
        self._mark("plan")

    def _facts_changed(self, _name: str) -> None:
        self._mark("facts")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._pace.ask()
