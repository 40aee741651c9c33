"""The list of recent files."""

from __future__ import annotations

from pathlib import Path

from compress_studio.base.paths import data_dir
from compress_studio.gui import recent


def test_the_newest_file_comes_first_and_each_once(tmp_path: Path) -> None:
    for name in ("a", "b", "a"):
        (tmp_path / name).write_text("")
        recent.remember(tmp_path / name, name.upper(), "model")
    assert [(one.title, one.kind) for one in recent.recent_files()] == [("A", "model"), ("B", "model")]


def test_ten_are_kept_and_those_that_are_gone_are_left_out(tmp_path: Path) -> None:
    for number in range(13):
        (tmp_path / str(number)).write_text("")
        recent.remember(tmp_path / str(number))
    (tmp_path / "12").unlink()
    assert [one.title for one in recent.recent_files()] == [str(number) for number in range(11, 2, -1)]


def test_a_damaged_list_is_an_empty_one(tmp_path: Path) -> None:
    (data_dir() / recent.FILE).write_text("{]")
    assert recent.recent_files() == []
    recent.remember(tmp_path)
    assert len(recent.recent_files()) == 1
    recent.forget_all()
    assert recent.recent_files() == []
