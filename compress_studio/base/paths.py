"""Where files live: resources, the cache, logs; and how files are written so that nothing is lost."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from compress_studio.base.errors import BadInput, UserError

APP = "compress-studio"
HOME_VARIABLE = "COMPRESS_STUDIO_HOME"


@cache
def resource(name: str) -> Path:
    """The path of a bundled resource: inside the installed package first, else beside it in the checkout."""
    installed = _package() / "_resources" / name
    return installed if installed.exists() else _package().parent / "resources" / name


@cache
def _package() -> Path:
    return Path(__file__).resolve().parent.parent


def check_name(path: str | Path) -> None:
    """Raise BadInput for a name whose bytes are not text: it could not be written into a project or a report."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "replace")
        raise BadInput(f"The name of {shown} is not valid text (UTF-8).", "Rename it.") from None


def cache_dir() -> Path:
    """The folder of results that may be thrown away; made when missing."""
    return _made(_home("cache"))


def data_dir() -> Path:
    """The folder of what must be kept (settings, autosaves); made when missing."""
    return _made(_home("data"))


def log_dir() -> Path:
    """The folder of log files; made when missing."""
    return _made(_home("cache") / "logs")


@contextmanager
def atomic_path(target: Path) -> Generator[Path]:
    """Give a temporary path in the folder of target; rename it to target when the block ends well.

    A failure inside the block leaves the old target as it was and removes the temporary file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    part.touch(exist_ok=False)  # unlike mkstemp with the rights that files of this user usually have
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file, or every file of a folder, has reached the disk.

    Renamed before that, it could be empty after the power failed, with the old one gone.
    """
    for file in [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file()):
        # Windows flushes only what may be written; elsewhere a file may be read-only by now.
        with file.open("rb+" if sys.platform == "win32" else "rb") as opened:
            os.fsync(opened.fileno())


def write_bytes(target: Path, content: bytes) -> None:
    """Write a whole file or nothing."""
    with atomic_path(target) as part:
        part.write_bytes(content)
        flush(part)


def write_text(target: Path, content: str) -> None:
    """Write a whole UTF-8 file or nothing."""
    write_bytes(target, content.encode("utf-8"))


@contextmanager
def scratch_dir(parent: Path | None = None) -> Generator[Path]:
    """A fresh folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cs-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _home(kind: str) -> Path:
    override = os.environ.get(HOME_VARIABLE)
    if override:
        return Path(override) / kind
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        return base / APP / kind
    if sys.platform == "darwin":
        return home / "Library" / ("Caches" if kind == "cache" else "Application Support") / APP
    variable, fallback = ("XDG_CACHE_HOME", ".cache") if kind == "cache" else ("XDG_DATA_HOME", ".local/share")
    return Path(os.environ.get(variable) or home / fallback) / APP


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = f"Give yourself the right to write there, or set {HOME_VARIABLE} to another folder."
        raise UserError(f"The results folder {folder} cannot be used: {error.strerror or error}.", hint) from error
    return folder
