"""Inside the process for code: models of Keras, by way of TensorFlow where that is installed, else of PyTorch."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false, reportMissingModuleSource=false
# (Keras is not installed everywhere.)

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress_studio.artifacts.converters import has
from compress_studio.artifacts.keras_config import foreign_layers, refusal
from compress_studio.base.errors import BadInput
from compress_studio.steps.kernels.foreign_child import Entry, Original, named_shape

TORCH_WAY = "Keras on PyTorch"


def open_original(request: Mapping[str, Any]) -> Original:
    """The model; what it may hold besides layers of Keras itself has been refused before, or is here."""
    path = Path(request["path"])
    if request["foreign"] == "HDF5":
        _refuse_foreign(path)
    with_tensorflow = has("tensorflow") and has("tf2onnx") and not request.get("torch")
    os.environ["KERAS_BACKEND"] = "tensorflow" if with_tensorflow else "torch"
    import keras

    # Keras only knows files by their ending.
    link = Path.cwd() / ("model.keras" if request["foreign"] == "KERAS" else "model.h5")
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(path.absolute())
    except OSError:
        # Systems and users that may not make links.
        shutil.copyfile(path, link)
    model: Any = keras.saving.load_model(str(link), compile=False, safe_mode=True)
    if not getattr(model, "inputs", None):
        raise BadInput(
            f"{request['name']} does not say what its inputs are.",
            "Give it an Input layer where it was made, call it once, and save it again.",
        )
    inner = getattr(model, "_functional", None) or model
    outputs = _names(getattr(inner, "output_names", ()), model.outputs)
    # The first input of the model in its own structure: a single tensor, a list or a dictionary.
    structure = getattr(inner, "_inputs_struct", None)

    def call(*rows: Any) -> list[Any]:
        given = keras.tree.pack_sequence_as(structure, list(rows)) if structure is not None else rows[0]
        return keras.tree.flatten(model(given, training=False))

    return _by_tensorflow(model, call, outputs) if with_tensorflow else _by_torch(model, call, outputs)


def _refuse_foreign(path: Path) -> None:
    """Look at the configuration inside of an HDF5 file before Keras does."""
    import h5py

    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
    if text is None:
        raise BadInput(f"{path.name} holds weights only, not the network.", "Save the whole model: model.save(FILE).")
    error = refusal(path, foreign_layers(json.loads(text)))
    if error is not None:
        raise error


def _names(given: Sequence[str], outputs: Sequence[Any]) -> list[str]:
    """Names of outputs that differ from one another."""
    names = [str(one) for one in given] if len(given) == len(outputs) else [one.name for one in outputs]
    return [name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names)]


def _by_tensorflow(model: Any, call: Any, outputs: list[str]) -> Original:
    import tensorflow as tf

    from compress_studio.steps.kernels.foreign_tensorflow import by_function

    specs = [tf.TensorSpec([None, *one.shape[1:]], one.dtype, name=one.name) for one in model.inputs]
    found = by_function(call, specs, outputs)
    found.way = "Keras and tf2onnx"
    return found


def _by_torch(model: Any, call: Any, outputs: list[str]) -> Original:
    import torch

    from compress_studio.steps.kernels.foreign_torch import write_module

    entries = [Entry(one.name, named_shape([None, *one.shape[1:]]), str(one.dtype), high=2) for one in model.inputs]

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(call(*rows))

    whole = Whole().eval()

    def run(arrays: Sequence[Any]) -> list[Any]:
        with torch.no_grad():
            return [one.numpy() for one in whole(*map(torch.from_numpy, arrays))]

    return Original(entries, outputs, run, lambda target: write_module(whole, entries, target), TORCH_WAY)
