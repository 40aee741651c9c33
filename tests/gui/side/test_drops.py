"""Files dragged over the window and dropped."""

from __future__ import annotations

import pickle
import time
import zipfile

import numpy as np
import pytest
from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from compress_studio.base.paths import resource
from compress_studio.gui import opening
from compress_studio.gui.commands import Commands
from compress_studio.gui.drops import Drops
from compress_studio.gui.panels.drop_overlay import DropOverlay
from compress_studio.gui.panels.library import STEP_MIME
from compress_studio.gui.settings import SettingsFile
from compress_studio.project.files import SOURCE_PATH
from tests.gui.side.dragging import Drag

SAMPLES = resource("samples")
FASHION = SAMPLES / "fashion" / "fashion.onnx"
LETTERS = SAMPLES / "letters" / "letters.onnx"
LETTERS_DATA = SAMPLES / "letters" / "letters.npz"


@pytest.fixture
def messages(session):
    found: list = []
    session.message.connect(found.append)
    return found


@pytest.fixture
def plain(session, asking, qtbot, monkeypatch) -> QMainWindow:
    """A bare window that takes drops; models are not computed, so no worker starts."""
    monkeypatch.setattr(session, "look_at", lambda *_nodes, measure: None)
    made = QMainWindow()
    qtbot.addWidget(made)
    made.resize(1280, 720)
    commands = Commands(made, session, asking, SettingsFile(parent=made))  # pyright: ignore[reportArgumentType]
    Drops(commands)
    with qtbot.waitExposed(made):
        made.show()
    return made


@pytest.fixture
def overlay(plain: QMainWindow) -> DropOverlay:
    found = plain.findChild(DropOverlay)
    assert found is not None
    return found


def source_paths(session) -> list[str]:
    return [str(one.params[SOURCE_PATH]) for one in session.project.pipeline.sources()]


def test_a_model_dropped_on_the_empty_window_becomes_a_project(window, session) -> None:
    drag = Drag(window, [LETTERS])
    assert drag.enter().isAccepted()
    assert window.empty.drops.overlay.isVisible()
    assert window.empty.drops.overlay.accessibleDescription() == "Open letters.onnx as a new project"
    drag.drop()
    assert not window.empty.drops.overlay.isVisible()
    assert source_paths(session) == [str(LETTERS)]
    session.settle()
    assert session.facts.of_file(LETTERS)["parameters"] == 76_890


def test_leaving_the_window_takes_the_overlay_away(plain, overlay, qtbot) -> None:
    drag = Drag(plain, [LETTERS])
    drag.enter()
    drag.leave()
    qtbot.waitUntil(lambda: not overlay.isVisible())


def test_going_from_the_window_to_the_overlay_is_not_leaving(plain, overlay, qtbot) -> None:
    Drag(plain, [LETTERS]).enter()
    Drag(plain, [LETTERS]).leave()
    Drag(overlay, [LETTERS]).enter()
    qtbot.wait(120)
    assert overlay.isVisible()


def test_the_field_under_the_pointer_decides(plain, session, overlay) -> None:
    opening.open_model(session, LETTERS)
    drag = Drag(plain, [FASHION])
    drag.enter()
    areas = dict(overlay.areas())
    assert list(areas) == ["replace", "new", "add"]
    drag.move(areas["add"].center().x())
    assert overlay.zone == "add"
    drag.drop(areas["add"].center().x())
    assert source_paths(session) == [str(LETTERS), str(FASHION)]


def test_replacing_the_model_keeps_the_steps_and_is_one_undo(plain, session, overlay) -> None:
    opening.open_sample(session, "letters")
    before = [one.step for one in session.project.pipeline]
    drag = Drag(plain, [FASHION])
    drag.enter()
    drag.drop(dict(overlay.areas())["replace"].center().x())
    assert source_paths(session) == [str(FASHION)]
    assert [one.step for one in session.project.pipeline] == before
    session.undo()
    assert source_paths(session)[0].endswith("letters.onnx")


def test_a_new_project_asks_before_changes_are_lost(plain, session, asking, overlay) -> None:
    opening.open_model(session, LETTERS)
    session.edit("Rename", lambda project: project.__class__(**{**_fields(project), "title": "mine"}))
    asking.answers.append(None)
    drag = Drag(plain, [FASHION])
    drag.enter()
    drag.drop(dict(overlay.areas())["new"].center().x())
    assert len(asking.asked) == 1
    assert source_paths(session) == [str(LETTERS)]


def test_data_dropped_before_the_model_are_used_with_it(window, session, messages) -> None:
    Drag(window, [LETTERS_DATA]).drop()
    assert session.project.data.path == str(LETTERS_DATA)
    assert "open the model" in messages[-1].hint
    assert window.empty.zone.pending.isVisible()
    Drag(window, [LETTERS]).drop()
    assert session.project.data.path == str(LETTERS_DATA)
    session.settle()


