"""Which layers and tensors of a network compute in 8 bits, so that ONNX Runtime fuses them into integer kernels.

A convolution fuses when its input and its (activated) output are quantized; what lies between convolutions (sums of
residuals, pools, joins, changes of shape) stays in integers when all it reads is. In networks with products of two
activations (attention) only the layers with weights are quantized: sums, normalization and softmax do not bear it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compress_studio.graph.layers import RECURRENT, WeightLayer, uses_of, weight_layers
from compress_studio.steps.kernels import stored
from compress_studio.steps.kernels.qdq_gates import can_gate

if TYPE_CHECKING:
    import onnx_ir as ir

SAME = frozenset({"MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity"})
"""Operators that only move values: their output has the scale of their input."""
OWN = frozenset({"Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "Sigmoid", "LeakyRelu", "HardSigmoid"})
"""Operators with an integer kernel of their own and an output scale of their own."""
CLIPPING = frozenset({"Relu", "Clip"})
"""Activations that the quantizer of the output does by itself."""


@dataclass(slots=True)
class Plan:
    """What will be quantized."""

    layers: list[WeightLayer] = field(default_factory=list)
    tables: list[WeightLayer] = field(default_factory=list)
    """Embeddings: stored in integers, read in float."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    total: int = 0
    roots: dict[ir.Value, ir.Value] = field(default_factory=dict)
    """Quantized tensor → the tensor whose range it uses, in the order of the graph."""
    inner: set[ir.Value] = field(default_factory=set)
    """Quantized tensors that an integer kernel makes: everybody reads them restored."""
    readers: set[ir.Node] = field(default_factory=set)
    """Nodes that read quantized tensors restored."""

    @property
    def gates(self) -> list[ir.Node]:
        """The HardSigmoid nodes that compute in integers."""
        return [node for node in self.readers if node.op_type == "HardSigmoid"]


def make_plan(model: ir.Model, keep: Collection[str]) -> Plan:
    """Decide what is quantized. Args: keep names layers that stay in float."""
    plan = Plan()
    layers = weight_layers(model)
    plan.total = len(layers)
    candidates = [layer for layer in layers if not _refuse(plan, layer, why_float(layer, keep))]
    chosen = {(layer.node, layer.index): layer for layer in candidates}
    for layer in candidates:
        if layer.op == "Gather":
            plan.tables.append(layer)
            continue
        shared = [chosen.get((use.node, use.idx)) for use in layer.weight.uses()] if not layer.through else [layer]
        if any(one is None or one.out_axis != layer.out_axis for one in shared):
            _refuse(plan, layer, "its weights are shared with a layer that stays in float")
        else:
            plan.layers.append(layer)
    _tensors(model, plan)
    return plan


def why_float(layer: WeightLayer, keep: Collection[str]) -> str:
    """Why a layer stays in float; empty when it can be quantized."""
    if layer.name in keep:
        return "kept in float as asked"
    if layer.op in RECURRENT:
        return f"there is no static int8 kernel for {layer.op}: use quantize.dynamic"
    if layer.op == "ConvTranspose":
        return "ONNX Runtime has no int8 kernel for ConvTranspose: use quantize.weights"
    reason = stored.why_not(layer)
    if reason:
        return reason
    if layer.plain and layer.weight.dtype is not None and layer.weight.dtype.name != "FLOAT":
        return "it computes in half precision"
    if layer.op in {"Gemm", "MatMul"}:
        return _why_float_product(layer)
    if layer.bias is None and len(layer.node.inputs) > 2 and layer.node.inputs[2] is not None:
        return "its bias is computed while running"
    return ""


def _why_float_product(layer: WeightLayer) -> str:
    if layer.index != 1:
        return "its weights are on the left side of the product"
    if len(layer.weight.shape or ()) != 2:
        return "its weights are a stack of matrices"
    if layer.op == "Gemm":
        numbers = [layer.node.attributes.get_float(name, 1.0) for name in ("alpha", "beta")]
        if numbers != [1.0, 1.0] or layer.node.attributes.get_int("transA", 0):
            return "it scales or transposes its input"
    return ""


