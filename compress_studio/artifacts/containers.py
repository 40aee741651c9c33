"""Folders and archives that hold exactly one model: which file it is, and unpacking it safely."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from compress_studio.artifacts.converters import find
from compress_studio.artifacts.hub import WEIGHTS, hub_folder
from compress_studio.artifacts.refusals import bomb, damaged
from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.artifacts.tensorflow_files import look_graph
from compress_studio.base.errors import BadInput

NETWORKS = frozenset(
    {Format.ONNX, Format.ONNX_TEXT, Format.ONNX_JSON, Format.TORCHSCRIPT, Format.PT2}
    | {Format.CHECKPOINT, Format.SAFETENSORS, Format.SHARDS}
)
SUFFIXES = frozenset(
    {".onnx", ".pt", ".pth", ".pt2", ".bin", ".ckpt", ".safetensors", ".json", ".onnxtxt", ".textproto", ".txt"}
    | {".keras", ".h5", ".hdf5", ".pb", ".tflite"}
)
"""Endings of files that are looked at inside a folder; their content decides."""
DEEPEST = 3
MOST_FILES = 2000


def model_in(folder: Path) -> Path:
    """The one model in a folder and the folders below it; the index stands for the files that it names.

    Raises BadInput when there is none or several.
    """
    files = [
        file
        for file in sorted(folder.rglob("*"))[:MOST_FILES]
        if file.suffix.lower() in SUFFIXES and file.is_file() and len(file.relative_to(folder).parts) <= DEEPEST
    ]
    return _only(_models(files), folder, f"{folder.name or folder} is a folder, not a model file")


def unpack(path: Path, target: Path) -> Path:
    """Unpack an archive into an empty folder and return the one model in it.

    Raises BadInput for an archive that is damaged, grows far beyond its size, leads out of the folder, or holds no
    model or several.
    """
    refusal = bomb(path)
    if refusal is not None:
        raise refusal
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = PurePosixPath(info.filename.replace("\\", "/"))
                if name.is_absolute() or ".." in name.parts or ":" in info.filename:
                    raise BadInput(
                        f"{path.name} wants to write outside of its folder: {info.filename}.", "Do not open it."
                    )
            archive.extractall(target)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise damaged(path) from error
    files = [file for file in sorted(target.rglob("*"))[:MOST_FILES] if file.is_file()]
    return _only(_models(files), target, f"{path.name} is a ZIP archive")


def _models(files: Sequence[Path]) -> list[Path]:
    """The models among files; what only belongs to one of them is left out.

    Of a SavedModel that is its variables, of a folder of Hugging Face the same network for other frameworks, and of
    an index of weights the files that it names.
    """
    kinds = {file: sniff(file) for file in files}
    found = [file for file in files if kinds[file] in NETWORKS or _convertible(file, kinds[file])]
    for one in [file for file in found if kinds[file] is Format.SHARDS]:
        found = [file for file in found if file.parent != one.parent or kinds[file] is Format.SHARDS]
    for one in [file for file in found if kinds[file] is Format.SAVED_MODEL]:
        found = [file for file in found if file == one or one.parent not in file.parents]
    for folder in dict.fromkeys(file.parent for file in found if hub_folder(file) is not None):
        first = next((folder / name for name in WEIGHTS if (folder / name) in found), None)
        # Without one it lies inside of another such folder, whose network stands for it.
        if first is not None:
            found = [file for file in found if file == first or folder not in file.parents]
    return found


def _convertible(file: Path, kind: Format) -> bool:
    """Whether a file is a network of another framework; as a graph of TensorFlow counts only what has inputs."""
    if find(file, kind) is None:
        return False
    return kind is not Format.TENSORFLOW or bool(look_graph(file).inputs)


def _only(found: Sequence[Path], folder: Path, what: str) -> Path:
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"{what}, and it holds no model that can be opened.", "Give the model file itself.")
    listed = ", ".join(file.relative_to(folder).as_posix() for file in found[:6]) + (", …" if len(found) > 6 else "")
    raise BadInput(f"{what} with {len(found)} models: {listed}.", "Give one of them.")
