"""What a path is to the window: a project, a model, data, or nothing that can be opened, with the reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from compress_studio.artifacts.refusals import refuse
from compress_studio.artifacts.sniffing import TORCH_PROGRAMS, Format, sniff
from compress_studio.base.errors import BadInput
from compress_studio.gui.words import grouped_text
from compress_studio.project.files import SUFFIX

MODEL_FORMATS = frozenset({Format.ONNX, Format.ONNX_TEXT, Format.ONNX_JSON}) | TORCH_PROGRAMS
ARRAY_FORMATS = frozenset({Format.NPZ, Format.NPY, Format.PARQUET})
TABLES = frozenset({".csv", ".tsv"})
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
ARRAYS = frozenset({".npz", ".npy", ".parquet"})
MODELS = frozenset({".onnx", ".pt2", ".pt", ".pth", ".onnxtxt", ".ts"})
READABLE = "Models: ONNX, PyTorch programs (.pt2, TorchScript). Data: .npz, .npy, .csv, .parquet, folders, data.toml."
GLANCE = 256
"""Entries of a folder that are looked at while something is dragged over the window."""
MANY = 200_000
"""Files of a folder that are counted at most."""
SNIFFED = 8


class Kind(StrEnum):
    """What a path is used as."""

    PROJECT = "project"
    MODEL = "model"
    DATA = "data"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A path and what it would become."""

    path: Path
    kind: Kind
    format: Format | None = None
    detail: str = ""
    """What is inside, in words: "1 204 images in 10 folders"."""
    reason: str = ""
    """Why it is refused."""
    hint: str = ""
    """What to do instead."""

    @property
    def name(self) -> str:
        """What people call it; folders end in a slash."""
        return f"{self.path.name or self.path}{'/' if self.format is Format.FOLDER else ''}"

    def error(self) -> BadInput:
        """The refusal as an error."""
        return BadInput(self.reason, self.hint)


@dataclass(slots=True)
class _Content:
    """What a folder holds, as far as it was looked at."""

    files: int = 0
    folders: int = 0
    suffixes: Counter[str] | None = None
    names: list[str] | None = None
    """Of the files directly inside."""
    cut: bool = False

    def count(self, suffixes: frozenset[str]) -> int:
        return sum(number for suffix, number in (self.suffixes or {}).items() if suffix in suffixes)


def recognize(path: Path, *, closely: bool = False) -> tuple[Dropped, ...]:
    """What a path is, by content: mostly one thing, two for a folder that holds a model and its data.

    Quick; closely counts whole folders and looks into checkpoints for the reason, which may take a second.
    """
    if path.suffix.lower() == SUFFIX and path.is_file():
        return (Dropped(path, Kind.PROJECT),)
    try:
        found = sniff(path)
        if found is Format.FOLDER:
            return _folder(path, closely=closely)
        return (_file(path, found, closely=closely),)
    except BadInput as error:
        return (_refused(path, None, error.message, error.hint),)
    except OSError as error:
        return (_refused(path, None, f"{path.name} cannot be read: {error.strerror}.", "Check its permissions."),)


def classify(path: Path) -> Dropped:
    """What one path is; of a folder with a model and its data the model. Raises BadInput for what is refused."""
    found = recognize(path, closely=True)[0]
    if found.kind is Kind.REFUSED:
        raise found.error()
    return found


def _file(path: Path, found: Format, *, closely: bool) -> Dropped:
    suffix = path.suffix.lower()
    if found in MODEL_FORMATS:
        return Dropped(path, Kind.MODEL, found)
    if found in ARRAY_FORMATS or (suffix == ".toml" and found in {Format.TEXT, Format.CSV}):
        return Dropped(path, Kind.DATA, found)
    if suffix in TABLES and found in {Format.CSV, Format.TEXT}:
        return Dropped(path, Kind.DATA, Format.CSV)
    if found is Format.IMAGE:
        return _refused(path, found, f"{path.name} is a single image.", "Drop the folder that holds the images.")
    if found is Format.ZIP:
        hint = "Unpack it and drop the folder or the file inside."
        return _refused(path, found, f"{path.name} is a ZIP archive.", hint)
    if found in {Format.TEXT, Format.CSV, Format.UNKNOWN}:
        return _refused(path, found, f"{path.name} is not a model or data set that can be read.", READABLE)
    if found in {Format.CHECKPOINT, Format.PICKLE} and not closely:
        reason = f"{path.name} is {found.value}: it holds weights, but not the network."
        return _refused(path, found, reason, "Drop it to read how to export the network.")
    error = refuse(path, found)
    return _refused(path, found, error.message, error.hint)


