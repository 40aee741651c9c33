"""Model card, data card, budgets and the dialog of data options, by mouse and keyboard on the real worker."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QLabel, QLineEdit, QPushButton

from compress_studio.base.paths import resource
from compress_studio.gui import opening
from compress_studio.gui.dialogs.data import DataDialog
from compress_studio.gui.panels.model_card import model_state
from compress_studio.gui.theme import current
from compress_studio.project.files import SOURCE_PATH

SAMPLES = resource("samples")
FASHION = SAMPLES / "fashion" / "fashion.onnx"
LETTERS = SAMPLES / "letters" / "letters.onnx"
LEFT = Qt.MouseButton.LeftButton


def texts(widget) -> str:
    """Everything a card shows."""
    return " | ".join(one.text() for one in widget.findChildren(QLabel) if one.isVisibleTo(widget) and one.text())


def test_facts_of_a_model_are_shown_before_its_run_has_ended(session, side) -> None:
    opening.open_model(session, LETTERS)
    assert "Reading the file…" in texts(side.model_card) or "Opening" in texts(side.model_card)
    session.settle()
    assert "76\u202f890" in texts(side.model_card)
    assert "N×16 f32" in texts(side.model_card)
    assert not side.model_card.findChild(QPushButton, "model_card.another").isVisible()


def test_a_file_that_cannot_be_opened_says_why_and_offers_another(session, side, asking, qtbot, tmp_path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(LETTERS.read_bytes()[:3000])
    opening.open_model(session, broken)
    session.settle()
    shown = texts(side.model_card)
    assert "broken.onnx" in shown
    assert model_state(session, None).failed
    button = side.model_card.findChild(QPushButton, "model_card.another")
    assert button.isVisible()
    asking.answers.append(LETTERS)
    qtbot.mouseClick(button, LEFT)
    assert session.project.pipeline.sources()[0].params[SOURCE_PATH] == str(LETTERS)
    session.settle()
    assert "76\u202f890" in texts(side.model_card)


def test_choosing_data_in_place_of_a_model_is_refused(session, side, asking, qtbot, tmp_path) -> None:
    missing = tmp_path / "gone.onnx"
    opening.open_model(session, missing)
    session.settle()
    messages: list = []
    session.message.connect(messages.append)
    asking.answers.append(SAMPLES / "letters" / "letters.npz")
    qtbot.mouseClick(side.model_card.findChild(QPushButton, "model_card.another"), LEFT)
    assert "is not a model" in messages[0].text


def test_a_changed_file_is_noticed_and_opened_again(session, side, qtbot, tmp_path) -> None:
    path = tmp_path / "net.onnx"
    shutil.copy(LETTERS, path)
    opening.open_model(session, path)
    session.settle()
    again = side.model_card.findChild(QPushButton, "model_card.again")
    assert not again.isVisible()
    shutil.copy(FASHION, path)
    qtbot.waitUntil(again.isVisible)
    qtbot.mouseClick(again, LEFT)
    session.settle()
    assert not again.isVisible()
    assert "307\u202f402" in texts(side.model_card)


def test_several_models_can_be_looked_at_one_after_the_other(session, side, qtbot) -> None:
    opening.open_model(session, LETTERS)
    opening.add_model(session, FASHION)
    session.settle()
    switch = side.model_card.findChild(QComboBox, "model_card.sources")
    assert [switch.itemText(one) for one in range(switch.count())] == ["letters.onnx", "fashion.onnx"]
    assert switch.currentText() == "fashion.onnx"
    assert "307\u202f402" in texts(side.model_card)
    qtbot.keyClick(switch, Qt.Key.Key_Up)
    assert "76\u202f890" in texts(side.model_card)
    assert len(session.history.now.pipeline) == 2


def test_the_data_card_tells_what_the_data_say(session, side) -> None:
    opening.open_sample(session, "fashion")
    session.settle()
    shown = texts(side.data_card)
    assert "classification · 10" in shown
    assert "1\u202f024 / 6\u202f976 / 3\u202f000" in shown
    assert "×1/255" in shown
    assert session.data_facts["classes"][0] == "T-shirt"
    assert "Trouser" in side.data_card._strip.accessibleName()
    assert side.data_card._strip.isVisible()


def test_a_description_is_remembered_for_the_next_time(session, side) -> None:
    opening.open_sample(session, "letters")
    session.settle()
    asked: list[str] = []
    ask = session.looks.ask
    session.looks.ask = lambda key, *rest: (asked.append(key), ask(key, *rest))
    side.look.again()
    session.settle()
    assert session.data_facts["task"] == "classify"
    assert "data" not in asked


def test_without_data_the_card_warns_of_synthetic_inputs(session, side) -> None:
    opening.open_model(session, LETTERS)
    session.settle()
    assert "Synthetic inputs: results will say so." in texts(side.data_card)
    assert session.data_facts["synthetic"] is True


def test_data_that_do_not_fit_say_why_and_what_to_do(session, side, tmp_path) -> None:
    path = tmp_path / "wrong.npy"
    np.save(path, np.zeros((50, 7), np.float32))
    opening.open_model(session, LETTERS)
    opening.use_data(session, path)
    session.settle()
    assert side.look.failure is not None
    assert side.look.failure.message in texts(side.data_card)
    assert side.look.failure.hint in texts(side.data_card)
    opening.remove_data(session)
    session.settle()
    assert side.look.failure is None


def test_data_without_labels_are_called_so(session, side, tmp_path) -> None:
    path = tmp_path / "unlabelled.npy"
    np.save(path, np.random.default_rng(0).random((200, 16), dtype=np.float32))
    opening.open_model(session, LETTERS)
    opening.use_data(session, path)
    session.settle()
    assert "no labels used" in texts(side.data_card)


def test_removing_data_is_one_undo(session, side, qtbot) -> None:
    opening.open_sample(session, "letters")
    session.settle()
    remove = next(one for one in side.data_card.findChildren(object) if one.objectName() == "data_card.remove")
    qtbot.mouseClick(remove, LEFT)
    assert session.project.data.path == ""
    session.undo()
    assert session.project.data.path.endswith("letters.npz")
    session.settle()


def test_options_say_what_they_change_and_are_applied_as_one_undo(session, side, qtbot) -> None:
    opening.open_sample(session, "fashion")
    session.settle()
    side.data_card._open_options()
    dialog = side.findChild(DataDialog, "data_dialog")
    session.settle()
    mean = dialog.findChild(QLineEdit, "data:input:image.mean")
    assert mean.text() == "0.286"
    mean.selectAll()
    qtbot.keyClicks(mean, "0.5")
    qtbot.waitUntil(lambda: session.looks.busy)
    session.settle()
    assert "− 0.5" in texts(dialog.notices)
    assert session.project.data.options == {}
    qtbot.mouseClick(dialog.findChild(QPushButton, "data_dialog.apply"), LEFT)
    assert session.project.data.options["input"]["image"]["mean"] == [0.5]
    assert json.dumps(dict(session.project.data.options))
    session.settle()
    assert "−0.5" in texts(side.data_card)
    session.undo()
    assert session.project.data.options == {}
    session.settle()


def test_wrong_options_are_refused_beside_the_field(session, side, qtbot) -> None:
    opening.open_sample(session, "letters")
    session.settle()
    dialog = DataDialog(session, side.look, side)
    qtbot.addWidget(dialog)
    dialog.show()
    session.settle()
    field = dialog.findChild(QLineEdit, "data:split.test")
    qtbot.keyClicks(field, "many")
    qtbot.mouseClick(dialog.findChild(QPushButton, "data_dialog.apply"), LEFT)
    assert dialog.isVisible()
    assert "is not understood" in texts(dialog.notices)
    assert session.project.data.options == {}


def test_each_budget_is_one_undo(session, side, qtbot) -> None:
    opening.open_model(session, LETTERS)
    side.budgets.set_open(True)
    size = side.budgets.findChild(QDoubleSpinBox, "budget:bytes")
    size.setFocus()
    size.selectAll()
    qtbot.keyClicks(size, "0.25")
    qtbot.keyClick(size, Qt.Key.Key_Return)
    assert session.project.goal("bytes") == 250_000
    drop = side.budgets.findChild(QDoubleSpinBox, "budget:quality_drop")
    drop.setFocus()
    drop.selectAll()
    qtbot.keyClicks(drop, "2")
    qtbot.keyClick(drop, Qt.Key.Key_Return)
    assert session.project.goal("quality_drop") == 0.02
    session.undo()
    assert session.project.goal("quality_drop") == 0.01
    assert session.project.goal("bytes") == 250_000
    session.undo()
    assert session.project.goal("bytes") is None
    assert size.text() == "no limit"
    session.settle()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_cards_fit_into_the_side_at_a_small_size(session, side, qapp: QApplication, theme: str) -> None:
    current.apply(qapp, theme)
    opening.open_sample(session, "fashion")
    session.settle()
    QApplication.processEvents()
    assert side.library.height() >= 200
    for label in side.model_card.findChildren(QLabel) + side.data_card.findChildren(QLabel):
        if label.isVisible():
            right = label.mapTo(side, label.rect().topRight()).x()
            assert right <= side.width()
    current.apply(qapp, "dark")


def test_a_file_of_the_user_is_never_written(side, session, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    shutil.copy(LETTERS, path)
    before = (path.stat().st_mtime_ns, path.read_bytes())
    opening.open_model(session, path)
    session.settle()
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
