"""Editors of every kind in a form, by mouse and keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QPushButton, QSpinBox, QWidget

from compress_studio.gui.forms.lists import Chip, LayerPicker
from compress_studio.gui.forms.param_form import ParamForm
from compress_studio.gui.forms.slider import Slider
from compress_studio.gui.forms.switch import Switch
from tests.gallery.form_fields import DemoParams, demo_states
from tests.gui.forms.mouse import drag


class Heard:
    """What a form said."""

    def __init__(self, form: ParamForm) -> None:
        self.during: list[dict] = []
        self.edits: list[tuple] = []
        self.form = form
        form.editing.connect(self.during.append)
        form.edited.connect(self._edited)

    def _edited(self, name, value, gesture):
        self.edits.append((name, value, gesture))
        self.form.show_values({**self.form.values, name: value})


@pytest.fixture
def form(qtbot, qapp):
    made = ParamForm(DemoParams, "n1")
    made.resize(300, 900)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    return made


@pytest.fixture
def heard(form):
    return Heard(form)


def find(form: QWidget, kind: type, name: str):
    found = form.findChild(kind, name)
    assert found is not None, name
    return found


def error_of(form: ParamForm, name: str) -> str:
    label = find(form, QLabel, f"error:n1.{name}")
    return "" if label.isHidden() else label.text()


def type_in(qtbot, box: QLineEdit, text: str) -> None:
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def test_dragging_tells_every_value_and_counts_once(form, heard, qtbot):
    drag(qtbot, find(form, Slider, "param:n1.share"), 0.4, 0.5, 0.6)
    assert [round(one["share"], 2) for one in heard.during] == [0.4, 0.5, 0.6]
    assert [edit[:2] for edit in heard.edits] == [("share", 0.6)]


def test_two_drags_are_two_gestures(form, heard, qtbot):
    slider = find(form, Slider, "param:n1.share")
    drag(qtbot, slider, 0.4)
    drag(qtbot, slider, 0.5)
    assert len({gesture for _, _, gesture in heard.edits}) == 2


def test_escape_calls_a_drag_off(form, heard, qtbot):
    slider = find(form, Slider, "param:n1.share")
    drag(qtbot, slider, 0.6, release=False)
    qtbot.keyClick(slider, Qt.Key.Key_Escape)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton)
    assert slider.value == 0.3
    assert heard.edits == []


def test_typing_42_means_42_percent(form, heard, qtbot):
    type_in(qtbot, find(form, QLineEdit, "param:n1.share.box"), "42")
    assert heard.edits[0][:2] == ("share", 0.42)
    assert find(form, Slider, "param:n1.share").value == 0.42


def test_a_value_that_is_not_allowed_is_explained_in_red_and_stays_where_it_is(form, heard, qtbot):
    box = find(form, QLineEdit, "param:n1.share.box")
    type_in(qtbot, box, "120")
    assert "from 0" in error_of(form, "share")
    assert heard.edits == []
    assert form.values["share"] == 0.3
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert error_of(form, "share") == ""
    assert box.text().startswith("30")


def test_the_error_goes_with_the_next_good_value(form, heard, qtbot):
    box = find(form, QLineEdit, "param:n1.epochs.box")
    type_in(qtbot, box, "many")
    assert "whole number" in error_of(form, "epochs")
    type_in(qtbot, box, "12")
    assert error_of(form, "epochs") == ""
    assert heard.edits[-1][:2] == ("epochs", 12)


def test_a_parameter_appears_with_the_choice_that_needs_it(form, heard, qtbot):
    row = find(form, QWidget, "row:n1.samples")
    assert row.isHidden()
    combo = find(form, QComboBox, "param:n1.criterion")
    combo.setFocus()
    qtbot.keyClicks(combo, "W")
    assert heard.edits[-1][:2] == ("criterion", "wanda")
    assert not row.isHidden()


def test_reset_is_offered_only_when_there_is_something_to_reset(form, heard, qtbot):
    reset = find(form, QWidget, "reset:n1.share")
    assert reset.isHidden()
    form.show_values({"share": 0.5})
    assert not reset.isHidden()
    qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)
    assert heard.edits[-1][:2] == ("share", 0.3)
    assert reset.isHidden()


def test_double_click_on_a_slider_resets_it(form, heard, qtbot):
    form.show_values({"share": 0.5})
    slider = find(form, Slider, "param:n1.share")
    at = QPoint(round(slider.x_of(0.5)), slider.height() // 2)
    qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton, pos=at)
    assert heard.edits[-1][:2] == ("share", 0.3)


def test_the_middle_of_a_log_slider_is_the_geometric_mean(form, heard, qtbot):
    drag(qtbot, find(form, Slider, "param:n1.rate"), 0.001**0.5)
    assert heard.edits[0][1] == pytest.approx(0.001**0.5, rel=0.1)


def test_keys_move_a_slider_one_value_and_each_press_counts_by_itself(form, heard, qtbot):
    slider = find(form, Slider, "param:n1.epochs")
    slider.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Home):
        qtbot.keyClick(slider, key)
    assert [value for _, value, _ in heard.edits] == [6, 7, 6, 200, 1]
    assert len({gesture for _, _, gesture in heard.edits}) == 5


def test_page_keys_go_further(form, heard, qtbot):
    slider = find(form, Slider, "param:n1.share")
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert heard.edits[-1][1] == pytest.approx(0.4)


def wheel(widget: QWidget) -> None:
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle, widget.mapToGlobal(middle), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize("name", ["share", "epochs", "criterion", "count"])
def test_the_wheel_changes_nothing_without_the_focus(form, heard, name):
    form.setFocus()
    wheel(find(form, QWidget, f"param:n1.{name}"))
    assert heard.edits == []


def test_turns_of_the_wheel_are_one_gesture(form, heard):
    slider = find(form, Slider, "param:n1.share")
    slider.setFocus()
    wheel(slider)
    wheel(slider)
    assert [round(value, 2) for _, value, _ in heard.edits] == [0.31, 0.32]
    assert len({gesture for _, _, gesture in heard.edits}) == 1


def test_auto_means_none_and_pressing_it_gives_a_value_to_begin_with(form, heard, qtbot):
    auto = find(form, QPushButton, "auto:n1.multiple")
    slider = find(form, Slider, "param:n1.multiple")
    assert auto.isChecked()
    assert not slider.isVisible()
    qtbot.mouseClick(auto, Qt.MouseButton.LeftButton)
    assert isinstance(heard.edits[-1][1], int)
    assert slider.isVisible()
    qtbot.mouseClick(auto, Qt.MouseButton.LeftButton)
    assert heard.edits[-1][1] is None


def test_a_switch_turns_with_space(form, heard, qtbot):
    switch = find(form, Switch, "param:n1.repair")
    switch.setFocus()
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    assert heard.edits[-1][:2] == ("repair", False)


def test_segments_choose_by_click_and_the_third_state_is_auto(form, heard, qtbot):
    method = find(form, QWidget, "param:n1.method")
    qtbot.mouseClick(find(method, QWidget, "segment:exact"), Qt.MouseButton.LeftButton)
    assert heard.edits[-1][:2] == ("method", "exact")
    reduced = find(form, QWidget, "param:n1.reduced")
    for word, value in (("on", True), ("off", False), ("auto", None)):
        qtbot.mouseClick(find(reduced, QWidget, f"segment:{word}"), Qt.MouseButton.LeftButton)
        assert heard.edits[-1][:2] == ("reduced", value)


def test_whole_numbers_without_a_range_have_a_spin_box(form, heard, qtbot):
    spin = find(form, QSpinBox, "param:n1.count")
    spin.setFocus()
    qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert heard.edits[-1][:2] == ("count", 1)


def test_text_counts_with_enter_and_escape_brings_it_back(form, heard, qtbot):
    line = find(form, QLineEdit, "param:n1.title")
    line.setFocus()
    qtbot.keyClicks(line, "small")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == ""
    type_in(qtbot, line, "tiny")
    assert [edit[:2] for edit in heard.edits] == [("title", "tiny")]


def test_layers_are_picked_by_name_and_chips_remove_them(form, heard, qtbot):
    form.show_names(["stem", "blocks.0.conv", "head"])
    qtbot.mouseClick(find(form, QPushButton, "param:n1.skip"), Qt.MouseButton.LeftButton)
    picker = find(form, LayerPicker, "layer_picker")
    qtbot.keyClicks(picker.search, "block")
    qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    qtbot.keyClicks(picker.search, "enc.*")
    qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    assert heard.edits[-1][:2] == ("skip", ["blocks.0.conv", "enc.*"])
    picker.close()
    chip = next(one for one in form.findChildren(Chip) if one.name == "blocks.0.conv" and not one.isHidden())
    qtbot.mouseClick(chip.cross, Qt.MouseButton.LeftButton)
    assert heard.edits[-1][:2] == ("skip", ["enc.*"])


def test_what_is_folded_away_says_when_it_is_not_as_usual(form):
    button = find(form.more, QWidget, "fold:More")
    assert button.text() == "More"
    form.show_values({"floor": 0.5})
    assert button.text() == "More · 1 changed"


def test_showing_values_tells_nobody(form, heard):
    for values in demo_states().values():
        form.show_values(values)
    assert heard.edits == []
    assert heard.during == []


def test_every_control_can_be_reached_and_has_a_name_and_a_tip(form):
    for row in form.rows.values():
        for control in row.editor.controls():
            assert control.objectName().startswith("param:n1.")
            assert control.accessibleName() == row.field.ui.label
            assert control.toolTip() or row.field.ui.help == ""


@pytest.mark.parametrize("width", [226, 296])
def test_the_form_fits_into_a_narrow_column(form, width):
    for values in demo_states().values():
        form.show_values(values)
        form.more.set_open(True)
        assert form.minimumSizeHint().width() <= width


@pytest.mark.parametrize(("name", "typed"), [("share.box", "4"), ("title", "ti")])
def test_what_is_being_typed_survives_news_of_the_same_values(form, qtbot, name, typed):
    box = find(form, QLineEdit, f"param:n1.{name}")
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, typed)
    form.show_values(dict(form.values))
    assert box.text() == typed
    form.show_values({"share": 0.6, "title": "other"})
    assert box.text() != typed


def test_a_drag_replaces_what_was_typed_wrongly(form, heard, qtbot):
    box = find(form, QLineEdit, "param:n1.share.box")
    type_in(qtbot, box, "500")
    assert error_of(form, "share")
    drag(qtbot, find(form, Slider, "param:n1.share"), 0.4)
    assert error_of(form, "share") == ""
    assert box.text().startswith("40")
