"""Networks of other frameworks: which files belong to one, what it tells unopened, and what is refused.

Nothing is loaded or run. Standard library only.
"""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from compress_studio.artifacts import keras_config, refusals, tensorflow_files, tflite_files
from compress_studio.artifacts.checkpoints import look as look_at_weights
from compress_studio.artifacts.converters import WEIGHTS, Converter, find, has
from compress_studio.artifacts.hub import CONFIG, HubFolder, hub_folder
from compress_studio.artifacts.sniffing import Format
from compress_studio.base.errors import BadInput

HUB = "HUB"
"""Beside the names of formats: a folder of Hugging Face, whose files are of other formats."""
DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly")}
"""Distributions that provide a package under another name."""
BESIDES = {"KERAS": ("tensorflow", "tf2onnx", "torch", "onnxscript"), HUB: ("torch", "onnxscript")}
"""Packages on which a conversion may depend besides those that are necessary."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A network of another framework."""

    path: Path
    """What is loaded: the file, or the folder of a SavedModel or of Hugging Face."""
    kind: str
    """The name of a Format, or HUB."""
    converter: Converter
    files: tuple[Path, ...]
    """All that belong to it."""
    folder: Path
    """The folder that holds them all."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.path.name

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def versions(self) -> list[str]:
        """Versions of what converts it; the result depends on them."""
        besides = BESIDES.get("KERAS" if self.kind == Format.HDF5.name else self.kind, ())
        names = dict.fromkeys([*self.converter.packages, *besides])
        return [f"{name} {_version(name)}" for name in names if has(name)]


def foreign(path: Path, kind: Format) -> Foreign | None:
    """The network of another framework that a file or folder is; None for what is no such network.

    Whether its converter is installed is not asked. Raises BadInput for files that are missing or lead elsewhere.
    """
    converter = find(path, kind)
    if converter is None:
        return None
    if kind in WEIGHTS or kind is Format.FOLDER:
        hub = hub_folder(path)
        assert hub is not None
        return Foreign(hub.folder, HUB, converter, tuple(_hub_files(hub)), hub.folder)
    if kind is Format.SAVED_MODEL:
        folder = path if path.is_dir() else path.parent
        return Foreign(folder, kind.name, converter, tuple(tensorflow_files.saved_files(folder)), folder)
    return Foreign(path, kind.name, converter, (path,), path.parent)


def require_safe(network: Foreign) -> None:
    """Raise BadInput for a network that would run code of its own, or that cannot be converted, when loaded."""
    error: BadInput | None = None
    if network.kind == Format.KERAS.name:
        error = keras_config.refusal(network.path, keras_config.layers_of(network.path))
    elif network.kind == Format.SAVED_MODEL.name:
        error = tensorflow_files.refusal(network.name, tensorflow_files.look_saved(network.path).operators)
    elif network.kind == Format.TENSORFLOW.name:
        graph = tensorflow_files.look_graph(network.path)
        if not graph.inputs:
            raise BadInput(f"{network.name} is neither an ONNX model nor a graph of TensorFlow with inputs.", "")
        error = tensorflow_files.refusal(network.name, graph.operators)
    elif network.kind == Format.TFLITE.name:
        error = tflite_files.refusal(network.name, tflite_files.look(network.path).custom)
    elif network.kind == HUB:
        error = _hub_refusal(network)
    if error is not None:
        raise error


def missing(network: Foreign) -> BadInput | None:
    """The error that says how to install its converter; None when that is there."""
    return None if network.converter.installed else refusals.missing(network.converter)


def _hub_refusal(network: Foreign) -> BadInput | None:
    hub = hub_folder(network.path)
    assert hub is not None
    if hub.remote_code:
        listed = ", ".join(hub.remote_code[:3])
        return BadInput(
            f"{network.name} was not opened: its {CONFIG} wants to run Python code that comes with it ({listed}).",
            "Write a function that makes the network into a file of your own, and give it as architecture=FILE.py:make"
            f" with {hub.weights.name}.",
        )
    if not hub.weights.name.startswith("model.safetensors"):
        names = look_at_weights(hub.weights).foreign
        if names:
            what = "names Python pickles" if hub.weights.suffix == ".json" else "is a Python pickle"
            return BadInput(
                f"{network.name} was not opened: {hub.weights.name} {what} that would run code from the file"
                f" ({', '.join(names[:3])}).",
                "Get it as model.safetensors.",
            )
    return None


def _hub_files(hub: HubFolder) -> list[Path]:
    """The configuration and the files of weights. Raises BadInput for those that are missing or elsewhere."""
    files = [hub.folder / CONFIG, hub.weights]
    if hub.weights.suffix == ".json":
        try:
            index: Any = json.loads(hub.weights.read_text("utf-8"))
            names = sorted({str(one) for one in cast("dict[str, Any]", index["weight_map"]).values()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{hub.weights.name} is damaged.", "Copy or download it again.") from error
        for name in names:
            if Path(name).name != name or not (hub.folder / name).is_file():
                raise BadInput(f"{name}, which {hub.weights.name} names, is not beside it.", "Copy it there.")
            files.append(hub.folder / name)
    return files


def _version(package: str) -> str:
    for name in DISTRIBUTIONS.get(package, (package,)):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "?"
