"""Scratch folders that belong to a living process; those of dead processes are swept."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOCK = "alive"


class Session:
    """A folder that is locked while this process lives; however the process dies, the system unlocks it."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        with _alone(parent):
            self.folder = Path(tempfile.mkdtemp(prefix="session-", dir=parent))
            self._stream = (self.folder / LOCK).open("w")
            _lock(self._stream)

    @property
    def name(self) -> str:
        """Unique among all sessions of the store."""
        return self.folder.name

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """A fresh folder inside, removed afterwards."""
        folder = Path(tempfile.mkdtemp(prefix="work-", dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder."""
        if not self._stream.closed:
            self._stream.close()
            shutil.rmtree(self.folder, ignore_errors=True)


def sweep_dead(parent: Path, keep: Session) -> list[str]:
    """Remove the folders of sessions whose process died; returns their names."""
    dead: list[str] = []
    with _alone(parent):
        for folder in sorted(parent.glob("session-*")):
            if folder != keep.folder and not is_alive(folder):
                shutil.rmtree(folder, ignore_errors=True)
                dead.append(folder.name)
    return dead


def is_alive(folder: Path) -> bool:
    """Whether the process of a session folder lives."""
    try:
        with (folder / LOCK).open("r+") as stream:
            _lock(stream)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def _alone(parent: Path) -> Generator[None]:
    """Making and sweeping of folders exclude each other, or a folder could be swept before it is locked."""
    with (parent / "turn").open("w") as stream:
        _lock(stream, wait=True)
        yield


def _lock(stream: IO[str], *, wait: bool = False) -> None:
    """Lock a file for this process; raises OSError when another one holds it and we do not wait."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
