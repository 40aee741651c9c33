"""Steps dragged from the library onto the canvas."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from compress_studio.gui.canvas.view import MIME
from compress_studio.project import edits
from compress_studio.project.pipeline import Edge
from compress_studio.project.project import Project
from tests.gui.canvas.conftest import Hand

COPY, LEFT, NONE = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def carried(step: str) -> QMimeData:
    data = QMimeData()
    data.setData(MIME, step.encode())
    return data


def drop(hand: Hand, data: QMimeData, spot: QPointF) -> QDropEvent:
    """Drag over the canvas to a spot of the scene and let go."""
    target, pixel = hand.view.viewport(), hand.pixel(spot)
    QApplication.sendEvent(target, QDragEnterEvent(pixel, COPY, data, LEFT, NONE))
    QApplication.sendEvent(target, QDragMoveEvent(pixel, COPY, data, LEFT, NONE))
    event = QDropEvent(QPointF(pixel), COPY, data, LEFT, NONE)
    event.ignore()
    QApplication.sendEvent(target, event)
    return event


def test_on_a_line_a_step_is_inserted_and_what_follows_makes_room(hand: Hand) -> None:
    before = hand.session.project
    edge = Edge("prune1", "network", "distil1", "network")
    assert drop(hand, carried("graph.fp16"), hand.middle(edge)).isAccepted()
    assert {Edge("prune1", "network", "fp16_1", "network"), Edge("fp16_1", "network", "distil1", "network")} <= set(
        hand.pipeline.edges
    )
    assert [hand.pipeline.node(one).pos[0] for one in ("prune1", "fp16_1", "distil1", "quantize1")] == [
        220.0, 440.0, 660.0, 880.0,
    ]  # fmt: skip
    assert hand.session.selection == ("fp16_1",)
    hand.session.undo()
    assert hand.session.project == before


def test_on_a_node_a_step_becomes_a_branch(hand: Hand) -> None:
    before = hand.session.project
    drop(hand, carried("quantize.static"), hand.body("prune1"))
    assert Edge("prune1", "network", "quantize2", "network") in hand.pipeline.edges
    assert Edge("prune1", "network", "distil1", "network") in hand.pipeline.edges
    assert hand.pipeline.node("quantize2").pos == (440.0, 140.0), "below the step that lies there"
    hand.session.undo()
    assert hand.session.project == before


def test_beside_a_step_is_joined_to_the_only_end(hand: Hand) -> None:
    drop(hand, carried("graph.fp16"), QPointF(420.0, 300.0))
    assert Edge("quantize1", "network", "fp16_1", "network") in hand.pipeline.edges
    assert hand.pipeline.node("fp16_1").pos == (320.0, 240.0)


def test_beside_a_step_stays_loose_where_there_are_several_ends(hand: Hand) -> None:
    hand.session.edit("Branch", edits.append_step("graph.fp16", steps=hand.session.runtime.steps, after="prune1"))
    drop(hand, carried("quantize.static"), QPointF(420.0, 400.0))
    assert not hand.pipeline.inputs_of("quantize2")


def test_the_first_step_goes_onto_the_outline(hand: Hand) -> None:
    steps = hand.session.runtime.steps
    hand.session.open(edits.add_node("source.model", {"path": "/net.onnx"}, steps)(Project()))
    hint = hand.view.pipeline.hint
    assert hint.isVisible()
    drop(hand, carried("prune.weights"), hint.sceneBoundingRect().center())
    assert hand.pipeline.node("prune1").pos == (220.0, 0.0)
    assert not hint.isVisible()


def test_files_are_left_to_the_window(hand: Hand) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/nowhere/net.onnx")])
    before = hand.session.project
    event = QDragEnterEvent(hand.pixel(hand.body("prune1")), COPY, data, LEFT, NONE)
    event.ignore()
    hand.view.dragEnterEvent(event)
    assert not event.isAccepted()
    assert hand.session.project is before
