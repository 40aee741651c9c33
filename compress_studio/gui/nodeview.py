"""What the window shows of one node: its place in plan and run, its newest result, and what must be said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from compress_studio.engine.plan import NodePlan, NodeState, Problem
from compress_studio.engine.records import Failure
from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.summary import Summary
from compress_studio.gui.forms.wording import choice_word, value_text
from compress_studio.project.pipeline import Node
from compress_studio.spec.params import Field
from compress_studio.spec.step import StepSpec


class Shown(StrEnum):
    """The state that a node is drawn in."""

    FRESH = "fresh"
    """The result is there and belongs to these parameters."""
    STALE = "stale"
    """It has to be computed; a result shown belongs to other parameters."""
    QUEUED = "queued"
    RUNNING = "running"
    MEASURING = "measuring"
    """The result is there, measurements are being taken."""
    FAILED = "failed"
    BLOCKED = "blocked"
    """It waits for a node that failed."""
    STOPPED = "stopped"
    OFF = "off"
    INVALID = "invalid"
    """It cannot run: problem says why."""
    UNPLANNED = "unplanned"
    """The plan is not made yet."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """Everything the canvas, the form and the tables need to know of one node."""

    node: Node
    spec: StepSpec | None
    """None: a step that is not installed here."""
    state: Shown
    title: str
    subtitle: str
    """The one or two parameters that matter, in words."""
    progress: float = 0.0
    """0 to 1, while running or measuring."""
    note: str = ""
    """What it is doing now."""
    remaining: float | None = None
    """Seconds left, as far as known."""
    result: NodeResult | None = None
    """The newest result, also when it is outdated."""
    outdated: bool = False
    """The result belongs to other parameters or another input."""
    summary: Summary | None = None
    """Of the result against its source."""
    cautions: tuple[Mapping[str, str], ...] = ()
    """{"code", "message"}: warnings of the step and of the verdicts."""
    problem: Problem | None = None
    """Why it cannot run, or did not."""
    failure: Failure | None = None


SHOWN_OF_PLAN = {
    NodeState.FRESH: Shown.FRESH,
    NodeState.STALE: Shown.STALE,
    NodeState.UNKNOWN: Shown.STALE,
    NodeState.OFF: Shown.OFF,
    NodeState.INVALID: Shown.INVALID,
}
SHOWN_OF_RUN = {
    Stage.QUEUED: Shown.QUEUED,
    Stage.RUNNING: Shown.RUNNING,
    Stage.FAILED: Shown.FAILED,
    Stage.BLOCKED: Shown.BLOCKED,
    Stage.CANCELLED: Shown.STOPPED,
}


def shown_state(plan: NodePlan | None, run: NodeResult | None, *, running: bool) -> Shown:
    """The state to draw. plan: None while it is not made. run: what the run says, None when it says nothing that holds.

    A run that goes on knows better than the plan; a failure stays until the plan has another key.
    """
    if run is not None:
        if running and run.state is Stage.DONE and run.measuring:
            return Shown.MEASURING
        if run.state in {Stage.FAILED, Stage.BLOCKED} or (running and run.state in SHOWN_OF_RUN):
            return SHOWN_OF_RUN[run.state]
        if run.state is Stage.CANCELLED and (plan is None or plan.state is not NodeState.FRESH):
            return Shown.STOPPED
        if run.state is Stage.DONE:
            return Shown.FRESH
    return Shown.UNPLANNED if plan is None else SHOWN_OF_PLAN[plan.state]


def describe_params(spec: StepSpec, values: Mapping[str, object], limit: int = 2) -> str:
    """The parameters that matter most, in words: those that are not folded away, first those that were changed."""
    parts: list[tuple[bool, int, str]] = []
    for place, one in enumerate(spec.params.fields()):
        if one.ui.advanced or one.kind in {"list", "map", "str"}:
            continue
        if any(str(values.get(name)) not in allowed for name, allowed in one.ui.shown_when.items()):
            continue
        value = values.get(one.name, one.default)
        if value is None or (one.kind == "bool" and not value):
            continue
        parts.append((value == one.default, place, _words(one, value)))
    chosen = sorted(sorted(parts)[:limit], key=lambda part: part[1])
    return " · ".join(text for _, _, text in chosen)


def _words(one: Field, value: object) -> str:
    if one.kind == "bool":
        return one.ui.label.lower()
    if one.kind == "int" and not one.ui.unit:
        label = one.ui.label.lower()
        return f"{value} {label}" if label.endswith("s") else f"{label} {value}"
    return value_text(one, value) if one.kind != "choice" else choice_word(str(value))
