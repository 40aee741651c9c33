"""Weights dropped on the window become a project through the dialog; what is refused is said, nothing else changes."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPushButton, QWidget

from compress_studio.artifacts import converters
from compress_studio.base.paths import resource
from compress_studio.engine import consents
from compress_studio.engine.records import Cause
from compress_studio.gui import opening
from compress_studio.gui.nodeview import Shown
from compress_studio.gui.weights.dialog import WeightsDialog
from compress_studio.project import edits
from tests.gui.side.dragging import Drag
from tests.toys import torchnets

LETTERS = resource("samples") / "letters" / "letters.onnx"
LEFT = Qt.MouseButton.LeftButton
T = TypeVar("T", bound=QWidget)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "plain.pth"
    torch.save({"state_dict": torchnets.Plain().state_dict()}, path)
    return path


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return Path(shutil.copy(torchnets.__file__, tmp_path / "net.py"))


@pytest.fixture
def said(session) -> list:
    messages: list = []
    session.message.connect(messages.append)
    return messages


def shown(window, qtbot) -> WeightsDialog:
    """The dialog that is open, when it has found out what it asks a worker."""

    def there() -> bool:
        dialog = window.findChild(WeightsDialog)
        return dialog is not None and dialog.isVisible() and dialog.state.look is not None

    qtbot.waitUntil(there, timeout=20_000)
    return part(window, WeightsDialog, "")


def part(parent: QWidget, kind: type[T], name: str) -> T:
    found = parent.findChild(kind, f"weights:{name}" if name else "weights")
    assert isinstance(found, kind)
    return found


def field(dialog: WeightsDialog, name: str) -> QLineEdit:
    return part(dialog, QLineEdit, name)


def write(dialog: WeightsDialog, name: str, text: str, qtbot) -> None:
    one = field(dialog, name)
    one.setFocus()
    one.selectAll()
    qtbot.keyClicks(one, text)


def press(dialog: WeightsDialog, name: str, qtbot) -> None:
    button = part(dialog, QPushButton, name)
    qtbot.waitUntil(button.isEnabled, timeout=30_000)
    qtbot.mouseClick(button, LEFT)


def params(session) -> dict:
    return dict(session.project.pipeline.sources()[0].params)


@pytest.mark.slow
def test_weights_and_code_dropped_together_become_a_running_project(
    window, session, asking, qtbot, weights: Path, code: Path, tmp_path: Path
) -> None:
    Drag(window, [weights, code]).drop()
    dialog = shown(window, qtbot)
    assert len(session.project.pipeline) == 0
    assert field(dialog, "file").text() == str(code)
    function = part(dialog, QComboBox, "function")
    qtbot.waitUntil(lambda: function.currentData() == "Plain")
    write(dialog, "arguments", "classes=7", qtbot)
    write(dialog, "dims", "x=Nx1x8x8", qtbot)
    qtbot.waitUntil(lambda: dialog.state.needs_consent, timeout=20_000)
    assert not part(dialog, QPushButton, "try").isEnabled()
    assert not consents.known()
    allow(dialog, qtbot)
    qtbot.waitUntil(lambda: dialog.state.outcome is not None, timeout=60_000)
    assert dialog.state.outcome is not None
    assert {row.name for row in dialog.state.outcome.rows} == {"head.weight", "head.bias"}
    assert not part(dialog, QPushButton, "open").isEnabled()
    write(dialog, "arguments", "classes=5", qtbot)
    press(dialog, "try", qtbot)
    press(dialog, "open", qtbot)
    assert params(session)["path"] == str(weights)
    assert params(session)["architecture"] == f"{code}:Plain"
    session.settle()
    assert session.views["source1"].state is Shown.FRESH, session.views["source1"].failure
    asking.answers = [tmp_path / "mine.cstudio"]
    assert window.commands.save()
    window.commands.new_project()
    window.commands.open_path(tmp_path / "mine.cstudio")
    session.settle()
    assert session.views["source1"].state is Shown.FRESH
    assert params(session)["arguments"] == "classes=5"


def test_a_dialog_that_is_closed_changes_nothing(window, session, asking, qtbot, weights: Path) -> None:
    opening.open_model(session, LETTERS)
    session.settle()
    before = session.project
    asking.answers = ["replace"]
    window.commands.open_path(weights)
    dialog = shown(window, qtbot)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dialog.isVisible())
    assert session.project is before
    session.settle()


def test_the_model_of_a_project_is_replaced_by_weights_and_the_steps_stay(window, session, qtbot, weights, code):
    opening.open_sample(session, "letters")
    steps = [one.step for one in session.project.pipeline]
    source = session.project.pipeline.sources()[0].id
    consents.give(*consents_of(code))
    window.commands.open_models([(recognized(weights), code)], "replace")
    dialog = shown(window, qtbot)
    write(dialog, "dims", "x=Nx1x8x8", qtbot)
    press(dialog, "try", qtbot)
    press(dialog, "open", qtbot)
    assert [one.step for one in session.project.pipeline] == steps
    assert params(session)["path"] == str(weights)
    assert session.history.undo_label == "Replace the model by plain.pth"
    session.undo()
    assert session.project.pipeline.node(source).params["architecture"] == ""
    session.settle()


def test_an_archive_opens_like_the_model_in_it(window, session, qtbot, weights: Path, tmp_path: Path, said) -> None:
    path = tmp_path / "net.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(LETTERS, "deep/letters.onnx")
    Drag(window, [path]).drop()
    session.settle()
    assert params(session)["path"] == str(path)
    assert session.views["source1"].state is Shown.FRESH
    window.commands.new_project()
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(weights, "plain.pth")
    window.commands.open_path(path)
    dialog = shown(window, qtbot)
    assert dialog.state.look is not None
    assert any(row.name == "conv.weight" for row in dialog.state.look.tensors)
    dialog.reject()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.bin", b"\x00\x01")
    window.commands.open_path(path)
    session.settle()
    assert "holds no model" in said[-1].text
    assert len(session.project.pipeline) == 0


def test_code_alone_opens_with_its_own_weights(window, session, qtbot, code: Path) -> None:
    consents.give(*consents_of(code))
    Drag(window, [code]).drop()
    qtbot.waitUntil(lambda: window.findChild(WeightsDialog) is not None, timeout=20_000)
    dialog = part(window, WeightsDialog, "")
    function = part(dialog, QComboBox, "function")
    qtbot.waitUntil(lambda: bool(function.currentData()))
    function.setFocus()
    while function.currentData() != "Depthwise":
        qtbot.keyClick(function, Qt.Key.Key_Down)
    write(dialog, "dims", "x=Nx3x16x16", qtbot)
    press(dialog, "try", qtbot)
    press(dialog, "open", qtbot)
    session.settle()
    assert session.views["source1"].state is Shown.FRESH
    assert params(session)["path"] == str(code)


def test_a_file_of_another_framework_says_what_to_install(window, session, tmp_path: Path, said, monkeypatch) -> None:
    monkeypatch.setattr(converters, "has", lambda _package: False)
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("metadata.json", "config.json"):
            archive.writestr(name, json.dumps({}))
        archive.writestr("model.weights.h5", b"")
    window.commands.open_path(path)
    session.settle()
    assert "net.keras is made by Keras" in said[-1].text
    assert "pip install keras" in said[-1].hint


def consents_of(path: Path) -> tuple[str, str]:
    from compress_studio.artifacts.codefiles import allowed_by

    return allowed_by(str(path))


def recognized(path: Path):
    from compress_studio.gui.recognizing import classify

    return classify(path)


@pytest.mark.slow
def test_a_project_whose_code_is_not_allowed_here_offers_to_review_it_and_goes_on(
    window, session, qtbot, weights: Path, code: Path
) -> None:
    values = {"architecture": f"{code}:Plain", "dims": "x=Nx1x8x8"}
    opening.open_model(session, weights, values)
    session.edit("Add", edits.append_step("graph.optimize", {}, session.runtime.steps))
    session.settle()
    session.run()
    session.settle()
    assert session.views["source1"].failure.cause is Cause.CONSENT
    review = window.problems.findChild(QPushButton, "problem:review:source1")
    assert review.text() == "Review the code…"
    assert "--allow-code" not in "".join(row.hint for row in window.problems.rows)
    (toast,) = [one for one in window.toasts.toasts if one.message.review]
    qtbot.mouseClick(toast.findChild(QPushButton, "toast_review"), LEFT)
    dialog = shown(window, qtbot)
    assert field(dialog, "dims").text() == "x=Nx1x8x8"
    allow(dialog, qtbot)
    press(dialog, "open", qtbot)
    session.settle()
    assert [session.views[node].state for node in ("source1", "optimize1")] == [Shown.FRESH, Shown.FRESH]
    before = len(consents.known())
    code.write_text(code.read_text().replace("relu", "tanh"))
    opening.open_again(session, "source1")
    session.settle()
    assert session.views["source1"].failure.cause is Cause.CONSENT
    window.commands.review_code("source1")
    dialog = shown(window, qtbot)
    allow(dialog, qtbot)
    press(dialog, "open", qtbot)
    session.settle()
    assert session.views["source1"].state is Shown.FRESH
    assert len(consents.known()) == before + 1
    code.write_text(code.read_text().replace("tanh", "relu"))
    opening.open_again(session, "source1")
    session.settle()
    assert session.views["source1"].state is Shown.FRESH, "the same digest was allowed before"


def test_weights_named_without_their_code_offer_the_dialog(window, session, weights: Path) -> None:
    opening.open_model(session, weights)
    session.settle()
    assert window.problems.findChild(QPushButton, "problem:review:source1").text() == "Choose its network…"
    assert "compress-studio" not in "".join(row.hint for row in window.problems.rows)


def allow(dialog: WeightsDialog, qtbot) -> None:
    trust = part(dialog, QAbstractButton, "trust")
    qtbot.waitUntil(lambda: trust.isVisible() and dialog.state.needs_consent, timeout=20_000)
    trust.setFocus()
    qtbot.keyClick(trust, Qt.Key.Key_Space)
    press(dialog, "try", qtbot)


def test_a_library_of_operators_is_allowed_by_a_question(window, session, asking, tmp_path: Path) -> None:
    library = tmp_path / "libmine.so"
    library.write_bytes(b"no real library")
    opening.open_model(session, LETTERS, {"custom_ops": str(library)})
    session.settle()
    assert session.views["source1"].failure.cause is Cause.CONSENT
    window.commands.review_code("source1")
    assert not consents.known(), "called off"
    asking.answers = ["allow"]
    window.commands.review_code("source1")
    session.settle()
    assert [row["what"] for row in consents.known().values()] == ["the library libmine.so"]
    assert session.views["source1"].state is Shown.FRESH
