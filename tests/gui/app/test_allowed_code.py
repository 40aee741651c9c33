"""The list of code that may run, and forgetting it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QTabWidget

from compress_studio.engine import consents
from compress_studio.gui.dialogs.allowed_code import AllowedCode, allowed_rows
from compress_studio.gui.dialogs.settings import SettingsDialog

FIRST, SECOND = "a" * 40, "b" * 40


def test_the_newest_consent_is_first_and_says_when_it_was_given() -> None:
    known = {
        FIRST: {"what": "make() in net.py", "given": "2026-03-01T10:00:00+00:00"},
        SECOND: {"what": "the pickle w.pt", "given": "2026-03-02T10:00:00+00:00"},
        "c" * 40: {"given": "long ago"},
    }
    rows = allowed_rows(known)
    assert [row.digest for row in rows[1:]] == [SECOND, FIRST]
    assert rows[1].what == "The pickle w.pt"
    assert rows[1].since.endswith(":00")
    assert rows[0].since == ""


def test_a_consent_is_forgotten_by_mouse_and_keyboard(window, qtbot) -> None:
    consents.give(FIRST, "make() in net.py")
    consents.give(SECOND, "the pickle w.pt")
    window.actions_by_id["code.allowed"].trigger()
    dialog = window.findChild(SettingsDialog)
    page = dialog.findChild(AllowedCode)
    assert dialog.findChild(QTabWidget).currentWidget() is page
    assert any("make() in" in label.text() for label in page.findChildren(QLabel))
    qtbot.mouseClick(page.findChild(QPushButton, f"forget:{FIRST}"), Qt.MouseButton.LeftButton)
    assert not consents.given(FIRST)
    assert consents.given(SECOND)
    button = page.findChild(QPushButton, f"forget:{SECOND}")
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert not consents.known()
    assert any("Nothing is allowed" in label.text() for label in page.findChildren(QLabel))
    dialog.close()
