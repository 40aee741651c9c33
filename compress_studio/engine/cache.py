"""The store: what was computed and measured is found again, by key, after a restart and after a kill."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compress_studio.artifacts.artifact import MODEL_FILE, Artifact
from compress_studio.artifacts.blobs import Blobs
from compress_studio.base.digest import canonical_json, digest_files, read_digest, remembering
from compress_studio.base.errors import UserError
from compress_studio.engine.database import Database
from compress_studio.engine.records import Measurement, Result, reading_from_json, reading_to_json
from compress_studio.engine.sessions import Session, sweep_dead

log = logging.getLogger(__name__)
LIMIT_BYTES = 20_000_000_000
SETTLED_SECONDS = 2.0
"""A file changed this recently may change again within the same tick of its time stamp, so it is not remembered."""
IN_USE_SECONDS = 600.0
"""A result found this recently may be at work in another process, so it is not evicted."""
LIKE = 4.0
"""Networks whose sizes differ by at most this factor tell about each other's durations."""
DURATIONS_KEPT = 20


class Store:
    """Results, measurements, durations and file digests in one folder. Several processes may use it at once.

    Raises UserError naming the folder when it cannot be written to or the disk is full.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.session = Session(folder / "scratch")
            self.blobs = Blobs(folder / "blobs")
        except OSError as error:
            hint = "Give yourself the right to write there, or set COMPRESS_STUDIO_HOME to another folder."
            raise UserError(f"The results folder {folder} cannot be used: {error.strerror or error}.", hint) from error
        self._database = Database(folder)
        for owner in sweep_dead(folder / "scratch", keep=self.session):
            self.unpin(owner)

    @property
    def notes(self) -> list[str]:
        """What the user should be told about the store itself."""
        return self._database.notes

    def close(self) -> None:
        """Let go of everything; results stay."""
        self.unpin(self.session.name)
        self.session.close()
        self._database.close()

    # results -----------------------------------------------------------------------------------------

    def result(self, key: str) -> Result | None:
        """What an action gave, when it and all its artifacts are here and whole; else None."""
        rows = self._database.rows("select outputs, seconds, report from actions where key=?", (key,))
        if not rows:
            return None
        outputs, seconds, report = rows[0]
        result = Result(json.loads(outputs), seconds, json.loads(report))
        if any(self.artifact(digest) is None for digest in result.outputs.values()):
            return None
        return result

    def touch(self, key: str) -> None:
        """Note that the result of an action is used now, so that it is among the last to make room."""
        self._database.rows("update actions set used=? where key=?", (time.time(), key))

    def commit(self, key: str, result: Result) -> None:
        """Remember what an action gave."""
        values = (key, _text(dict(result.outputs)), result.seconds, _text(result.report), time.time())
        self._database.rows("insert or replace into actions values(?,?,?,?,?)", values)

    def put(self, folder: Path) -> Artifact:
        """Move a finished network from a scratch folder into the store."""
        with self._disk_errors():
            artifact = self.blobs.put(folder)
        if self.fact(_blob_fact(artifact.digest)) is None:
            self.remember_fact(_blob_fact(artifact.digest), _stamp(artifact.path.parent))
        if self.artifact(artifact.digest) is None:
            raise UserError(f"A stored result in {self.folder} was damaged and has been removed.", "Run again.")
        return artifact

    def artifact(self, digest: str) -> Artifact | None:
        """The artifact of that digest; None when it is not here, or is not what was put here."""
        artifact = self.blobs.get(digest)
        if artifact is None or self.fact(_blob_fact(digest)) == _stamp(artifact.path.parent):
            return artifact
        # Sizes or times differ from what was noted: look at the bytes themselves.
        folder = artifact.path.parent
        if digest_files(folder.glob(f"{MODEL_FILE}*"), folder) != digest:
            self._remove({digest})
            return None
        self.remember_fact(_blob_fact(digest), _stamp(artifact.path.parent))
        return artifact

    # measurements ------------------------------------------------------------------------------------

    def measurement(self, key: str) -> Measurement | None:
        """A measurement taken before under the same conditions, or None."""
        rows = self._database.rows(f"select {_MEASUREMENT} from measurements where key=?", (key,))
        return _measurement(rows[0]) if rows else None

    def record(self, key: str, taken: Measurement) -> None:
        """Remember a measurement."""
        readings = _text([reading_to_json(one) for one in taken.readings])
        values = (key, taken.subject, taken.meter, taken.version, _text(taken.conditions), readings, taken.seconds)
        self._database.rows("insert or replace into measurements values(?,?,?,?,?,?,?,?)", (*values, time.time()))

    def measurements(self, subject: str) -> list[Measurement]:
        """Everything measured of one artifact, oldest first."""
        query = f"select {_MEASUREMENT} from measurements where subject=? order by taken"
        return [_measurement(row) for row in self._database.rows(query, (subject,))]

    # durations ---------------------------------------------------------------------------------------

    def remember_duration(self, step: str, params: str, size: int, seconds: float) -> None:
        """Note how long a step, or a meter, took on a network of that many bytes."""
        self._database.rows("insert into durations values(?,?,?,?,?)", (step, params, size, seconds, time.time()))
        self._database.rows(
            "delete from durations where step=?1 and rowid not in "
            "(select rowid from durations where step=?1 order by taken desc limit ?2)",
            (step, DURATIONS_KEPT),
        )

    def expected_seconds(self, step: str, params: str, size: int) -> float | None:
        """How long it will take, from the most similar time before; None when there was none."""
        rows = self._database.rows("select params, size, seconds, taken from durations where step=?", (step,))
        best: tuple[tuple[bool, float, float], float] | None = None
        for other, bytes_then, seconds, taken in rows:
            factor = max(size, 1) / max(bytes_then, 1)
            # Nothing comes into a source, so only the same file tells about it.
            if not 1 / LIKE <= factor <= LIKE or (size == 0 and other != params):
                continue
            rank = (other != params, abs(math.log(factor)), -taken)
            if best is None or rank < best[0]:
                best = (rank, seconds * factor)
        return None if best is None else best[1]

    # files -------------------------------------------------------------------------------------------

    def file_digest(self, path: Path) -> str:
        """The digest of a file, from memory when its path, size and time are those of before."""
        facts = path.stat()
        row = (facts.st_size, facts.st_mtime_ns, facts.st_ino)
        name = str(path.absolute())
        known = self._database.rows("select size, changed, inode, digest from files where path=?", (name,))
        if known and known[0][:3] == row:
            return known[0][3]
        digest = read_digest(path)
        after = path.stat()
        settled = time.time() - after.st_mtime > SETTLED_SECONDS
        if settled and (after.st_size, after.st_mtime_ns, after.st_ino) == row:
            self._note("insert or replace into files values(?,?,?,?,?)", (name, *row, digest))
        return digest

    @contextmanager
    def remembering_files(self) -> Generator[None]:
        """Let every file digest taken in the block, also by steps and data sets, be remembered."""
        with remembering(self.file_digest):
            yield

    # facts -------------------------------------------------------------------------------------------

    def fact(self, name: str) -> str | None:
        """Something remembered under a name, such as the devices of this machine."""
        rows = self._database.rows("select value from facts where name=?", (name,))
        return rows[0][0] if rows else None

    def remember_fact(self, name: str, value: str) -> None:
        """Remember something under a name."""
        self._note("insert or replace into facts values(?,?)", (name, value))

    def _note(self, statement: str, values: Sequence[Any]) -> None:
        """Write down what can be found out again: when there is no room for it, it is not remembered."""
        try:
            self._database.rows(statement, values)
        except UserError as error:
            log.info("Not remembered: %s", error)

    # room --------------------------------------------------------------------------------------------

    def pin(self, digests: Iterable[str], owner: str = "") -> None:
        """Keep artifacts from eviction until the owner lets go; without an owner as long as this process lives."""
        for digest in digests:
            self._database.rows("insert or ignore into pins values(?,?)", (owner or self.session.name, digest))

    def unpin(self, owner: str = "") -> None:
        """Let go of everything an owner pinned."""
        self._database.rows("delete from pins where owner=?", (owner or self.session.name,))

    def evict(self, limit_bytes: int | None = None) -> int:
        """Make room: what saved the fewest seconds per byte goes first, the oldest first; returns the bytes freed.

        Pinned artifacts stay, and those found within the last minutes, because another process may be at work on them.
        """
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        sizes = self._sizes()
        left = sum(sizes.values())
        victims: set[str] = set()
        for digest in self._worst_first(sizes):
            if left <= limit:
                break
            victims.add(digest)
            left -= sizes[digest]
        return self._remove(victims)

    def clear(self) -> None:
        """Throw away all results and measurements, except artifacts that a running process pinned."""
        for table in ("actions", "measurements", "durations", "files"):
            self._database.rows(f"delete from {table}")
        self._remove(self._sizes().keys() - self._pinned())

    def _remove(self, victims: set[str]) -> int:
        """Remove artifacts; their actions become misses."""
        for digest in victims:
            self._database.rows("delete from facts where name=?", (_blob_fact(digest),))
        return self.blobs.sweep(keep=_AllBut(victims), limit_bytes=-1)

    def _sizes(self) -> dict[str, int]:
        paths = self.blobs.folder.glob(f"??/*/{MODEL_FILE}")
        return {path.parent.name: sum(one.stat().st_size for one in path.parent.iterdir()) for path in paths}

    def _worst_first(self, sizes: Mapping[str, int]) -> list[str]:
        saved: dict[str, float] = {}
        used: dict[str, float] = {}
        for outputs, seconds, when in self._database.rows("select outputs, seconds, used from actions"):
            for digest in json.loads(outputs).values():
                saved[digest] = max(saved.get(digest, 0.0), seconds)
                used[digest] = max(used.get(digest, 0.0), when)
        fresh = time.time() - IN_USE_SECONDS
        pinned = self._pinned()
        free = [one for one in sizes if one not in pinned and used.get(one, 0.0) < fresh]
        return sorted(free, key=lambda one: (saved.get(one, 0.0) / max(sizes[one], 1), used.get(one, 0.0)))

    def _pinned(self) -> set[str]:
        return {row[0] for row in self._database.rows("select digest from pins")}

    @contextmanager
    def _disk_errors(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise self._database.trouble(error) from error


class _AllBut(Collection[str]):
    """Everything except some: what another process stores meanwhile is in it too."""

    def __init__(self, without: set[str]) -> None:
        self._without = without

    def __contains__(self, item: object) -> bool:
        return item not in self._without

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


_MEASUREMENT = "subject, meter, version, conditions, readings, seconds"


def _measurement(row: tuple[Any, ...]) -> Measurement:
    subject, meter, version, conditions, readings, seconds = row
    rows = tuple(reading_from_json(one) for one in json.loads(readings))
    return Measurement(subject, meter, version, json.loads(conditions), rows, seconds)


def _blob_fact(digest: str) -> str:
    return f"blob {digest}"


def _stamp(folder: Path) -> str:
    """Sizes and times of the files of an artifact: a change of the bytes shows here."""
    rows = [(one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in sorted(folder.iterdir())]
    return _text([list(row) for row in rows])


def _text(value: Any) -> str:
    return canonical_json(value).decode()
