"""In which way a file or folder that may be a model is opened: at once, converted, with code, or not, and why.

Nothing is run, unpickled or imported here. Standard library only.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from compress_studio.artifacts.checkpoints import CHECKPOINTS, look
from compress_studio.artifacts.containers import model_in
from compress_studio.artifacts.converters import find
from compress_studio.artifacts.hub import hub_folder
from compress_studio.artifacts.refusals import refuse
from compress_studio.artifacts.sniffing import TORCH_PROGRAMS, Format, sniff
from compress_studio.base.errors import BadInput

ONNX_FORMS = frozenset({Format.ONNX, Format.ONNX_TEXT, Format.ONNX_JSON})
FOREIGN = frozenset({Format.KERAS, Format.HDF5, Format.SAVED_MODEL, Format.TENSORFLOW, Format.TFLITE})
"""Networks of other frameworks, which a package may convert."""
TEXTS = frozenset({Format.TEXT, Format.CSV})
CODE_SUFFIX = ".py"
NO_MODELS = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".wav", ".mp3", ".flac"}
    | {".csv", ".tsv", ".npy", ".npz", ".parquet", ".md", ".txt", ".pdf", ".toml", ".yaml", ".yml", ".py", ".ipynb"}
)
"""Endings of what fills archives of data; an archive of nothing else is not unpacked to look for a model."""


class Way(StrEnum):
    """How something is opened."""

    AS_IT_IS = "as it is"
    CONVERTED = "converted"
    """From another framework; what converts it is installed."""
    WEIGHTS = "weights"
    """It needs code that makes the network, or consent to unpickle one."""
    CODE = "code"
    """A Python file with a function that makes a network, which brings its own weights unless some are given."""
    INSIDE = "inside"
    """An archive: it is opened like the one model in it."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Openable:
    """A path and how it is opened."""

    path: Path
    """What is opened; of a folder the one model in it."""
    kind: Format
    way: Way
    reason: str = ""
    """Why it cannot be opened."""
    hint: str = ""
    """The exact next step."""

    def error(self) -> BadInput:
        """The refusal as an error."""
        return BadInput(self.reason, self.hint)


def openable(path: Path, *, closely: bool = False) -> Openable:
    """How a file or folder is opened; data are refused like everything else that is no model.

    closely looks into checkpoints and into the folders below a folder, which may take a second. Raises BadInput when
    there is nothing at that path or it cannot be read.
    """
    kind = sniff(path)
    if kind is Format.FOLDER:
        return _folder(path)
    if kind in ONNX_FORMS or kind in TORCH_PROGRAMS:
        return Openable(path, kind, Way.AS_IT_IS)
    if kind in CHECKPOINTS:
        return _weights(path, kind, closely=closely)
    if kind in FOREIGN:
        return _foreign(path, kind)
    if kind is Format.ZIP:
        return _archive(path)
    if kind in TEXTS and path.suffix.lower() == CODE_SUFFIX:
        return Openable(path, kind, Way.CODE)
    return _refused(path, kind, refuse(path, kind))


def _weights(path: Path, kind: Format, *, closely: bool) -> Openable:
    hub, found = hub_folder(path), find(path, kind)
    if found is not None and found.installed and not (hub is not None and hub.remote_code):
        return Openable(path, kind, Way.CONVERTED)
    if not closely:
        return Openable(path, kind, Way.WEIGHTS)
    try:
        checkpoint = look(path)
    except BadInput as error:
        return _refused(path, kind, error)
    if checkpoint.tensors or checkpoint.modules:
        return Openable(path, kind, Way.WEIGHTS)
    return _refused(path, kind, refuse(path, kind))


def _foreign(path: Path, kind: Format) -> Openable:
    found = find(path, kind)
    if found is not None and found.installed:
        return Openable(path, kind, Way.CONVERTED)
    return _refused(path, kind, refuse(path, kind))


def _folder(path: Path) -> Openable:
    """The weights of a folder of transformers, else the one model in it and the folders below."""
    hub = hub_folder(path)
    if hub is not None:
        return openable(hub.weights)
    try:
        return openable(model_in(path))
    except BadInput as error:
        return _refused(path, Format.FOLDER, error)


def _archive(path: Path) -> Openable:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return _refused(path, Format.DAMAGED_ZIP, refuse(path, Format.DAMAGED_ZIP))
    if all(PurePosixPath(name).suffix.lower() in NO_MODELS for name in names):
        words = BadInput(f"{path.name} is a ZIP archive without a model.", "Unpack it and give what is inside.")
        return _refused(path, Format.ZIP, words)
    return Openable(path, Format.ZIP, Way.INSIDE)


def _refused(path: Path, kind: Format, error: BadInput) -> Openable:
    return Openable(path, kind, Way.REFUSED, error.message, error.hint)
