"""Labels, cards, pills, search, segments."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton, QWidget

from compress_studio.gui.widgets.basics import ElidedLabel, IconButton, Pill, SectionTitle
from compress_studio.gui.widgets.card import Card, Collapsible, FactRows
from compress_studio.gui.widgets.hint import EmptyHint
from compress_studio.gui.widgets.search import SearchField
from compress_studio.gui.widgets.segments import Segments


def test_a_long_label_is_shortened_and_its_tooltip_has_all_of_it(qtbot) -> None:
    label = ElidedLabel("a_very_long_name_of_a_network_that_nobody_can_read.onnx")
    qtbot.addWidget(label)
    label.resize(80, 20)
    label.show()
    assert label.elided
    assert label.toolTip() == label.text()
    label.resize(2000, 20)
    assert not label.elided
    assert label.toolTip() == ""


def test_a_section_title_is_read_aloud_as_it_is_written(qtbot) -> None:
    title = SectionTitle("Live preview")
    qtbot.addWidget(title)
    assert (title.text(), title.accessibleName()) == ("LIVE PREVIEW", "Live preview")


def test_an_empty_pill_is_not_shown(qtbot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    pill = Pill("", "good", parent)
    parent.show()
    assert not pill.isVisible()
    pill.set_pill("done", "good")
    assert pill.isVisible()


def test_rows_of_facts_are_used_again(qtbot) -> None:
    rows = FactRows()
    qtbot.addWidget(rows)
    rows.show()
    rows.show_rows([("parameters", "272 474", ""), ("size", "1.08 MB", "good")])
    rows.show_rows([("nodes", "72", "bad")])
    shown = [label.text() for label in rows.findChildren(ElidedLabel) if label.isVisible()]
    assert shown == ["nodes", "72"]


def test_a_card_without_title_has_no_header(qtbot) -> None:
    card = Card()
    qtbot.addWidget(card)
    card.show()
    assert not any(label.isVisible() for label in card.findChildren(QLabel))
    card.add_button(IconButton("more", "More"))
    assert card.findChild(IconButton).isVisible()


def test_a_folded_part_opens_by_keyboard(qtbot) -> None:
    part = Collapsible("Advanced")
    qtbot.addWidget(part)
    inside = QLabel("inside")
    part.body.addWidget(inside)
    part.show()
    assert not inside.isVisible()
    qtbot.keyClick(part.findChild(QToolButton), Qt.Key.Key_Space)
    assert inside.isVisible()
    assert part.is_open


def test_escape_clears_a_search(qtbot) -> None:
    field = SearchField("Find a step")
    qtbot.addWidget(field)
    field.show()
    qtbot.keyClicks(field, "prune")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""


def test_one_of_the_segments_holds_and_arrow_keys_move(qtbot) -> None:
    choice = Segments([("bytes", "Bytes"), ("bits", "Bits"), ("time", "Time")])
    qtbot.addWidget(choice)
    choice.show()
    choice.set_enabled("bits", False, "Nothing is quantized.")
    with qtbot.waitSignal(choice.chosen) as said:
        qtbot.keyClick(choice.findChild(QToolButton, "segment:bytes"), Qt.Key.Key_Right)
    assert said.args == ["time"]
    assert choice.value == "time"


def test_showing_a_segment_tells_nobody(qtbot) -> None:
    choice = Segments([("a", "A"), ("b", "B")])
    qtbot.addWidget(choice)
    with qtbot.assertNotEmitted(choice.chosen):
        choice.set_value("b")
    assert choice.value == "b"


def test_a_hint_offers_one_button(qtbot) -> None:
    asked: list[int] = []
    hint = EmptyHint("chart", "No results yet", "Run the pipeline.", "Run", lambda: asked.append(1))
    qtbot.addWidget(hint)
    hint.show()
    qtbot.mouseClick(hint.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert asked == [1]
