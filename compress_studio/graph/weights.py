"""Which stored tensors are weights, how many there logically are, and how many of them are zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.palettes import indices_of

if TYPE_CHECKING:
    import onnx_ir as ir

FLOATS = frozenset({"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "FLOAT8E4M3FN", "FLOAT8E5M2", "FLOAT4E2M1"})
SMALL_INTEGERS = frozenset({"INT8", "UINT8", "INT4", "UINT4", "INT2", "UINT2", "INT16", "UINT16"})
LINE = frozenset({"Cast", "Reshape", "Transpose", "Identity", "Squeeze", "Unsqueeze", "DequantizeLinear", "Flatten"})
"""Operators that hand on a stored tensor with all its values (their first input)."""
MEASURING = frozenset({"Shape", "Size"})
"""Operators that look at the size of a tensor, not at its values."""
ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div"})
INTEGER_WEIGHTS: Mapping[str, Mapping[int, int | None]] = {
    "QLinearConv": {3: 5, 8: None},
    "QLinearConvTranspose": {3: 5, 8: None},
    "ConvInteger": {1: 3},
    "MatMulInteger": {0: 2, 1: 3},
    "QLinearMatMul": {0: 2, 3: 5},
    "QGemm": {0: 2, 3: 5, 6: None},
    "DynamicQuantizeMatMul": {1: 3},
    "MatMulIntegerToFloat": {0: 4, 1: 5},
    "DynamicQuantizeLSTM": {1: 9, 2: 11},
    "QAttention": {1: 7},
    "MatMulNBits": {1: 3},
    "GatherBlockQuantized": {0: 3},
}
"""Operators on integers: which inputs are weights, and which input is the zero point of each."""
SCALES: Mapping[str, frozenset[int]] = {
    "QuantizeLinear": frozenset({1, 2}),
    "DequantizeLinear": frozenset({1, 2}),
    "QLinearConv": frozenset({1, 2, 4, 5, 6, 7}),
    "QLinearConvTranspose": frozenset({1, 2, 4, 5, 6, 7}),
    "QLinearMatMul": frozenset({1, 2, 4, 5, 6, 7}),
    "QGemm": frozenset({1, 2, 4, 5, 7, 8}),
    "ConvInteger": frozenset({2, 3}),
    "MatMulInteger": frozenset({2, 3}),
    "DynamicQuantizeMatMul": frozenset({2, 3}),
    "MatMulIntegerToFloat": frozenset({2, 3, 4, 5}),
    "DynamicQuantizeLSTM": frozenset({8, 9, 10, 11}),
    "QAttention": frozenset({3, 4, 6, 7}),
    "MatMulNBits": frozenset({2, 3, 4}),
    "GatherBlockQuantized": frozenset({2, 3}),
    "Clip": frozenset({1, 2}),
    "Pad": frozenset({1, 2, 3}),
    "Resize": frozenset({1, 2, 3}),
    "Upsample": frozenset({1}),
    "Where": frozenset({0}),
}
"""Inputs that are settings of an operator, not weights."""
LEARNED_SCALARS = frozenset(
    {"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization", "PRelu"}
)
"""Operators whose inputs are weights even when they hold one number."""


PIECE = 1 << 24
"""Elements that are looked at together."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A stored tensor that is a weight."""

    value: ir.Value
    reader: ir.Node
    """The first node that computes with it, behind the operators that unpack it."""
    unpacked_by: ir.Node | None
    """The node that reads the stored form, when it is not plain."""
    position: int
    """Which input of that node (of the reader, when plain) it is."""


def find_weights(model: ir.Model) -> Iterator[Weight]:
    """Every initializer that is a weight, sub-graphs included; scales, zero points, sizes and settings are none."""
    constant = _ConstantNodes()
    for graph in model.graphs():
        for value in graph.initializers.values():
            if value.const_value is None or value.dtype is None:
                continue
            found = _trace(value, constant)
            if found is not None:
                yield found


