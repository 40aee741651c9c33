"""Simplifying a graph without changing what it computes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph import rewrite
from compress_studio.graph.layers import people_name, set_array

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.shapes import Shapes

SMALL_BYTES = 4096
"""A folded constant of at most this size is always welcome."""
NEVER_FOLDED = frozenset(
    {"DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear", "If", "Loop", "Scan", "Constant"}
    | {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
FLOAT_KINDS = frozenset({"FLOAT", "FLOAT16", "DOUBLE"})
NUMPY_KINDS = FLOAT_KINDS | {"INT64", "INT32", "INT16", "INT8", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL"}
FEW = 16
"""Elements up to which a stored tensor is a setting rather than a weight."""


@dataclass(slots=True)
class Simplified:
    """What was done to a graph."""

    folded_constants: int = 0
    removed_nodes: int = 0
    folded_norms: int = 0
    shared_weights: int = 0
    layers: set[str] = field(default_factory=set[str])
    """Names of the initializers of layers whose stored weights changed."""
    left: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Batch norms that stay, with the reason."""


def fold_constants(model: ir.Model, check: Callable[[], None]) -> int:
    """Compute nodes whose inputs are all stored, where that does not make the file bigger; returns how many.

    Weights that are stored small and unpacked by nodes (Cast, DequantizeLinear, a palette) stay as they are.
    """
    count = 0
    for node in list(model.graph):
        check()
        if not _foldable(node):
            continue
        results = _evaluate(model, node)
        if results is None or not _worth(node, results):
            continue
        for output, array in zip(node.outputs, results, strict=True):
            if output.uses():
                rewrite.replace_uses(output, rewrite.add_initializer(model, f"{output.name}_folded", array))
        model.graph.remove(node, safe=True)
        count += 1
    rewrite.remove_unused(model)
    return count


def remove_no_ops(model: ir.Model, shapes: Shapes) -> int:
    """Remove nodes that hand on their input unchanged; returns how many."""
    count = 0
    for node in list(model.graph):
        source = node.inputs[0] if node.inputs else None
        if source is None or node.domain not in {"", "ai.onnx"} or not _does_nothing(node, shapes):
            continue
        if node.op_type in {"Add", "Mul"} and _is_number(source, 0.0 if node.op_type == "Add" else 1.0):
            source = node.inputs[1]
        result = node.outputs[0]
        if source is None or (result.is_graph_output() and (source.producer() is None or source.is_graph_output())):
            continue
        rewrite.replace_uses(result, source)
        model.graph.remove(node, safe=True)
        count += 1
    return count


def fold_norms(model: ir.Model, shapes: Shapes, done: Simplified) -> None:
    """Fold every batch norm into the layer before it: w' = w·γ/√(σ² + ε), b' = (b − μ)·γ/√(σ² + ε) + β.

    In exact arithmetic the outputs stay the same; in float32 they differ by rounding.
    """
    for node in list(model.graph):
        if node.op_type != "BatchNormalization":
            continue
        reason = _fold_norm(model, node, shapes, done)
        if reason:
            done.left.append((people_name(node), reason))


def share_equal_weights(model: ir.Model) -> int:
    """Store equal tensors of two and more dimensions once; returns how many copies went away."""
    first: dict[tuple[str, tuple[int, ...], bytes], ir.Value] = {}
    count = 0
    for name, value in list(model.graph.initializers.items()):
        tensor = value.const_value
        if tensor is None or len(tensor.shape) < 2 or value.is_graph_output() or value.is_graph_input():
            continue
        digest = hashlib.blake2b(tensor.tobytes(), digest_size=20).digest()
        known = first.setdefault((tensor.dtype.name, tuple(tensor.shape.numpy()), digest), value)
        if known is not value:
            rewrite.replace_uses(value, known)
            del model.graph.initializers[name]
            count += 1
    return count


def _foldable(node: ir.Node) -> bool:
    if node.domain not in {"", "ai.onnx"} or node.op_type in NEVER_FOLDED:
        return False
    if any(value.is_graph_output() for value in node.outputs):
        return False
    present = [value for value in node.inputs if value is not None]
    if any(value.const_value is None or value.producer() is not None or value.is_graph_input() for value in present):
        return False
    return bool(present) and not _unpacks(node) and not _tied(node)


