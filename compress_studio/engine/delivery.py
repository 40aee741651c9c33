"""Writing results where the user wants them: checked before hours of work, whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from compress_studio.artifacts.artifact import MODEL_FILE
from compress_studio.base.digest import Json, digest_json, read_digest
from compress_studio.base.errors import BadInput, UserError
from compress_studio.base.paths import check_name

ROOM = "Make room, or choose another folder."


def check_writable(folder: Path) -> None:
    """Raise now what would otherwise be found after the work: BadInput for a bad path, UserError for no right."""
    check_name(folder.absolute())
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file, not a folder.", "Choose another name.")
    nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not nearest.is_dir():
        raise BadInput(f"{folder} cannot be made: {nearest} is a file.", "Choose another folder.")
    try:
        with tempfile.TemporaryDirectory(prefix=".cs-", dir=nearest):
            pass
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}.", "Choose another folder.") from None


def deliver(folder: Path, writers: Mapping[str, Callable[[Path], None]]) -> None:
    """Write files into a folder: all are made beside it first, then renamed into place.

    writers: file name to a function that writes a path. Raises UserError and leaves the folder as it was when one of
    them fails.
    """
    made = _missing_parents(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".cs-", dir=folder))
        try:
            for name, write in writers.items():
                write(stage / name)
            for name in writers:
                (stage / name).replace(folder / name)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except BaseException as error:
        for one in made:
            if one.is_dir() and not any(one.iterdir()):
                one.rmdir()
        if isinstance(error, OSError):
            raise UserError(f"{folder} cannot be written: {error.strerror or error}.", ROOM) from None
        raise


def artifact_files(model: Path) -> dict[str, Path]:
    """The files of a stored network by name: the model and what lies beside it in its folder."""
    return {path.name: path for path in sorted(model.parent.iterdir()) if path.name.startswith(MODEL_FILE)}


def in_two_files(model: Path) -> bool:
    """Whether the weights of a stored network lie in a second file, whose name the model holds.

    Such a network is not copied but written, so that both files carry the name that the user gives.
    """
    return len(artifact_files(model)) > 1


def copier(source: Path) -> Callable[[Path], None]:
    """A writer that copies a stored file; the copy may be changed, unlike the stored one."""

    def copy(target: Path) -> None:
        shutil.copyfile(source, target)
        target.chmod(stat.S_IMODE(target.stat().st_mode) | stat.S_IWUSR | stat.S_IRUSR)

    return copy


def digest_of(files: Mapping[str, Path]) -> str:
    """The digest that the store gives to these files under these names."""
    rows: list[Json] = [[name, read_digest(path)] for name, path in sorted(files.items())]
    return digest_json(rows)


def export(model: Path, target: Path) -> dict[str, Path]:
    """Copy a stored network to a file; returns what was written by its name in the store.

    Weights in a second file keep its name, which the model refers to; raises UserError when another file has it.
    """
    stored = artifact_files(model)
    written = {name: target if name == MODEL_FILE else target.parent / name for name in stored}
    for name, path in written.items():
        if name != MODEL_FILE and path.exists() and read_digest(path) != read_digest(stored[name]):
            raise UserError(f"{path} belongs to another model.", "Choose another folder.")
    deliver(target.absolute().parent, {written[name].name: copier(path) for name, path in stored.items()})
    return written


@contextmanager
def removed_on_error(files: Mapping[str, Path]) -> Generator[None]:
    """Take back files that turn out to be wrong."""
    try:
        yield
    except BaseException:
        for path in files.values():
            path.unlink(missing_ok=True)
        raise


def _missing_parents(folder: Path) -> list[Path]:
    """The folders that have to be made, the innermost first."""
    return [one for one in (folder.absolute(), *folder.absolute().parents) if not os.path.lexists(one)]
