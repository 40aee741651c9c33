"""What the export dialog shows and writes, as values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.engine.judging import references_of
from compress_studio.engine.report import build_report, data_row
from compress_studio.engine.runstate import RunState
from compress_studio.engine.summary import LABELS
from compress_studio.gui.nodeview import NodeView
from compress_studio.gui.panels.run_rows import difference_text, quality_text
from compress_studio.gui.words import bytes_text, factor_text, ms_text
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import SOURCE_STEP, NodeId

if TYPE_CHECKING:
    from compress_studio.gui.session import Session


def choices(session: Session) -> list[tuple[NodeId, str]]:
    """The nodes whose result can be exported, in order, with what they are called."""
    rows: list[tuple[NodeId, str]] = []
    for node in session.project.pipeline.order():
        view = session.views.get(node.id)
        if view is not None and node.on:
            words = f" · {view.subtitle}" if view.subtitle else ""
            rows.append((node.id, f"{view.title}{words}"))
    return rows


def proposed_name(session: Session, node: NodeId) -> Path:
    """A name beside the project, or in the home of the user, that says what the file is."""
    pipeline = session.project.pipeline
    source = pipeline.source_of(node)
    path = Path(str(pipeline.node(source).params.get(SOURCE_PATH, "model"))) if source is not None else Path("model")
    folder = session.path.parent if session.path is not None else Path.home()
    suffix = "canonical" if pipeline.node(node).step == SOURCE_STEP else node
    return folder / f"{path.stem}-{suffix}.onnx"


def export_report(session: Session, node: NodeId) -> dict[str, Any]:
    """The report of a result and everything above it, as `run --json` gives it."""
    pipeline = session.project.pipeline
    order = tuple(one.id for one in pipeline.order() if one.id in {node, *pipeline.above(node)})
    known = tuple(one for one in order if one in session.results)
    nodes = {one: session.results[one] for one in known}
    seconds = sum(one.seconds for one in nodes.values())
    state = RunState(order=known, nodes=nodes, ended=True, ok=True, seconds=seconds)
    cautions = {one: session.views[one].cautions for one in known}
    references = references_of(session.project, known, session.settings)
    data = data_row(session.project, session.settings, session.data_facts)
    return build_report(session.project, state, session.settings, cautions, references, None, data)


def fact_rows(view: NodeView) -> list[tuple[str, str, str]]:
    """The numbers of the result that is about to be exported."""
    found = view.summary
    rows: list[tuple[str, str, str]] = []
    if found is None:
        return rows
    own = view.node.step == SOURCE_STEP  # the original: there is nothing to compare it with
    if found.quality is not None:
        name = found.quality.name
        change = "" if own else difference_text(name, found.quality.difference)
        rows.append((LABELS.get(name, name), f"{quality_text(name, found.quality.value)}  {change}".strip(), ""))
    if found.bytes is not None:
        factor = "" if own else factor_text(found.bytes.factor)
        rows.append(("size on disk", f"{bytes_text(found.bytes.value)}  {factor}".strip(), ""))
    if found.latency is not None:
        speed = found.speedup
        words = ms_text(found.latency.value)
        if not own and speed is not None and speed.low is not None and speed.high is not None:
            sure = not speed.low <= 1 <= speed.high
            words += f"  {factor_text(speed.value)}" if sure else "  no difference"
        rows.append(("latency", words, ""))
    if not own and found.layers is not None and found.layers[1]:
        rows.append(("layers changed", f"{found.layers[0]} of {found.layers[1]}", ""))
    if view.cautions:
        rows.append(("warnings", str(len(view.cautions)), "warn"))
    return rows