def _unpacks(node: ir.Node) -> bool:
    """Whether a node turns a small stored form of a weight into a larger one."""
    stored = node.inputs[1 if node.op_type == "Gather" and len(node.inputs) > 1 else 0]
    if stored is None or stored.const_value is None or stored.const_value.size <= FEW:
        return False
    return node.op_type in {"Cast", "Gather"}


def _tied(node: ir.Node) -> bool:
    """Whether a node reads a weight matrix that others read too: a copy of it would cut the tie."""
    return any(
        value is not None
        and value.dtype is not None
        and value.dtype.name in FLOAT_KINDS
        and value.const_value is not None
        and len(value.const_value.shape) > 1
        and value.const_value.size > FEW
        and any(use.node is not node for use in value.uses())
        for value in node.inputs
    )


def _worth(node: ir.Node, results: list[np.ndarray]) -> bool:
    """Whether storing the results takes no more than the inputs that are then unused."""
    made = sum(array.nbytes for array in results)
    inputs = {id(value): value for value in node.inputs if value is not None}
    freed = sum(
        value.const_value.nbytes
        for value in inputs.values()
        if value.const_value is not None and all(use.node is node for use in value.uses())
    )
    return made <= max(SMALL_BYTES, freed)


def _evaluate(model: ir.Model, node: ir.Node) -> list[np.ndarray] | None:
    """The outputs of one node on stored inputs, by ONNX Runtime; None when it does not compute them."""
    import onnx
    import onnx_ir as ir

    from compress_studio.graph.session import open_session, run

    feeds: dict[str, np.ndarray] = {}
    proto = ir.to_proto(node)
    inputs: list[onnx.ValueInfoProto] = []
    for value in {id(each): each for each in node.inputs if each is not None}.values():
        assert value.const_value is not None
        if value.dtype is None or value.dtype.name not in NUMPY_KINDS:
            return None
        feeds[value.name or ""] = value.const_value.numpy()
        shape = list(value.const_value.shape.numpy())
        inputs.append(onnx.helper.make_tensor_value_info(value.name or "", value.dtype.value, shape))
    names = [value.name or "" for value in node.outputs]
    outputs = [onnx.ValueInfoProto(name=name) for name in names if name]
    graph = onnx.helper.make_graph([proto], "constant", inputs, outputs)
    opset = onnx.helper.make_opsetid("", model.opset_imports.get("", 1))
    small = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=min(model.ir_version, 13))
    try:
        results = run(open_session(small.SerializeToString(), optimize=False), feeds)
    except Exception:  # noqa: BLE001 - a node that cannot be computed alone simply stays
        return None
    return [results[name] if name else np.zeros(0, np.float32) for name in names]


def _does_nothing(node: ir.Node, shapes: Shapes) -> bool:
    op, inputs, attributes = node.op_type, node.inputs, node.attributes
    if op == "Identity":
        return True
    if op == "Dropout":
        training = inputs[2] if len(inputs) > 2 else None
        asked = len(node.outputs) > 1 and bool(node.outputs[1].uses() or node.outputs[1].is_graph_output())
        return not asked and (training is None or _is_number(training, 0.0))
    if op == "Cast":
        source = inputs[0]
        kind = shapes.dtype(source.name) if source is not None else None
        return kind is not None and kind.value == attributes.get_int("to", 0)
    if op == "Transpose":
        order = attributes.get_ints("perm", ())
        return bool(order) and list(order) == sorted(order)
    if op == "Pad":
        pads = inputs[1] if len(inputs) > 1 else None
        return pads is not None and pads.const_value is not None and not pads.const_value.numpy().any()
    if op in {"Add", "Mul"}:
        return any(_is_neutral(node, index, shapes) for index in (0, 1))
    return op in {"Sub", "Div"} and _is_neutral(node, 1, shapes)


