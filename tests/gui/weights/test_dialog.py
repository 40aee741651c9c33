"""From a file of weights to a network that was tried: by mouse and keyboard, with real workers."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication

from compress_studio.artifacts.codefiles import parse_architecture
from compress_studio.engine import consents
from compress_studio.gui.weights.dialog import WeightsDialog
from compress_studio.gui.weights.state import ArchitectureChoice, Need, Way
from compress_studio.gui.weights.view import COMPARING, TENSORS
from tests.toys import torchnets

Opened = Callable[..., WeightsDialog]
SECONDS = 60_000


def _write(qtbot, field, text: str) -> None:
    field.setFocus()
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    qtbot.keyClicks(field, text)


def _wait_for_try(qtbot, dialog: WeightsDialog) -> None:
    qtbot.waitUntil(lambda: not dialog.state.busy, timeout=SECONDS)


def test_weights_are_tried_corrected_and_chosen(
    opened: Opened, session, asking, weights: Path, code: Path, qtbot
) -> None:
    dialog = opened(weights)
    view, form = dialog.view, dialog.view.form
    assert view.tensors.totals.text().startswith("9 tensors")
    assert not view.go.isEnabled()
    asking.answers.append(code)
    qtbot.mouseClick(form._browse, Qt.MouseButton.LeftButton)
    session.settle()
    assert form.function.currentText() == "Plain(classes=5)", "the class with these layers"
    assert view.consent.tick.isVisible()
    assert not view.go.isEnabled()
    _write(qtbot, form.arguments, "classes=7")
    _write(qtbot, form.dims, "x=Nx1x8x8")
    qtbot.mouseClick(view.consent.tick, Qt.MouseButton.LeftButton)
    assert view.go.text() == "Allow and try"
    digest = parse_architecture(f"{code}:Plain").digest
    assert not consents.given(digest)
    qtbot.mouseClick(view.go, Qt.MouseButton.LeftButton)
    assert consents.given(digest)
    assert view.cancel.isVisible()
    _wait_for_try(qtbot, dialog)
    session.settle()
    assert view.pages.value == COMPARING
    assert [row.name for row in view.comparing.model.rows] == ["head.weight", "head.bias"]
    assert not view.open_button.isEnabled()
    _write(qtbot, form.arguments, "")
    assert view.go.text() == "Try", "allowed once is enough"
    qtbot.mouseClick(view.go, Qt.MouseButton.LeftButton)
    _wait_for_try(qtbot, dialog)
    assert view.outcome.headline.text() == "All 9 weights fit"
    assert view.pages.value == TENSORS
    with qtbot.waitSignal(dialog.chosen) as told:
        qtbot.mouseClick(view.open_button, Qt.MouseButton.LeftButton)
    assert told.args == [ArchitectureChoice(f"{code}:Plain", "", "", "x=Nx1x8x8")]
    assert not dialog.isVisible()


def test_code_that_fails_says_where_and_code_that_was_changed_is_asked_for_again(
    opened: Opened, session, weights: Path, code: Path, qtbot
) -> None:
    dialog = opened(weights, architecture=f"{code}:broken", dims="x=Nx1x8x8")
    view = dialog.view
    view.consent.tick.click()
    qtbot.mouseClick(view.go, Qt.MouseButton.LeftButton)
    _wait_for_try(qtbot, dialog)
    session.settle()
    assert "no such thing" in view.outcome.headline.text()
    assert not view.consent.tick.isVisible()
    code.write_text(code.read_text().replace("no such thing", "another thing"))
    qtbot.mouseClick(view.go, Qt.MouseButton.LeftButton)
    _wait_for_try(qtbot, dialog)
    session.settle()
    assert "nobody has allowed it" in view.outcome.headline.text()
    assert view.consent.tick.isVisible()
    assert not view.consent.tick.isChecked()
    assert "another thing" in view.code.text.toPlainText()


def test_trust_in_what_was_shown_is_no_trust_in_what_comes_to_it(opened: Opened, weights: Path, code: Path) -> None:
    dialog = opened(weights, architecture=f"{code}:Plain")
    dialog.view.consent.tick.click()
    known = dialog.state.code
    assert known is not None
    dialog._needed(known)
    assert dialog.state.trusted
    dialog._needed(replace(known, needs=(*known.lacking, Need("f" * 40, "the pickle"))))
    assert not dialog.state.trusted
    assert not dialog.view.go.isEnabled()


def test_trying_can_be_stopped(opened: Opened, session, weights: Path, tmp_path: Path, qtbot) -> None:
    code = tmp_path / "slow.py"
    code.write_text("import time\ndef make():\n    time.sleep(600)\n")
    dialog = opened(weights, architecture=f"{code}:make")
    dialog.view.consent.tick.click()
    qtbot.mouseClick(dialog.view.go, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.view.cancel, Qt.MouseButton.LeftButton)
    assert dialog.view.status.text() == "Stopped."
    assert dialog.view.go.isEnabled()
    session.settle()
    assert dialog.state.outcome is None


def test_a_pickled_network_is_neither_unpickled_nor_allowed_before_it_is_trusted(
    opened: Opened, tmp_path: Path, qtbot
) -> None:
    path = tmp_path / "pickled.pt"
    torch.save(torchnets.Plain(), path)
    dialog = opened(path)
    view = dialog.view
    assert dialog.state.way is Way.PICKLE
    assert dialog.state.code is not None
    assert "tests.toys.torchnets.Plain" in dialog.state.code.imports
    assert view.consent.tick.isVisible()
    assert not view.go.isEnabled()
    assert consents.known() == {}
    view.consent.tick.click()
    assert view.go.isEnabled()
    view.consent.tick.click()
    assert not view.go.isEnabled()


def test_another_entry_shows_its_tensors_and_marks_what_is_not_a_number(
    opened: Opened, session, weights: Path, qtbot
) -> None:
    dialog = opened(weights)
    entry = dialog.view.tensors.entry
    entry.setFocus()
    qtbot.keyClick(entry, Qt.Key.Key_Down)
    entry.activated.emit(entry.findData("ema"))
    session.settle()
    assert dialog.state.choice.entry == "ema"
    rows = {one.name: one for one in dialog.state.look.tensors}
    assert rows["extra"].not_a_number == 3
    assert rows["conv.weight"].distribution is not None


def test_a_template_is_written_and_used(opened: Opened, session, asking, weights: Path, tmp_path: Path, qtbot) -> None:
    dialog = opened(weights)
    asking.answers.append(tmp_path / "mine")
    qtbot.mouseClick(dialog.view.form.template, Qt.MouseButton.LeftButton)
    session.settle()
    written = (tmp_path / "mine.py").read_text()
    assert "conv.weight" in written
    assert dialog.state.choice.architecture == f"{tmp_path / 'mine.py'}:make"
    assert dialog.state.needs_consent
    qtbot.mouseClick(dialog.view.form.signature.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "def make() -> torch.nn.Module"


def test_a_template_replaces_nothing_that_nobody_asked_about(
    opened: Opened, session, asking, weights: Path, tmp_path: Path, qtbot
) -> None:
    dialog = opened(weights)
    (tmp_path / "mine.py").write_text("x = 1\n")
    asking.answers += [tmp_path / "mine", False]
    qtbot.mouseClick(dialog.view.form.template, Qt.MouseButton.LeftButton)
    assert asking.asked[-1] == "Replace the file?"
    assert (tmp_path / "mine.py").read_text() == "x = 1\n"
    assert dialog.state.choice.architecture == ""


def test_what_cannot_be_written_is_said_and_nothing_runs(
    opened: Opened, asking, weights: Path, code: Path, tmp_path: Path, monkeypatch, qtbot
) -> None:
    dialog = opened(weights)
    (tmp_path / "file").touch()
    asking.answers.append(tmp_path / "file" / "mine.py")
    qtbot.mouseClick(dialog.view.form.template, Qt.MouseButton.LeftButton)
    assert dialog.view.status.text().startswith("mine.py cannot be written: ")
    dialog = opened(weights, architecture=f"{code}:Plain")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(consents, "give", full)
    dialog.view.consent.tick.click()
    qtbot.mouseClick(dialog.view.go, Qt.MouseButton.LeftButton)
    assert not dialog.state.busy
    assert "No space left" in dialog.view.outcome.headline.text()


def test_every_way_keeps_what_was_written_into_it(opened: Opened, session, weights: Path, code: Path, qtbot) -> None:
    dialog = opened(weights, architecture=f"{code}:Plain", arguments="classes=5")
    form = dialog.view.form
    form.ways.findChild(object, "segment:package").click()
    _write(qtbot, form.package, "no_such_package:make")
    qtbot.waitUntil(lambda: "pip install no_such_package" in form._code_note.text(), timeout=SECONDS)
    form.ways.findChild(object, "segment:file").click()
    session.settle()
    assert form.file.text() == str(code)
    assert dialog.state.choice.architecture == f"{code}:Plain"
    assert form.arguments.text() == "classes=5"


def test_a_damaged_file_says_so_and_cannot_be_tried(opened: Opened, code: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pt"
    torch.save(torchnets.Plain().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-2000])
    dialog = opened(path, architecture=f"{code}:Plain")
    assert dialog.state.look_failure is not None
    assert dialog.state.look_failure.hint in dialog.view.tensors._hint._text.text().replace("\u200b", "")
    assert not dialog.view.go.isEnabled()


def test_code_dropped_on_the_dialog_is_used_and_enter_tries_nothing_that_is_not_allowed(
    opened: Opened, session, weights: Path, code: Path, qtbot
) -> None:
    dialog = opened(weights)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(code))])
    place, actions = QPointF(300, 300), Qt.DropAction.CopyAction
    held = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    entered = QDragEnterEvent(place.toPoint(), actions, mime, *held)
    QApplication.sendEvent(dialog, entered)
    assert entered.isAccepted()
    QApplication.sendEvent(dialog, QDropEvent(place, actions, mime, *held))
    session.settle()
    assert dialog.state.choice.architecture == f"{code}:Plain"
    qtbot.keyClick(dialog.view.form.arguments, Qt.Key.Key_Return)
    assert not dialog.state.busy
    assert consents.known() == {}
    assert dialog.isVisible()


def test_a_closed_dialog_hears_of_nothing_more(opened: Opened, session, weights: Path, code: Path, qtbot) -> None:
    dialog = opened(weights, architecture=f"{code}:Plain")
    dialog._examine()
    dialog._count()
    before = dialog.state
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    session.settle()
    assert dialog.state is before
    assert not dialog.isVisible()


class Marker:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return open, (str(self.path), "w")


def test_a_pickle_that_runs_code_is_shown_and_its_names_are_told_but_nothing_of_it_runs(
    opened: Opened, tmp_path: Path
) -> None:
    marker, path = tmp_path / "marker", tmp_path / "evil.pt"
    torch.save({"state_dict": torchnets.Plain().state_dict(), "more": Marker(marker)}, path)
    dialog = opened(path)
    assert dialog.state.look is not None
    assert len(dialog.state.look.tensors) == 9
    assert any("io.open" in text for text in dialog.state.look.remarks)
    assert not dialog.view.go.isEnabled()
    assert not marker.exists()
