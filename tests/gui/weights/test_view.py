"""The dialog of weights in all its states: what can be seen, read and reached."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextDocument
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QToolButton, QWidget

from compress_studio.gui.gallery_weights import weights_states
from compress_studio.gui.weights.dialog import LEAST, SIZE
from compress_studio.gui.weights.state import Kind
from compress_studio.gui.weights.view import CODE, COMPARING, PAGES, TENSORS, WeightsView
from tests.screens.clipping import clipped

STATES = weights_states()


@pytest.fixture
def view(qtbot) -> WeightsView:
    made = WeightsView()
    qtbot.addWidget(made)
    made.resize(SIZE)
    made.show()
    return made


def test_no_text_is_cut_off_in_any_state_page_and_size(view: WeightsView) -> None:
    for size in (LEAST, SIZE):
        view.resize(size)
        for name, state in STATES.items():
            view.show_state(state)
            for page in PAGES:
                view.show_page(page)
                QApplication.processEvents()
                assert clipped(view) == [], (name, page, size)


def test_every_control_has_a_name_and_a_tip(view: WeightsView) -> None:
    for state in STATES.values():
        view.show_state(state)
        for kind in (QAbstractButton, QLineEdit, QComboBox):
            for widget in view.findChildren(kind):
                if _inside_of_qt(widget) or widget.isHidden():
                    continue
                assert widget.objectName(), widget
                assert widget.accessibleName() or widget.text(), widget.objectName()
                assert widget.toolTip(), widget.objectName()


def _inside_of_qt(widget: QWidget) -> bool:
    """Parts that Qt makes itself: arrows of lists, corners of tables, the crosses of fields."""
    parent = widget.parentWidget()
    return (
        widget.objectName().startswith("qt_")
        or isinstance(parent, QLineEdit | QComboBox)
        or (isinstance(widget, QAbstractButton) and type(widget).__name__ == "QAbstractButton")
    )


def test_the_tensors_are_searched_sorted_and_shown_with_their_numbers(view: WeightsView, qtbot) -> None:
    view.show_state(STATES["family"])
    pane = view.tensors
    assert pane.totals.text().startswith("37 tensors · 13.1")
    assert pane.statistics["zeros"].text() == "0.3\u202f%"
    pane.search.setFocus()
    qtbot.keyClicks(pane.search, "layer4")
    names = [pane.model.index(row, 0).data() for row in range(pane.model.rowCount())]
    assert len(names) == 8
    assert all("layer4" in name for name in names)
    pane.search.clear()
    pane.table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert pane.model.index(0, 0).data() == "layer4.0.conv1.weight"
    assert pane.histogram.histogram is not None


def test_a_tensor_whose_numbers_cannot_be_shown_says_so(view: WeightsView) -> None:
    view.show_state(STATES["family"])
    pane = view.tensors
    damaged = next(place for place, row in enumerate(pane.model.rows) if row.not_a_number)
    pane.table.setCurrentIndex(pane.model.index(damaged, 0))
    assert not pane.histogram.isVisible()
    assert pane.statistics["not a number"].text() == "64"
    assert pane._why.text() == "None of its numbers is a finite number."


def test_another_distribution_keeps_the_chosen_tensor(view: WeightsView) -> None:
    view.show_state(STATES["family"])
    view.tensors.table.selectRow(7)
    view.show_state(STATES["misfits"])
    assert view.tensors.table.currentIndex().row() == 7


def test_what_does_not_fit_is_filtered_by_kind_and_copied(view: WeightsView, qtbot) -> None:
    view.show_state(STATES["misfits"])
    qtbot.mouseClick(view.outcome.compare, Qt.MouseButton.LeftButton)
    assert view.pages.value == COMPARING
    pane = view.comparing
    assert pane.model.rowCount() == 7
    missing = pane.kinds.findChild(QToolButton, f"segment:{Kind.MISSING.value}")
    qtbot.mouseClick(missing, Qt.MouseButton.LeftButton)
    assert pane.model.rowCount() == 3
    qtbot.keyClicks(pane.search, "query")
    qtbot.mouseClick(pane.copy, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied == "weight\tin the network\tin the file\nlayer4.1.attention.query\t512 × 512\tnot there"


def test_the_kinds_of_what_does_not_fit_stay_in_their_place_after_further_trials(view: WeightsView) -> None:
    state = weights_states()["misfits"]
    outcome = state.outcome
    assert outcome is not None
    places: list[int] = []
    for count in (len(outcome.rows), 0, len(outcome.rows)):
        view.show_state(replace(state, outcome=replace(outcome, rows=outcome.rows[:count])))
        view.show_page(COMPARING)
        QApplication.processEvents()
        places.append(view.comparing.kinds.x())
    assert places[0] == places[2]


def test_the_code_that_would_run_can_be_read(view: WeightsView, qtbot) -> None:
    view.show_state(STATES["consent"])
    qtbot.mouseClick(view.consent.read, Qt.MouseButton.LeftButton)
    assert view.pages.value == CODE
    assert "def make(classes=10):" in view.code.text.toPlainText()
    assert view.code.text.isReadOnly()


def test_names_that_look_like_markup_hide_nothing_of_what_would_run(view: WeightsView) -> None:
    names = ("a.<b></b><!--", *(f"m.name{place}" for place in range(20)), "os.system")
    state = weights_states()["pickled"]
    assert state.code is not None
    view.show_state(replace(state, code=replace(state.code, imports=names)))
    shown = [one for one in view.consent.findChildren(QLabel) if names[0] in one.text()]
    assert [one.textFormat() for one in shown] == [Qt.TextFormat.PlainText]
    (label,) = shown
    tip = QTextDocument()
    tip.setHtml(label.toolTip())
    assert "os.system" in tip.toPlainText()
    assert names[0] in tip.toPlainText()


def test_only_what_belongs_to_the_state_can_be_pressed(view: WeightsView) -> None:
    for name, state in STATES.items():
        view.show_state(state)
        assert view.open_button.isEnabled() == (name == "fits"), name
        assert view.cancel.isVisible() == (name == "trying"), name
        assert view.go.isVisible() != view.cancel.isVisible()
        assert view.consent.tick.isVisible() == state.needs_consent, name
        assert view.family.isVisible() == (name == "family"), name


def test_the_missing_package_of_a_known_network_gives_its_command(view: WeightsView, qtbot) -> None:
    view.show_state(STATES["family"])
    assert not view.family.take.isVisible()
    qtbot.mouseClick(view.family.install.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "pip install transformers"


def test_showing_a_state_tells_nobody(view: WeightsView) -> None:
    told: list[object] = []
    view.form.edited.connect(lambda *found: told.append(found))
    view.consent.trusted.connect(told.append)
    view.tensors.entry_chosen.connect(told.append)
    for state in STATES.values():
        view.show_state(state)
    view.show_page(TENSORS)
    assert told == []


def test_tab_goes_from_the_tensors_over_the_fields_to_the_buttons(view: WeightsView, qtbot) -> None:
    view.show_state(STATES["trusted"])
    view.activateWindow()
    view.tensors.search.setFocus()
    names: list[str] = []
    for _ in range(40):
        now = QApplication.focusWidget()
        assert now is not None
        if now.objectName() in names:
            break
        names.append(now.objectName())
        qtbot.keyClick(now, Qt.Key.Key_Tab)
    order = ["weights:search", "weights:entry", "weights:table", "segment:file", "weights:file", "weights:browse",
             "weights:function", "weights:arguments", "weights:dims", "weights:trust", "weights:read", "weights:close",
             "weights:try"]  # fmt: skip
    assert [name for name in names if name in order] == order