def _is_neutral(node: ir.Node, index: int, shapes: Shapes) -> bool:
    """Whether an input is the one number (0 for sums, 1 for products) that leaves the other as it is."""
    number, other = node.inputs[index], node.inputs[1 - index]
    if number is None or other is None or not _is_number(number, 0.0 if node.op_type in {"Add", "Sub"} else 1.0):
        return False
    size, rank = shapes.of(other.name), len(number.const_value.shape) if number.const_value is not None else 0
    return size is not None and len(size) >= rank


def _is_number(value: ir.Value, number: float) -> bool:
    tensor = value.const_value
    if tensor is None or value.producer() is not None or tensor.size != 1 or value.is_graph_input():
        return False
    return bool(tensor.numpy().reshape(-1)[0] == number)


def _fold_norm(model: ir.Model, node: ir.Node, shapes: Shapes, done: Simplified) -> str:
    """Fold one batch norm; returns why not, or nothing when it is done."""
    source = node.inputs[0]
    stats = [value.const_value for value in node.inputs[1:5] if value is not None]
    if source is None or len(stats) < 4 or any(tensor is None for tensor in stats):
        return "its statistics are computed by the network"
    if node.attributes.get_int("training_mode", 0) == 1:
        return "it computes statistics of the batch"
    gamma, beta, mean, variance = (tensor.numpy().astype(np.float64) for tensor in stats if tensor is not None)
    scale = gamma / np.sqrt(np.maximum(variance + node.attributes.get_float("epsilon", 1e-5), 1e-30))
    if not np.isfinite(scale).all() or (variance < 0).any():
        return "its statistics are no numbers"
    layer = source.producer()
    if layer is None:
        return "it follows an input of the network"
    added: ir.Node | None = None
    if layer.op_type == "Add" and _one_reader(source):
        added, layer = layer, _matmul_before(layer)
    if layer is None or layer.op_type not in {"Conv", "ConvTranspose", "Gemm", "MatMul"}:
        return f"it follows {source.producer().op_type}, not a layer with weights"  # pyright: ignore[reportOptionalMemberAccess]
    if not _one_reader(source) or (added is not None and not _one_reader(layer.outputs[0])):
        return "the layer before it is also read elsewhere"
    if layer.op_type in {"Gemm", "MatMul"} and len(shapes.of(node.outputs[0].name) or ()) != 2:
        return "it does not normalize the outputs of the layer before it"
    return _fold_into(model, node, layer, added, _Affine(scale, beta - mean * scale), done)


@dataclass(frozen=True, slots=True)
class _Affine:
    """y = scale · x + shift, for each channel."""

    scale: np.ndarray
    shift: np.ndarray


def _fold_into(
    model: ir.Model, node: ir.Node, layer: ir.Node, added: ir.Node | None, affine: _Affine, done: Simplified
) -> str:
    weight = layer.inputs[1]
    if weight is None or weight.const_value is None or weight.dtype is None or weight.dtype.name not in FLOAT_KINDS:
        return "the weights of the layer before it are not plain numbers"
    if len(weight.uses()) != 1 or weight.is_graph_output():
        return "the weights of the layer before it are shared"
    array = weight.const_value.numpy()
    groups = layer.attributes.get_int("group", 1)
    axis = _channel_axis(layer, array.ndim)
    if array.shape[axis] * (groups if layer.op_type == "ConvTranspose" else 1) != affine.scale.size:
        return "it does not normalize the outputs of the layer before it"
    bias, problem = _bias(layer, added, affine.scale.size)
    if problem:
        return problem
    set_array(weight, _scaled(array, affine.scale, axis, layer, groups).astype(array.dtype))
    shifted = affine.shift if bias is None else bias * affine.scale + affine.shift
    if not _store_bias(model, layer, added, shifted.astype(array.dtype)):
        _add_behind(model, node, layer, shifted.astype(array.dtype))
    else:
        rewrite.replace_uses(node.outputs[0], node.inputs[0])  # pyright: ignore[reportArgumentType]
        model.graph.remove(node, safe=True)
    done.folded_norms += 1
    done.layers.add(weight.name or "")
    return ""


