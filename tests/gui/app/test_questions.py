"""Questions are as high as their words, and Enter gives the answer that loses nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.dialogs.asking import QuestionDialog

LONG = "a_model_with_a_name_that_nobody_would_choose_but_that_some_export_script_makes_final.onnx"


def test_a_question_has_the_height_of_its_words(qapp, qtbot) -> None:
    dialog = QuestionDialog(unsaved.another_model(LONG, "project.cstudio"))
    qtbot.addWidget(dialog)
    dialog.show()
    layout = dialog.layout()
    assert layout is not None
    assert dialog.height() == layout.totalHeightForWidth(dialog.width())
    for label in dialog.findChildren(QLabel):
        assert label.height() >= label.heightForWidth(label.width())


def test_enter_saves_and_escape_calls_off(qapp, qtbot) -> None:
    for key, answer in ((Qt.Key.Key_Return, unsaved.SAVE), (Qt.Key.Key_Escape, None)):
        dialog = QuestionDialog(unsaved.unsaved("Untitled", "closing"))
        qtbot.addWidget(dialog)
        dialog.show()
        primary = dialog.findChild(QPushButton, f"answer:{unsaved.SAVE}")
        qtbot.keyClick(primary, key)
        assert dialog.answer == answer
