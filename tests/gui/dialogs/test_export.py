"""The export dialog: it ends without noise however it is closed, grows with what it says, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel

from compress_studio.gui import opening
from compress_studio.gui.dialogs.export import ExportDialog


@pytest.fixture
def dialog(window, session, qtbot) -> ExportDialog:
    """Open over a project whose model was opened, as Ctrl+E shows it."""
    opening.open_sample(session, "letters")
    session.settle()
    session.select(("quantize1",))
    window.commands.export()
    found = window.findChild(ExportDialog)
    assert found is not None
    qtbot.waitUntil(found.isVisible)
    return found


@pytest.mark.parametrize("way", ["escape", "close", "button"])
def test_the_export_dialog_goes_away_quietly_and_for_good(dialog, window, qtbot, way) -> None:
    if way == "escape":
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    elif way == "close":
        dialog.close()
    else:
        qtbot.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(ExportDialog) is None)


def test_the_dialog_grows_when_there_are_more_numbers_to_show(dialog, qtbot) -> None:
    dialog.node.setCurrentIndex(dialog.node.findData("source1"))
    rows = [one for one in dialog._facts.findChildren(QLabel) if one.isVisibleTo(dialog)]
    assert rows
    qtbot.waitUntil(lambda: all(one.height() >= one.sizeHint().height() for one in rows))
    lower = dialog.close_button.mapTo(dialog, QPoint(0, dialog.close_button.height())).y()
    assert lower <= dialog.height()


def test_the_original_is_compared_with_nothing(dialog) -> None:
    dialog.node.setCurrentIndex(dialog.node.findData("source1"))
    said = " ".join(one.text() for one in dialog._facts.findChildren(QLabel) if one.isVisibleTo(dialog))
    assert "size on disk" in said
    assert "÷" not in said
    assert "layers changed" not in said


def test_an_export_that_is_left_while_it_writes_puts_nothing_into_place(
    dialog, window, session, tmp_path, qtbot
) -> None:
    target = Path(tmp_path) / "out" / "small.onnx"
    target.parent.mkdir()
    dialog.node.setCurrentIndex(dialog.node.findData("source1"))
    dialog.target.setText(str(target))
    dialog.start()
    dialog.close()
    qtbot.waitUntil(lambda: window.findChild(ExportDialog) is None)
    session.settle()
    QApplication.processEvents()
    assert list(target.parent.iterdir()) == []
