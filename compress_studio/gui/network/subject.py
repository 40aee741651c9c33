"""Which network is shown: the result of the selected step, or the model that it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.stepwords import in_words
from compress_studio.project.pipeline import NodeId

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

RESULT, SOURCE = "result", "source"
AT_WORK = frozenset({Shown.QUEUED, Shown.RUNNING, Shown.UNPLANNED})


@dataclass(frozen=True, slots=True)
class Subject:
    """A network with what it is compared with, or the reason why there is none."""

    node: NodeId | None = None
    title: str = ""
    path: Path | None = None
    digest: str = ""
    source_path: Path | None = None
    source_digest: str = ""
    is_source: bool = False
    outdated: bool = False
    busy: bool = False
    """There is none yet, but it is on its way."""
    headline: str = ""
    """Why there is none."""
    reason: str = ""
    source_instead: bool = False
    """There is none, but the source can be shown."""


NOTHING = Subject(
    headline="No model yet",
    reason="Open a model, and its layers are shown here as a picture that you can zoom into.",
)


def choose(session: Session, side: str) -> Subject:
    """What to show for the selection. side: RESULT or SOURCE."""
    pipeline = session.project.pipeline
    wanted = session.current
    if wanted is None:
        last = pipeline.last()
        wanted = last.id if last is not None else None
        if wanted is not None and session.artifact_of(wanted) is None:
            done = [node.id for node in pipeline.order() if session.artifact_of(node.id) is not None]
            wanted = done[-1] if done else wanted
    if wanted is None:
        return NOTHING
    source = pipeline.source_of(wanted)
    node = source if side == SOURCE and source is not None else wanted
    view = session.views.get(node)
    title = view.title if view is not None else node
    found = session.artifact_of(node)
    origin = session.artifact_of(source) if source is not None else None
    if found is None:
        missing = _missing(node, title, view, is_source=node == source, source_there=origin is not None)
        return replace(missing, reason=in_words(missing.reason, view and view.spec, session.runtime.steps))
    return Subject(
        node,
        title,
        *found,
        *(origin or (None, "")),
        is_source=node == source,
        outdated=view is not None and view.outdated,
    )


def _missing(node: NodeId, title: str, view: NodeView | None, *, is_source: bool, source_there: bool) -> Subject:
    """Why a node has no network to show."""
    if view is not None and view.state in AT_WORK:
        doing = "Opening" if is_source else "Working on"
        headline = f"{doing} {title}" if view.state is not Shown.UNPLANNED else f"Looking at {title}"
        return Subject(node, title, busy=True, headline=headline, reason=view.note, source_instead=source_there)
    if view is not None and view.failure is not None:
        reason = f"{view.failure.message} {view.failure.hint}".strip()
        return Subject(node, title, headline=f"{title} has no result", reason=reason, source_instead=source_there)
    if is_source:
        return Subject(node, title, headline=f"{title} is not opened yet", reason="Run the pipeline (F5) to open it.")
    reason = "Run it (F5) to see what it makes of the network."
    return Subject(node, title, headline=f"{title} has no result yet", reason=reason, source_instead=source_there)
