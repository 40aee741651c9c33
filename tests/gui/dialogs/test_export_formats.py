"""Exporting in another format than ONNX: written and proved by a worker, then put into place."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress_studio.gui.dialogs.export import ExportDialog
from compress_studio.gui.opening import open_sample


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


def test_a_format_whose_package_is_missing_cannot_be_chosen_and_says_how_to_get_it(
    dialog: ExportDialog, session
) -> None:
    for place, spec in enumerate(session.runtime.outputs):
        item = dialog.format.model().item(place)
        assert item.isEnabled() == (not spec.missing())
        if spec.missing():
            assert "pip install" in item.toolTip()
