"""The canvas without a mouse."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from compress_studio.project import edits
from compress_studio.project.pipeline import Edge
from tests.gui.canvas.conftest import Hand

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Key = Qt.Key


def undone(hand: Hand, before: object) -> None:
    hand.session.undo()
    assert hand.session.project == before


def test_arrows_go_to_the_nearest_node_and_shift_extends(hand: Hand) -> None:
    hand.key(Key.Key_Right)
    assert hand.session.selection == ("source1",)
    hand.key(Key.Key_Right)
    hand.key(Key.Key_Right)
    assert hand.session.selection == ("distil1",)
    hand.key(Key.Key_Left, SHIFT)
    assert hand.session.selection == ("distil1", "prune1")
    hand.key(Key.Key_End)
    assert hand.session.selection == ("quantize1",)
    hand.key(Key.Key_Escape)
    assert hand.session.selection == ()


def test_tab_goes_through_the_nodes_and_then_leaves(hand: Hand) -> None:
    hand.session.select(["distil1"])
    hand.key(Key.Key_Tab)
    assert hand.session.selection == ("quantize1",)
    hand.key(Key.Key_Backtab, SHIFT)
    assert hand.session.selection == ("distil1",)
    hand.session.select(["quantize1"])
    hand.key(Key.Key_Tab)
    assert not hand.view.hasFocus()


def test_enter_goes_to_the_form(hand: Hand, window, qtbot) -> None:
    hand.session.select(["prune1"])
    hand.key(Key.Key_Return)
    inspector = window.inspector
    qtbot.waitUntil(lambda: inspector.hasFocus() or inspector.isAncestorOf(QApplication.focusWidget()))


def test_ctrl_and_arrows_move_and_one_press_is_one_undo(hand: Hand) -> None:
    before = hand.session.project
    hand.session.select(["prune1"])
    QTest.keyPress(hand.view, Key.Key_Down, CONTROL)
    QTest.keyPress(hand.view, Key.Key_Down, CONTROL)
    QTest.keyRelease(hand.view, Key.Key_Down, CONTROL)
    assert hand.pipeline.node("prune1").pos == (220.0, 40.0)
    undone(hand, before)


def test_m_switches_off_and_on(hand: Hand) -> None:
    before = hand.session.project
    hand.session.select(["source1", "prune1"])
    hand.key(Key.Key_M)
    assert not hand.pipeline.node("prune1").on
    assert hand.pipeline.node("source1").on, "a model among them is left alone"
    hand.key(Key.Key_M)
    assert hand.pipeline.node("prune1").on
    hand.session.undo()
    undone(hand, before)


def test_switching_a_model_off_is_refused_with_a_reason(hand: Hand, qtbot) -> None:
    hand.session.select(["source1"])
    with qtbot.waitSignal(hand.session.message) as heard:
        hand.key(Key.Key_M)
    assert "cannot be switched off" in heard.args[0].text


def test_shift_m_stops_measuring(hand: Hand) -> None:
    before = hand.session.project
    hand.session.select(["prune1"])
    hand.key(Key.Key_M, SHIFT)
    assert not hand.pipeline.node("prune1").measured
    undone(hand, before)


def test_delete_heals_the_line(hand: Hand) -> None:
    before = hand.session.project
    hand.session.select(["prune1"])
    hand.key(Key.Key_Delete)
    assert Edge("source1", "network", "distil1", "network") in hand.pipeline.edges
    assert "prune1" not in hand.view.pipeline.nodes
    undone(hand, before)
    assert "prune1" in hand.view.pipeline.nodes


def test_copy_and_paste_keep_parameters_and_connections(hand: Hand) -> None:
    before = hand.session.project
    hand.view.cursor_spot = None
    hand.session.select(["prune1", "distil1"])
    hand.key(Key.Key_C, CONTROL)
    hand.key(Key.Key_V, CONTROL)
    assert hand.session.selection == ("prune2", "distil2")
    assert Edge("prune2", "network", "distil2", "network") in hand.pipeline.edges
    assert hand.pipeline.node("prune2").params == hand.pipeline.node("prune1").params
    undone(hand, before)


def test_paste_goes_to_the_cursor(hand: Hand) -> None:
    hand.session.select(["prune1"])
    hand.key(Key.Key_C, CONTROL)
    hand.move(hand.pixel(QPointF(301.0, 262.0)), Qt.MouseButton.NoButton)
    hand.key(Key.Key_V, CONTROL)
    assert hand.pipeline.node("prune2").pos == (300.0, 260.0)


def test_cut_is_copy_and_delete(hand: Hand) -> None:
    before = hand.session.project
    hand.session.select(["prune1"])
    hand.key(Key.Key_X, CONTROL)
    assert "prune1" not in hand.pipeline
    assert '"prune.weights"' in QApplication.clipboard().text()
    undone(hand, before)


def test_pasting_something_else_says_so(hand: Hand, qtbot) -> None:
    QApplication.clipboard().setText("a poem")
    with qtbot.waitSignal(hand.session.message) as heard:
        hand.key(Key.Key_V, CONTROL)
    assert heard.args[0].text == "There are no steps to paste."
    assert not hand.session.dirty


def test_a_branch_is_duplicated_as_a_variant(hand: Hand) -> None:
    before = hand.session.project
    hand.session.select(["distil1"])
    hand.key(Key.Key_D, CONTROL | SHIFT)
    assert hand.session.selection == ("distil2", "quantize2")
    assert Edge("prune1", "network", "distil2", "network") in hand.pipeline.edges
    assert hand.pipeline.node("distil2").pos == (440.0, 140.0)
    undone(hand, before)


def test_select_all_and_disconnect(hand: Hand) -> None:
    before = hand.session.project
    hand.key(Key.Key_A, CONTROL)
    assert len(hand.session.selection) == 4
    hand.session.select(["distil1"])
    hand.key(Key.Key_X)
    assert hand.pipeline.edges == (Edge("source1", "network", "prune1", "network"),)
    undone(hand, before)


def test_l_tidies_up_in_one_undo(hand: Hand) -> None:
    hand.session.edit("Move", edits.move({"prune1": (900.0, 500.0)}))
    before = hand.session.project
    hand.key(Key.Key_L)
    assert hand.pipeline.node("prune1").pos == (220.0, 0.0)
    undone(hand, before)


def test_a_whole_pipeline_without_a_mouse(hand: Hand, qtbot) -> None:
    """Add two steps, connect, go along, switch off, zoom, undo it all."""
    before = hand.session.project
    hand.key(Key.Key_End)
    hand.key(Key.Key_A)
    qtbot.waitUntil(hand.page.picker.search.hasFocus)
    QTest.keyClicks(hand.page.picker.search, "half")
    QTest.keyClick(hand.page.picker.search, Key.Key_Return)
    assert hand.session.current == "fp16_1"
    assert Edge("quantize1", "network", "fp16_1", "network") in hand.pipeline.edges
    qtbot.waitUntil(hand.view.hasFocus)
    hand.key(Key.Key_X)
    assert Edge("quantize1", "network", "fp16_1", "network") not in hand.pipeline.edges
    hand.session.select(["prune1"])
    hand.session.select(["prune1", "fp16_1"])
    hand.key(Key.Key_C)
    assert Edge("prune1", "network", "fp16_1", "network") in hand.pipeline.edges
    hand.key(Key.Key_F)
    hand.key(Key.Key_0, CONTROL)
    assert hand.view.scale_now == 1.0
    for _ in range(3):
        hand.session.undo()
    assert hand.session.project == before


def test_the_current_node_is_told_to_screen_readers(hand: Hand) -> None:
    hand.session.select(["prune1"])
    assert hand.view.accessibleDescription().startswith("Prune weights")


def test_the_menu_key_opens_the_menu_of_the_node(hand: Hand, qtbot) -> None:
    hand.session.select(["prune1"])
    hand.view.menu_wanted.emit(hand.view.mapToGlobal(hand.pixel(hand.body("prune1"))))
    qtbot.waitUntil(hand.page.menu.isVisible)
    assert "Duplicate as variant" in [one.text() for one in hand.page.menu.actions()]
    hand.page.menu.close()
