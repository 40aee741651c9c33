"""The scene follows the session by comparing, and stays quick with many nodes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.summary import Change, Summary
from compress_studio.gui.canvas.layout import arrange
from compress_studio.gui.canvas.node_item import NodeItem
from compress_studio.gui.nodeview import Shown
from compress_studio.gui.theme import current
from compress_studio.project import edits
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.project.places import moved
from compress_studio.project.project import Project
from tests.gui.canvas.conftest import Hand

FRAME = 1 / 30


def measured() -> Summary:
    return Summary(
        quality=Change("top1", 0.9, 0.91), bytes=Change("bytes", 5e5, 1e6), latency=Change("median_ms", 1.0, 2.0)
    )


def test_only_the_node_that_changed_is_painted_anew(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed: list[str] = []
    refresh = NodeItem.refresh
    monkeypatch.setattr(NodeItem, "refresh", lambda item: (renewed.append(item.node), refresh(item))[1])
    before = dict(hand.view.pipeline.nodes)
    views = hand.session.views
    running = replace(views["distil1"], state=Shown.RUNNING, progress=0.4)
    hand.view.pipeline.show_pipeline(hand.session.project, {**views, "distil1": running})
    assert renewed == ["distil1"]
    assert hand.view.pipeline.nodes == before


def test_progress_while_a_node_is_dragged_leaves_it_in_the_hand(hand: Hand) -> None:
    start = hand.body("distil1")
    hand.drag(start, start + QPointF(0.0, 60.0), release=False)
    views = hand.session.views
    running = replace(views["distil1"], state=Shown.RUNNING, progress=0.4)
    hand.view.pipeline.show_pipeline(hand.session.project, {**views, "distil1": running})
    assert hand.view.pipeline.nodes["distil1"].pos().y() == 60.0
    assert hand.view.cancel_gesture()


def test_items_go_with_their_nodes(hand: Hand) -> None:
    hand.session.edit("Delete", edits.remove_nodes(["distil1"], hand.session.runtime.steps))
    assert set(hand.view.pipeline.nodes) == {"source1", "prune1", "quantize1"}
    assert set(hand.view.pipeline.edges) == set(hand.pipeline.edges)
    hand.session.undo()
    assert set(hand.view.pipeline.edges) == set(hand.pipeline.edges)


def test_a_lone_model_says_how_to_go_on(hand: Hand) -> None:
    assert not hand.view.pipeline.hint.isVisible()
    steps = hand.session.runtime.steps
    hand.session.open(edits.add_node("source.model", {"path": "/net.onnx"}, steps)(Project()))
    assert hand.view.pipeline.hint.isVisible()


def test_a_step_that_is_not_installed_keeps_its_connections(hand: Hand) -> None:
    nodes = (Node("a", "source.model"), Node("b", "magic.wand", pos=(220.0, 0.0)))
    hand.session.open(Project(Pipeline(nodes, (Edge("a", "network", "b", "crystal"),))))
    item = hand.view.pipeline.nodes["b"]
    assert item.inputs() == ("network", "crystal")
    assert item.look is not None
    assert item.look.subtitle == "not installed here"


def test_nodes_on_top_of_each_other_are_laid_out_when_opened_and_nothing_is_dirty(hand: Hand) -> None:
    nodes = (Node("a", "source.model"), Node("b", "graph.fp16"), Node("c", "prune.weights"))
    edges = (Edge("a", "network", "b", "network"), Edge("b", "network", "c", "network"))
    hand.session.open(Project(Pipeline(nodes, edges)))
    assert [node.pos[0] for node in hand.pipeline] == [0.0, 220.0, 440.0]
    assert not hand.session.dirty
    assert hand.session.history.undo_label is None


def test_opening_shows_as_much_as_can_be_read(hand: Hand) -> None:
    hand.session.open(big(hand, 4))
    assert hand.view.seen().contains(hand.view.pipeline.content())
    hand.session.open(big(hand, 60))
    assert hand.view.scale_now == 0.7
    hand.page.fit()
    assert hand.view.seen().contains(hand.view.pipeline.content())


def test_a_new_step_is_brought_into_sight(hand: Hand) -> None:
    hand.view.centerOn(-3000.0, 0.0)
    hand.session.edit("Add", edits.append_step("graph.fp16", steps=hand.session.runtime.steps))
    assert hand.view.seen().contains(hand.view.pipeline.content(["fp16_1"]))


@pytest.mark.parametrize("name", ["dark", "light"])
def test_the_canvas_follows_the_theme(hand: Hand, qapp: QApplication, name: str) -> None:
    before = current.tokens().name
    try:
        current.apply(qapp, name)
        place = hand.view.mapTo(hand.page, hand.pixel(hand.view.pipeline.nodes["prune1"].pos() + QPointF(90.0, 5.0)))
        assert hand.page.grab().toImage().pixelColor(place) == QColor(current.tokens().card)
    finally:
        current.apply(qapp, before)


def big(hand: Hand, count: int) -> Project:
    """A tree of steps."""
    steps = [one.id for one in hand.session.runtime.steps if one.inputs]
    nodes = [Node("n0", "source.model"), *(Node(f"n{one}", steps[one % len(steps)]) for one in range(1, count))]
    edges = [Edge(f"n{(one - 1) // 2}", "network", f"n{one}", "network") for one in range(1, count)]
    pipeline = Pipeline(tuple(nodes), tuple(edges))
    return Project(moved(pipeline, arrange(pipeline)))


@pytest.mark.parametrize("scale", [0.15, 0.3, 0.5, 1.0])
def test_two_hundred_nodes_are_painted_at_thirty_frames_a_second(hand: Hand, scale: float) -> None:
    """With a wide margin: a busy machine is no reason to fail, an effect on every node is."""
    hand.session.open(big(hand, 200))
    hand.session.settle()
    done = NodeResult(Stage.DONE)
    views = {
        name: replace(view, state=Shown.FRESH, result=done, summary=measured())
        for name, view in hand.session.views.items()
    }
    hand.view.pipeline.show_pipeline(hand.session.project, views)
    hand.view.zoom_to(scale)
    hand.view.centerOn(hand.view.pipeline.content().center())
    took: list[float] = []
    for _ in range(8):
        began = time.perf_counter()
        hand.view.viewport().repaint()
        took.append(time.perf_counter() - began)
    assert min(took) < 2 * FRAME


def test_thirty_updates_a_second_of_two_hundred_nodes_leave_time_for_the_rest(hand: Hand) -> None:
    hand.session.open(big(hand, 200))
    hand.session.settle()
    views = dict(hand.session.views)
    took: list[float] = []
    for number in range(8):
        views["n9"] = replace(views["n9"], state=Shown.RUNNING, progress=number / 8)
        began = time.perf_counter()
        hand.view.pipeline.show_pipeline(hand.session.project, dict(views))
        took.append(time.perf_counter() - began)
    assert min(took) < FRAME / 2
