"""The SQLite file of the store: safe for several processes at once, for kill -9, and for a file that was damaged."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from compress_studio.base.errors import UserError

Row: TypeAlias = tuple[Any, ...]

NAME = "results-1.sqlite"
"""The number rises when the tables change; an older file is then left alone."""
BUSY_SECONDS = 30.0
LEAST_BYTES = 200_000
"""With less room than this SQLite cannot work, and says only that there was an error of the disk."""
OPEN_TRIES = 50
SIDE_FILES = ("", "-wal", "-shm")
CREATE = """
create table if not exists actions(
  key text primary key, outputs text not null, seconds real not null, report text not null, used real not null);
create table if not exists measurements(
  key text primary key, subject text not null, meter text not null, version integer not null,
  conditions text not null, readings text not null, seconds real not null, taken real not null);
create index if not exists measurements_by_subject on measurements(subject);
create table if not exists durations(
  step text not null, params text not null, size integer not null, seconds real not null, taken real not null);
create index if not exists durations_by_step on durations(step);
create table if not exists files(
  path text primary key, size integer not null, changed integer not null, inode integer not null, digest text not null);
create table if not exists facts(name text primary key, value text not null);
create table if not exists pins(owner text not null, digest text not null, primary key(owner, digest));
"""

log = logging.getLogger(__name__)


class Database:
    """One connection, usable from several threads. A damaged file is moved aside and a new one begun."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / NAME
        self.notes: list[str] = []
        """What the user should be told, such as that a damaged file was moved aside."""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        with self._lock:
            self._open_or_begin_anew()

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return its rows; outside a transaction it is committed at once."""
        with self._lock:
            try:
                return self._execute(statement, values)
            except sqlite3.OperationalError as error:
                raise self.trouble(error) from error
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._move_aside(error)
                return self._execute(statement, values)

    def close(self) -> None:
        """Let go of the file. Using it again opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def trouble(self, error: Exception) -> UserError:
        """What an error of the disk means to the user; names the folder."""
        words = str(error).lower()
        if "full" in words or "no space" in words or shutil.disk_usage(self._folder).free < LEAST_BYTES:
            hint = "Free some space, or clear the stored results."
            return UserError(f"The disk with the results folder {self._folder} is full.", hint)
        if "readonly" in words or "read-only" in words or "unable to open" in words or "denied" in words:
            hint = "Give yourself the right to write there, or set COMPRESS_STUDIO_HOME to another folder."
            return UserError(f"The results folder {self._folder} cannot be written to.", hint)
        return UserError(f"The results folder {self._folder} does not work: {error}.", "Check the disk, and try again.")

    def _execute(self, statement: str, values: Sequence[Any]) -> list[Row]:
        if self._connection is None:
            self._connection = self._open()
        return self._connection.execute(statement, values).fetchall()

    def _open_or_begin_anew(self) -> None:
        try:
            self._connection = self._open()
        except sqlite3.OperationalError as error:
            raise self.trouble(error) from error
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._move_aside(error)
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for attempt in range(OPEN_TRIES):
                try:
                    # Changing to WAL does not wait for other connections, so the waiting is done here.
                    connection.execute("pragma journal_mode=wal").fetchall()
                    break
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error) or attempt == OPEN_TRIES - 1:
                        raise
                    time.sleep(0.05)
            connection.execute("pragma synchronous=normal")
            connection.executescript(CREATE)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _move_aside(self, error: sqlite3.DatabaseError) -> None:
        self.close()
        stamp = time.strftime("%Y%m%d-%H%M%S")
        target = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        for suffix in SIDE_FILES:
            old = self.path.with_name(self.path.name + suffix)
            try:
                old.replace(target.with_name(target.name + suffix))
            except FileNotFoundError:
                continue
            except OSError as problem:
                raise self.trouble(problem) from problem
        text = f"The list of stored results was damaged ({error}) and moved to {target}; a new one was begun."
        log.info(text)
        self.notes.append(text)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is at fault: only then is the error of this very class, not of one derived from it."""
    return type(error) is sqlite3.DatabaseError
