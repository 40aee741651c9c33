"""Training as it happens: the loss, and the error on samples that were held out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QToolButton, QWidget

from compress_studio.engine.runstate import Stage
from compress_studio.gui.charts.curves import TITLES, Training, make_curves
from compress_studio.gui.charts.frame import Chart, Hint
from compress_studio.gui.charts.naming import node_labels
from compress_studio.gui.charts.style import series_color
from compress_studio.gui.charts.tables import Cell, Table
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.spec.step import Group

if TYPE_CHECKING:
    from compress_studio.gui.charts.curveplot import CurvePlot
    from compress_studio.gui.commands import Commands


class TrainingChart(Chart):
    """Loss and error of every node that trains."""

    name = "training"
    title = "Training"
    follows = frozenset({"run", "results", "project"})

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        self._plots: tuple[CurvePlot, CurvePlot] | None = None
        self._hidden: frozenset[str] = frozenset()
        self._buttons: dict[str, QToolButton] = {}
        super().__init__(commands, parent)

    def build_bar(self, bar: QHBoxLayout) -> None:
        self._log = QCheckBox("log", self.bar)
        self._log.setObjectName("training:log")
        self._log.setToolTip("Logarithmic axis: small differences late in a training become visible")
        self._log.setAccessibleName("Logarithmic axis")
        self._log.toggled.connect(self._choose)
        bar.addWidget(self._log)
        self._nodes = QHBoxLayout()
        self._nodes.setSpacing(METRICS.gap // 2)
        bar.addLayout(self._nodes)

    def read(self) -> Training:
        session = self.session
        labels = node_labels(session.views)
        run = session.run_state.nodes
        live = frozenset(node for node, one in run.items() if session.running and one.state is Stage.RUNNING)
        trains = [view for view in session.views.values() if view.spec is not None and view.spec.group is Group.TRAIN]
        curves = make_curves(labels, session.results, run, live)
        cached = any(view.result is not None and view.result.digest for view in trains)
        return Training(curves, self._hidden, session.running and bool(trains), cached, self._log.isChecked())

    def hint(self, state: Training) -> Hint | None:
        if state.curves:
            return None
        if state.running:
            return Hint("chart", "No training has begun yet", "Its curves appear here while it runs.")
        if state.cached:
            text = (
                "This training was done before, and its curves are not kept. Run again without the cache to see them."
            )
            return Hint("chart", "No curves to show", text, "Train again")
        text = "Add a step that trains, such as Distil, and run (F5): loss and error are drawn here while it works."
        return Hint("chart", "Nothing was trained yet", text)

    def build_stage(self) -> QWidget:
        from compress_studio.gui.charts.curveplot import CurvePlot

        stage = QWidget(self)
        layout = QHBoxLayout(stage)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        self._plots = (CurvePlot(TITLES["loss"], stage), CurvePlot(TITLES["validation"], stage))
        for plot, name in zip(self._plots, ("loss", "error"), strict=True):
            plot.setObjectName(f"training:{name}")
            plot.setAccessibleName(f"Training: {name} over epochs")
            layout.addWidget(plot, 1)
        return stage

    def draw(self, state: Training) -> None:
        if self._plots is None:
            return
        self._show_nodes(state)
        order = {node: place for place, (node, _) in enumerate(state.nodes)}
        for plot, loss in zip(self._plots, (True, False), strict=True):
            curves = state.shown(loss=loss)
            plot.setVisible(bool(curves))
            if curves:
                plot.show_curves(curves, [order[one.node] for one in curves], log=state.log)

    def restyle(self) -> None:
        for plot in self._plots or ():
            plot.restyle()
        state: Training = self.state or Training()
        for place, (node, _) in enumerate(state.nodes):
            if node in self._buttons:
                self._color(self._buttons[node], place)

    def act_on_hint(self) -> None:
        self.commands.run(again=True)

    def table(self) -> Table:
        state: Training = self.state or Training()
        rows: list[tuple[Cell, ...]] = []
        for one in (*state.shown(loss=True), *state.shown(loss=False)):
            name = TITLES.get(one.series, one.series)
            rows += [(one.label, one.node, name, x, y) for x, y in one.points]
        return Table(("Step", "Node", "Series", "Epochs", "Value"), tuple(rows))

    def paint_picture(self, painter: QPainter) -> None:
        for plot in self._plots or ():
            if plot.isVisibleTo(self):
                plot.paint_at(painter, QRectF(plot.geometry()))

    def _choose(self, _on: bool) -> None:
        self._hidden = frozenset(node for node, button in self._buttons.items() if not button.isChecked())
        self.show_state(replace(self.state, hidden=self._hidden, log=self._log.isChecked()))

    def _show_nodes(self, state: Training) -> None:
        """One button per node, when there are several."""
        wanted = dict(state.nodes) if len(state.nodes) > 1 else {}
        for node in [one for one in self._buttons if one not in wanted]:
            button = self._buttons.pop(node)
            self._nodes.removeWidget(button)
            button.deleteLater()
        for place, (node, label) in enumerate(wanted.items()):
            if node not in self._buttons:
                button = self._buttons[node] = QToolButton(self.bar)
                button.setObjectName(f"training:node:{node}")
                button.setCheckable(True)
                button.setChecked(node not in state.hidden)
                button.setToolTip(f"Show or hide the curves of {label}")
                button.setAccessibleName(f"Curves of {label}")
                button.toggled.connect(self._choose)
                self._nodes.addWidget(button)
                self._color(button, place)
            self._buttons[node].setText(label)

    def _color(self, button: QToolButton, place: int) -> None:
        button.setStyleSheet(f"QToolButton:checked {{ color: {series_color(place)}; }}")
