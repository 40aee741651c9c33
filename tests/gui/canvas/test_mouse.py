"""The canvas by mouse: what each gesture does to the project, and that one undo takes it back."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from compress_studio.project import edits
from compress_studio.project.pipeline import Edge
from tests.gui.canvas.conftest import Hand

MIDDLE, ALT = Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.AltModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
EMPTY = QPointF(330.0, 300.0)


def line(src: str, dst: str, inp: str = "network") -> Edge:
    return Edge(src, "network", dst, inp)


def undone(hand: Hand, before: object) -> None:
    """One undo leads back to the project as it was."""
    hand.session.undo()
    assert hand.session.project == before


def test_a_click_selects_and_a_click_beside_selects_nothing(hand: Hand) -> None:
    hand.click(hand.body("prune1"))
    assert hand.session.selection == ("prune1",)
    hand.click(hand.body("distil1"), SHIFT)
    assert hand.session.selection == ("prune1", "distil1")
    hand.click(hand.body("prune1"), CONTROL)
    assert hand.session.selection == ("distil1",)
    hand.click(EMPTY)
    assert hand.session.selection == ()
    assert not hand.session.dirty


def test_a_drag_moves_on_the_grid_and_is_one_undo(hand: Hand) -> None:
    before = hand.session.project
    start = hand.body("prune1")
    hand.drag(start, start + QPointF(33.0, 117.0))
    assert hand.pipeline.node("prune1").pos == (260.0, 120.0)
    assert hand.session.history.undo_label == "Move Prune weights"
    undone(hand, before)
    assert hand.view.pipeline.nodes["prune1"].pos() == QPointF(220.0, 0.0)


def test_selected_nodes_move_together(hand: Hand) -> None:
    before = hand.session.project
    hand.session.select(["prune1", "distil1"])
    start = hand.body("distil1")
    hand.drag(start, start + QPointF(0.0, 100.0))
    assert [node.pos[1] for node in hand.pipeline] == [0.0, 100.0, 100.0, 0.0]
    undone(hand, before)


def test_escape_gives_up_a_drag(hand: Hand) -> None:
    start = hand.body("prune1")
    hand.drag(start, start + QPointF(0.0, 80.0), release=False)
    assert hand.view.pipeline.nodes["prune1"].pos().y() == 80.0
    hand.key(Qt.Key.Key_Escape)
    hand.release(hand.pixel(start))
    assert hand.view.pipeline.nodes["prune1"].pos() == QPointF(220.0, 0.0)
    assert not hand.session.dirty


def test_lines_follow_a_node_that_is_dragged(hand: Hand) -> None:
    start = hand.body("prune1")
    hand.drag(start, start + QPointF(0.0, 80.0), release=False)
    points = hand.view.pipeline.edges[line("source1", "prune1")].points
    assert points[-1] == (220.0, 130.0)
    hand.release(hand.pixel(start + QPointF(0.0, 80.0)))


def test_a_line_is_drawn_from_port_to_port(hand: Hand) -> None:
    before = hand.session.project
    hand.drag(hand.port("source1"), hand.port("quantize1", "network"))
    assert line("source1", "quantize1") in hand.pipeline.edges
    assert line("distil1", "quantize1") not in hand.pipeline.edges, "an input takes one connection"
    undone(hand, before)


def test_a_line_that_closes_a_circle_is_refused_with_the_reason(hand: Hand) -> None:
    before = hand.session.project
    hand.drag(hand.port("quantize1"), hand.body("prune1"), release=False)
    assert hand.note() == "That would close a circle."
    hand.release(hand.pixel(hand.body("prune1")))
    assert hand.session.project is before
    assert hand.note() == ""


def test_nothing_leads_into_a_model(hand: Hand) -> None:
    hand.session.edit(
        "Add", edits.add_node("source.model", {"path": "/b.onnx"}, hand.session.runtime.steps, pos=(0, 200))
    )
    hand.drag(hand.port("prune1"), hand.body("source2"), release=False)
    assert hand.note() == "A model is opened here, so nothing can lead into it."
    hand.key(Qt.Key.Key_Escape)


def test_a_second_model_becomes_the_teacher(hand: Hand) -> None:
    steps = hand.session.runtime.steps
    hand.session.edit("Add", edits.add_node("source.model", {"path": "/b.onnx"}, steps, pos=(0.0, 200.0)))
    hand.drag(hand.port("source2"), hand.port("distil1", "teacher"))
    assert hand.pipeline.inputs_of("distil1")["teacher"] == line("source2", "distil1", "teacher")


def test_an_end_that_is_dropped_beside_removes_the_line(hand: Hand) -> None:
    before = hand.session.project
    hand.drag(hand.port("quantize1", "network"), EMPTY)
    assert line("distil1", "quantize1") not in hand.pipeline.edges
    undone(hand, before)


def test_an_end_can_be_taken_to_another_node(hand: Hand) -> None:
    before = hand.session.project
    hand.session.edit("Add", edits.append_step("graph.fp16", steps=hand.session.runtime.steps, after="prune1"))
    hand.session.edit("Cut", edits.cut([line("prune1", "fp16_1")]))
    assert before != hand.session.project
    between = hand.session.project
    hand.drag(hand.port("quantize1", "network"), hand.body("fp16_1"))
    assert line("distil1", "fp16_1") in hand.pipeline.edges
    assert line("distil1", "quantize1") not in hand.pipeline.edges
    undone(hand, between)


def test_a_line_dropped_beside_offers_steps_and_adds_the_chosen_one_joined(hand: Hand, qtbot) -> None:
    before = hand.session.project
    hand.drag(hand.port("prune1"), QPointF(500.0, 260.0))
    picker = hand.page.picker
    qtbot.waitUntil(picker.isVisible)
    QTest.keyClicks(picker.search, "static")
    QTest.keyClick(picker.search, Qt.Key.Key_Return)
    assert not picker.isVisible()
    assert line("prune1", "quantize2") in hand.pipeline.edges
    assert hand.pipeline.node("quantize2").step == "quantize.static"
    assert hand.session.selection == ("quantize2",)
    undone(hand, before)


def test_a_box_selects_what_it_touches(hand: Hand) -> None:
    hand.drag(QPointF(180.0, -40.0), QPointF(500.0, 60.0))
    assert hand.session.selection == ("prune1", "distil1")
    hand.drag(QPointF(640.0, -40.0), QPointF(700.0, 60.0), keys=SHIFT)
    assert hand.session.selection == ("prune1", "distil1", "quantize1")


def test_a_line_with_alt_cuts_what_it_crosses(hand: Hand) -> None:
    before = hand.session.project
    hand.drag(QPointF(192.0, -30.0), QPointF(207.0, 180.0), keys=ALT, release=False)
    assert hand.note() == "Cuts 2 connections"
    hand.release(hand.pixel(QPointF(207.0, 180.0)), keys=ALT)
    assert {edge.src for edge in hand.pipeline.edges} == {"prune1", "distil1"}
    undone(hand, before)


def test_a_loose_step_dragged_onto_a_line_is_put_into_it(hand: Hand) -> None:
    hand.session.edit("Add", edits.add_node("graph.fp16", steps=hand.session.runtime.steps, pos=(220.0, 200.0)))
    before = hand.session.project
    start = hand.body("fp16_1")
    target = hand.middle(line("prune1", "distil1"))
    hand.drag(start, start + target - hand.view.pipeline.nodes["fp16_1"].sceneBoundingRect().center())
    assert {line("prune1", "fp16_1"), line("fp16_1", "distil1")} <= set(hand.pipeline.edges)
    undone(hand, before)


def test_a_selected_line_is_deleted(hand: Hand) -> None:
    before = hand.session.project
    hand.click(hand.middle(line("prune1", "distil1")))
    hand.key(Qt.Key.Key_Delete)
    assert line("prune1", "distil1") not in hand.pipeline.edges
    undone(hand, before)


def test_the_middle_button_and_the_space_bar_pan(hand: Hand) -> None:
    seen = hand.view.seen()
    hand.drag(EMPTY, EMPTY + QPointF(50.0, 30.0), MIDDLE)
    assert hand.view.seen().topLeft() == seen.topLeft() - QPointF(50.0, 30.0)
    QTest.keyPress(hand.view, Qt.Key.Key_Space)
    hand.drag(hand.body("prune1"), hand.body("prune1") + QPointF(20.0, 0.0))
    QTest.keyRelease(hand.view, Qt.Key.Key_Space)
    assert hand.view.seen().left() == seen.left() - 70.0
    assert not hand.session.dirty


def test_zooming_keeps_the_point_under_the_cursor(hand: Hand) -> None:
    pixel = QPointF(200.0, 150.0)
    before = hand.view.scene_spot(pixel)
    hand.view.zoom_by(1.7, pixel)
    after = hand.view.scene_spot(pixel)
    assert (after - before).manhattanLength() < 1.0
    for _ in range(30):
        hand.page.zoom_in()
    assert hand.view.scale_now == 3.0
    for _ in range(60):
        hand.page.zoom_out()
    assert abs(hand.view.scale_now - 0.1) < 1e-9


def test_a_double_click_beside_offers_steps(hand: Hand, qtbot) -> None:
    QTest.mouseDClick(hand.view.viewport(), Qt.MouseButton.LeftButton, pos=hand.pixel(EMPTY))
    qtbot.waitUntil(hand.page.picker.isVisible)
    QTest.keyClick(hand.page.picker.search, Qt.Key.Key_Escape)
    assert not hand.page.picker.isVisible()


def test_the_minimap_shows_itself_when_something_is_out_of_sight_and_moves_the_view(hand: Hand, qtbot) -> None:
    assert not hand.page.minimap.isVisible()
    hand.view.zoom_by(3.0)
    assert hand.page.minimap.isVisible()
    seen = hand.view.seen()
    QTest.mousePress(hand.page.minimap, Qt.MouseButton.LeftButton, pos=QPoint(8, 50))
    assert hand.view.seen().left() < seen.left()
    hand.page.fit()
    assert not hand.page.minimap.isVisible()


def test_undo_during_a_drag_gives_the_drag_up(hand: Hand) -> None:
    hand.session.edit("Move", edits.move({"source1": (0.0, 20.0)}))
    start = hand.body("prune1")
    hand.drag(start, start + QPointF(0.0, 80.0), release=False)
    hand.session.undo()
    assert hand.view.gesture is None
    assert hand.view.pipeline.nodes["prune1"].pos() == QPointF(220.0, 0.0)
    hand.release(hand.pixel(start))
    assert not hand.session.dirty
