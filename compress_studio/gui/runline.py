"""One line about the run for the toolbar: what is being done, how far it is, how long it will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.words import seconds_text

if TYPE_CHECKING:
    from compress_studio.engine.runstate import RunState
    from compress_studio.gui.session import Session

BUSY = (Shown.RUNNING, Shown.MEASURING)
MIN_SHOWN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RunLine:
    """What the toolbar shows of a run."""

    text: str = ""
    share: float | None = None
    """0 to 1 of all the work; None: no bar."""
    tone: str = "muted"


def run_line(views: Mapping[str, NodeView], state: RunState, *, running: bool, stopping: bool) -> RunLine:
    """The line for a run in this state; empty while there is nothing to say."""
    if stopping:
        return RunLine("Stopping…", None, "warn")
    if not running:
        return _after(state)
    busy = [view for view in views.values() if view.state in BUSY]
    busy.sort(key=lambda view: view.state is not Shown.RUNNING)
    parts: list[str] = []
    if busy:
        parts += [busy[0].title, busy[0].note or "working"]
    else:
        parts.append("Preparing")
    remaining = state.remaining
    if remaining is not None and remaining >= MIN_SHOWN_SECONDS:
        parts.append(f"{seconds_text(remaining)} left")
    return RunLine(" · ".join(parts), state.progress, "muted")


def _after(state: RunState) -> RunLine:
    if not state.ended:
        return RunLine()
    if state.cancelled:
        return RunLine("Stopped", None, "warn")
    failed = sum(one.error is not None for one in state.nodes.values())
    if failed or state.failure is not None:
        word = f"{failed} step{'s' if failed > 1 else ''} failed" if failed else "The run failed"
        return RunLine(word, None, "bad")
    return RunLine(f"Done in {seconds_text(state.seconds)}", None, "good") if state.seconds >= 1 else RunLine()


def line_of(session: Session) -> RunLine:
    """The line for what the session does now."""
    return run_line(session.views, session.run_state, running=session.running, stopping=session.stopping)
