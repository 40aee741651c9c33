"""Rules of convolutions, dense products, pooling and everything that keeps N and C and works on places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.channels.adjustments import GroupCount
from compress_studio.graph.channels.links import Links, given, key_of, layer_of
from compress_studio.graph.channels.rules import rule
from compress_studio.graph.channels.rules_elementwise import broadcast

if TYPE_CHECKING:
    import onnx_ir as ir


@rule("Conv")
def conv(links: Links, node: ir.Node) -> None:
    """Outputs follow the rows of the weight, inputs its columns; depthwise joins both; groups shrink evenly."""
    x, weight, y = node.inputs[0], node.inputs[1], node.outputs[0]
    assert x is not None
    assert weight is not None
    groups, shape, layer = node.attributes.get_int("group", 1), links.known(weight), layer_of(node)
    channels_in, channels_out, rows = links.axis(x, 1), links.axis(y, 1), links.axis(weight, 0)
    links.join(links.axis(x, 0), links.axis(y, 0), layer)
    _freeze_places(links, node, [x, weight, y])
    links.join(rows, channels_out, layer)
    _bias(links, node, rows)
    places = math.prod(links.known(y)[2:]) * math.prod(shape[2:]) * links.known(y)[0]
    if groups == 1:
        links.join(channels_in, links.axis(weight, 1), layer)
        links.contract(node, 0, 1, weight, 1)
        links.cost(node, places, [(weight, 0), (weight, 1)])
    elif shape[1] == 1:
        links.join(np.repeat(channels_in, shape[0] // groups), rows, layer)
        links.adjustments.append(GroupCount(key_of(node), x.name or ""))
        links.cost(node, places, [(weight, 0)])
    else:
        # Every group keeps as many channels as the others: position p goes in all groups or in none.
        links.join(channels_in, np.tile(links.axis(weight, 1), groups), layer)
        _tie_groups(links, rows, groups, layer)
        links.contract(node, 0, 1, weight, 1, groups)
        links.cost(node, places, [(weight, 0), (weight, 1)])


@rule("ConvTranspose")
def conv_transpose(links: Links, node: ir.Node) -> None:
    """As a convolution, with inputs along the first axis of the weight."""
    x, weight, y = node.inputs[0], node.inputs[1], node.outputs[0]
    assert x is not None
    assert weight is not None
    groups, shape, layer = node.attributes.get_int("group", 1), links.known(weight), layer_of(node)
    channels_in, channels_out, rows = links.axis(x, 1), links.axis(y, 1), links.axis(weight, 0)
    links.join(links.axis(x, 0), links.axis(y, 0), layer)
    _freeze_places(links, node, [x, weight, y])
    links.join(channels_in, rows, layer)
    _bias(links, node, channels_out)
    places = math.prod(links.known(x)[2:]) * math.prod(shape[2:]) * links.known(x)[0]
    if groups > 1 and groups == shape[0]:
        links.join(np.repeat(channels_in, shape[1]), channels_out, layer)
        links.freeze(links.axis(weight, 1), f"each channel of {layer} has its own")
        links.adjustments.append(GroupCount(key_of(node), x.name or ""))
        links.cost(node, places * shape[1], [(weight, 0)])
        return
    links.join(np.tile(links.axis(weight, 1), groups), channels_out, layer)
    if groups > 1:
        _tie_groups(links, rows, groups, layer)
    links.contract(node, 0, 1, weight, 0, groups)
    links.cost(node, places, [(weight, 0), (weight, 1)])


@rule("Gemm")
def gemm(links: Links, node: ir.Node) -> None:
    """Rows of A and columns of B live on in the output; the axis between them is summed away."""
    a, b, y = node.inputs[0], node.inputs[1], node.outputs[0]
    assert a is not None
    assert b is not None
    a_sum = 0 if node.attributes.get_int("transA", 0) else 1
    b_sum = 1 if node.attributes.get_int("transB", 0) else 0
    layer = layer_of(node)
    links.join(links.axis(a, 1 - a_sum), links.axis(y, 0), layer)
    links.join(links.axis(b, 1 - b_sum), links.axis(y, 1), layer)
    _product(links, node, a_sum, b_sum)
    links.cost(node, 1, [(y, 0), (y, 1), (a, a_sum)])
    if given(node, 2) and node.inputs[2] is not None:
        broadcast(links, node, [node.inputs[2]], y)


@rule("MatMul")
def matmul(links: Links, node: ir.Node) -> None:
    """As Gemm, for stacks of matrices, and for products of two activations as in attention."""
    a, b, y = node.inputs[0], node.inputs[1], node.outputs[0]
    assert a is not None
    assert b is not None
    rank_a, rank_b, rank_y = len(links.known(a)), len(links.known(b)), len(links.known(y))
    layer = layer_of(node)
    a_sum, b_sum = rank_a - 1, max(rank_b - 2, 0)
    _product(links, node, a_sum, b_sum)
    if rank_b > 1:
        links.join(links.axis(b, rank_b - 1), links.axis(y, rank_y - 1), layer)
    if rank_a > 1:
        links.join(links.axis(a, rank_a - 2), links.axis(y, rank_y - (2 if rank_b > 1 else 1)), layer)
    if rank_a > 1 and rank_b > 1:
        broadcast(links, node, [a, b], y, drop=2)
    links.cost(node, 1, [*((y, axis) for axis in range(rank_y)), (a, a_sum)])


@rule("MaxPool", "AveragePool", "LpPool")
def pool(links: Links, node: ir.Node) -> None:
    """Batch and channels pass, places do not; indices of maxima count over channels and freeze them."""
    x = node.inputs[0]
    assert x is not None
    if len(node.outputs) > 1 and node.outputs[1].name and node.outputs[1].uses():
        links.freeze_node(node, f"positions found by {layer_of(node)} count over all channels")
        return
    _keep_batch_and_channels(links, node, x, node.outputs[0])


@rule("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(links: Links, node: ir.Node) -> None:
    """Batch and channels pass."""
    x = node.inputs[0]
    assert x is not None
    _keep_batch_and_channels(links, node, x, node.outputs[0])


def _keep_batch_and_channels(links: Links, node: ir.Node, x: ir.Value, y: ir.Value) -> None:
    for axis in (0, 1):
        links.join(links.axis(x, axis), links.axis(y, axis), layer_of(node))
    _freeze_places(links, node, [x, y])


def _freeze_places(links: Links, node: ir.Node, values: list[ir.Value]) -> None:
    for value in values:
        for axis in range(2, len(links.known(value))):
            links.freeze(links.axis(value, axis), f"a spatial axis of {layer_of(node)}")


def _bias(links: Links, node: ir.Node, rows: np.ndarray) -> None:
    if given(node, 2) and node.inputs[2] is not None:
        links.join(links.axis(node.inputs[2], 0), rows, layer_of(node))


def _tie_groups(links: Links, rows: np.ndarray, groups: int, layer: str) -> None:
    table = rows.reshape(groups, -1)
    for other in table[1:]:
        links.join(table[0], other, layer)


def _product(links: Links, node: ir.Node, a_sum: int, b_sum: int) -> None:
    """The axes that are summed over go together; the mask goes on the side that is computed."""
    a, b = node.inputs[0], node.inputs[1]
    assert a is not None
    assert b is not None
    links.join(links.axis(a, a_sum), links.axis(b, b_sum), layer_of(node))
    if a.const_value is not None and a.producer() is None:
        links.contract(node, 1, b_sum, a, a_sum)
    else:
        links.contract(node, 0, a_sum, b, b_sum)
