"""The layers of a network that carry weights, as every step sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})
PRODUCTS = frozenset({"Gemm", "MatMul"})
UNPACKING = frozenset({"Cast", "DequantizeLinear", "Transpose", "Reshape", "Identity", "Squeeze", "Unsqueeze"})
"""Operators between a stored weight and its use that hand on every value of their first input."""
FLOATS = frozenset({"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"})
SCALED = frozenset({"Mul", "Sub"})
"""Operators that turn stored integers into weights: (q − z) · s. A float behind them is something else."""
STORING = SCALED | {"Cast", "DequantizeLinear", "Transpose", "Gather", "Reshape", "Identity"}
LONGEST_UNPACKING = 12
"""Nested additions and multiplications in the way a weight is stored; a deeper nest is the network itself."""
EXPORTER_NAME = re.compile(r"^(onnx::|val_|_?\d+$|p_|node_|const_fold_|\w+_quant$)")


@dataclass(frozen=True, slots=True)
class WeightLayer:
    """One use of a weight by a node. A node of a recurrent layer gives two: input and recurrent weights."""

    name: str
    """What people recognise: "layers.0.conv1"; unique within the network."""
    node: ir.Node
    op: str
    """Operator type: Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU, RNN or Gather (an embedding)."""
    index: int
    """Which input of the node the weight is."""
    weight: ir.Value
    """The initializer that stores it."""
    through: tuple[str, ...]
    """Operators between the initializer and the node: () plain, ("Cast",) stored in half precision,
    ("DequantizeLinear",) or ("Cast", "Mul") quantized, ("Gather", …) a palette, …"""
    out_axis: int
    """Axis of the weight that counts output channels (rows of an embedding for Gather)."""
    in_axis: int
    """Axis of the weight that counts input channels (per group for Conv)."""
    groups: int = 1
    bias: ir.Value | None = None
    """The initializer of the node's own bias input, if any."""

    @property
    def array(self) -> np.ndarray:
        """The stored values; a copy-on-write view, never to be written to."""
        assert self.weight.const_value is not None
        return self.weight.const_value.numpy()

    @property
    def plain(self) -> bool:
        """True when the weight is a float initializer used directly."""
        return not self.through and self.weight.dtype is not None and self.weight.dtype.name in FLOATS

    @property
    def key(self) -> str:
        """The name of the initializer: what survives from step to step."""
        return self.weight.name or ""


def weight_layers(model: ir.Model, *, embeddings: bool = True) -> list[WeightLayer]:
    """Every layer with weights in the main graph, in the order of the nodes.

    Weights inside the branches of If and Loop are not listed: steps leave them alone.
    """
    found: list[WeightLayer] = []
    taken: dict[str, int] = {}
    for node in model.graph:
        for index in _weight_inputs(node, embeddings=embeddings):
            value = node.inputs[index]
            if value is None:
                continue
            stored, through = _stored(value)
            if stored is None or stored.shape is None or len(stored.shape) < 2:
                continue
            name = _name(node, stored, index)
            taken[name] = taken.get(name, 0) + 1
            if taken[name] > 1:
                name = f"{name}#{taken[name]}"
            rank = len(stored.shape)
            out_axis, in_axis = (_stored_axis(value, axis, rank) for axis in _axes(node, index, rank))
            groups = node.attributes.get_int("group", 1) if node.op_type in CONVOLUTIONS else 1
            found.append(
                WeightLayer(name, node, node.op_type, index, stored, through, out_axis, in_axis, groups, _bias(node))
            )
    return found


def set_array(value: ir.Value, array: np.ndarray) -> None:
    """Give an initializer new contents; its name stays, type and shape follow the array."""
    import onnx_ir as ir

    tensor = ir.Tensor(array, name=value.name)
    value.const_value = tensor
    value.shape = ir.Shape(array.shape)
    value.type = ir.TensorType(tensor.dtype)


def uses_of(value: ir.Value) -> int:
    """How many inputs of nodes read a value; above 1 a weight is shared (tied)."""
    return len(value.uses())


def people_name(node: ir.Node) -> str:
    """A node's name as people know it: scopes joined by dots, without the operator at the end.

    "/layers/layers.0/conv1/Conv" is "layers.0.conv1"; scopes that an exporter noted beside the node win.
    """
    noted = scope_name(node)
    if noted:
        return noted
    kept: list[str] = []
    for part in (node.name or "").split("/"):
        if not part:
            continue
        if kept and part.startswith(kept[-1] + "."):
            kept.pop()
        kept.append(part)
    if kept and len(kept) > 1 and _is_operator(kept[-1], node.op_type):
        kept.pop()
    last, _, tail = kept[-1].rpartition(".") if kept else ("", "", "")
    if last and _is_operator(tail, node.op_type):
        kept[-1] = last
    return ".".join(kept) or f"{node.op_type}"


