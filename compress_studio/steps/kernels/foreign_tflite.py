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

        handlers = {"TFL_GELU": (_gelu, [])}
        tf2onnx.convert.from_tflite(str(path), opset=OPSET, custom_op_handlers=handlers, output_path=str(target))
        _order(target, [row["name"] for row in rows], [row["name"] for row in ends])

    names = _differ([_signed(interpreter, row) for row in ends])
    found = Original(entries, names, run, write, WAY)
    found.rounds = any(np.dtype(row["dtype"]).itemsize == 1 for row in interpreter.get_tensor_details())
    return found


def _signed(interpreter: Any, row: Mapping[str, Any]) -> str:
    """The name of an output in the signature of the file, else its own."""
    for key in interpreter.get_signature_list():
        for name, one in interpreter.get_signature_runner(key).get_output_details().items():
            if one["index"] == row["index"]:
                return str(name)
    return _plain(row["name"])


def _gelu(ctx: Any, node: Any, name: str, args: Any) -> None:
    """What tf2onnx lacks: x/2 · (1 + erf(x/√2)), or its approximation by tanh."""
    import math

    import numpy as np

    source, target = node.input[0], node.output[0]
    dtype, shape = ctx.get_dtype(target), ctx.get_shape(target)
    attribute = node.get_attr("approximate")
    approximate = attribute is not None and bool(attribute.i or attribute.s == b"true")
    ctx.remove_node(node.name)

    def const(what: str, value: float) -> str:
        return ctx.make_const(f"{name}_{what}", np.array(value, np.float32)).output[0]

    def made(kind: str, rows: list[str], last: bool = False) -> str:
        more = {"outputs": [target]} if last else {}
        return ctx.make_node(kind, rows, dtypes=[dtype], shapes=[shape], **more).output[0]

    if approximate:
        cube = made("Mul", [made("Mul", [source, source]), source])
        inner = made("Add", [source, made("Mul", [cube, const("cubic", 0.044715)])])
        bend = made("Tanh", [made("Mul", [inner, const("scale", math.sqrt(2 / math.pi))])])
    else:
        bend = made("Erf", [made("Mul", [source, const("scale", math.sqrt(0.5))])])
    half = made("Mul", [source, const("half", 0.5)])
    made("Mul", [half, made("Add", [bend, const("one", 1.0)])], last=True)


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
