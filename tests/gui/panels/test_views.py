"""What is shown of nodes: the same object while nothing changed, the right source, a failure while it holds."""

from __future__ import annotations

from compress_studio.engine.events import NodeFailed, NodeStarted, RunEnded, RunStarted
from compress_studio.engine.records import Cause, Failure
from compress_studio.gui.nodeview import Shown
from compress_studio.gui.views import sources_by_node
from compress_studio.project import edits
from compress_studio.project.pipeline import Edge


def line(session, *step_ids: str) -> None:
    steps = session.runtime.steps
    session.edit("Model", edits.add_node("source.model", {"path": "/nowhere/net.onnx"}, steps))
    for one in step_ids:
        session.edit("Step", edits.append_step(one, {}, steps))
    session.settle()


def test_a_view_is_the_same_object_until_it_says_something_else(session) -> None:
    line(session, "prune.channels", "quantize.static")
    session._receive([RunStarted("r", ("source1", "prune1", "quantize1")), NodeStarted("prune1", "k")])
    before = session.views
    session._receive([NodeFailed("prune1", Failure(Cause.USER, "No.", "Do."))])
    assert session.views["quantize1"] is before["quantize1"]
    assert session.views["source1"] is before["source1"]
    assert session.views["prune1"] is not before["prune1"]


def test_a_failure_is_shown_until_what_it_depends_on_changes(session) -> None:
    line(session, "prune.channels", "quantize.static")
    session._receive([RunStarted("r", ("source1", "prune1")), NodeFailed("prune1", Failure(Cause.USER, "No.", "Do."))])
    session._receive([RunEnded("r", False, 1.0)])
    session.settle()
    assert session.views["prune1"].state is Shown.FAILED
    assert session.views["prune1"].failure is not None
    session.edit("Other", edits.set_param("quantize1", "samples", 64, session.runtime.steps))
    assert session.views["prune1"].state is Shown.FAILED
    session.edit("Amount", edits.set_param("prune1", "amount", 0.2, session.runtime.steps))
    assert session.views["prune1"].state is not Shown.FAILED


def test_the_source_of_a_node_is_the_first_model_above_it(session) -> None:
    line(session, "train.distil")
    steps = session.runtime.steps
    session.edit("Teacher", edits.add_node("source.model", {"path": "/other.onnx"}, steps))
    session.edit("Join", edits.connect(Edge("source2", "network", "distil1", "teacher"), steps))
    pipeline = session.project.pipeline
    assert sources_by_node(pipeline) == {node.id: pipeline.source_of(node.id) for node in pipeline}
