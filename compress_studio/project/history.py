"""Undo and redo over values: an entry keeps the project before and after, so no inverse can be wrong."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from compress_studio.project.edits import Edit
from compress_studio.project.project import Project

LIMIT = 500
"""Entries that are kept; projects share their parts, so an entry is a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing the user did."""

    label: str
    before: Project
    after: Project
    merge: Hashable | None


class History:
    """The project as it is now, and the way it came to be."""

    def __init__(self, project: Project) -> None:
        self._now = project
        self._clean: Project | None = project
        self._done: list[Entry] = []
        self._undone: list[Entry] = []
        self._open = False
        """Whether the newest entry may still grow by merging."""

    @property
    def now(self) -> Project:
        """The project as it is."""
        return self._now

    def do(self, label: str, edit: Edit, merge: Hashable | None = None) -> Project:
        """Apply an edit and remember it.

        Successive edits with the same merge key become one entry, so that a drag is undone at once. An edit that
        changes nothing leaves no trace. When the edit raises, nothing has happened.
        """
        before = self._now
        after = edit(before)
        if after == before:
            return before
        self._undone.clear()
        newest = self._done[-1] if self._done else None
        if merge is not None and self._open and newest is not None and newest.merge == merge:
            self._done.pop()
            before = newest.before
        if after != before:
            self._done.append(Entry(label, before, after, merge))
        del self._done[:-LIMIT]
        self._open = bool(self._done)
        self._now = after
        return after

    def undo(self) -> Project:
        """Go back one entry; at the beginning nothing happens."""
        if self._done:
            entry = self._done.pop()
            self._undone.append(entry)
            self._now = entry.before
        self._open = False
        return self._now

    def redo(self) -> Project:
        """Go forward again one entry; when nothing was undone nothing happens."""
        if self._undone:
            entry = self._undone.pop()
            self._done.append(entry)
            self._now = entry.after
        self._open = False
        return self._now

    def end_gesture(self) -> None:
        """The next edit begins a new entry, whatever its merge key."""
        self._open = False

    def mark_clean(self) -> None:
        """The project as it is now is what the file holds."""
        self._clean = self._now
        self._open = False

    def mark_dirty(self) -> None:
        """No file holds the project as it is now, as after a recovery."""
        self._clean = None
        self._open = False

    @property
    def dirty(self) -> bool:
        """Whether the project differs from what the file holds; undoing to that value makes it clean again."""
        return self._now is not self._clean and self._now != self._clean

    @property
    def undo_label(self) -> str | None:
        """What undo would take back, or None."""
        return self._done[-1].label if self._done else None

    @property
    def redo_label(self) -> str | None:
        """What redo would do again, or None."""
        return self._undone[-1].label if self._undone else None
