"""The right column: gestures become edits, previews follow, and what is known is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTableView, QTextBrowser, QWidget

from compress_studio.engine.plan import Problem
from compress_studio.engine.records import Cause, Failure
from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.gui.forms.slider import Slider
from compress_studio.gui.nodeview import Shown
from compress_studio.gui.panels.inspector_bars import BAR, REMOVE
from compress_studio.gui.panels.inspector_state import InspectorState
from compress_studio.project import edits
from compress_studio.spec.preview import Estimate
from tests.gui.forms.mouse import drag


def params_of(session, node: str = "prune1"):
    return session.project.pipeline.node(node).params


def find(inspector, kind: type, name: str):
    found = inspector.findChild(kind, name)
    assert found is not None, name
    return found


def text_of(widget: QWidget) -> str:
    labels = [one for one in widget.findChildren(QLabel) if one.isVisibleTo(widget)]
    return " ".join(label.text().replace("\u200b", "").replace("\u202f", " ") for label in labels)


def slider_of(inspector, name: str = "sparsity") -> Slider:
    return find(inspector, Slider, f"param:prune1.{name}")


def test_a_drag_is_one_undo_and_previews_follow_while_it_lasts(inspector, session, previews, qtbot):
    count = len(previews.predicted)
    drag(qtbot, slider_of(inspector), 0.6, 0.7, release=False)
    qtbot.waitUntil(lambda: len(previews.predicted) > count)
    assert previews.predicted[-1] == pytest.approx(0.7, abs=0.01)
    assert params_of(session)["sparsity"] == 0.5
    drag_end = slider_of(inspector)
    qtbot.mouseRelease(drag_end, Qt.MouseButton.LeftButton)
    assert params_of(session)["sparsity"] == pytest.approx(0.7, abs=0.01)
    assert session.history.undo_label == "Share of zeros"
    assert previews.wanted[-1] == "prune1"
    session.undo()
    assert params_of(session)["sparsity"] == 0.5
    assert slider_of(inspector).value == 0.5
    assert session.history.undo_label is None


def test_many_moves_within_a_frame_are_painted_once(inspector, previews, qtbot):
    previews.predicted.clear()
    drag(qtbot, slider_of(inspector), *(0.5 + step / 100 for step in range(1, 30)), release=False)
    qtbot.waitUntil(lambda: bool(previews.predicted))
    assert len(previews.predicted) < 15
    assert previews.predicted[-1] == pytest.approx(0.79, abs=0.01)


def test_undo_and_redo_update_the_form(inspector, session, qtbot):
    box = find(inspector, QLineEdit, "param:prune1.sparsity.box")
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "80")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    session.undo()
    assert box.text().startswith("50")
    session.redo()
    assert box.text().startswith("80")


def test_keyboard_alone_reaches_the_form_and_changes_it(inspector, session, qtbot):
    inspector.focus_form()
    for _ in range(30):
        at = QGuiApplication.focusObject()
        if isinstance(at, Slider):
            break
        qtbot.keyClick(at, Qt.Key.Key_Tab)
    assert QGuiApplication.focusObject() is slider_of(inspector)
    qtbot.keyClick(slider_of(inspector), Qt.Key.Key_Right)
    assert params_of(session)["sparsity"] == 0.51


def test_reset_of_all_brings_back_the_defaults_at_once(inspector, session, qtbot):
    reset = find(inspector, QWidget, "inspector.reset")
    assert reset.isHidden()
    session.edit("x", edits.set_params("prune1", {"sparsity": 0.9, "criterion": "taylor"}, session.runtime.steps))
    qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)
    assert (params_of(session)["sparsity"], params_of(session)["criterion"]) == (0.5, "magnitude")
    session.undo()
    assert params_of(session)["sparsity"] == 0.9


def click_layer(inspector, qtbot, row: int, column: int = BAR) -> None:
    view = find(inspector, QTableView, "layers.table")
    inspector.body._scroll.ensureWidgetVisible(view)
    place = view.visualRect(view.model().index(row, column)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_click_on_a_layer_gives_it_a_value_of_its_own_and_the_cross_takes_it_away(inspector, session, qtbot):
    click_layer(inspector, qtbot, 1)
    drag(qtbot, find(inspector, Slider, "layer_editor.slider"), 0.2)
    assert params_of(session)["layers"] == {"blocks.1.conv": pytest.approx(0.2, abs=0.03)}
    assert session.history.undo_label == "Share by layer: blocks.1.conv"
    click_layer(inspector, qtbot, 1, REMOVE)
    assert params_of(session)["layers"] == {}
    session.undo()
    session.undo()
    assert session.history.undo_label is None


def test_layers_are_overridden_from_the_keyboard(inspector, session, qtbot):
    view = find(inspector, QTableView, "layers.table")
    view.setFocus()
    view.selectRow(2)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    slider = find(inspector, Slider, "layer_editor.slider")
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    inspector.body.preview.message.setText("A note that takes a line more.")
    inspector.body.preview.message.show()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    qtbot.keyClick(slider, Qt.Key.Key_Escape)
    assert params_of(session)["layers"] == {"blocks.2.conv": 0.52}
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert params_of(session)["layers"] == {}


def test_a_layer_that_must_be_left_alone_tells_why_and_has_no_slider(inspector, qtbot):
    click_layer(inspector, qtbot, 5)
    assert "not a layer with weights to spare" in find(inspector, QLabel, "layers.note").text()
    assert inspector.findChild(Slider, "layer_editor.slider") is None


def test_the_estimate_says_on_how_many_samples_and_its_interval(inspector, previews):
    previews.known["prune1"] = Estimate(256, 0.984, 0.97, 0.99, top1=0.903, top1_low=0.885, top1_high=0.921)
    previews.changed.emit("prune1")
    text = text_of(inspector.body.preview)
    assert "ESTIMATE ON 256 SAMPLES" in text
    assert "98.4 % ± 1.0" in text
    assert "90.3 % ± 1.8" in text


def test_another_node_brings_its_own_form(inspector, session, previews):
    session.select(["prune2"])
    assert inspector.form.objectName() == "form:prune2"
    assert previews.watched[-1] == "prune2"
    session.select([])
    assert "Nothing selected" in text_of(inspector)
    assert previews.watched[-1] is None


def test_several_nodes_are_switched_off_duplicated_and_deleted_together(inspector, session, qtbot):
    session.select(["prune1", "prune2"])
    qtbot.mouseClick(find(inspector, QPushButton, "several:mute"), Qt.MouseButton.LeftButton)
    assert [session.project.pipeline.node(one).on for one in ("prune1", "prune2")] == [False, False]
    qtbot.mouseClick(find(inspector, QPushButton, "several:duplicate"), Qt.MouseButton.LeftButton)
    assert len(session.project.pipeline) == 5
    assert len(session.selection) == 2
    qtbot.mouseClick(find(inspector, QPushButton, "several:delete"), Qt.MouseButton.LeftButton)
    assert len(session.project.pipeline) == 3
    session.select(["prune1"])
    qtbot.mouseClick(find(inspector, QPushButton, "fix:Switch it on"), Qt.MouseButton.LeftButton)
    assert session.project.pipeline.node("prune1").on


def test_a_source_offers_another_model(inspector, session, qtbot, tmp_path: Path):
    session.select(["source1"])
    inspector._commands.asking.answers.append(tmp_path / "other.onnx")
    qtbot.mouseClick(find(inspector, QPushButton, "param:source1.path"), Qt.MouseButton.LeftButton)
    assert params_of(session, "source1")["path"] == str(tmp_path / "other.onnx")


def test_a_source_tells_its_facts_and_takes_sizes_of_free_dimensions(inspector, session, qtbot):
    session.select(["source1"])
    facts = {"format": "ONNX", "opset": 17, "parameters": 272_474, "operators": {"Conv": 3, "Relu": 2}, "sizes": {},
             "inputs": [{"name": "tokens", "dtype": "INT64", "dims": ["N", "L"]}]}  # fmt: skip
    inspector.show_state(InspectorState((session.views["source1"],), facts=facts))
    text = text_of(inspector)
    assert "N×L int64" in text
    assert "272 474" in text
    box = find(inspector, QWidget, "dim:L")
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "128")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert params_of(session, "source1")["dims"] == "L=128"


def test_the_help_page_opens_beside_the_form(inspector, qtbot):
    qtbot.mouseClick(find(inspector, QWidget, "inspector.help"), Qt.MouseButton.LeftButton)
    page = find(inspector, QTextBrowser, "help_popover.page")
    assert page.isVisible()
    assert "weights" in page.toPlainText()
    qtbot.keyClick(inspector._help, Qt.Key.Key_Escape)
    assert not page.isVisible()


def test_advice_to_distil_is_one_click_away(inspector, session, qtbot):
    result = NodeResult(state=Stage.DONE, digest="d", report={"layers_changed": 3, "layers_total": 4})
    caution = {"code": "accuracy", "message": "Accuracy fell by 4 points. Try less sparsity, or append train.distil."}
    view = replace(session.views["prune1"], result=result, cautions=(caution,))
    inspector.show_state(InspectorState((view,)))
    qtbot.waitUntil(lambda: "“Distil from the original”" in text_of(inspector.body.result))
    qtbot.mouseClick(find(inspector, QPushButton, "fix:Append Distil"), Qt.MouseButton.LeftButton)
    assert session.current == "distil1"
    assert session.project.pipeline.inputs_of("distil1")["network"].src == "prune1"


def test_problems_and_failures_tell_the_remedy_and_give_the_report(inspector, session, qtbot):
    view = replace(session.views["prune1"], state=Shown.INVALID, problem=Problem("No model arrives.", "Connect it."))
    inspector.show_state(InspectorState((view,)))
    assert "No model arrives. Connect it." in text_of(inspector.body.problems)
    failure = Failure(Cause.BUG, "This is a bug: KeyError.", "Please send the report.", "trace back")
    inspector.show_state(InspectorState((replace(view, state=Shown.FAILED, failure=failure),)))
    qtbot.mouseClick(find(inspector, QPushButton, "fix:Copy report"), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "trace back"


def test_a_run_tells_how_far_the_node_is(inspector, session):
    view = replace(session.views["prune1"], state=Shown.RUNNING, progress=0.4, note="batch 20/32", remaining=14.0)
    inspector.show_state(InspectorState((view,)))
    assert "Batch 20/32 0:14 left" in text_of(inspector.body.progress)


@pytest.mark.parametrize("width", [260, 320])
def test_nothing_is_wider_than_the_column(inspector, session, width):
    inspector.resize(width, 700)
    inspector.form.more.set_open(True)
    QGuiApplication.sync()
    inside = inspector.body.inside
    assert inside.minimumSizeHint().width() <= inside.width()


def test_the_table_of_many_layers_is_searched(inspector, previews, qtbot):
    previews.names = [f"stage{number}.conv" for number in range(500)]
    inspector.refresh()
    search = find(inspector, QLineEdit, "layers.search")
    assert search.isVisible()
    qtbot.keyClicks(search, "stage49")
    assert find(inspector, QTableView, "layers.table").model().rowCount() == 11


def test_escape_leaves_the_slider_of_a_layer(inspector, qtbot):
    click_layer(inspector, qtbot, 0)
    slider = find(inspector, Slider, "layer_editor.slider")
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    qtbot.keyClick(slider, Qt.Key.Key_Escape)
    assert inspector.body.preview.layers._editor is None


def test_a_layer_is_left_alone_from_its_row_and_taken_back(inspector, session, qtbot):
    click_layer(inspector, qtbot, 3)
    qtbot.mouseClick(find(inspector, QWidget, "layer_editor.spare"), Qt.MouseButton.LeftButton)
    assert params_of(session)["skip"] == ["blocks.3.conv"]
    click_layer(inspector, qtbot, 3, REMOVE)
    assert params_of(session)["skip"] == []


def test_values_of_single_layers_are_offered_only_while_they_matter(inspector, session, qtbot):
    session.edit("x", edits.set_param("prune1", "mode", "threshold", session.runtime.steps))
    click_layer(inspector, qtbot, 1)
    assert inspector.findChild(Slider, "layer_editor.slider") is None


def test_what_arrives_during_a_drag_does_not_set_the_preview_back(inspector, session, previews, qtbot):
    drag(qtbot, slider_of(inspector), 0.8, release=False)
    qtbot.waitUntil(lambda: previews.predicted[-1] > 0.75)
    previews.changed.emit("prune1")
    session.facts.changed.emit("digest")
    assert previews.predicted[-1] == pytest.approx(0.8, abs=0.01)
    assert inspector.body.preview.shown.prediction.sparsity == pytest.approx(0.8, abs=0.01)


def test_a_drag_back_to_where_it_began_changes_nothing(inspector, session, qtbot):
    drag(qtbot, slider_of(inspector), 0.8, 0.5)
    assert session.history.undo_label is None
    assert params_of(session)["sparsity"] == 0.5


def test_tab_goes_from_top_to_bottom(inspector, qtbot):
    inspector.body.help.setFocus()
    names: list[str] = []
    for _ in range(12):
        qtbot.keyClick(QGuiApplication.focusObject(), Qt.Key.Key_Tab)
        names.append(QGuiApplication.focusObject().objectName())
    assert names[:6] == [
        "segment:sparsity",
        "param:prune1.sparsity",
        "param:prune1.sparsity.box",
        "param:prune1.criterion",
        "segment:global",
        "fold:More",
    ]
    assert names[6] == "layers.table"
