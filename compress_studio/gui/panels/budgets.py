"""The budgets card: what results may cost, in quality, bytes and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.card import Collapsible
from compress_studio.gui.words import bytes_text, ms_text
from compress_studio.project import edits
from compress_studio.project.project import QUALITY_DROP, Goal, Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compress_studio.gui.session import Session


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget as the card shows it."""

    metric: str
    label: str
    unit: str
    scale: float
    """One unit in the numbers of a goal."""
    most: float
    step: float
    decimals: int
    tip: str


BUDGETS = (
    Budget(QUALITY_DROP, "quality drop", "pt", 0.01, 100.0, 0.1, 1, "How many points a result may lose against the"
           " original"),
    Budget("bytes", "size", "MB", 1e6, 1e6, 0.1, 3, "The largest file that is acceptable"),
    Budget("median_ms", "latency", "ms", 1.0, 1e6, 0.1, 2, "The longest time for one input that is acceptable"),
)  # fmt: skip
NO_LIMIT = "no limit"
WIDTH = 100


def with_goal(goals: Sequence[Goal], metric: str, limit: float | None) -> tuple[Goal, ...]:
    """The goals with another limit for one metric; None takes it away."""
    kept = [one for one in goals if one.metric != metric]
    return tuple(kept if limit is None else [*kept, Goal(metric, limit)])


def summary_text(project: Project) -> str:
    """All budgets in a few words: "−1.0 pt · 0.5 MB"."""
    drop, size, time = (project.goal(one.metric) for one in BUDGETS)
    parts = ["" if drop is None else f"−{100 * drop:.3g} pt"]
    parts += ["" if size is None else bytes_text(size), "" if time is None else ms_text(time)]
    return " · ".join(one for one in parts if one) or "none"


class Budgets(Collapsible):
    """Limits that results are judged by; each change is one undo."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Budgets", parent=parent)
        self.setObjectName("budgets")
        self._session = session
        self._fields: dict[str, QDoubleSpinBox] = {}
        inside = QWidget(self)
        grid = QGridLayout(inside)
        grid.setContentsMargins(METRICS.pad, 0, METRICS.pad, METRICS.gap)
        grid.setHorizontalSpacing(METRICS.gap)
        grid.setVerticalSpacing(METRICS.gap // 2)
        grid.setColumnStretch(0, 1)
        for place, one in enumerate(BUDGETS):
            label = QLabel(f"{one.label} ≤", inside)
            label.setProperty("tone", "muted")
            field = self._field(one, inside)
            label.setBuddy(field)
            grid.addWidget(label, place, 0)
            grid.addWidget(field, place, 1)
        self.body.addWidget(inside)
        session.project_changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the budgets of the project."""
        project = self._session.project
        self.set_title(f"Budgets · {summary_text(project)}")
        for one in BUDGETS:
            field, limit = self._fields[one.metric], project.goal(one.metric)
            value = field.minimum() if limit is None else limit / one.scale
            field.blockSignals(True)
            if abs(field.value() - value) > 10.0 ** -(one.decimals + 1):
                field.setValue(value)
            field.blockSignals(False)

    def _field(self, budget: Budget, parent: QWidget) -> QDoubleSpinBox:
        field = _LimitBox(parent)
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field.setObjectName(f"budget:{budget.metric}")
        field.setAccessibleName(f"{budget.label} at most")
        field.setToolTip(f"{budget.tip}; empty or 0: {NO_LIMIT}")
        field.setLocale(QLocale.c())
        field.setDecimals(budget.decimals)
        field.setRange(0.0, budget.most)
        field.setSingleStep(budget.step)
        field.setSuffix(f" {budget.unit}")
        field.setSpecialValueText(NO_LIMIT)
        field.setKeyboardTracking(False)
        field.setAlignment(Qt.AlignmentFlag.AlignRight)
        field.setFixedWidth(WIDTH)
        field.setAcceptDrops(False)
        field.valueChanged.connect(lambda value, budget=budget: self._set(budget, value))
        field.editingFinished.connect(self._session.end_gesture)
        self._fields[budget.metric] = field
        return field

    def _set(self, budget: Budget, value: float) -> None:
        limit = None if value <= 0 else round(value * budget.scale, 12)
        goals = with_goal(self._session.project.goals, budget.metric, limit)
        label = f"Budget: {budget.label}" + (f" {value:g} {budget.unit}" if limit is not None else " without limit")
        self._session.edit(label, edits.set_goals(goals), merge=("budget", budget.metric))


class _LimitBox(QDoubleSpinBox):
    """A number that the wheel leaves alone, because it stands among things that are scrolled."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
