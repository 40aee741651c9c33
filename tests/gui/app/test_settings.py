"""Settings: sparse, applied at once, and no damage stops the window."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compress_studio.gui import settings as module
from compress_studio.gui.settings import Settings, SettingsFile


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path, qapp) -> None:
    path = tmp_path / "settings.json"
    one = SettingsFile(path)
    one.change(theme="light", timing_threads=2)
    one.change(timing_threads=1)
    assert json.loads(path.read_text()) == {"theme": "light"}
    assert SettingsFile(path).now == Settings(theme="light")


def test_a_change_is_told_once_and_is_in_force(tmp_path: Path, qtbot) -> None:
    one = SettingsFile(tmp_path / "settings.json")
    with qtbot.waitSignal(one.changed) as told:
        one.change(theme="dark")
    assert told.args == [Settings(), Settings(theme="dark")]
    assert module.current().theme == "dark"
    with qtbot.assertNotEmitted(one.changed):
        one.change(theme="dark")


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\x00\x01", '{"theme": '])
def test_a_damaged_file_is_moved_aside_and_the_defaults_are_used(tmp_path: Path, qapp, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    one = SettingsFile(path)
    assert one.now == Settings()
    assert "damaged" in one.note
    assert [file.read_text() for file in tmp_path.glob("settings-damaged-*.json")] == [text]


def test_a_wrong_value_falls_back_and_an_unknown_name_is_kept(tmp_path: Path, qapp) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"theme": "pink", "timing_threads": 4, "confirm_stop": 1, "of_a_later_version": [1]}')
    one = SettingsFile(path)
    assert one.now == Settings(timing_threads=4)
    one.change(confirm_clear=False)
    assert json.loads(path.read_text()) == {
        "of_a_later_version": [1],
        "timing_threads": 4,
        "confirm_clear": False,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("theme", "pink"), ("timing_threads", 0), ("timing_threads", 1.5), ("confirm_stop", 1), ("nothing", 1)],
)
def test_a_value_that_is_not_allowed_is_refused(tmp_path: Path, qapp, name: str, value: object) -> None:
    one = SettingsFile(tmp_path / "settings.json")
    with pytest.raises(ValueError, match=name):
        one.change(**{name: value})


def test_a_folder_that_cannot_be_written_is_said_and_the_change_still_holds(tmp_path: Path, qapp) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    one = SettingsFile(blocker / "settings.json")
    one.change(theme="dark")
    assert one.now.theme == "dark"
    assert "not kept" in one.note
