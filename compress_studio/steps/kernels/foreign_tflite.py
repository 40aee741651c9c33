"""Inside the process for code: models of TensorFlow Lite, by way of tf2onnx, run by their own interpreter."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false, reportMissingModuleSource=false
# (TensorFlow is not installed everywhere.)

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress_studio.artifacts.converters import has
from compress_studio.steps.kernels.foreign_child import Entry, Original, named_shape

OPSET = 18
WAY = "tf2onnx"


def open_original(request: Mapping[str, Any]) -> Original:
    """The network, with the interpreter that says what it computes."""
    import numpy as np

    path = Path(request["path"])
    interpreter = _interpreter(path)
    rows, ends = interpreter.get_input_details(), interpreter.get_output_details()
    entries = [
        Entry(
            _plain(row["name"]), named_shape([int(one) for one in row["shape_signature"]]), np.dtype(row["dtype"]).name
        )
        for row in rows
    ]

    def run(arrays: Sequence[Any]) -> list[Any]:
        for row, array in zip(rows, arrays, strict=True):
            interpreter.resize_tensor_input(row["index"], array.shape)
        interpreter.allocate_tensors()
        for row, array in zip(rows, arrays, strict=True):
            interpreter.set_tensor(row["index"], array)
        interpreter.invoke()
        return [interpreter.get_tensor(row["index"]).copy() for row in ends]

    def write(target: Path) -> None:
        import tf2onnx

        tf2onnx.convert.from_tflite(str(path), opset=OPSET, output_path=str(target))
        _order(target, [row["name"] for row in rows], [row["name"] for row in ends])

    return Original(entries, _differ([_plain(row["name"]) for row in ends]), run, write, WAY)


def _interpreter(path: Path) -> Any:
    if has("ai_edge_litert"):
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(model_path=str(path))
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tf.lite.Interpreter(model_path=str(path))


def _plain(name: str) -> str:
    """The name that a person gave: without the signature before it and the number behind it."""
    return name.removeprefix("serving_default_").split(":")[0]


def _differ(names: list[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names)]


def _order(path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Bring inputs and outputs into the order that the interpreter has."""
    import onnx

    model = onnx.load(str(path))
    for field, names in ((model.graph.input, inputs), (model.graph.output, outputs)):
        there = {value.name: value for value in field}
        rows = [type(there[name]).FromString(there[name].SerializeToString()) for name in names]
        del field[:]
        field.extend(rows)
    onnx.save(model, str(path))
