"""Everything that needs attention, collected from the session: pure values for the Problems panel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from compress_studio.engine.records import Cause, Failure
from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.stepwords import in_words
from compress_studio.gui.weights.offer import Offer, offer_for
from compress_studio.project.pipeline import NodeId

if TYPE_CHECKING:
    from compress_studio.gui.session import Session
    from compress_studio.spec.registry import StepRegistry
    from compress_studio.spec.step import StepSpec


class Level(StrEnum):
    """How bad it is; errors come first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One line of the panel."""

    level: Level
    node: NodeId
    """Empty: concerns the whole project."""
    where: str
    """For people: the title of the node, "Data", "Run"."""
    message: str
    hint: str = ""
    report: str = ""
    """For bugs: what a report should hold."""
    button: str = ""
    """Leads to the dialog of weights of the node."""

    @property
    def text(self) -> str:
        """The whole line for the clipboard."""
        return " ".join(part for part in (f"{self.where}:", self.message, self.hint, self.report) if part)


def problem_rows(session: Session) -> tuple[ProblemRow, ...]:
    """What is wrong now, errors first, then in the order of the pipeline."""
    steps = session.runtime.steps
    rows = [_worded(row, None, steps) for row in _whole(session)]
    for node in session.project.pipeline.order():
        view = session.views.get(node.id)
        if view is not None:
            rows += [_worded(row, view.spec, steps) for row in _of_node(view)]
    order = list(Level)
    return tuple(sorted(dict.fromkeys(rows), key=lambda row: order.index(row.level)))


def _whole(session: Session) -> Iterable[ProblemRow]:
    if session.plan_failure is not None:
        yield _row(session.plan_failure, "", "Data and device")
    if session.run_state.failure is not None and session.run_state.ended:
        yield _row(session.run_state.failure, "", "Run")


def _of_node(view: NodeView) -> Iterable[ProblemRow]:
    node, where = view.node.id, view.title
    if view.failure is not None:
        yield _offering(_row(view.failure, node, where), offer_for(view.node, view.failure.cause))
    elif view.problem is not None and view.state is Shown.INVALID:
        row = ProblemRow(Level.ERROR, node, where, view.problem.message, view.problem.hint)
        yield _offering(row, offer_for(view.node, view.problem.cause))
    if view.result is not None and not view.outdated:
        for meter, failure in view.result.meter_errors.items():
            yield _row(failure, node, f"{where}, {meter}")
        for caution in view.cautions:
            yield ProblemRow(Level.WARNING, node, where, caution["message"])


def _worded(row: ProblemRow, spec: StepSpec | None, steps: StepRegistry) -> ProblemRow:
    return replace(row, message=in_words(row.message, spec, steps), hint=in_words(row.hint, spec, steps))


def _offering(row: ProblemRow, offer: Offer | None) -> ProblemRow:
    return row if offer is None else replace(row, button=offer.label, hint=offer.hint_for(row.hint))


def _row(failure: Failure, node: NodeId, where: str) -> ProblemRow:
    report = failure.report if failure.cause in {Cause.BUG, Cause.CRASH} else ""
    return ProblemRow(Level.ERROR, node, where, failure.message, failure.hint, report)
