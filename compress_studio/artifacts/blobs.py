"""Networks kept by the digest of their contents; whole or not at all, whatever is killed when."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from compress_studio.artifacts.artifact import MODEL_FILE, Artifact
from compress_studio.base.digest import digest_files

INCOMING = "incoming"
ABANDONED_AFTER = 24 * 3600
"""Seconds after which a half-written entry can only belong to a process that died."""


class Blobs:
    """A folder of artifacts. Several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / INCOMING).mkdir(parents=True, exist_ok=True)

    def put(self, folder: Path) -> Artifact:
        """Move a finished network into the store and return it; the same contents are kept once.

        Args: folder holds model.onnx and, where weights are external, files whose names begin with it. Other files
        stay where they are. Raises FileNotFoundError when there is no model.onnx, OSError when the disk is full.
        """
        files = sorted(path for path in folder.glob(f"{MODEL_FILE}*") if path.is_file() and not path.is_symlink())
        if folder / MODEL_FILE not in files:
            raise FileNotFoundError(f"{folder} holds no {MODEL_FILE}")
        stage = Path(tempfile.mkdtemp(dir=self.folder / INCOMING))
        try:
            for path in files:
                shutil.move(path, stage / path.name)
            moved = [stage / path.name for path in files]
            for path in moved:
                _settle(path)
            digest = digest_files(moved, stage)
            self._publish(stage, digest)
        finally:
            _remove(stage)
        artifact = self.get(digest)
        assert artifact is not None
        return artifact

    def get(self, digest: str) -> Artifact | None:
        """The artifact of that digest, or None; marks it as used just now."""
        path = self.path(digest)
        try:
            size = sum(each.stat().st_size for each in path.parent.iterdir()) if path.is_file() else None
            if size is not None:
                os.utime(path.parent)
        except FileNotFoundError:
            return None
        return None if size is None else Artifact(digest, path, size)

    def path(self, digest: str) -> Path:
        """Where the .onnx file of that digest is, or would be. Raises ValueError for a text that is no digest."""
        if not re.fullmatch(r"[0-9a-f]{8,}", digest):
            raise ValueError(f"{digest!r} is not a digest")
        return self.folder / digest[:2] / digest / MODEL_FILE

    def sweep(self, keep: Collection[str], limit_bytes: int) -> int:
        """Remove the longest unused artifacts, except those to keep, until the rest is within the limit.

        Also clears what killed processes left behind. Returns the bytes that were freed.
        """
        self._clear_abandoned()
        entries = sorted(self._entries(), key=lambda entry: entry[0])
        total = sum(size for _, size, _ in entries)
        freed = 0
        for _, size, folder in entries:
            if total - freed <= limit_bytes:
                break
            if folder.name in keep:
                continue
            grave = Path(tempfile.mkdtemp(dir=self.folder / INCOMING))
            folder.rename(grave / folder.name)
            _remove(grave)
            freed += size
        return freed

    def _publish(self, stage: Path, digest: str) -> None:
        target = self.path(digest).parent
        target.parent.mkdir(parents=True, exist_ok=True)
        if not self.path(digest).is_file():
            try:
                stage.rename(target)
            except OSError:
                # Another process stored the same contents in the meantime: one of the two is enough.
                if not self.path(digest).is_file():
                    raise

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.folder.glob(f"??/*/{MODEL_FILE}"):
            try:
                size = sum(each.stat().st_size for each in path.parent.iterdir())
                yield path.parent.stat().st_mtime, size, path.parent
            except FileNotFoundError:
                continue

    def _clear_abandoned(self) -> None:
        oldest = time.time() - ABANDONED_AFTER
        for folder in (self.folder / INCOMING).iterdir():
            if folder.stat().st_mtime < oldest:
                _remove(folder)


def _settle(path: Path) -> None:
    """Make sure that the bytes are on the disk before the name appears, and that nobody changes them."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
    path.chmod(stat.S_IREAD | stat.S_IRGRP | stat.S_IROTH)


def _remove(folder: Path) -> None:
    if not folder.is_dir():
        return
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(stat.S_IREAD | stat.S_IWRITE)
    shutil.rmtree(folder, ignore_errors=True)
