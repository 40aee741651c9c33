"""Where the bias of a product is, so that constants and scales can be folded into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import set_array, uses_of
from compress_studio.graph.rewrite import add_initializer

if TYPE_CHECKING:
    import onnx_ir as ir


@dataclass(frozen=True, slots=True)
class BiasSlot:
    """The bias of one product: an initializer of its own, or a free input of the node."""

    node: ir.Node
    """The product itself, or the Add behind a MatMul."""
    value: ir.Value | None
    """None: the node has no bias yet, and gets one."""
    channels: int
    out_axis: int
    """Axis of the weight that counts output channels."""
    factor: float = 1.0
    """What the node multiplies its bias with (beta of a Gemm)."""

    def add(self, model: ir.Model, per_weight: np.ndarray) -> None:
        """Add to the bias what a constant input gives.

        Args: per_weight is the weight summed over its input axis times the constant: (channels, *kernel).
        """
        others = tuple(range(1, per_weight.ndim))
        self.set(model, self.read() + per_weight.sum(axis=others) / self.factor)

    def read(self) -> np.ndarray:
        """The bias, float64, one entry per channel."""
        if self.value is None or self.value.const_value is None:
            return np.zeros(self.channels)
        return np.broadcast_to(self.value.const_value.numpy().astype(np.float64).ravel(), self.channels).copy()

    def set(self, model: ir.Model, bias: np.ndarray) -> None:
        """Store a bias in the type and shape that the node wants."""
        if self.value is not None and self.value.const_value is not None:
            old = self.value.const_value.numpy()
            shape = old.shape if old.size == self.channels else (self.channels,)
            set_array(self.value, bias.reshape(shape).astype(old.dtype))
            return
        weight = self.node.inputs[1]
        kind = weight.dtype.numpy() if weight is not None and weight.dtype is not None else np.float32
        if len(self.node.inputs) < 3:
            self.node.resize_inputs(3)
        self.node.replace_input_with(2, add_initializer(model, f"{self.node.name}.bias", bias.astype(kind)))


def bias_slot(model: ir.Model, node: ir.Node) -> BiasSlot | None:
    """The bias of a convolution, Gemm, or MatMul with an Add behind it; None when there is no place for one."""
    weight = node.inputs[1]
    if weight is None or weight.const_value is None:
        return None
    shape = [int(size) for size in weight.const_value.shape.numpy()]
    if node.op_type in {"Conv", "ConvTranspose", "Gemm"}:
        out_axis = {"Conv": 0, "ConvTranspose": 1}.get(node.op_type, 0 if node.attributes.get_int("transB", 0) else 1)
        channels = shape[out_axis] * (node.attributes.get_int("group", 1) if node.op_type == "ConvTranspose" else 1)
        factor = node.attributes.get_float("beta", 1.0) if node.op_type == "Gemm" else 1.0
        value = node.inputs[2] if len(node.inputs) > 2 else None
        return _slot(model, node, value, channels, out_axis, factor)
    if node.op_type == "MatMul" and len(shape) == 2:
        uses = list(node.outputs[0].uses())
        if len(uses) != 1 or uses[0].node.op_type != "Add" or node.outputs[0].is_graph_output():
            return None
        other = uses[0].node.inputs[1 - uses[0].idx]
        if other is None or other.const_value is None:
            return None
        return _slot(model, uses[0].node, other, shape[1], 1, 1.0)
    return None


def _slot(
    model: ir.Model, node: ir.Node, value: ir.Value | None, channels: int, out_axis: int, factor: float
) -> BiasSlot | None:
    if factor == 0:
        return None
    if value is None:
        return BiasSlot(node, None, channels, out_axis, factor)
    own = value.name in model.graph.initializers and not value.is_graph_input() and uses_of(value) == 1
    if not own or value.const_value is None or value.const_value.size not in {1, channels}:
        return None
    if value.const_value.size == channels and value.const_value.shape.numpy()[-1] != channels:
        return None
    return BiasSlot(node, value, channels, out_axis, factor)
