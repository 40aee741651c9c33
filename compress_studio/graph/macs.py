"""Multiply-accumulate operations of one node, exactly, from the shapes of its inputs and outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.shapes import Shapes, Size

WEIGHT_INPUT: Mapping[str, int] = {
    "Conv": 1, "FusedConv": 1, "NhwcFusedConv": 1, "NhwcConv": 1, "ConvInteger": 1, "DeformConv": 1,
    "QLinearConv": 3, "ConvTranspose": 1, "QLinearConvTranspose": 3, "ConvTransposeWithDynamicPads": 1,
}  # fmt: skip
"""Which input of a convolution is the kernel."""
PRODUCT_INPUTS: Mapping[str, int] = {
    "MatMul": 0, "FusedMatMul": 0, "TransposeMatMul": 0, "MatMulInteger": 0, "MatMulIntegerToFloat": 0,
    "DynamicQuantizeMatMul": 0, "QLinearMatMul": 0, "GemmFloat8": 0, "FusedMatMulActivation": 0,
}  # fmt: skip
"""Which input of a product is the left one, whose last axis is summed over."""
PACKED = frozenset({"MatMulNBits", "MatMulBnb4", "MatMulFpQ4"})
RECURRENT = frozenset({"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"})
SELF_ATTENTION = frozenset({"QAttention", "DecoderMaskedSelfAttention", "LongformerAttention"})
CROSS_ATTENTION = frozenset({"MultiHeadAttention", "GroupQueryAttention", "DecoderMaskedMultiHeadAttention"})


def counted(node: ir.Node) -> bool:
    """Whether a node is of a kind that multiplies and accumulates."""
    return node.op_type in FORMULAS


def macs(node: ir.Node, shapes: Shapes) -> int | None:
    """Multiply-accumulates of a node for the whole batch of the shapes; additions of a bias are not counted.

    None when the shapes do not tell; 0 for operators that only move or scale values.
    """
    formula = FORMULAS.get(node.op_type)
    if formula is None:
        return 0
    try:
        return formula(node, shapes)
    except (_UnknownShapeError, IndexError):
        return None


class _UnknownShapeError(Exception):
    """A shape that a formula needs is not known."""


def _of(shapes: Shapes, value: ir.Value | None) -> Size:
    size = shapes.of(value.name) if value is not None else None
    if size is None:
        raise _UnknownShapeError
    return size


def _convolution(node: ir.Node, shapes: Shapes) -> int:
    """Every output value sums over the kernel and the input channels of its group."""
    kernel = _of(shapes, node.inputs[WEIGHT_INPUT[node.op_type]])
    return math.prod(_of(shapes, node.outputs[0])) * math.prod(kernel[1:])


def _transposed_convolution(node: ir.Node, shapes: Shapes) -> int:
    """Every input value is multiplied with the kernels of the output channels of its group."""
    kernel = _of(shapes, node.inputs[WEIGHT_INPUT[node.op_type]])
    return math.prod(_of(shapes, node.inputs[0])) * math.prod(kernel[1:])


def _gemm(node: ir.Node, shapes: Shapes) -> int:
    left = _of(shapes, node.inputs[0])
    inner = left[0] if node.attributes.get_int("transA", 0) else left[-1]
    return math.prod(_of(shapes, node.outputs[0])) * inner


def _product(node: ir.Node, shapes: Shapes) -> int:
    left = _of(shapes, node.inputs[PRODUCT_INPUTS[node.op_type]])
    transposed = node.attributes.get_int("transA", 0) == 1 and len(left) > 1
    return math.prod(_of(shapes, node.outputs[0])) * left[-2 if transposed else -1]


def _packed_product(node: ir.Node, shapes: Shapes) -> int:
    return math.prod(_of(shapes, node.outputs[0])) * node.attributes.get_int("K", _of(shapes, node.inputs[0])[-1])


def _recurrent(node: ir.Node, shapes: Shapes) -> int:
    """Every step of every sequence multiplies with all input and all recurrent weights of every direction."""
    steps = _of(shapes, node.inputs[0])
    weights = math.prod(_of(shapes, node.inputs[1])) + math.prod(_of(shapes, node.inputs[2]))
    return steps[0] * steps[1] * weights


def _einsum(node: ir.Node, shapes: Shapes) -> int:
    """The product of the sizes of all letters, once for each operand after the first."""
    sizes = [_of(shapes, value) for value in node.inputs]
    if len(sizes) < 2:
        return 0
    equation = node.attributes.get_string("equation", "").replace(" ", "")
    extent: dict[str, int] = {}
    for term, size in zip(equation.partition("->")[0].split(","), sizes, strict=True):
        head, dots, tail = term.partition("...")
        hidden = len(size) - len(head) - len(tail)
        names = [*head, *(f".{hidden - k}" for k in range(hidden)), *tail] if dots else list(term)
        for name, each in zip(names, size, strict=True):
            extent[name] = max(extent.get(name, 1), each)
    return math.prod(extent.values()) * (len(sizes) - 1)


def _self_attention(node: ir.Node, shapes: Shapes) -> int:
    """com.microsoft Attention: the projections of x [B, S, D], then scores and mixing for each pair of positions."""
    batch, length, width = _of(shapes, node.inputs[0])
    projected = _of(shapes, node.inputs[1])[1]
    hidden = _of(shapes, node.outputs[0])[-1]
    return batch * length * width * projected + 2 * batch * length * length * hidden


def _cross_attention(node: ir.Node, shapes: Shapes) -> int:
    """Scores and mixing of query [B, S, D] with key and value [B, L, …]."""
    batch, length, width = _of(shapes, node.inputs[0])[:3]
    key = node.inputs[1] if len(node.inputs) > 1 else None
    other = _of(shapes, key)[1] if key is not None else length
    return batch * length * other * (width + _of(shapes, node.outputs[0])[-1])


def _attention(node: ir.Node, shapes: Shapes) -> int:
    """Attention of the ONNX standard (opset 23) and that of com.microsoft, which projects inside."""
    if node.domain == "com.microsoft":
        return _self_attention(node, shapes)
    query, key = _of(shapes, node.inputs[0]), _of(shapes, node.inputs[1])
    past = _of(shapes, node.inputs[4])[2] if len(node.inputs) > 4 and node.inputs[4] is not None else 0
    other = key[-2] + past
    return (math.prod(query) + math.prod(_of(shapes, node.outputs[0]))) * other


Formula = Callable[["ir.Node", "Shapes"], int]
FORMULAS: Mapping[str, Formula] = {
    **dict.fromkeys(WEIGHT_INPUT, _convolution),
    **dict.fromkeys(("ConvTranspose", "QLinearConvTranspose", "ConvTransposeWithDynamicPads"), _transposed_convolution),
    **dict.fromkeys(("Gemm", "FusedGemm", "QGemm"), _gemm),
    **dict.fromkeys(PRODUCT_INPUTS, _product),
    **dict.fromkeys(PACKED, _packed_product),
    **dict.fromkeys(RECURRENT, _recurrent),
    "Einsum": _einsum,
    **dict.fromkeys(SELF_ATTENTION, _self_attention),
    **dict.fromkeys(CROSS_ATTENTION, _cross_attention),
    "Attention": _attention,
}
"""Operators that multiply and accumulate, with what they cost."""