def logical_size(weight: Weight) -> int:
    """How many numbers a weight stands for: two to a byte where four bits are packed."""
    node, tensor = weight.unpacked_by, weight.value.const_value
    assert tensor is not None
    if node is not None and node.op_type == "MatMulNBits":
        return node.attributes.get_int("N", 0) * node.attributes.get_int("K", 0)
    if node is not None and node.op_type == "GatherBlockQuantized" and tensor.dtype.name == "UINT8":
        return tensor.size * (8 // node.attributes.get_int("bits", 4))
    indices = indices_of(node) if node is not None and node.op_type == "Gather" else None
    return tensor.size if indices is None else indices.size


def zeros(weight: Weight) -> int:
    """How many of the numbers that a weight stands for are zero."""
    node, tensor = weight.unpacked_by, weight.value.const_value
    assert tensor is not None
    array = tensor.numpy()
    if node is None:
        return int(array.size - sum(np.count_nonzero(piece) for piece in pieces(array)))
    if node.op_type == "MatMulNBits":
        return _packed_zeros(node, array)
    if node.op_type == "Gather":
        codebook = _array(node.inputs[0])
        indices = indices_of(node)
        return 0 if codebook is None or indices is None else int((codebook == 0)[indices].sum())
    zero = _zero_point(node, weight.position)
    if zero is None:
        return int(array.size - np.count_nonzero(array))
    return int((array.astype(np.int64) == _spread(zero.astype(np.int64), array.shape, node)).sum())


def pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """A large array in parts, so that what is computed from it stays small beside it."""
    flat = array.reshape(-1)
    for start in range(0, flat.size, PIECE):
        yield flat[start : start + PIECE]


class _ConstantNodes:
    """Which nodes compute from stored tensors only; remembered."""

    def __init__(self) -> None:
        self.known: dict[int, bool] = {}

    def value(self, value: ir.Value | None) -> bool:
        if value is None:
            return True
        producer = value.producer()
        return value.const_value is not None if producer is None else self.node(producer)

    def node(self, node: ir.Node) -> bool:
        key = id(node)
        if key not in self.known:
            self.known[key] = node.op_type == "Constant" or (
                node.op_type in LINE | ARITHMETIC | {"Gather", "Mod", "Slice"}
                and all(self.value(each) for each in node.inputs)
            )
        return self.known[key]


def _trace(value: ir.Value, constant: _ConstantNodes) -> Weight | None:
    """Follow a stored tensor to the node that computes with it; None when it is no weight."""
    start, integer = value, value.dtype is not None and value.dtype.name not in FLOATS
    if integer and value.dtype is not None and value.dtype.name not in SMALL_INTEGERS | {"INT32"}:
        return None
    for use in start.uses():
        if use.node.op_type in MEASURING or (use.node.op_type == "CastLike" and use.idx == 1):
            continue
        found = _trace_use(start, use.node, use.idx, constant, integer=integer)
        if found is not None:
            return found
    return None


def _trace_use(
    value: ir.Value, node: ir.Node, position: int, constant: _ConstantNodes, *, integer: bool
) -> Weight | None:
    first, first_position = node, position
    plain = not integer
    while True:
        if integer and position in INTEGER_WEIGHTS.get(node.op_type, {}):
            return Weight(value, node, node, position)
        if position in SCALES.get(node.op_type, ()):
            return None
        follows = _hands_on(node, position, constant)
        if follows is None:
            break
        if not follows:
            return None
        if node.op_type not in {"Reshape", "Transpose", "Identity", "Squeeze", "Unsqueeze", "Flatten"} and plain:
            plain = node.op_type == "Cast"
        use = next(iter(node.outputs[0].uses()), None)
        if use is None:
            break
        node, position = use.node, use.idx
    if integer:
        unpacks = first.op_type in LINE | {"Gather"} and first is not node
        small = value.dtype is not None and value.dtype.name in SMALL_INTEGERS
        if not unpacks or not (small or first.op_type == "DequantizeLinear") or _tensor_size(value) < 2:
            return None
        return Weight(value, node, _unpacker(first), first_position)
    if _tensor_size(value) < 2 and node.op_type not in LEARNED_SCALARS:
        return None
    return Weight(value, node, None, position)


def _unpacker(first: ir.Node) -> ir.Node:
    """The node that tells what stored integers mean: behind a Cast, the Gather of a palette or the Sub of a zero."""
    if first.op_type == "Cast":
        uses = tuple(first.outputs[0].uses())
        if len(uses) == 1 and uses[0].node.op_type in {"Sub", "Gather"}:
            return uses[0].node
        node = uses[0].node if uses else first
        while node.op_type in {"Div", "Mod", "Sub", "Slice", "Reshape"} and node.outputs[0].uses():
            node = next(iter(node.outputs[0].uses())).node  # packed indices of a palette on their way to its Gather
        return node if node.op_type == "Gather" else first
    return first


def _hands_on(node: ir.Node, position: int, constant: _ConstantNodes) -> bool | None:
    """Whether a node on constants hands on this input: True, or False when it is only a scale of another one.

    None for a node that is none of that: it computes.
    """
    if not constant.node(node):
        return None
    if node.op_type == "Gather":
        return position == 1
    if node.op_type in LINE | {"Mod", "Slice"}:
        return position == 0
    sizes = [_constant_size(value) for value in node.inputs]
    return position == int(np.argmax(sizes))


def _constant_size(value: ir.Value | None) -> int:
    while value is not None:
        if value.const_value is not None:
            return value.const_value.size
        producer = value.producer()
        if producer is None or not producer.inputs:
            return 0
        if producer.op_type in ARITHMETIC:
            return max(_constant_size(each) for each in producer.inputs)
        value = producer.inputs[1 if producer.op_type == "Gather" else 0]
    return 0


def _tensor_size(value: ir.Value) -> int:
    return value.const_value.size if value.const_value is not None else 0


def _zero_point(node: ir.Node, position: int) -> np.ndarray | None:
    if node.op_type == "DequantizeLinear":
        index: int | None = 2
    elif node.op_type == "Sub":
        index = 1
    else:
        index = INTEGER_WEIGHTS.get(node.op_type, {}).get(position)
    return _array(node.inputs[index]) if index is not None and len(node.inputs) > index else None


def _array(value: ir.Value | None) -> np.ndarray | None:
    """The stored array behind a value, through a Cast."""
    while value is not None and value.const_value is None:
        producer = value.producer()
        value = producer.inputs[0] if producer is not None and producer.op_type in LINE else None
    return value.const_value.numpy() if value is not None and value.const_value is not None else None


def _spread(zero: np.ndarray, shape: tuple[int, ...], node: ir.Node) -> np.ndarray:
    """A zero point in the shape of the weight: one, one per channel of an axis, or one per block."""
    if zero.size == 1:
        return zero.reshape(())
    if zero.ndim == 1 and len(shape) > 1:
        axis = node.attributes.get_int("axis", 1) if node.op_type == "DequantizeLinear" else 0
        if shape[axis] != zero.size:
            axis = next((each for each, size in enumerate(shape) if size == zero.size), 0)
        return zero.reshape([-1 if each == axis % len(shape) else 1 for each in range(len(shape))])
    if zero.ndim == 2 and len(shape) == 3 and node.op_type == "DynamicQuantizeLSTM":
        return zero[:, None, :]  # one per direction and row of the gates
    for axis, (size, count) in enumerate(zip(shape, zero.shape, strict=False)):
        if size != count and count > 1:
            zero = np.repeat(zero, -(-size // count), axis=axis).take(range(size), axis=axis)
    return zero


def _packed_zeros(node: ir.Node, packed: np.ndarray) -> int:
    """MatMulNBits: N rows of K numbers in blocks, low bits first; without zero points the middle value is zero."""
    bits = node.attributes.get_int("bits", 4)
    rows, inner = node.attributes.get_int("N", 0), node.attributes.get_int("K", 0)
    block = node.attributes.get_int("block_size", 32)
    blocks = -(-inner // block)
    values = _unpack(packed.reshape(rows, -1), bits)[:, : blocks * block].reshape(rows, blocks, block)
    zero = _array(node.inputs[3]) if len(node.inputs) > 3 else None
    if zero is None:
        points = np.full((rows, blocks, 1), 1 << (bits - 1), values.dtype)
    elif zero.dtype == np.uint8:
        points = _unpack(zero.reshape(rows, -1), bits)[:, :blocks].reshape(rows, blocks, 1)
    else:
        points = zero.reshape(rows, blocks, 1)
    return int((values == points).reshape(rows, -1)[:, :inner].sum())


def _unpack(packed: np.ndarray, bits: int) -> np.ndarray:
    if bits == 8:
        return packed
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return ((packed[..., None] >> shifts) & ((1 << bits) - 1)).reshape(packed.shape[0], -1)
