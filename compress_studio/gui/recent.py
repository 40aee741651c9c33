"""Files that were opened or saved lately, for the File menu and the empty window."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compress_studio.base.errors import UserError
from compress_studio.base.paths import data_dir, write_text

log = logging.getLogger(__name__)
FILE = "recent.json"
KEPT = 10


@dataclass(frozen=True, slots=True)
class RecentFile:
    """A file that was used."""

    path: str
    title: str
    opened_at: float
    """Seconds since 1970."""
    kind: str
    """ "project" or "model"."""


def recent_files() -> list[RecentFile]:
    """The newest first, at most ten; files that are gone are left out."""
    return [one for one in _read() if Path(one.path).exists()]


def remember(path: Path, title: str = "", kind: str = "project") -> None:
    """Put a file to the front. A list that cannot be written is no reason to trouble the user."""
    name = str(path.absolute())
    newest = RecentFile(name, title or path.stem, time.time(), kind)
    _write([newest, *(one for one in _read() if one.path != name)][:KEPT])


def forget_all() -> None:
    """Empty the list."""
    _write([])


def _read() -> list[RecentFile]:
    try:
        rows: Any = json.loads((data_dir() / FILE).read_text(encoding="utf-8"))
        found = [
            RecentFile(str(row["path"]), str(row["title"]), float(row["opened_at"]), str(row["kind"])) for row in rows
        ]
    except (OSError, UserError, ValueError, TypeError, KeyError):
        # Missing, damaged or of another version: nothing of value is lost.
        return []
    return found[:KEPT]


def _write(rows: list[RecentFile]) -> None:
    try:
        write_text(data_dir() / FILE, json.dumps([asdict(one) for one in rows], indent=1, ensure_ascii=False))
    except (OSError, UserError) as error:
        log.info("The list of recent files was not written: %s", error)
