"""Opening, saving and leaving: nothing of the user's is lost unasked, and refusals name their reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from compress_studio.base.paths import resource
from compress_studio.gui import recent
from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.message import Message
from compress_studio.gui.session import Session
from compress_studio.project import edits
from compress_studio.project.samples import sample_project
from tests.gui.asking import ScriptedAsking

FASHION = resource("samples") / "fashion"
LETTERS = resource("samples") / "letters" / "letters.onnx"


@pytest.fixture
def said(session: Session) -> list[Message]:
    messages: list[Message] = []
    session.message.connect(messages.append)
    return messages


def begin(session: Session) -> None:
    """A project with steps, without looking at its model."""
    session.open(sample_project("fashion", session.runtime.steps))


def source_path(session: Session) -> str:
    return Path(str(session.project.pipeline.sources()[0].params["path"])).name


def test_a_model_and_data_together_are_opened_in_the_right_order(window, session, said) -> None:
    window.commands.open_paths([FASHION / "data.toml", FASHION / "fashion.onnx"])
    session.settle()
    assert source_path(session) == "fashion.onnx"
    assert session.project.data.path == str(FASHION / "data.toml")
    assert not [one for one in said if one.level == "error"]
    assert [one.kind for one in recent.recent_files()] == ["model"]


def test_a_sample_is_opened_with_its_data_and_steps(window, session, said) -> None:
    window.commands.open_sample("letters")
    session.settle()
    assert len(session.project.pipeline) == 4
    assert not session.dirty
    window.commands.open_sample("nothing")
    assert "There is no sample nothing" in said[-1].text


def test_a_second_model_is_put_beside_the_first(window, session) -> None:
    window.commands.open_paths([FASHION / "fashion.onnx", LETTERS])
    session.settle()
    assert len(session.project.pipeline.sources()) == 2


def test_a_bad_file_is_named_with_cause_and_remedy_and_the_window_stays(window, session, said, tmp_path) -> None:
    bad = tmp_path / "notes.onnx"
    bad.write_text("hello")
    window.commands.open_path(bad)
    window.commands.open_path(tmp_path / "missing.onnx")
    assert [one.level for one in said] == ["error", "error"]
    assert "notes.onnx" in said[0].text
    assert said[0].hint
    assert "missing.onnx" in said[1].text
    assert len(window.toasts.toasts) == 2


@pytest.mark.parametrize("answer", [unsaved.REPLACE, unsaved.ADD, unsaved.NEW, None])
def test_a_model_opened_into_a_changed_project_becomes_what_the_user_says(window, session, asking, answer) -> None:
    begin(session)
    session.edit("Name it", edits.set_title("Mine"))
    steps = len(session.project.pipeline)
    asking.answers = [answer]
    window.commands.open_path(LETTERS)
    session.settle()
    expected = {unsaved.REPLACE: (1, steps), unsaved.ADD: (2, steps + 1), unsaved.NEW: (1, 1), None: (1, steps)}
    pipeline = session.project.pipeline
    assert (len(pipeline.sources()), len(pipeline)) == expected[answer]
    assert asking.asked[0].startswith("What should letters.onnx be?")


def test_the_setting_answers_in_place_of_the_user(window, session, asking) -> None:
    begin(session)
    session.edit("Name it", edits.set_title("Mine"))
    window.commands.settings.change(model_opening="add")
    window.commands.open_path(LETTERS)
    session.settle()
    assert len(session.project.pipeline.sources()) == 2
    assert asking.asked == []


def test_saving_asks_for_a_name_once_and_clears_the_star(window, session, asking, tmp_path, qtbot) -> None:
    begin(session)
    session.edit("Name it", edits.set_title("Mine"))
    assert window.isWindowModified()
    asking.answers = [tmp_path / "mine"]
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert session.path == tmp_path / "mine.cstudio"
    assert not window.isWindowModified()
    assert "mine.cstudio" in window.windowTitle()
    session.edit("Name it", edits.set_title("Mine again"))
    assert window.commands.save()
    assert len(asking.asked) == 1
    assert recent.recent_files()[0].title == "Mine again"
    session.settle()


def test_saving_into_a_folder_that_is_not_there_is_told(window, session, asking, said, tmp_path) -> None:
    begin(session)
    (tmp_path / "file").write_text("")
    asking.answers = [tmp_path / "file" / "mine.cstudio"]
    assert not window.commands.save()
    assert session.path is None
    assert said[-1].level == "error"
    session.settle()


@pytest.mark.parametrize(("answer", "left"), [(unsaved.DISCARD, True), (None, False)])
def test_leaving_a_changed_project_asks(window, session, asking, answer, left) -> None:
    begin(session)
    session.edit("Name it", edits.set_title("Mine"))
    asking.answers = [answer]
    window.commands.new_project()
    assert (len(session.project.pipeline) == 0) is left
    session.settle()


def test_save_before_leaving_saves(window, session, asking, tmp_path) -> None:
    begin(session)
    session.edit("Name it", edits.set_title("Mine"))
    asking.answers = [unsaved.SAVE, tmp_path / "mine.cstudio"]
    window.commands.new_project()
    assert (tmp_path / "mine.cstudio").exists()
    assert len(session.project.pipeline) == 0
    session.settle()


def test_closing_the_window_can_be_called_off(window, session, asking: ScriptedAsking) -> None:
    begin(session)
    session.edit("Name it", edits.set_title("Mine"))
    asking.answers = [None]
    assert not window.close()
    assert window.isVisible()
    session.settle()


def test_a_project_is_opened_and_remembered(window, session, tmp_path) -> None:
    begin(session)
    session.save(tmp_path / "mine.cstudio")
    window.commands.new_project()
    window.commands.open_path(tmp_path / "mine.cstudio")
    session.settle()
    assert session.path == tmp_path / "mine.cstudio"
    window.recent_menu.aboutToShow.emit()
    assert window.recent_menu.actions()[0].text() == "Clothes in pictures"


def test_the_toolbar_opens_by_mouse(window, session, asking, qtbot) -> None:
    asking.answers = [LETTERS]
    button = window.findChild(QToolButton, "toolbar:model.open")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    session.settle()
    assert source_path(session) == "letters.onnx"