def _channel_axis(layer: ir.Node, rank: int) -> int:
    if layer.op_type == "Conv":
        return 0
    if layer.op_type == "ConvTranspose":
        return 1
    if layer.op_type == "Gemm":
        return 0 if layer.attributes.get_int("transB", 0) else 1
    return rank - 1


def _scaled(array: np.ndarray, scale: np.ndarray, axis: int, layer: ir.Node, groups: int) -> np.ndarray:
    wide = array.astype(np.float64)
    if layer.op_type == "ConvTranspose":
        # Channels of group g are made from the input channels of group g: [in, out/groups, …].
        parts = wide.reshape(groups, array.shape[0] // groups, *array.shape[1:])
        factors = scale.reshape(groups, 1, array.shape[1], *([1] * (array.ndim - 2)))
        return (parts * factors).reshape(array.shape)
    return wide * scale.reshape([-1 if each == axis else 1 for each in range(array.ndim)])


def _bias(layer: ir.Node, added: ir.Node | None, channels: int) -> tuple[np.ndarray | None, str]:
    """The present bias, one number per channel, and why it cannot be folded."""
    if layer.op_type == "Gemm" and layer.attributes.get_float("beta", 1.0) != 1.0:
        return None, "the bias of the layer before it is scaled"
    if added is not None:
        value = added.inputs[1] if added.inputs[0] is layer.outputs[0] else added.inputs[0]
    else:
        value = layer.inputs[2] if len(layer.inputs) > 2 else None
    if value is None:
        return None, ""
    if value.const_value is None or value.producer() is not None:
        return None, "the bias of the layer before it is computed by the network"
    array = value.const_value.numpy().astype(np.float64).reshape(-1)
    if array.size not in {1, channels}:
        return None, "the bias of the layer before it is not one number per channel"
    return np.broadcast_to(array, (channels,)), ""


def _store_bias(model: ir.Model, layer: ir.Node, added: ir.Node | None, bias: np.ndarray) -> bool:
    """Give the layer (or the Add behind it) a new bias; False when there is no place for one."""
    if added is None and layer.op_type == "MatMul":
        return False
    stem = f"{people_name(layer)}.bias"
    if added is not None:
        index = 1 if added.inputs[0] is layer.outputs[0] else 0
        added.replace_input_with(index, _new_bias(model, added.inputs[index], stem, bias))
        return True
    if len(layer.inputs) < 3:
        layer.resize_inputs(3)
    layer.replace_input_with(2, _new_bias(model, layer.inputs[2], stem, bias))
    return True


def _new_bias(model: ir.Model, old: ir.Value | None, stem: str, bias: np.ndarray) -> ir.Value:
    if old is not None and len(old.uses()) == 1 and not old.is_graph_output():
        set_array(old, bias)
        return old
    return rewrite.add_initializer(model, stem, bias)


def _add_behind(model: ir.Model, norm: ir.Node, layer: ir.Node, bias: np.ndarray) -> None:
    """Put an Add with the bias in the place of a batch norm."""
    import onnx_ir as ir

    value = rewrite.add_initializer(model, f"{people_name(layer)}.bias", bias)
    name = rewrite.fresh_name(model, f"{layer.name}_bias")
    added = ir.node("Add", [layer.outputs[0], value], name=name)
    added.outputs[0].name = name
    model.graph.insert_after(layer, [added])
    rewrite.replace_uses(norm.outputs[0], added.outputs[0])
    model.graph.remove(norm, safe=True)


def _matmul_before(added: ir.Node) -> ir.Node | None:
    for value in added.inputs:
        producer = value.producer() if value is not None else None
        if producer is not None and producer.op_type == "MatMul":
            return producer
    return None


def _one_reader(value: ir.Value) -> bool:
    return len(value.uses()) == 1 and not value.is_graph_output()


def largest_difference(model: ir.Model, feeds: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """How far the outputs are from those expected, relative to their largest value."""
    from compress_studio.graph import canonical
    from compress_studio.graph.session import open_session, run

    return canonical.largest_difference(expected, run(open_session(model), feeds))
