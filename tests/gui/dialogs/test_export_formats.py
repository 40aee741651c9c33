"""Exporting in another format than ONNX: written and proved by a worker, then put into place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit

from compress_studio.gui.dialogs.export import ExportDialog
from compress_studio.gui.opening import open_sample
from compress_studio.spec.output import Requirement


@pytest.fixture
def dialog(window, session, qtbot) -> ExportDialog:
    open_sample(session, "letters")
    session.settle()
    made = ExportDialog(window.commands)
    qtbot.addWidget(made)
    made.show()
    made.node.setCurrentIndex(0)
    return made


def test_a_pytorch_program_is_written_with_its_proof(dialog: ExportDialog, session, tmp_path: Path) -> None:
    dialog.format.setCurrentIndex(dialog.format.findData("torch.program"))
    dialog.target.setText(str(tmp_path / "net.pt2"))
    dialog.start()
    session.settle()
    assert "Written and proved" in dialog.status.text(), dialog.status.text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net.cstudio", "net.pt2", "net.report.html", "net.report.json",
    ]  # fmt: skip


def test_choosing_a_format_changes_the_ending_and_a_wrong_one_cannot_be_exported(
    dialog: ExportDialog, tmp_path: Path
) -> None:
    dialog.target.setText(str(tmp_path / "net.onnx"))
    assert dialog.go.isEnabled()
    dialog.format.setCurrentIndex(dialog.format.findData("torch.script"))
    assert dialog.target.text().endswith("net.pt")
    dialog.target.setText(str(tmp_path / "net.onnx"))
    assert not dialog.go.isEnabled()


def test_a_format_whose_package_is_missing_says_how_to_get_it(
    dialog: ExportDialog, session, qtbot, monkeypatch
) -> None:
    spec = session.runtime.outputs.get("openvino")
    absent = replace(spec, needs=(Requirement("no_such_package", "pip install no-such-package"),))
    monkeypatch.setattr(ExportDialog, "_output", property(lambda _dialog: absent))
    dialog.format.setCurrentIndex(dialog.format.findData("openvino"))
    assert not dialog.go.isEnabled()
    assert "no_such_package" in dialog.notes.text.text()
    assert dialog.notes.command.text() == "pip install no-such-package"
    qtbot.mouseClick(dialog.notes.copy, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == "pip install no-such-package"


def test_what_a_format_cannot_carry_is_said_before_anything_is_written(dialog: ExportDialog, session) -> None:
    verdict = {"ok": False, "reason": "It has palettes.", "hint": "Export it before."}
    dialog._judged(verdict)
    assert "It has palettes. Export it before." in dialog.notes.text.text()
    assert not dialog.go.isEnabled()
    dialog._judged({"ok": True, "reason": "It becomes larger.", "hint": ""})
    assert "It becomes larger." in dialog.notes.text.text()
    assert dialog.go.isEnabled()


def test_the_verdict_comes_from_a_worker_and_knows_what_was_chosen(dialog: ExportDialog, session) -> None:
    dialog.format.setCurrentIndex(dialog.format.findData("onnx"))
    session.settle()
    assert not dialog.notes.isVisibleTo(dialog)
    opset = dialog.choices.findChild(QLineEdit, "export:choice:opset")
    opset.setText("99")
    assert "26" in dialog.notes.text.text()
    assert not dialog.go.isEnabled()
    opset.setText("20")
    session.settle()
    assert dialog.go.isEnabled()


def test_an_opset_that_was_chosen_is_written_and_proved(dialog: ExportDialog, session, tmp_path: Path) -> None:
    dialog.choices.findChild(QLineEdit, "export:choice:opset").setText("20")
    dialog.target.setText(str(tmp_path / "net.onnx"))
    dialog.included.boxes["script"].setChecked(True)
    dialog.start()
    session.settle()
    assert "Written and proved" in dialog.status.text(), dialog.status.text()
    assert (tmp_path / "run_net.py").is_file()
