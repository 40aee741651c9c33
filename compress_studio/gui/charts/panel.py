"""The charts, one tab each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from compress_studio.gui.charts.frame import Chart
from compress_studio.gui.charts.latency import LatencyChart
from compress_studio.gui.charts.layers import LayersChart
from compress_studio.gui.charts.pace import Pace
from compress_studio.gui.charts.tradeoff import TradeoffChart
from compress_studio.gui.charts.training import TrainingChart
from compress_studio.gui.charts.weights import WeightsChart
from compress_studio.gui.network.panel import NetworkPanel

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

CHARTS: tuple[type[Chart], ...] = (TradeoffChart, TrainingChart, LatencyChart, LayersChart, WeightsChart)
NETWORK = "network"


class ChartsPanel(QWidget):
    """The charts, one tab each. Only the one that is seen is drawn; the others catch up when they are shown."""

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
        self.charts: dict[str, Chart] = {}
        self._stale: set[str] = set()
        for kind in CHARTS:
            chart = kind(commands, self.tabs)
            self.charts[chart.name] = chart
            self._stale.add(chart.name)
            chart.stale.connect(partial(self._mark_chart, chart.name))
            self.tabs.addTab(chart, chart.title)
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
        return shown if isinstance(shown, Chart) else None

    def show_tab(self, name: str) -> None:
        """Open the tab of a chart, or "network"."""
        self.tabs.setCurrentWidget(self.network if name == NETWORK else self.charts[name])

    def _connect(self) -> None:
        session = self._session
        session.results_changed.connect(self._results_changed)
        session.variants_changed.connect(self._variants_changed)
        session.run_changed.connect(self._run_changed)
        session.run_started.connect(self._run_started)
        session.selection_changed.connect(self._selection_changed)
        session.project_changed.connect(self._project_changed)
        session.plan_changed.connect(self._plan_changed)
        session.facts.changed.connect(self._facts_changed)
        session.quiet_changed.connect(self._pace.set_quiet)

    def _mark(self, *reasons: str) -> None:
        changed = {name for name, chart in self.charts.items() if not chart.follows.isdisjoint(reasons)}
        self._stale |= changed
        seen = self.seen
        if seen is not None and seen.name in changed and self.isVisible():
            self._pace.ask()

    def _mark_chart(self, name: str) -> None:
        self._stale.add(name)
        if self.isVisible() and self.charts[name].isVisible():
            self._pace.ask()

    def _draw_seen(self) -> None:
        seen = self.seen
        if seen is not None and seen.name in self._stale and seen.isVisible():
            self._stale.discard(seen.name)
            seen.refresh()

    def _tab_changed(self, _place: int) -> None:
        if self._pace.quiet:
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
