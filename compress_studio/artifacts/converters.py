"""Files of other frameworks: which package turns them into ONNX, whether it is installed, and how to install it.

Nothing is imported here, nor is anything of the file run. Standard library only.
"""

from __future__ import annotations

import importlib.util
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compress_studio.artifacts.hub import hub_folder
from compress_studio.artifacts.sniffing import Format

KERAS_MARKS = (b"model_config", b"keras_version")
"""Names of attributes that Keras gives an HDF5 file with a whole network; a file of weights has none of the first."""
TENSORFLOW = ("tensorflow", "tf2onnx")
PACKAGES: Mapping[Format, tuple[str, tuple[str, ...]]] = {
    Format.KERAS: ("Keras", ("keras",)),
    Format.HDF5: ("Keras", ("keras",)),
    Format.SAVED_MODEL: ("TensorFlow", TENSORFLOW),
    Format.TENSORFLOW: ("TensorFlow", TENSORFLOW),
    Format.TFLITE: ("TensorFlow Lite", TENSORFLOW),
}
"""Per kind of file what it is made by, and the packages that must be there to convert it."""
WEIGHTS = frozenset({Format.SAFETENSORS, Format.SHARDS, Format.CHECKPOINT, Format.PICKLE})
HUB = ("Hugging Face transformers", ("transformers",))


@dataclass(frozen=True, slots=True)
class Converter:
    """What turns a file of another framework into ONNX."""

    title: str
    """The framework, for people."""
    packages: tuple[str, ...]
    """What is imported for it, in a process of its own."""
    commands: tuple[str, ...]
    """Commands that install what is missing or, when nothing is, everything."""
    installed: bool
    sentence: str
    """What to tell when a package is missing: which, and the command."""


def find(path: Path, kind: Format) -> Converter | None:
    """The converter for a file or folder of that kind; None where there is none or none is needed.

    A folder, or a file of weights in it, is one of Hugging Face when a config.json in it names the network.
    """
    if kind in WEIGHTS or kind is Format.FOLDER:
        return _converter(path, *HUB) if hub_folder(path) is not None else None
    if kind is Format.HDF5 and not holds_keras(path):
        return None
    found = PACKAGES.get(kind)
    return _converter(path, *found) if found is not None else None


def command_for(packages: tuple[str, ...]) -> str:
    """The command that installs what is missing of these packages; empty when all are there."""
    missing = [one for one in packages if not has(one)]
    return f"pip install {' '.join(missing)}" if missing else ""


def holds_keras(path: Path) -> bool:
    """Whether an HDF5 file holds a whole network of Keras, not only weights: both names are somewhere in it."""
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return all(data.find(mark) >= 0 for mark in KERAS_MARKS)
    except (OSError, ValueError):
        return False


def has(package: str) -> bool:
    """Whether a package can be imported; it is not."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ValueError, ImportError):
        return False


def _converter(path: Path, title: str, packages: tuple[str, ...]) -> Converter:
    lacking = command_for(packages)
    name = path.absolute().parent.name if path.name == "saved_model.pb" else path.name
    command = lacking or f"pip install {' '.join(packages)}"
    sentence = f"{name} is made by {title}: it opens once its converter is installed: {command}"
    return Converter(title, packages, (command,), not lacking, sentence if lacking else "")
