"""Autosave: what a crash would lose is kept beside the settings, and offered at the next start.

Each living window has a folder of its own, which the system unlocks however its process dies.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from compress_studio.base.errors import UserError
from compress_studio.base.paths import data_dir, write_text
from compress_studio.engine import sessions
from compress_studio.project import files

if TYPE_CHECKING:
    from compress_studio.gui.session import Session
    from compress_studio.project.project import Project
    from compress_studio.spec.registry import StepRegistry

log = logging.getLogger(__name__)
FOLDER, FILE = "recovery", "project.json"
AFTER_EDIT_MS, AT_LEAST_EVERY_MS = 2000, 60_000


@dataclass(frozen=True, slots=True)
class Recovered:
    """A project that a process left behind when it died."""

    folder: Path
    title: str
    saved_at: float
    """Seconds since 1970."""
    path: Path | None
    """The user's own file, untouched; None: it had none."""
    text: str
    """The project file as it would have been written."""

    def project(self, steps: StepRegistry) -> Project:
        """The project. Raises BadInput when it is damaged."""
        return files.parse(self.text.encode(), self.folder / FILE, steps)

    def discard(self) -> None:
        """Throw it away."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Autosave(QObject):
    """Keeps the open project of a session safe while this process lives; removes its copy when it ends well."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.note = ""
        """Why nothing can be kept; empty when it can."""
        self._place: sessions.Session | None = None
        try:
            self._place = sessions.Session(data_dir() / FOLDER)
        except (OSError, UserError) as error:
            self.note = f"Nothing can be saved by itself: {error}"
            log.info("%s", self.note)
        self._soon = self._timer(AFTER_EDIT_MS, single=True)
        self._often = self._timer(AT_LEAST_EVERY_MS, single=False)
        session.project_changed.connect(self._edited)
        session.history_changed.connect(self._saved)
        session.variants_changed.connect(self._edited)

    @property
    def file(self) -> Path | None:
        """Where the copy is kept."""
        return None if self._place is None else self._place.folder / FILE

    def write(self, then: Callable[[], None] | None = None) -> None:
        """Keep the project as it is now, or nothing when its own file holds it. then: called once it is on the disk."""
        target = self.file
        if target is None:
            return
        if not self._worth_keeping():
            # In the same queue, so that no older copy is written afterwards.
            self._session.light.submit("autosave", lambda: target.unlink(missing_ok=True), _nothing)
            return
        session = self._session
        project, path = session.stored_project(), session.path
        name = path.name if path is not None else project.title or "Untitled"

        def written(well: bool) -> None:
            if well and then is not None:
                then()

        session.light.submit("autosave", lambda: _write(target, project, path, name), written)

    def close(self) -> None:
        """The program ends well: there is nothing to recover."""
        self._soon.stop()
        self._often.stop()
        if self._place is not None:
            self._place.close()

    def _worth_keeping(self) -> bool:
        session = self._session
        return len(session.project.pipeline) > 0 and (session.dirty or session.path is None)

    def _edited(self, *_: object) -> None:
        self._soon.start()

    def _saved(self) -> None:
        if not self._worth_keeping():
            self._soon.start()

    def _timer(self, interval: int, *, single: bool) -> QTimer:
        made = QTimer(self)
        made.setInterval(interval)
        made.setSingleShot(single)
        made.timeout.connect(self.write)
        if not single:
            made.start()
        return made


def left_behind() -> list[Recovered]:
    """What dead processes left, the newest first; folders without anything to recover are removed."""
    try:
        parent = data_dir() / FOLDER
        folders = sorted(parent.glob("session-*"))
    except (OSError, UserError):
        return []
    found: list[Recovered] = []
    for folder in folders:
        if sessions.is_alive(folder):
            continue
        one = _read(folder)
        if one is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            found.append(one)
    return sorted(found, key=lambda one: -one.saved_at)


def _read(folder: Path) -> Recovered | None:
    try:
        row: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
        path = Path(row["path"]) if row["path"] else None
        saved_at = float(row["saved_at"])
        time.localtime(saved_at)  # a number that is no time is damage
        return Recovered(folder, str(row["title"]), saved_at, path, str(row["project"]))
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        # Nothing was kept, or not completely.
        return None


def _nothing(_result: object) -> None:
    """It is gone; nobody needs to be told."""


def _write(target: Path, project: Project, path: Path | None, name: str) -> bool:
    """Whether it is on the disk."""
    row = {
        "title": name,
        "saved_at": time.time(),
        "path": str(path.absolute()) if path is not None else "",
        "project": files.dump(project, target.parent),
    }
    try:
        if target.parent.is_dir():
            write_text(target, json.dumps(row, ensure_ascii=False))
            return True
    except OSError as error:
        log.info("The project could not be saved by itself: %s", error)
    return False