def computes_attention(model: ir.Model) -> bool:
    """Whether the network multiplies activations with each other or normalizes over features."""
    for node in model.graph:
        if node.op_type in {"LayerNormalization", "SkipLayerNormalization", "RMSNormalization", "Attention"}:
            return True
        if node.op_type == "MatMul" and all(_is_dynamic(value) for value in node.inputs):
            return True
    return False


def activated(value: ir.Value) -> ir.Value:
    """The tensor after the Relu or Clip that alone reads a value; the value itself when there is none."""
    if uses_of(value) != 1 or value.is_graph_output():
        return value
    node = next(iter(value.uses())).node
    limits = [one for one in node.inputs[1:] if one is not None]
    if node.op_type not in CLIPPING or any(one.const_value is None for one in limits) or node.graph is not value.graph:
        return value
    return node.outputs[0]


def biased(layer: WeightLayer) -> ir.Value:
    """The output of a layer after the Add of a constant that alone reads a product."""
    value = layer.node.outputs[0]
    if layer.op != "MatMul" or uses_of(value) != 1 or value.is_graph_output():
        return value
    node = next(iter(value.uses())).node
    constant = any(one is not None and one.const_value is not None for one in node.inputs)
    return node.outputs[0] if node.op_type == "Add" and constant and node.graph is value.graph else value


def _tensors(model: ir.Model, plan: Plan) -> None:
    chosen = {layer.node: layer for layer in plan.layers}
    flows: list[tuple[ir.Node, ir.Value]] = []
    spread = not computes_attention(model)
    for node in model.graph:
        layer = chosen.get(node)
        if layer is not None:
            data = node.inputs[0]
            assert data is not None
            plan.roots.setdefault(data, data)
            plan.readers.add(node)
            if layer.op == "Conv":
                output = activated(node.outputs[0])
                plan.roots[output] = output
                plan.inner.add(output)
        elif spread and node.op_type in SAME | OWN and _reads_only(plan, node):
            output = activated(node.outputs[0]) if node.op_type == "Add" else node.outputs[0]
            first = node.inputs[0]
            assert first is not None
            plan.roots[output] = plan.roots[first] if node.op_type in SAME else output
            plan.inner.add(output)
            flows.append((node, output))
    _drop_ends(plan, flows)
    for layer in plan.layers:
        output = activated(biased(layer))
        if layer.op != "Conv" and output in plan.roots and not output.is_graph_output():
            plan.inner.add(output)


def _drop_ends(plan: Plan, flows: list[tuple[ir.Node, ir.Value]]) -> None:
    """Leave out what stays in integers although no integer layer reads it: it would only lose precision.

    Sums stay: restoring both of their inputs takes longer than restoring the sum.
    """
    for node, output in reversed(flows):
        sum_inside = node.op_type == "Add" and not output.is_graph_output()
        if sum_inside or any(use.node in plan.readers for use in output.uses()):
            plan.readers.add(node)
        else:
            plan.inner.discard(output)
            del plan.roots[output]


def _reads_only(plan: Plan, node: ir.Node) -> bool:
    """Whether all that a node computes on comes out of integer kernels."""
    data = node.inputs[:1] if node.op_type in SAME else node.inputs
    if node.op_type == "HardSigmoid" and not can_gate(node):
        return False
    return len(data) > 0 and all(value is not None and value in plan.inner for value in data)


def _is_dynamic(value: ir.Value | None) -> bool:
    """Whether a value depends on the inputs of the network, seen through changes of shape and type."""
    while value is not None and value.const_value is None:
        node = value.producer()
        if node is None or node.op_type not in {"Cast", "Transpose", "Reshape", "Identity", "DequantizeLinear"}:
            return True
        value = node.inputs[0]
    return False


def _refuse(plan: Plan, layer: WeightLayer, reason: str) -> bool:
    if reason:
        plan.skipped.append((layer.name, reason))
    return bool(reason)