def _folder(path: Path, *, closely: bool) -> tuple[Dropped, ...]:
    content = _count(path) if closely else _glance(path)
    names = content.names or []
    projects = [one for one in names if one.lower().endswith(SUFFIX)]
    if len(projects) == 1:
        return (Dropped(path / projects[0], Kind.PROJECT),)
    models = _models(path, names)
    if len(models) > 1:
        listed = ", ".join(one.path.name for one in models[:4]) + (", …" if len(models) > 4 else "")
        return (_refused(path, Format.FOLDER, f"{path.name}/ holds several models: {listed}.", "Drop one of them."),)
    samples = content.count(IMAGES | TABLES | ARRAYS)
    held = samples or "data.toml" in names or (content.folders and not closely)
    data = (Dropped(path, Kind.DATA, Format.FOLDER, _detail(content)),) if held and not (models and not samples) else ()
    if models or data:
        return (*models, *data)
    what = "is empty" if not content.files and not content.folders else "holds no model and no data that can be read"
    return (_refused(path, Format.FOLDER, f"{path.name}/ {what}.", READABLE),)


def _models(path: Path, names: list[str]) -> list[Dropped]:
    likely = [path / one for one in sorted(names) if Path(one).suffix.lower() in MODELS][:SNIFFED]
    kinds = [(one, sniff(one)) for one in likely]
    return [Dropped(one, Kind.MODEL, kind) for one, kind in kinds if kind in MODEL_FORMATS]


def _glance(path: Path) -> _Content:
    """The first entries of a folder, without going deeper."""
    content = _Content(suffixes=Counter(), names=[])
    with os.scandir(path) as entries:
        found = list(islice((one for one in entries if not one.name.startswith(".")), GLANCE))
    content.cut = len(found) == GLANCE
    _add(content, [one.name for one in found if one.is_file()], top=True)
    content.folders = sum(one.is_dir() for one in found)
    return content


def _count(path: Path) -> _Content:
    """All files of a folder and of those below it."""
    content = _Content(suffixes=Counter(), names=[])
    for folder, folders, files in _walk(path):
        top = Path(folder) == path
        content.folders += len(folders)
        _add(content, [one for one in files if not one.startswith(".")], top=top)
        if content.files > MANY:
            content.cut = True
            break
    return content


def _walk(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for folder, folders, files in os.walk(path):
        folders[:] = [one for one in folders if not one.startswith(".")]
        yield folder, folders, files


def _add(content: _Content, files: list[str], *, top: bool) -> None:
    content.files += len(files)
    if content.suffixes is not None:
        content.suffixes.update(os.path.splitext(one)[1].lower() for one in files)  # noqa: PTH122 - of 200 000 names
    if top and content.names is not None:
        content.names += files


def _detail(content: _Content) -> str:
    """ "1 204 images in 10 folders"; empty while only the beginning is known."""
    if content.cut and content.files <= MANY:
        return ""
    images = content.count(IMAGES)
    number, word = (images, "image") if images else (content.files, "file")
    text = f"{'more than ' if content.cut else ''}{grouped_text(number)} {word}{'' if number == 1 else 's'}"
    if content.folders:
        text += f" in {content.folders} folder{'' if content.folders == 1 else 's'}"
    return text if number else ""


def _refused(path: Path, found: Format | None, reason: str, hint: str) -> Dropped:
    return Dropped(path, Kind.REFUSED, found, reason=reason, hint=hint)
