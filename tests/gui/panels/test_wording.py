"""Messages in the words of the window."""

from __future__ import annotations

from dataclasses import replace

from compress_studio.engine.events import NodeCached, RunStarted
from compress_studio.engine.runstate import NodeResult
from compress_studio.gui import opening
from compress_studio.gui.message import Message
from compress_studio.gui.panels.log import line_of
from compress_studio.gui.panels.problem_rows import problem_rows
from compress_studio.gui.words import THIN, ms_text
from compress_studio.project.samples import sample_project


def test_problems_name_steps_by_their_titles(session) -> None:
    session.open(sample_project("letters", session.runtime.steps))
    session.settle()
    node = session.project.pipeline.nodes[1].id
    caution = {"code": "quality", "message": "Accuracy dropped. Append train.distil, or try ranges=mse."}
    view = session.views[node]
    session.views = {node: replace(view, result=NodeResult(), outdated=False, cautions=(caution,), failure=None)}
    rows = [row for row in problem_rows(session) if row.node == node and "dropped" in row.message]
    assert len(rows) == 1
    assert "“Distil from the original”" in rows[0].message
    assert "train.distil" not in rows[0].message


def test_messages_name_steps_by_their_titles(window) -> None:
    window.session.message.emit(Message("No labels.", "Use train.distil, which needs none.", "warning"))
    assert "Distil from the original" in window.toasts.toasts[-1].message.hint


def test_the_log_calls_nodes_by_their_titles() -> None:
    titles = {"prune1": "Remove channels", "source1": "net.onnx"}
    assert (
        line_of(RunStarted("r", ("source1", "prune1")), titles.__getitem__) == "Run begins: net.onnx, Remove channels"
    )
    assert line_of(NodeCached("prune1", "k", "d", "", {}, 0.0), titles.__getitem__).startswith("Remove channels: ")


def test_times_below_a_millisecond_share_one_unit() -> None:
    assert ms_text(0.166) == f"166{THIN}µs"
    assert ms_text(0.0596) == f"59.6{THIN}µs"
    assert ms_text(1.92) == f"1.92{THIN}ms"


def test_a_sample_opens_with_the_first_compressing_step_selected(session) -> None:
    session.open(sample_project("fashion", session.runtime.steps))
    chosen = opening.first_step(session)
    assert chosen is not None
    assert session.project.pipeline.node(chosen).step == "prune.channels"
