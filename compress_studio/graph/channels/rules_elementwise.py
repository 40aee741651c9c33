"""Rules of operators that work element by element or channel by channel, and of those that mix an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.graph.channels.links import Links, ints, layer_of
from compress_studio.graph.channels.rules import rule

if TYPE_CHECKING:
    import onnx_ir as ir

UNARY = frozenset(
    {
        "Abs",
        "Acos",
        "Acosh",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "BitwiseNot",
        "Cast",
        "Ceil",
        "Celu",
        "Cos",
        "Cosh",
        "Elu",
        "Erf",
        "Exp",
        "Floor",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "IsInf",
        "IsNaN",
        "LeakyRelu",
        "Log",
        "Mish",
        "Neg",
        "Not",
        "Reciprocal",
        "Relu",
        "Round",
        "Selu",
        "Shrink",
        "Sigmoid",
        "Sign",
        "Sin",
        "Sinh",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Swish",
        "Tan",
        "Tanh",
        "ThresholdedRelu",
        "com.microsoft::Gelu",
        "com.microsoft::QuickGelu",
    }
)
BROADCAST = frozenset(
    {
        "Add",
        "And",
        "BitwiseAnd",
        "BitwiseOr",
        "BitwiseXor",
        "BitShift",
        "CastLike",
        "Clip",
        "Div",
        "Equal",
        "Greater",
        "GreaterOrEqual",
        "Less",
        "LessOrEqual",
        "Max",
        "Mean",
        "Min",
        "Mod",
        "Mul",
        "Or",
        "PRelu",
        "Pow",
        "Sub",
        "Sum",
        "Where",
        "Xor",
        "com.microsoft::BiasGelu",
        "com.microsoft::FastGelu",
    }
)
REDUCTIONS = frozenset(
    {
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "ReduceSumSquare",
        "ArgMax",
        "ArgMin",
    }
)


def same_axes(links: Links, node: ir.Node, into: ir.Value, out: ir.Value, skip: frozenset[int] = frozenset()) -> None:
    """Every axis of the output is that axis of the input, except those to skip."""
    for axis in range(len(links.known(out))):
        if axis not in skip:
            links.join(links.axis(into, axis), links.axis(out, axis), layer_of(node))


def broadcast(links: Links, node: ir.Node, inputs: list[ir.Value], out: ir.Value, drop: int = 0) -> None:
    """Axes from the right, leaving out the last `drop`; a size of 1 that is stretched is joined with nothing."""
    shape = links.known(out)
    for value in inputs:
        given = links.known(value)
        for back in range(1 + drop, len(given) + 1):
            if back <= len(shape) and given[-back] == shape[-back]:
                left = links.axis(value, len(given) - back)
                links.join(left, links.axis(out, len(shape) - back), layer_of(node))


@rule(*UNARY)
def unary(links: Links, node: ir.Node) -> None:
    """Every axis passes."""
    into, out = node.inputs[0], node.outputs[0]
    assert into is not None
    same_axes(links, node, into, out)


@rule("Dropout")
def dropout(links: Links, node: ir.Node) -> None:
    """Every axis passes, to the mask too."""
    into = node.inputs[0]
    assert into is not None
    for out in node.outputs:
        if out.name and (out is node.outputs[0] or out.uses()):
            same_axes(links, node, into, out)


@rule(*BROADCAST)
def elementwise(links: Links, node: ir.Node) -> None:
    """Axes of equal size pass, whatever they are stretched against."""
    broadcast(links, node, [value for value in node.inputs if value is not None], node.outputs[0])


@rule("BatchNormalization")
def batch_normalization(links: Links, node: ir.Node) -> None:
    """Every axis passes; the four vectors go with the channels."""
    into, out = node.inputs[0], node.outputs[0]
    assert into is not None
    if any(value.name and value.uses() for value in node.outputs[1:]):
        links.freeze_node(node, f"{layer_of(node)} is in training mode")
        return
    same_axes(links, node, into, out)
    for value in node.inputs[1:]:
        assert value is not None
        links.join(links.axis(value, 0), links.axis(out, 1), layer_of(node))


@rule("InstanceNormalization")
def instance_normalization(links: Links, node: ir.Node) -> None:
    """Batch and channels pass with scale and bias; places are mixed."""
    into, out = node.inputs[0], node.outputs[0]
    assert into is not None
    same_axes(links, node, into, out)
    for value in node.inputs[1:]:
        assert value is not None
        links.join(links.axis(value, 0), links.axis(out, 1), layer_of(node))
    _mix(links, node, out, range(2, len(links.known(out))))


@rule("LayerNormalization", "RMSNormalization", "com.microsoft::SimplifiedLayerNormalization")
def layer_normalization(links: Links, node: ir.Node) -> None:
    """Axes in front of the normalized ones pass."""
    into, out = node.inputs[0], node.outputs[0]
    assert into is not None
    same_axes(links, node, into, out)
    rank = len(links.known(out))
    first = node.attributes.get_int("axis", -1) % rank
    _mix(links, node, out, range(first, rank))
    for value in (*node.inputs[1:], *node.outputs[1:]):
        links.freeze_value(value, f"mixed by {layer_of(node)}")


@rule("Softmax", "LogSoftmax", "Hardmax")
def softmax(links: Links, node: ir.Node) -> None:
    """Axes that are not normalized pass."""
    into, out = node.inputs[0], node.outputs[0]
    assert into is not None
    same_axes(links, node, into, out)
    rank = len(links.known(out))
    # Before opset 13 everything from the axis on is one row.
    axis = node.attributes.get_int("axis", -1 if links.opset >= 13 else 1) % max(rank, 1)
    _mix(links, node, out, [axis] if links.opset >= 13 else range(axis, rank))


@rule("LpNormalization", "CumSum", "CumProd")
def along_one_axis(links: Links, node: ir.Node) -> None:
    """All axes but one pass."""
    into, out = node.inputs[0], node.outputs[0]
    assert into is not None
    same_axes(links, node, into, out)
    axes = ints(node, "axis", 1) if node.op_type.startswith("Cum") else [node.attributes.get_int("axis", -1)]
    rank = len(links.known(out))
    _mix(links, node, out, range(rank) if axes is None else [axis % rank for axis in axes])


@rule("LRN")
def local_response(links: Links, node: ir.Node) -> None:
    """Neighbouring channels are mixed."""
    into, out = node.inputs[0], node.outputs[0]
    assert into is not None
    same_axes(links, node, into, out)
    _mix(links, node, out, [1])


@rule(*REDUCTIONS)
def reduce(links: Links, node: ir.Node) -> None:
    """Axes that are not reduced pass."""
    into, out = node.inputs[0], node.outputs[0]
    assert into is not None
    rank = len(links.known(into))
    if node.op_type.startswith("Arg"):
        axes: list[int] | None = [node.attributes.get_int("axis", 0)]
    elif "axes" not in node.attributes and (len(node.inputs) < 2 or node.inputs[1] is None):
        noop = node.attributes.get_int("noop_with_empty_axes", 0) == 1
        axes = [] if noop else list(range(rank))
    else:
        axes = ints(node, "axes", 1)
    if axes is None:
        links.freeze_node(node, f"the axes of {layer_of(node)} are computed")
        return
    if not axes and node.attributes.get_int("noop_with_empty_axes", 0) == 0:
        axes = list(range(rank))
    reduced = {axis % rank for axis in axes}
    kept = node.attributes.get_int("keepdims", 1) == 1
    place = 0
    for axis in range(rank):
        if axis in reduced:
            links.freeze(links.axis(into, axis), f"mixed by {layer_of(node)}")
            if kept:
                links.freeze(links.axis(out, place), f"reduced to one by {layer_of(node)}")
            place += int(kept)
        else:
            links.join(links.axis(into, axis), links.axis(out, place), layer_of(node))
            place += 1


def _mix(links: Links, node: ir.Node, value: ir.Value, axes: range | list[int]) -> None:
    for axis in axes:
        links.freeze(links.axis(value, axis), f"mixed by {layer_of(node)}")
