"""What a finished run becomes: its report with the verdicts, and the first error in words."""

from __future__ import annotations

from typing import Any

from compress_studio.cli.execution import NodeError, Ran, first_error
from compress_studio.cli.report import build_report
from compress_studio.engine.settings import RunSettings
from compress_studio.project.project import Project


def finished_report(project: Project, ran: Ran, settings: RunSettings) -> tuple[dict[str, Any], NodeError | None]:
    """The report and what went wrong, if anything did."""
    state = ran.outcome.state
    error = first_error(project, state)
    return build_report(project, state, settings, {}, error, ran.data), error
