"""What a finished run becomes: its report with the verdicts, and the first error in words."""

from __future__ import annotations

from typing import Any

from compress_studio.cli.execution import Ran, first_error
from compress_studio.engine.judging import judged, references_of
from compress_studio.engine.report import NodeError, build_report, data_row
from compress_studio.engine.runstate import Stage
from compress_studio.engine.settings import RunSettings
from compress_studio.project.project import Project


def finished_report(project: Project, ran: Ran, settings: RunSettings) -> tuple[dict[str, Any], NodeError | None]:
    """The report and what went wrong, if anything did."""
    state = ran.outcome.state
    error = first_error(project, state)
    references = references_of(project, tuple(state.order), settings)
    data = data_row(project, settings, ran.data)
    goals = {goal.metric: goal.limit for goal in project.goals}
    warnings = {
        name: judged(project, state.nodes, name, references[name], goals, data)
        for name in state.order
        if state.nodes[name].state is Stage.DONE
    }
    return build_report(project, state, settings, warnings, references, error, data), error
