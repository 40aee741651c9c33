"""What a path is to the window: a project, a model, data, or nothing that can be opened, with the reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from compress_studio.artifacts.hub import hub_folder
from compress_studio.artifacts.openable import CODE_SUFFIX, FOREIGN, Openable, Way, openable
from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.base.errors import BadInput
from compress_studio.gui.words import grouped_text
from compress_studio.project.files import SUFFIX

ARRAY_FORMATS = frozenset({Format.NPZ, Format.NPY, Format.PARQUET})
TABLES = frozenset({".csv", ".tsv"})
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
ARRAYS = frozenset({".npz", ".npy", ".parquet"})
MODELS = frozenset(
    {".onnx", ".onnxtxt", ".pt2", ".pt", ".pth", ".ts", ".ckpt", ".bin", ".safetensors"}
    | {".keras", ".h5", ".hdf5", ".tflite", ".pb"}
)
"""Endings of files that are looked at inside a folder; their content decides."""
INDEXES = ".index.json"
MODEL_PATTERNS = " ".join(f"*{one}" for one in (*sorted(MODELS), INDEXES, CODE_SUFFIX, ".zip"))
"""For dialogs that choose a model."""
READABLE = (
    "Models: ONNX, PyTorch (.pt2, TorchScript, weights as .pt, .pth or .safetensors), archives and folders with one"
    " of them. Data: .npz, .npy, .csv, .parquet, folders, data.toml."
)
GLANCE = 256
"""Entries of a folder that are looked at while something is dragged over the window."""
MANY = 200_000
"""Files of a folder that are counted at most."""
SNIFFED = 8


class Kind(StrEnum):
    """What a path is used as."""

    PROJECT = "project"
    MODEL = "model"
    WEIGHTS = "weights"
    """A model that opens with code, or with consent to unpickle it."""
    CODE = "code"
    """Code that makes the network of weights, or brings its own."""
    DATA = "data"
    REFUSED = "refused"


KINDS = {Way.WEIGHTS: Kind.WEIGHTS, Way.CODE: Kind.CODE}
"""What is not simply a model."""


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
    """What a path is, by content: mostly one thing, several for a folder that holds a model, its code and its data.

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


def models_with_code(found: Sequence[Dropped]) -> list[tuple[Dropped, Path | None]]:
    """The models of a drop, the first weights with the first code; code without weights stands for itself."""
    models = [one for one in found if one.kind in {Kind.MODEL, Kind.WEIGHTS}]
    code = [one for one in found if one.kind is Kind.CODE]
    if not code:
        return [(one, None) for one in models]
    takes = next((one for one in models if one.kind is Kind.WEIGHTS or one.format is Format.ZIP), None)
    if takes is None:
        return [*((one, None) for one in models), *((one, None) for one in code[:1])]
    return [(one, code[0].path if one is takes else None) for one in models]


def _file(path: Path, found: Format, *, closely: bool) -> Dropped:
    suffix = path.suffix.lower()
    if found in ARRAY_FORMATS or (suffix == ".toml" and found in {Format.TEXT, Format.CSV}):
        return Dropped(path, Kind.DATA, found)
    if suffix in TABLES and found in {Format.CSV, Format.TEXT}:
        return Dropped(path, Kind.DATA, Format.CSV)
    if found is Format.IMAGE:
        return _refused(path, found, f"{path.name} is a single image.", "Drop the folder that holds the images.")
    if found in {Format.TEXT, Format.CSV, Format.UNKNOWN} and suffix != CODE_SUFFIX:
        return _refused(path, found, f"{path.name} is not a model or data set that can be read.", READABLE)
    return _dropped(openable(path, closely=closely))


def _dropped(found: Openable) -> Dropped:
    if found.way is Way.REFUSED:
        return _refused(found.path, found.kind, found.reason, found.hint)
    return Dropped(found.path, KINDS.get(found.way, Kind.MODEL), found.kind)


def _folder(path: Path, *, closely: bool) -> tuple[Dropped, ...]:
    content = _count(path) if closely else _glance(path)
    names = content.names or []
    projects = [one for one in names if one.lower().endswith(SUFFIX)]
    if len(projects) == 1:
        return (Dropped(path / projects[0], Kind.PROJECT),)
    samples = content.count(IMAGES | TABLES | ARRAYS)
    models = _models(path, names, closely=closely)
    if closely and not models and not samples and content.folders:
        models = [one for one in [_dropped(openable(path, closely=True))] if one.kind is not Kind.REFUSED]
    if len(models) > 1:
        listed = ", ".join(one.path.name for one in models[:4]) + (", …" if len(models) > 4 else "")
        return (_refused(path, Format.FOLDER, f"{path.name}/ holds several models: {listed}.", "Drop one of them."),)
    held = samples or "data.toml" in names or (content.folders and not closely)
    data = (Dropped(path, Kind.DATA, Format.FOLDER, _detail(content)),) if held and not (models and not samples) else ()
    if models or data:
        return (*models, *_code(path, names, models), *data)
    what = "is empty" if not content.files and not content.folders else "holds no model and no data that can be read"
    return (_refused(path, Format.FOLDER, f"{path.name}/ {what}.", READABLE),)


def _models(path: Path, names: list[str], *, closely: bool) -> list[Dropped]:
    """The models directly in a folder; files of weights count only where there is no whole network."""
    if hub_folder(path) is not None:
        return [_dropped(openable(path, closely=closely))]
    indexes = [one for one in names if one.endswith(INDEXES)]
    likely = sorted(one for one in names if Path(one).suffix.lower() in MODELS or one in indexes)[:SNIFFED]
    ways = [openable(path / name) for name in likely]
    found = [_dropped(one) for one in ways if one.way is not Way.REFUSED]
    if not found:
        # What only lacks its converter says so.
        return [_dropped(one) for one in ways if one.kind in FOREIGN and one.kind is not Format.HDF5]
    networks = [one for one in found if one.kind is Kind.MODEL]
    whole = [one for one in found if one.format is Format.SHARDS]
    return networks or whole or found


def _code(path: Path, names: list[str], models: list[Dropped]) -> tuple[Dropped, ...]:
    """The one Python file beside weights: most likely it makes their network."""
    files = [one for one in names if one.endswith(CODE_SUFFIX)]
    if len(files) != 1 or not any(one.kind is Kind.WEIGHTS for one in models):
        return ()
    return (Dropped(path / files[0], Kind.CODE, Format.TEXT),)


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
