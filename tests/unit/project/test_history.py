"""Undo, redo, merging and the clean mark."""

from __future__ import annotations

import pytest

from compress_studio.base.errors import UserError
from compress_studio.project import edits
from compress_studio.project.history import LIMIT, History
from compress_studio.project.project import Project


def titled(title: str) -> edits.Edit:
    return edits.set_title(title)


def test_undo_and_redo_give_the_same_values_again() -> None:
    history = History(Project())
    history.do("Name it", titled("a"))
    assert history.undo() == Project()
    assert history.redo() == Project(title="a")
    assert history.undo_label == "Name it"
    assert history.redo_label is None


def test_at_the_ends_nothing_happens() -> None:
    history = History(Project())
    assert history.undo() == Project()
    assert history.redo() == Project()
    assert history.undo_label is None


def test_a_drag_is_one_entry() -> None:
    history = History(Project())
    for number in range(100):
        history.do("Drag", titled(str(number)), merge="gesture 1")
    history.do("Drag", titled("other"), merge="gesture 2")
    history.undo()
    assert history.now.title == "99"
    assert history.undo() == Project()


def test_a_drag_back_to_where_it_began_leaves_no_entry() -> None:
    history = History(Project())
    history.do("Drag", titled("a"), merge=1)
    history.do("Drag", titled(""), merge=1)
    assert history.undo_label is None
    assert not history.dirty


def test_saving_and_the_end_of_a_gesture_stop_merging() -> None:
    history = History(Project())
    history.do("Drag", titled("a"), merge=1)
    history.mark_clean()
    history.do("Drag", titled("b"), merge=1)
    history.end_gesture()
    history.do("Drag", titled("c"), merge=1)
    assert history.undo().title == "b"
    assert history.dirty
    assert history.undo().title == "a"
    assert not history.dirty


def test_an_edit_that_fails_or_changes_nothing_leaves_no_trace() -> None:
    history = History(Project())
    history.do("Name it", titled("a"))
    history.undo()
    history.do("Name it", titled(""))
    assert history.redo_label == "Name it"
    with pytest.raises(UserError):
        history.do("Append", edits.append_step("prune.channels"))
    assert history.redo_label == "Name it"


def test_a_new_edit_forgets_what_was_undone() -> None:
    history = History(Project())
    history.do("1", titled("a"))
    history.undo()
    history.do("2", titled("b"))
    assert history.redo_label is None


def test_the_history_has_an_end() -> None:
    history = History(Project())
    for number in range(LIMIT + 5):
        history.do("Name it", titled(f"t{number}"))
    for _ in range(LIMIT + 5):
        history.undo()
    assert history.now.title == "t4"
