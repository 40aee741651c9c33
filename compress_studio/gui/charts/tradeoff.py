"""The trade-off: quality against size, speed or work; one dot per result, budgets as lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QAction, QPainter
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from compress_studio.engine.runstate import NodeResult
from compress_studio.engine.summary import value_of
from compress_studio.gui.charts import dots
from compress_studio.gui.charts.dots import BudgetLine, Tradeoff
from compress_studio.gui.charts.frame import Chart, Hint, fill_choice
from compress_studio.gui.charts.naming import name_variants
from compress_studio.gui.charts.quantities import BUBBLES, COSTS, LATENCY, SIZE, SPEEDUP, qualities, quantity
from compress_studio.gui.charts.tables import Cell, Table
from compress_studio.gui.widgets.basics import IconButton
from compress_studio.project.edits import set_goals
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.project.project import QUALITY_DROP

if TYPE_CHECKING:
    from compress_studio.gui.charts.cloud import Cloud
    from compress_studio.gui.commands import Commands

NO_BUBBLE = "none"


class TradeoffChart(Chart):
    """Quality against cost."""

    name = "tradeoff"
    title = "Trade-off"
    follows = frozenset({"results", "variants", "selection", "project", "plan"})

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        self._cloud: Cloud | None = None
        self._wanted = Tradeoff(bubble=LATENCY)
        """The choices of the user, without data."""
        self._quality = ""
        super().__init__(commands, parent)

    def build_bar(self, bar: QHBoxLayout) -> None:
        self._y_box = self.labelled(bar, "", "quality", "What stands for quality")
        self._x_box = self.labelled(bar, "against", "cost", "What it is compared with")
        self._log = QCheckBox("log", self.bar)
        self._log.setObjectName("tradeoff:log")
        self._log.setToolTip("Logarithmic axis: equal distances are equal factors")
        self._log.setAccessibleName("Logarithmic axis")
        self._log.toggled.connect(self._choose)
        bar.addWidget(self._log)
        self._bubble_box = self.labelled(bar, "dot size", "bubble", "What the area of a dot shows")
        for box in (self._y_box, self._x_box, self._bubble_box):
            box.currentIndexChanged.connect(self._choose)
        self._fit = IconButton("zoom-fit", "Show everything (double click on the ground)", self.bar)
        self._fit.setObjectName("tradeoff:fit")
        self._fit.clicked.connect(self._show_all)
        bar.addWidget(self._fit)

    # what is shown ----------------------------------------------------------------------------------

    def read(self) -> Tradeoff:
        session, wanted = self.session, self._wanted
        variants = session.variants
        choices = qualities(one.result for one in variants.rows)
        y = quantity(choices, self._quality) or (choices[0] if choices else None)
        if y is None:
            return replace(wanted, running=session.running)
        current, former = name_variants(session)
        shown = dots.make_dots(variants, current, former, session.selection, wanted.x, y, wanted.bubble)
        return replace(
            wanted,
            y=y,
            choices=choices,
            dots=shown,
            front=dots.front_of(shown, wanted.x, y),
            budgets=dots.make_budgets(session.project.goals, self._base(), wanted.x, y),
            running=session.running,
        )

    def hint(self, state: Tradeoff) -> Hint | None:
        if state.dots:
            return None
        if state.running:
            return Hint("chart", "No result is measured yet", "Each one that is measured appears here as a dot.")
        if state.y is not None:
            text = f"No result has both {state.x.label.lower()} and {state.y.label.lower()}. Run again (F5)."
            return Hint("chart", "Nothing to compare by these axes", text, "Run")
        if len(self.session.project.pipeline) == 0:
            return Hint("chart", "Quality against size and speed", "Open a model to begin.")
        if all(node.step == SOURCE_STEP for node in self.session.project.pipeline):
            text = "Add a step from the list at the left (Enter or drag), then run (F5) to see what it costs and saves."
            return Hint("chart", "Nothing is made smaller yet", text)
        text = "Run the pipeline (F5) to see what every step costs in quality and saves in size and time."
        return Hint("chart", "Nothing was measured yet", text, "Run")

    def build_stage(self) -> QWidget:
        from compress_studio.gui.charts.cloud import Cloud

        self._cloud = Cloud(self)
        self._cloud.dot_clicked.connect(self._select)
        self._cloud.dot_double_clicked.connect(self._restore)
        self._cloud.budget_dragged.connect(self._set_budget)
        return self._cloud

    def draw(self, state: Tradeoff) -> None:
        fill_choice(self._y_box, [(one.id, one.choice) for one in state.choices], state.y.id if state.y else "")
        fill_choice(self._x_box, [(one.id, one.choice) for one in COSTS], state.x.id)
        areas = [(one.id, one.choice) for one in BUBBLES] + [(NO_BUBBLE, "Nothing")]
        fill_choice(self._bubble_box, areas, state.bubble.id if state.bubble else NO_BUBBLE)
        blocked = self._log.blockSignals(True)
        self._log.setChecked(state.log)
        self._log.blockSignals(blocked)
        if self._cloud is not None:
            self._cloud.show_cloud(state)

    def restyle(self) -> None:
        if self._cloud is not None:
            self._cloud.restyle()

    def table(self) -> Table:
        state: Tradeoff = self.state or Tradeoff()
        if state.y is None:
            return Table(())
        x, y = state.x.header, state.y.header
        ends = [f"{x} low", f"{x} high"] if state.x == SPEEDUP else []
        headers = ["Result", "Node", x, *ends, y, f"{y} low", f"{y} high", "Starred"]
        areas = {} if state.bubble is None else {dot.variant: self._area_of(dot.variant) for dot in state.dots}
        if state.bubble is not None:
            headers.append(state.bubble.header)
        rows: list[tuple[Cell, ...]] = []
        for dot in state.dots:
            spread = [dot.x_low, dot.x_high] if ends else []
            row: list[Cell] = [dot.label, dot.node, dot.x, *spread, dot.y, dot.y_low, dot.y_high]
            row.append("yes" if dot.starred else "no")
            if state.bubble is not None:
                row.append(areas[dot.variant])
            rows.append(tuple(row))
        return Table(tuple(headers), tuple(rows))

    def paint_picture(self, painter: QPainter) -> None:
        if self._cloud is not None:
            self._cloud.paint_at(painter, QRectF(self._cloud.rect()))

    def more_actions(self) -> list[QAction]:
        state: Tradeoff | None = self.state
        if state is None or state.y is None:
            return []
        found: list[QAction] = []
        metric = state.x.goal
        if metric:
            there = self.session.project.goal(metric) is not None
            words = "Remove" if there else "Set"
            action = QAction(f"{words} a budget for {_budget_words(metric)}", self)
            action.triggered.connect(self._toggle_cost_budget)
            found.append(action)
        return found

    # gestures -----------------------------------------------------------------------------------------

    def _choose(self, _value: object = None) -> None:
        x = quantity(COSTS, self._x_box.currentData()) or SIZE
        other = x is not self._wanted.x
        log = x.log if other else self._log.isChecked()
        bubble = quantity(BUBBLES, self._bubble_box.currentData())
        self._quality = self._y_box.currentData() or ""
        self._wanted = Tradeoff(x=x, bubble=bubble, log=log)
        self.refresh()

    def _show_all(self) -> None:
        if self._cloud is not None:
            self._cloud.show_all()

    def _select(self, name: str) -> None:
        one = self.session.variants.get(name)
        if one is not None and one.node in self.session.project.pipeline:
            self.session.select((one.node,))

    def _restore(self, name: str) -> None:
        one = self.session.variants.get(name)
        if one is not None:
            self.session.restore(one, "Restore variant")

    def _set_budget(self, line: BudgetLine, at: float) -> None:
        state: Tradeoff = self.state
        if state.y is None:
            return
        limit = dots.limit_of(line, at, state.x, state.y)
        label = "Quality budget" if line.metric == QUALITY_DROP else f"Budget for {_budget_words(line.metric)}"
        if self.session.project.goal(line.metric) != limit:
            self.session.edit(label, set_goals(dots.with_goal(self.session.project.goals, line.metric, limit)))
        self.show_state(self.read())

    def _toggle_cost_budget(self) -> None:
        state: Tradeoff = self.state
        metric, goals = state.x.goal, self.session.project.goals
        if self.session.project.goal(metric) is not None:
            self.session.edit(
                f"Remove budget for {_budget_words(metric)}", set_goals(dots.with_goal(goals, metric, None))
            )
            return
        base = value_of(self._base(), metric)
        if base is not None:
            limit = float(f"{base / 2:.3g}")
            self.session.edit(f"Budget for {_budget_words(metric)}", set_goals(dots.with_goal(goals, metric, limit)))

    # reading ------------------------------------------------------------------------------------------

    def _base(self) -> NodeResult | None:
        for node in self.session.project.pipeline.sources():
            result = self.session.results.get(node.id)
            if result is not None:
                return result
        return None

    def _area_of(self, name: str) -> float | None:
        one, bubble = self.session.variants.get(name), self.state.bubble
        return None if one is None or bubble is None else bubble.of(one.result, None)


def _budget_words(metric: str) -> str:
    found = next((one for one in COSTS if one.goal == metric and one is not SIZE), None)
    return metric if found is None else found.label.lower()
