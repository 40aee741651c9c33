"""Inside the process for code: SavedModels and frozen graphs of TensorFlow, and functions of it, by way of tf2onnx."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false, reportMissingModuleSource=false
# (TensorFlow is not installed everywhere.)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compress_studio.base.errors import BadInput
from compress_studio.steps.kernels.foreign_child import Entry, Original, named_shape

OPSET = 18
"""The newest that tf2onnx knows."""
WAY = "tf2onnx"
PREFERRED = ("serving_default", "predict")
"""Signatures of a SavedModel in the order in which they are taken."""
NOT_INPUTS = frozenset({"Const", "NoOp", "Assert"})


def open_original(request: Mapping[str, Any]) -> Original:
    """The network of a SavedModel or of a frozen graph."""
    import tensorflow as tf

    path = Path(request["path"])
    if request["foreign"] == "TENSORFLOW":
        return _frozen(tf, path)
    loaded = tf.saved_model.load(str(path))
    signatures = dict(loaded.signatures)
    if not signatures:
        raise BadInput(
            f"{request['name']} holds no signature, so nothing says what its inputs are.",
            "Save it again with one: model.export(FOLDER) of Keras, or tf.saved_model.save(…, signatures=…).",
        )
    key = next((one for one in PREFERRED if one in signatures), min(signatures))
    function = signatures[key]
    specs = list(function.structured_input_signature[1].values())
    names = list(function.structured_input_signature[1])
    outputs = list(function.structured_outputs)
    found = by_function(
        lambda *rows: [function(**dict(zip(names, rows, strict=True)))[name] for name in outputs],
        [tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in zip(names, specs, strict=True)],
        outputs,
    )
    # The variables live as long as what was loaded.
    found.keep = loaded
    if len(signatures) > 1:
        others = ", ".join(sorted(one for one in signatures if one != key))
        found.notes.append(f"The signature {key} was taken; the file also holds {others}.")
    return found


def by_function(call: Callable[..., Sequence[Any]], specs: Sequence[Any], outputs: Sequence[str]) -> Original:
    """The original that a Python function of TensorFlow computes, given what its inputs are and names of outputs."""
    import tensorflow as tf

    entries = [
        Entry(spec.name, named_shape(_known(spec)), spec.dtype.as_numpy_dtype.__name__.rstrip("_")) for spec in specs
    ]
    function = tf.function(call, input_signature=list(specs), autograph=False)

    def run(arrays: Sequence[Any]) -> list[Any]:
        return [one.numpy() for one in function(*(tf.constant(one) for one in arrays))]

    def write(target: Path) -> None:
        import tf2onnx

        wrapped = tf.function(
            lambda *rows: dict(zip([f"out{place}" for place in range(len(outputs))], call(*rows), strict=True)),
            input_signature=list(specs),
            autograph=False,
        )
        tf2onnx.convert.from_function(
            wrapped,
            input_signature=list(specs),
            opset=OPSET,
            custom_op_handlers={"Erfc": (_erfc, [])},
            output_path=str(target),
        )
        _order(target, [spec.name for spec in specs], len(outputs))

    return Original(entries, list(outputs), run, write, WAY)


def _known(spec: Any) -> list[int | None]:
    if spec.shape.rank is None:
        raise BadInput(f"The input {spec.name} has no shape at all.", "Save the model with a signature that has one.")
    return list(spec.shape)


def _order(path: Path, inputs: Sequence[str], outputs: int) -> None:
    """Bring inputs and outputs into the order of the original; an input that is not used is put back."""
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    there = {value.name.split(":")[0]: value for value in graph.input}
    missing = [name for name in inputs if name not in there]
    if missing:
        raise BadInput(f"The converted network does not use the input {missing[0]}.", "")
    rows = [there[name] for name in inputs]
    made = {value.name.split(":")[0]: value for value in graph.output}
    ends = [made[f"out{place}"] for place in range(outputs)]
    for field, values in ((graph.input, rows), (graph.output, ends)):
        copies = [type(value).FromString(value.SerializeToString()) for value in values]
        del field[:]
        field.extend(copies)
    onnx.save(model, str(path))


def _erfc(ctx: Any, node: Any, name: str, args: Any) -> None:
    """What tf2onnx lacks: erfc(x) = 1 - erf(x)."""
    import numpy as np

    dtype = ctx.get_dtype(node.output[0])
    shape = ctx.get_shape(node.output[0])
    source, target = node.input[0], node.output[0]
    ctx.remove_node(node.name)
    from onnx import helper

    one = ctx.make_const(f"{name}_one", np.ones((), helper.tensor_dtype_to_np_dtype(dtype)))
    erf = ctx.make_node("Erf", [source], name=f"{name}_erf", dtypes=[dtype], shapes=[shape])
    ctx.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=[target], dtypes=[dtype], shapes=[shape])


def _frozen(tf: Any, path: Path) -> Original:
    """A graph whose inputs are its placeholders and whose outputs nobody reads."""
    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(path.read_bytes())
    starts = [node for node in definition.node if node.op == "Placeholder"]
    read = {name.lstrip("^").split(":")[0] for node in definition.node for name in node.input}
    ends = [node.name for node in definition.node if node.name not in read and node.op not in NOT_INPUTS]
    ends = [name for name in ends if name not in {node.name for node in starts}]
    if any(node.op.startswith(("Variable", "VarHandle")) for node in definition.node):
        raise BadInput(
            f"{path.name} is a graph without its weights: they are in a checkpoint.",
            "Save it where it was made as a SavedModel, or freeze it.",
        )
    if not starts or not ends:
        raise BadInput(f"{path.name} has no placeholders or no outputs, so it is no network that can be run.", "")
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(definition, name=""), [])
    graph = wrapped.graph
    tensors = [graph.as_graph_element(f"{node.name}:0") for node in starts]
    function = wrapped.prune(tensors, [graph.as_graph_element(f"{name}:0") for name in ends])
    specs = [tf.TensorSpec(one.shape, one.dtype, name=node.name) for one, node in zip(tensors, starts, strict=True)]
    return by_function(lambda *rows: list(function(*rows)), specs, ends)
