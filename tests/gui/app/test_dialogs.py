"""The settings dialog and the questions, by mouse and keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QPlainTextEdit, QPushButton, QSpinBox, QWidget

from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.dialogs.asking import QuestionDialog
from compress_studio.gui.dialogs.settings import SettingsDialog
from compress_studio.spec.registry import Broken


@pytest.fixture
def dialog(window, session, qtbot) -> SettingsDialog:
    session.runtime.steps.broken.append(Broken("sparse", "sparse-kit", "Traceback\nValueError: made for API 0"))
    made = SettingsDialog(window.commands)
    qtbot.addWidget(made)
    made.show()
    session.settle()
    return made


def test_every_setting_is_changed_at_once(dialog, window, qtbot) -> None:
    settings = window.commands.settings
    qtbot.mouseClick(dialog.findChild(QAbstractButton, "segment:light"), Qt.MouseButton.LeftButton)
    assert settings.now.theme == "light"
    dialog.findChild(QAbstractButton, "settings_confirm_stop").click()
    assert not settings.now.confirm_stop
    dialog.findChild(QSpinBox, "settings_timing_threads").setValue(2)
    assert settings.now.timing_threads == 2
    models = dialog.findChild(QComboBox, "settings_model_opening")
    models.setCurrentIndex(3)
    models.activated.emit(3)
    assert settings.now.model_opening == "add"


def test_a_broken_plug_in_is_listed_with_its_traceback(dialog) -> None:
    trace = dialog.findChild(QPlainTextEdit, "settings_trace_sparse")
    assert "made for API 0" in trace.toPlainText()


def test_results_are_thrown_away_only_after_a_question(dialog, window, session, asking, qtbot) -> None:
    session.store.remember_duration("x", "p", 1, 2.0)
    button = dialog.findChild(QPushButton, "settings_clear")
    asking.answers = [False, True]
    button.click()
    assert session.store.expected_seconds("x", "p", 1) == 2.0
    button.click()
    session.settle()
    assert session.store.expected_seconds("x", "p", 1) is None
    assert "freed" in window.toasts.toasts[-1].message.text
    assert len(asking.asked) == 2


def test_everything_interactive_can_be_named(dialog) -> None:
    kinds = (QAbstractButton, QComboBox, QSpinBox)
    for kind in kinds:
        for one in dialog.findChildren(kind):
            if one.objectName().startswith("settings_"):
                assert one.accessibleName(), one.objectName()
                assert one.toolTip(), one.objectName()


@pytest.mark.parametrize(("key", "answer"), [(Qt.Key.Key_Return, unsaved.SAVE), (Qt.Key.Key_Escape, None)])
def test_a_question_is_answered_by_the_keyboard(qtbot, key, answer) -> None:
    made = QuestionDialog(unsaved.unsaved("Mine", "closing"))
    qtbot.addWidget(made)
    made.show()
    qtbot.keyClick(made, key)
    assert made.answer == answer


def test_a_question_with_explained_answers_is_answered_by_mouse(qtbot) -> None:
    made = QuestionDialog(unsaved.another_model("net.onnx", "Mine"))
    qtbot.addWidget(made)
    made.show()
    qtbot.mouseClick(made.findChild(QWidget, f"answer:{unsaved.ADD}"), Qt.MouseButton.LeftButton)
    assert made.answer == unsaved.ADD
