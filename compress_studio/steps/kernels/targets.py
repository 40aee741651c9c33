"""Which weights a step may rewrite number by number, and why the others are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import FLOATS, WeightLayer, weight_layers
from compress_studio.steps.kernels.layer_names import match_layers
from compress_studio.steps.kernels.presence import require_layers

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.spec.step import StepContext

SAME_NUMBERS = frozenset({"Cast", "Transpose", "Reshape", "Identity"})
"""Operators between a weight and its node that keep every number in one place."""


@dataclass(frozen=True, slots=True)
class Target:
    """A stored float weight with every layer that uses it."""

    value: ir.Value
    layers: tuple[WeightLayer, ...]

    @property
    def name(self) -> str:
        return self.layers[0].name

    @property
    def array(self) -> np.ndarray:
        """The stored numbers; never to be written to."""
        return self.layers[0].array

    @property
    def out_axis(self) -> int | None:
        """The axis of the stored array that counts output channels of the first layer; None when it is not known."""
        return None if axis_order(self.layers[0]) is None else self.layers[0].out_axis


def find_targets(
    model: ir.Model, ctx: StepContext, *, skip: Sequence[str] = (), embeddings: bool = True
) -> tuple[list[Target], int]:
    """The float weights of the main graph, each once, in the order of the nodes, and the number of all layers.

    Layers that are left alone are told to ctx with the reason. Args: skip are names of layers, or patterns such as
    "encoder.*"; embeddings says whether tables of embeddings are wanted. Raises Refused when the network has no
    layer with weights at all, BadInput when skip names a layer that does not exist.
    """
    require_layers(model)
    layers = weight_layers(model)
    unwanted = match_layers([layer.name for layer in layers], skip)
    grouped: dict[int, list[WeightLayer]] = {}
    for layer in layers:
        reason = "left out as asked" if layer.name in unwanted else why_not(layer, embeddings=embeddings)
        if reason:
            ctx.skip(layer.name, reason)
        else:
            grouped.setdefault(id(layer.weight), []).append(layer)
    kept_back = {id(layer.weight) for layer in layers if layer.name in unwanted}
    for key in kept_back & grouped.keys():
        for layer in grouped.pop(key):
            ctx.skip(layer.name, "shares its weights with a layer that is left out")
    return [Target(group[0].weight, tuple(group)) for group in grouped.values()], len(layers)


def why_not(layer: WeightLayer, *, embeddings: bool = True) -> str:
    """Why the numbers of a layer cannot be rewritten one by one; empty when they can."""
    if "Gather" in layer.through:
        return "is stored as a palette already"
    dtype = layer.weight.dtype
    if "DequantizeLinear" in layer.through or dtype is None or dtype.name not in FLOATS:
        return "is quantized already"
    if not set(layer.through) <= SAME_NUMBERS:
        return f"its weights pass through {', '.join(layer.through)}"
    if layer.weight.is_graph_input() or layer.weight.is_graph_output():
        return "its weights are also an input or output of the network"
    if layer.op == "Gather" and not embeddings:
        return "is a table of embeddings"
    if not np.isfinite(layer.array.astype(np.float32, copy=False)).all():
        return "holds numbers that are not finite"
    return ""


def axis_order(layer: WeightLayer) -> tuple[int, ...] | None:
    """Which axis of the stored array each axis of the layer's weight is; None when reshaping mixes them."""
    order = tuple(range(layer.array.ndim))
    value = layer.node.inputs[layer.index]
    while value is not None and value is not layer.weight:
        node = value.producer()
        if node is None or node.op_type not in {"Cast", "Identity", "Transpose"}:
            return None
        if node.op_type == "Transpose":
            given = node.attributes.get_ints("perm", [])
            perm = given or list(reversed(range(len(order))))
            order = tuple(perm[axis] for axis in order)
        value = node.inputs[0]
    return order
