"""The layers of a network with what each stores, and the numbers that stored weights stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.artifacts.formats import read_onnx
from compress_studio.graph.layers import people_name, weight_layers
from compress_studio.graph.tidy import lift_constants
from compress_studio.graph.weights import INTEGER_WEIGHTS, Weight, find_weights, logical_size, zeros

if TYPE_CHECKING:
    import onnx_ir as ir

LARGEST_CONE = 64
"""Nodes between stored numbers and their use; more is a computation, not a way to store weights."""
LONGEST_TAIL = 4
ELEMENTWISE = frozenset({"Add", "Sub", "Mul", "Div", "Pow"})
SCALED_AFTER = frozenset({"MatMulInteger", "ConvInteger"})
"""Operators whose integer results are multiplied with the scale of the weight by a node behind them."""
RECURRENT_INPUTS = {".input": 1, ".recurrent": 2}
RECURRENT = frozenset({"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"})
SCALE_AFTER_ZERO = {"MatMulIntegerToFloat": {0: 2, 1: 3}, "DynamicQuantizeMatMul": {1: 2}}
"""Where the scale of a weight is for operators that do not keep it right before the zero point."""


@dataclass(slots=True)
class StoredLayer:
    """One node with the weights that it reads."""

    name: str
    op: str
    node: ir.Node
    weights: list[Weight] = field(default_factory=list[Weight])
    """Matrices and kernels first, then biases and other vectors."""
    tail: list[ir.Node] = field(default_factory=list["ir.Node"])
    """Nodes behind it that scale its result and add its bias."""

    @property
    def key(self) -> str:
        """The name of the largest weight: what survives from step to step."""
        return self.weights[0].value.name or ""

    @property
    def main(self) -> list[Weight]:
        """The matrices and kernels; the vectors where there are none."""
        found = [one for one in self.weights if rank_of(one) > 1]
        return found or self.weights

    @property
    def parameters(self) -> int:
        """Numbers that its weights stand for."""
        return sum(logical_size(one) for one in self.weights)

    @property
    def zeros(self) -> tuple[int, int]:
        """How many numbers of the matrices and kernels are zero, and how many there are."""
        return sum(zeros(one) for one in self.main), sum(logical_size(one) for one in self.main)

    @property
    def bits(self) -> float:
        """Stored bits per number of the matrices and kernels, scales not counted."""
        count = sum(logical_size(one) for one in self.main)
        stored = sum(tensor.nbytes for one in self.main if (tensor := one.value.const_value) is not None)
        return round(8 * stored / max(count, 1), 2)

    @property
    def bytes(self) -> int:
        """Everything stored for it, scales and biases included."""
        seen: dict[int, int] = {}
        for node in (self.node, *self.tail):
            for value in node.inputs:
                for one in cone(value)[0]:
                    if one.const_value is not None:
                        seen[id(one)] = one.const_value.nbytes
        return sum(seen.values())


def read_network(path: str | Path) -> ir.Model:
    """A network as it is stored, tensors of Constant nodes among its initializers. Raises BadInput."""
    model = read_onnx(Path(path))
    lift_constants(model)
    return model


def stored_layers(model: ir.Model) -> list[StoredLayer]:
    """Every node with weights in the order of the nodes, those of sub-graphs last; names are unique."""
    by_node: dict[int, StoredLayer] = {}
    for weight in find_weights(model):
        one = by_node.setdefault(id(weight.reader), StoredLayer("", weight.reader.op_type, weight.reader))
        one.weights.append(weight)
    _join_tails(by_node)
    known = _known_names(model)
    ordered = [by_node.pop(id(node)) for node in model.graph if id(node) in by_node] + list(by_node.values())
    taken: dict[str, int] = {}
    for one in ordered:
        one.weights.sort(key=lambda weight: (rank_of(weight) < 2, -logical_size(weight)))
        name = known.get(id(one.node)) or _name_of(one)
        taken[name] = taken.get(name, 0) + 1
        one.name = name if taken[name] == 1 else f"{name}#{taken[name]}"
    return ordered


def values_of(model: ir.Model, weight: Weight) -> np.ndarray:
    """The numbers that a weight stands for, flat, in float32 or the type it is computed with.

    Scales, zero points, palettes and packing are undone. Integers whose scale is not stored beside them stay integers.
    """
    tensor = weight.value.const_value
    assert tensor is not None
    for value in weight.reader.inputs:
        initializers, nodes = cone(value)
        if value is not None and nodes and weight.value in initializers:
            return _evaluated(model, value, initializers, nodes).ravel()
    if weight.unpacked_by is None or weight.unpacked_by is not weight.reader:
        return tensor.numpy().ravel()
    return _integers(weight, tensor.numpy()).ravel()


def _join_tails(by_node: dict[int, StoredLayer]) -> None:
    """Count a bias that is added, or a scale that is multiplied, behind a layer with that layer."""
    for one in list(by_node.values()):
        if id(one.node) not in by_node or (rank_of(one.weights[0]) < 2 and one.node.op_type in ELEMENTWISE):
            continue
        one.tail = [node for node in _behind(one.node) if not _has_matrix(by_node.get(id(node)))]
        for node in one.tail:
            joined = by_node.pop(id(node), None)
            if joined is not None and node.op_type == "Add":
                one.weights += joined.weights


def _has_matrix(layer: StoredLayer | None) -> bool:
    return layer is not None and any(rank_of(one) > 1 and logical_size(one) > max(_sizes(one)) for one in layer.weights)


def _sizes(weight: Weight) -> tuple[int, ...]:
    tensor = weight.value.const_value
    return (1, *tensor.shape.numpy()) if tensor is not None else (1,)


def _behind(node: ir.Node) -> list[ir.Node]:
    """The nodes that only cast, scale and shift the result of a node by stored numbers."""
    found: list[ir.Node] = []
    value = node.outputs[0]
    for _ in range(LONGEST_TAIL):
        uses = list(value.uses())
        if len(uses) != 1 or value.is_graph_output() or uses[0].node.op_type not in {"Cast", "Mul", "Add"}:
            break
        after, at = uses[0].node, uses[0].idx
        if after.op_type != "Cast":
            other = after.inputs[1 - at]
            maker = other.producer() if other is not None else None
            scales = maker is not None and maker.op_type == "Mul" and any(cone(each)[0] for each in maker.inputs)
            if not cone(other)[0] and not (scales and node.op_type in SCALED_AFTER):
                break
            if scales and maker is not None:
                found.append(maker)
        found.append(after)
        value = after.outputs[0]
    return found


def _known_names(model: ir.Model) -> dict[int, str]:
    names: dict[int, str] = {}
    for layer in weight_layers(model):
        name = layer.name
        if layer.op in RECURRENT:
            for suffix in RECURRENT_INPUTS:
                name = name.replace(suffix, "")
        names.setdefault(id(layer.node), name)
    return names


def _name_of(one: StoredLayer) -> str:
    for ending in (".weight", "_weight"):
        if one.key.endswith(ending) and "::" not in one.key:
            return one.key.removesuffix(ending)
    return people_name(one.node)


def rank_of(weight: Weight) -> int:
    """Dimensions of a weight as it is used; the direction of recurrent layers does not count."""
    tensor = weight.value.const_value
    if tensor is None:
        return 0
    if weight.unpacked_by is not None and weight.unpacked_by.op_type == "Gather":
        return 2  # the indices of a palette may be stored flat
    return len(tensor.shape) - (weight.reader.op_type in RECURRENT)  # their biases are stored per direction


def cone(value: ir.Value | None) -> tuple[list[ir.Value], list[ir.Node]]:
    """The initializers behind a value and the nodes between, in running order; nothing when inputs are involved."""
    initializers: list[ir.Value] = []
    nodes: dict[int, ir.Node] = {}
    state: dict[int, bool] = {}
    stack: list[tuple[ir.Value, bool]] = [(value, False)] if value is not None else []
    while stack:
        one, back = stack.pop()
        producer = one.producer()
        if back and producer is not None:
            nodes.setdefault(id(producer), producer)
            continue
        if id(one) in state:
            continue
        state[id(one)] = True
        if producer is None:
            if one.const_value is None:
                return [], []
            initializers.append(one)
        elif not producer.inputs or producer.op_type in {"If", "Loop", "Scan"} or len(state) > LARGEST_CONE:
            return [], []
        else:
            stack.append((one, True))
            stack.extend((each, False) for each in producer.inputs if each is not None)
    return initializers, list(nodes.values())


def _evaluated(model: ir.Model, value: ir.Value, initializers: list[ir.Value], nodes: list[ir.Node]) -> np.ndarray:
    """What nodes compute from initializers only, by ONNX Runtime."""
    import onnx
    import onnx_ir as ir

    from compress_studio.graph.session import open_session, run

    graph = onnx.GraphProto(name="weights")
    graph.node.extend(ir.to_proto(node) for node in nodes)
    for one in initializers:
        assert one.const_value is not None
        tensor = onnx.TensorProto()
        tensor.CopyFrom(ir.to_proto(ir.Tensor(one.const_value.numpy(), dtype=one.const_value.dtype, name=one.name)))
        graph.initializer.append(tensor)
    graph.output.append(onnx.ValueInfoProto(name=value.name or ""))
    opsets = [onnx.helper.make_opsetid(domain, version) for domain, version in model.opset_imports.items()]
    small = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=min(max(model.ir_version, 4), 13))
    name = value.name or ""
    return run(open_session(small.SerializeToString(), optimize=False), {}, [name])[name]


def _integers(weight: Weight, array: np.ndarray) -> np.ndarray:
    """(q − zero) · scale for operators that take integers as they are."""
    node, position = weight.reader, weight.position
    if node.op_type == "MatMulNBits":
        return _blocks(node, array)
    zero_at = INTEGER_WEIGHTS.get(node.op_type, {}).get(position)
    zero = _constant(node, zero_at)
    result = array.astype(np.float32)
    if zero is not None and zero.size in {1, array.shape[0], array.shape[-1]}:
        result = result - _along(zero.astype(np.float32), array, node.op_type)
    scale = _scale(node, position, zero_at)
    if scale is not None:
        along = _along(scale.astype(np.float32), array, node.op_type)
        result = result * along if along is not None else result
    return result


def _scale(node: ir.Node, position: int, zero_at: int | None) -> np.ndarray | None:
    """The scale beside an integer weight, or the constant that the result is multiplied with later."""
    if node.op_type in {"MatMulInteger", "ConvInteger"}:
        return _scale_after(node)
    at = SCALE_AFTER_ZERO.get(node.op_type, {}).get(position, None if zero_at is None else zero_at - 1)
    return _constant(node, at)


def _scale_after(node: ir.Node) -> np.ndarray | None:
    value = node.outputs[0]
    for _ in range(2):
        use = next(iter(value.uses()), None)
        if use is None:
            return None
        if use.node.op_type == "Cast":
            value = use.node.outputs[0]
            continue
        if use.node.op_type != "Mul":
            return None
        other = use.node.inputs[1 - use.idx]
        producer = other.producer() if other is not None else None
        parts = [other, *(producer.inputs if producer is not None and producer.op_type == "Mul" else [])]
        return next((one.const_value.numpy() for one in parts if one is not None and one.const_value is not None), None)
    return None


def _along(scale: np.ndarray, array: np.ndarray, op: str) -> np.ndarray:
    """A scale or zero point in a shape that broadcasts over a weight; 1 where it fits no axis."""
    if scale.size == 1:
        return scale.reshape(())
    if scale.ndim == 2 and array.ndim == 3 and op == "DynamicQuantizeLSTM":
        return scale[:, None, :]
    axis = 0 if "Conv" in op else array.ndim - 1
    if array.shape[axis] != scale.size:
        axis = next((each for each, size in enumerate(array.shape) if size == scale.size), -1)
    if axis < 0:
        return np.ones((), np.float32)
    return scale.reshape([-1 if each == axis else 1 for each in range(array.ndim)])


def _blocks(node: ir.Node, packed: np.ndarray) -> np.ndarray:
    """The weights of MatMulNBits: N rows of K numbers in blocks with a scale each, low bits first."""
    bits, block = node.attributes.get_int("bits", 4), node.attributes.get_int("block_size", 32)
    rows, inner = node.attributes.get_int("N", 0), node.attributes.get_int("K", 0)
    blocks = -(-inner // block)
    scale = _constant(node, 2)
    zero = _constant(node, 3)
    values = _unpacked(packed.reshape(rows, -1), bits)[:, : blocks * block].reshape(rows, blocks, block)
    points: np.ndarray = np.full((rows, blocks, 1), 1 << (bits - 1), np.float32)
    if zero is not None and zero.dtype == np.uint8:
        points = _unpacked(zero.reshape(rows, -1), bits)[:, :blocks].reshape(rows, blocks, 1).astype(np.float32)
    elif zero is not None:
        points = zero.reshape(rows, blocks, 1).astype(np.float32)
    result = values.astype(np.float32) - points
    if scale is not None:
        result *= scale.reshape(rows, blocks, 1).astype(np.float32)
    return result.reshape(rows, -1)[:, :inner]


def _unpacked(packed: np.ndarray, bits: int) -> np.ndarray:
    if bits == 8:
        return packed
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return ((packed[..., None] >> shifts) & ((1 << bits) - 1)).reshape(packed.shape[0], -1)


def _constant(node: ir.Node, at: int | None) -> np.ndarray | None:
    if at is None or at >= len(node.inputs):
        return None
    value = node.inputs[at]
    return value.const_value.numpy() if value is not None and value.const_value is not None else None