def test_model_and_data_dropped_together_belong_together(plain, session) -> None:
    Drag(plain, [LETTERS_DATA, LETTERS]).drop()
    assert source_paths(session) == [str(LETTERS)]
    assert session.project.data.path == str(LETTERS_DATA)


def test_data_are_used_for_the_open_model(plain, session, overlay) -> None:
    opening.open_model(session, LETTERS)
    drag = Drag(plain, [LETTERS_DATA])
    drag.enter()
    assert "Use letters.npz as data" in overlay.accessibleDescription()
    drag.drop()
    assert session.project.data.path == str(LETTERS_DATA)
    assert session.history.undo_label == "Choose data"


def test_what_cannot_be_opened_says_why_while_dragging_and_after(window, session, messages, tmp_path) -> None:
    path = tmp_path / "notes.pdf"
    path.write_bytes(b"%PDF-1.7 \x00\x01")
    drag = Drag(window, [path])
    drag.enter()
    assert "notes.pdf is not a model or data set" in window.empty.drops.overlay.accessibleDescription()
    drag.drop()
    session.settle()
    assert not window.empty.drops.overlay.isVisible()
    assert [one.level for one in messages] == ["error"]
    assert "notes.pdf" in messages[0].text
    assert window.empty.zone.notices.isVisible()
    assert len(session.project.pipeline) == 0


def test_a_checkpoint_is_refused_with_its_recipe(plain, session, messages, tmp_path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", pickle.dumps({"layer.weight": 1}, protocol=2))
    Drag(plain, [path]).drop()
    session.settle()
    assert len(messages) == 1
    assert "holds only weights, no architecture" in messages[0].text
    assert "torch.onnx.export" in messages[0].hint


def test_files_from_the_web_are_refused(plain, session, messages, overlay) -> None:
    drag = Drag(plain, ["https://example.org/net.onnx"])
    drag.enter()
    assert "is not on this computer" in overlay.accessibleDescription()
    drag.drop()
    session.settle()
    assert "Download it first" in messages[0].hint


def test_unknown_files_beside_a_model_are_named(plain, session, messages, tmp_path) -> None:
    path = tmp_path / "notes.pdf"
    path.write_bytes(b"%PDF-1.7 \x00\x01")
    Drag(plain, [LETTERS, path]).drop()
    assert source_paths(session) == [str(LETTERS)]
    assert "Left out: notes.pdf" in messages[-1].text


def test_a_step_from_the_library_is_none_of_its_business(plain, overlay) -> None:
    mime = QMimeData()
    mime.setData(STEP_MIME, b"prune.weights")
    assert not Drag(plain, mime=mime).enter().isAccepted()
    assert not overlay.isVisible()


def test_a_huge_folder_does_not_hold_up_the_window(plain, session, overlay, tmp_path) -> None:
    for part in range(10):
        folder = tmp_path / f"class{part}"
        folder.mkdir()
        for number in range(1000):
            (folder / f"{number}.png").touch()
    drag = Drag(plain, [tmp_path])
    begun = time.perf_counter()
    drag.enter()
    assert time.perf_counter() - begun < 0.05
    session.settle()
    assert "10\u202f000 images in 10 folders" in overlay.accessibleDescription()
    drag.leave()


def test_data_without_labels_say_what_results_will_mean(window, session, tmp_path) -> None:
    path = tmp_path / "unlabelled.npy"
    np.save(path, np.random.default_rng(0).random((200, 16), dtype=np.float32))
    Drag(window, [LETTERS, path]).drop()
    session.settle()
    assert session.data_facts["task"] == "none"


def test_the_window_loads_no_network_library(plain) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; import compress_studio.gui.recognizing as r, compress_studio.gui.drops;"
        f"r.recognize(Path({str(FASHION.parent)!r}), closely=True);"
        "print([one for one in ('torch', 'onnx', 'onnxruntime', 'onnx_ir') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _fields(project) -> dict:
    from dataclasses import fields

    return {one.name: getattr(project, one.name) for one in fields(project)}


@pytest.mark.parametrize("place", ["canvas", "side", "bottom_tabs"])
def test_a_drag_that_enters_over_a_panel_reaches_the_window(window, session, place: str) -> None:
    opening.open_model(session, LETTERS)
    QApplication.processEvents()
    panel = window.findChild(QWidget, place)
    under = panel.childAt(panel.rect().center()) or panel
    assert Drag(under, [FASHION]).enter(5, 5).isAccepted()
    assert window.empty.drops.overlay.isVisible()
    assert window.empty.drops.overlay.geometry() == window.rect()
