"""The trade-off with latency and training beside it, where there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from compress_studio.gui.charts.frame import Chart
from compress_studio.gui.charts.latency import LatencyChart
from compress_studio.gui.charts.tradeoff import TradeoffChart
from compress_studio.gui.charts.training import TrainingChart

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

WIDE = 1000
"""Pixels of the panel from which on there is a second column."""
TALL = 380
"""Pixels from which on latency and training fit above each other."""
SIDE = 0.38
"""Share of the second column."""


class Overview(QWidget):
    """The trade-off alone in a narrow window, with small charts at its right in a wide one."""

    grown = Signal()
    """There are other charts to draw now."""

    def __init__(self, commands: Commands, main: TradeoffChart, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._commands = commands
        self.main = main
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addWidget(main, round(100 * (1 - SIDE)))
        self._side: QWidget | None = None
        self._small: tuple[Chart, ...] = ()

    @property
    def small(self) -> tuple[Chart, ...]:
        """The small charts that are made."""
        return self._small

    def prepare(self) -> None:
        """Make the small charts before they are needed."""
        if self._side is None:
            self._make()
            self.arrange()

    def arrange(self) -> None:
        """Show what there is room for: of the two the training while it goes on, else the latency."""
        wide = self.width() >= WIDE and self.main.drawn
        if wide and self._side is None:
            self._make()
        if self._side is None:
            return
        self._side.setVisible(wide)
        latency, training = self._small
        session = self._commands.session
        live = session.running and any(one.series for one in session.run_state.nodes.values())
        both = self.height() >= TALL
        trained = any(one.series for one in session.results.values()) or live
        training.setVisible(live or (both and trained))
        latency.setVisible(both or not live)

    def _make(self) -> None:
        self._side = QWidget(self)
        column = QVBoxLayout(self._side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._small = (LatencyChart(self._commands, self._side), TrainingChart(self._commands, self._side))
        for chart in self._small:
            chart.make_small()
            column.addWidget(chart, 1)
        self._row.addWidget(self._side, round(100 * SIDE))
        self.grown.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()
