"""About, shortcuts, and the tour."""

from __future__ import annotations

import sys

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton

from compress_studio import __version__
from compress_studio.gui.actions import ACTIONS
from compress_studio.gui.dialogs.about import AboutDialog, facts
from compress_studio.gui.dialogs.shortcuts import ShortcutsDialog, grouped
from compress_studio.gui.dialogs.tour import Tour, beside, offer_tour, start_tour


def test_about_names_versions_without_loading_what_it_names(qapp) -> None:
    rows = dict(facts())
    assert rows["Compress Studio"] == __version__
    assert rows["ONNX Runtime"] != "not installed"
    assert "torch" not in sys.modules or "compress_studio.view" in sys.modules


def test_about_can_be_copied(qtbot) -> None:
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.mouseClick(dialog.findChild(QPushButton, "about_copy"), Qt.MouseButton.LeftButton)
    assert f"Compress Studio: {__version__}" in QGuiApplication.clipboard().text()


def test_every_action_with_keys_is_on_the_page() -> None:
    shown = {title for rows in grouped(ACTIONS).values() for title, _ in rows}
    assert shown == {one.title.rstrip("…") for one in ACTIONS if one.keys}


def test_keys_can_be_searched(qtbot) -> None:
    dialog = ShortcutsDialog(ACTIONS)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.keyClicks(dialog.search, "ctrl+z")
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert "Undo" in texts
    assert "Export" not in texts


def test_the_tour_goes_from_hint_to_hint_and_does_not_come_again(window, qtbot) -> None:
    offer_tour(window.commands)
    tour = window.findChild(Tour)
    titles = [tour.title]
    while tour.next.text() == "Next":
        qtbot.mouseClick(tour.next, Qt.MouseButton.LeftButton)
        titles.append(tour.title)
    assert len(titles) == len(set(titles)) <= 5
    qtbot.mouseClick(tour.next, Qt.MouseButton.LeftButton)
    assert window.commands.settings.now.tour_seen
    offer_tour(window.commands)
    assert not [one for one in window.findChildren(Tour) if one.isVisible()]


def test_escape_skips_the_tour(window, qtbot) -> None:
    start_tour(window.commands)
    tour = window.findChild(Tour)
    qtbot.keyClick(tour.next, Qt.Key.Key_Escape)
    assert not tour.isVisible()
    assert window.commands.settings.now.tour_seen


def test_the_bubble_stays_in_the_window_and_beside_the_light() -> None:
    area, bubble = QRect(0, 0, 1280, 720), QRect(0, 0, 300, 140)
    for light in (QRect(0, 40, 240, 600), QRect(1000, 40, 270, 600), QRect(300, 10, 80, 30), QRect(250, 60, 700, 600)):
        made = beside(light, bubble, area)
        assert area.contains(made)
        assert not made.intersects(light)
