"""After a crash the project is there again; the user's own file is never touched."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from compress_studio.base.paths import data_dir
from compress_studio.gui import recovery
from compress_studio.gui.session import Session
from compress_studio.project import edits
from compress_studio.project.project import MeterUse, Project

DIES = """
import os, sys
from compress_studio.base.paths import data_dir
from compress_studio.engine.sessions import Session
from compress_studio.gui import recovery
from compress_studio.project.project import Project
from pathlib import Path
folder = Session(data_dir() / recovery.FOLDER).folder
recovery._write(folder / recovery.FILE, Project(title="Lost"), Path(sys.argv[1]), "lost.cstudio")
os._exit(9)
"""


def test_two_seconds_after_an_edit_the_project_is_kept(toy_session: Session, toy_project: Project, qtbot) -> None:
    autosave = recovery.Autosave(toy_session)
    toy_session.open(toy_project)
    toy_session.edit("Name it", edits.set_title("Named"))
    assert autosave.file is not None
    qtbot.waitUntil(autosave.file.exists, timeout=recovery.AFTER_EDIT_MS + 3000)
    assert json.loads(autosave.file.read_text())["title"] == "Named"
    autosave.close()


def test_a_saved_project_needs_no_copy(toy_session: Session, toy_project: Project, tmp_path: Path) -> None:
    autosave = recovery.Autosave(toy_session)
    toy_session.open(toy_project)
    autosave.write()
    toy_session.settle()
    assert autosave.file is not None
    assert autosave.file.exists()
    toy_session.save(tmp_path / "numbers.cstudio")
    autosave.write()
    toy_session.settle()
    assert not autosave.file.exists()
    autosave.close()


def test_a_living_process_is_left_alone_and_a_good_end_leaves_nothing(
    toy_session: Session, toy_project: Project
) -> None:
    autosave = recovery.Autosave(toy_session)
    toy_session.open(toy_project, clean=False)
    autosave.write()
    toy_session.settle()
    assert recovery.left_behind() == []
    assert autosave.file is not None
    assert autosave.file.exists()
    autosave.close()
    assert not autosave.file.parent.exists()


def test_what_a_dead_process_left_is_found_and_can_be_thrown_away(tmp_path: Path) -> None:
    mine = tmp_path / "mine.cstudio"
    subprocess.run([sys.executable, "-c", DIES, str(mine)], check=False)
    (found,) = recovery.left_behind()
    assert (found.title, found.path) == ("lost.cstudio", mine)
    assert not mine.exists()
    found.discard()
    assert recovery.left_behind() == []


def test_the_recovered_project_is_the_one_that_was_open(toy_session: Session, toy_project: Project) -> None:
    folder = data_dir() / recovery.FOLDER / "session-dead"
    folder.mkdir(parents=True)
    changed = replace(toy_project, seed=7)
    recovery._write(folder / recovery.FILE, changed, None, "Numbers")
    (found,) = recovery.left_behind()
    again = found.project(toy_session.runtime.steps)
    assert (again.pipeline, again.seed, found.path) == (changed.pipeline, 7, None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"title": 1}'])
def test_an_incomplete_copy_is_cleared_away(text: str) -> None:
    folder = data_dir() / recovery.FOLDER / "session-dead"
    folder.mkdir(parents=True)
    (folder / recovery.FILE).write_text(text)
    assert recovery.left_behind() == []
    assert not folder.exists()


def test_a_copy_that_is_still_to_be_written_does_not_come_after_the_project_was_saved(
    toy_session: Session, toy_project: Project, tmp_path: Path
) -> None:
    autosave = recovery.Autosave(toy_session)
    toy_session.open(toy_project)
    toy_session.light.submit("busy", lambda: time.sleep(0.2), lambda _: None)
    autosave.write()
    toy_session.save(tmp_path / "numbers.cstudio")
    autosave.write()
    toy_session.settle()
    assert autosave.file is not None
    assert not autosave.file.exists()
    autosave.close()


def test_a_star_is_a_change_that_is_asked_about_and_kept(
    toy_session: Session, toy_project: Project, tmp_path: Path
) -> None:
    autosave = recovery.Autosave(toy_session)
    toy_session.open(replace(toy_project, meters=(MeterUse("count"),)))
    toy_session.run()
    toy_session.settle()
    path = tmp_path / "numbers.cstudio"
    toy_session.save(path)
    assert not toy_session.dirty
    (one,) = toy_session.variants.rows
    toy_session.star(one.id, star=True)
    assert toy_session.dirty
    autosave.write()
    toy_session.settle()
    assert autosave.file is not None
    row = json.loads(autosave.file.read_text())
    assert json.loads(row["project"])["variants"][0]["starred"]
    toy_session.save()
    assert not toy_session.dirty
    toy_session.load(path)
    assert toy_session.variants.rows[0].starred
    assert not toy_session.dirty
    autosave.close()


def test_what_a_run_measured_after_the_last_save_is_a_change(
    toy_session: Session, toy_project: Project, tmp_path: Path
) -> None:
    toy_session.open(replace(toy_project, meters=(MeterUse("count"),)))
    toy_session.save(tmp_path / "numbers.cstudio")
    toy_session.run()
    toy_session.settle()
    assert toy_session.dirty
    toy_session.save()
    toy_session.run()
    toy_session.settle()
    assert not toy_session.dirty


def test_the_copy_of_before_stays_until_the_recovered_project_is_kept_again(
    toy_session: Session, toy_project: Project
) -> None:
    autosave = recovery.Autosave(toy_session)
    toy_session.open(toy_project, clean=False)
    seen: list[bool] = []
    autosave.write(lambda: seen.append(autosave.file is not None and autosave.file.exists()))
    assert seen == []
    toy_session.settle()
    assert seen == [True]
    autosave.close()


def test_a_copy_with_a_time_that_is_none_is_damaged(isolated_home: Path) -> None:
    folder = data_dir() / recovery.FOLDER / "session-odd"
    folder.mkdir(parents=True)
    (folder / recovery.FILE).write_text('{"title": "t", "path": "", "saved_at": 1e300, "project": "{}"}')
    assert recovery.left_behind() == []