def scope_name(node: ir.Node) -> str:
    """The part of the network that a node belongs to, as the exporter of PyTorch 2 notes it; else empty."""
    noted = node.metadata_props.get("pkg.torch.onnx.name_scopes", "")
    scopes = re.findall(r"'([^']*)'|\"([^\"]*)\"", noted)
    parts = [one or two for one, two in scopes]
    inner = parts[-2] if len(parts) > 1 else ""
    return inner if not inner.startswith("_empty_nn_module_stack") else ""


def _is_operator(part: str, op: str) -> bool:
    return re.fullmatch(rf"(node_)?{re.escape(op)}(_\d+)?", part) is not None


def _name(node: ir.Node, stored: ir.Value, index: int) -> str:
    weight = stored.name or ""
    suffix = {1: ".input", 2: ".recurrent"}[index] if node.op_type in RECURRENT else ""
    if weight.endswith(".weight") and not EXPORTER_NAME.match(weight):
        return weight.removesuffix(".weight") + suffix
    name = people_name(node)
    if name == node.op_type and weight and not EXPORTER_NAME.match(weight):
        return weight + suffix
    return name + suffix


def _weight_inputs(node: ir.Node, *, embeddings: bool) -> Iterator[int]:
    if node.domain not in {"", "ai.onnx"}:
        return
    if node.op_type in CONVOLUTIONS and len(node.inputs) > 1:
        yield 1
    elif node.op_type in PRODUCTS and len(node.inputs) > 1:
        yield 1
        yield 0
    elif node.op_type in RECURRENT:
        yield from (1, 2)
    elif node.op_type == "Gather" and embeddings and node.attributes.get_int("axis", 0) == 0:
        yield 0


def _stored(value: ir.Value) -> tuple[ir.Value | None, tuple[str, ...]]:
    """The initializer behind a weight input and the operators between, first use first."""
    passed: list[str] = []
    while True:
        if value.const_value is not None and value.producer() is None:
            if passed or (value.dtype is not None and value.dtype.name in FLOATS):
                return value, tuple(reversed(passed))
            return None, ()
        producer = value.producer()
        first = _handed_on(producer) if producer is not None else None
        if producer is None or first is None:
            return None, ()
        passed.append(producer.op_type)
        value = first


def _stored_axis(value: ir.Value, axis: int, rank: int) -> int:
    """The axis of the initializer that is this axis of the value: Transpose nodes between move it."""
    producer = value.producer()
    while producer is not None:
        if producer.op_type == "Transpose":
            order = producer.attributes.get_ints("perm", tuple(reversed(range(rank))))
            axis = order[axis] if axis < len(order) else axis
        below = _handed_on(producer)
        producer = below.producer() if below is not None else None
    return axis


def _handed_on(node: ir.Node, depth: int = LONGEST_UNPACKING) -> ir.Value | None:
    """The input of an unpacking node that holds the weights; None for a node that computes."""
    if node.op_type in UNPACKING | {"Mod", "Slice"}:  # the last two take packed indices of a palette apart
        return node.inputs[0]
    if node.op_type == "Gather":
        return node.inputs[1] if _is_palette(node) else None
    if node.op_type in {"Add", "Sub", "Mul", "Div"}:
        first = _stored_size(node.inputs[0], depth - 1) if depth else None
        second = _stored_size(node.inputs[1], depth - 1) if first is not None else None
        if first is not None and second is not None:
            return node.inputs[0] if first >= second else node.inputs[1]
    return None


def _stored_size(value: ir.Value | None, depth: int) -> int | None:
    """Elements of the initializer behind a value; None when it is computed from an input of the network."""
    while value is not None:
        if value.const_value is not None:
            return value.const_value.size
        producer = value.producer()
        value = _handed_on(producer, depth) if producer is not None else None
    return None


def _is_palette(node: ir.Node) -> bool:
    codebook = node.inputs[0]
    return codebook is not None and codebook.const_value is not None and len(codebook.const_value.shape) == 1


def _axes(node: ir.Node, index: int, rank: int) -> tuple[int, int]:
    if node.op_type == "Conv":
        return 0, 1
    if node.op_type == "ConvTranspose":
        return 1, 0
    if node.op_type in RECURRENT:
        return 1, 2
    if node.op_type == "Gather":
        return 0, 1
    if node.op_type == "Gemm":
        transposed = node.attributes.get_int("transB" if index == 1 else "transA", 0) == 1
        out_axis = int(index == 1) ^ int(transposed)
        return out_axis, 1 - out_axis
    return (rank - 1, rank - 2) if index == 1 else (rank - 2, rank - 1)


def _bias(node: ir.Node) -> ir.Value | None:
    position = 3 if node.op_type in RECURRENT else 2
    if node.op_type not in CONVOLUTIONS | RECURRENT | {"Gemm"} or len(node.inputs) <= position:
        return None
    value = node.inputs[position]
    return value if value is not None and value.const_value is not None else None
