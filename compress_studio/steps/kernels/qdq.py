"""Inserts QuantizeLinear and DequantizeLinear as a plan says, in the form that ONNX Runtime fuses.

What was found to fuse (ONNX Runtime 1.31): Conv with a float bias and without a zero point of its weights, when its
output is quantized; Gemm only with a zero point of its weights, and with a bias only when its output is quantized, so
that the bias of the others becomes an Add; MatMul always, but not when the runtime first makes it a Gemm with its Add.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import WeightLayer
from compress_studio.graph.rewrite import fresh_name, replace_uses, used_names
from compress_studio.steps.kernels import qdq_gates, quantizers, stored
from compress_studio.steps.kernels.qdq_plan import Plan, activated, biased

if TYPE_CHECKING:
    import onnx_ir as ir

Range = tuple[float, float]


def insert(model: ir.Model, plan: Plan, ranges: Mapping[str, Range], weight_bits: int = 8) -> None:
    """Quantize what the plan names.

    Args: ranges gives (low, high) by tensor name; weight_bits is 7 for processors whose sums saturate.
    """
    writer = _Writer(model)
    two_dimensional = _matrices(model)
    for layer in plan.layers:
        if layer.op != "Conv" and activated(biased(layer)) not in plan.inner:
            _free_bias(model, layer, two_dimensional, writer)
    affine = _quantizers(plan, ranges)
    gates = {node: affine[plan.roots[node.inputs[0]]] for node in plan.gates if node.inputs[0] is not None}
    for tensor, root in plan.roots.items():
        writer.activation(tensor, affine[root], plan)
    for node, quantizer in gates.items():
        writer.gate(node, qdq_gates.shifted(quantizer, node))
    done: dict[ir.Value, ir.Value] = {}
    for layer in plan.layers:
        if layer.weight not in done:
            done[layer.weight] = writer.weight(layer, weight_bits)
    for table in plan.tables:
        reason = stored.store_table(model, table)
        if reason:
            plan.skipped.append((table.name, reason))


def _quantizers(plan: Plan, ranges: Mapping[str, Range]) -> dict[ir.Value, quantizers.Affine]:
    """The quantizer of every root; the inputs and outputs of gates have to fit the gate."""
    found = {root: quantizers.affine(*ranges.get(root.name or "", (0.0, 0.0))) for root in plan.roots.values()}
    for node in plan.gates:
        assert node.inputs[0] is not None
        root = plan.roots[node.inputs[0]]
        tight = root is node.inputs[0] and qdq_gates.closes(node)
        found[root] = qdq_gates.fitted(*ranges.get(root.name or "", (0.0, 0.0)), node, tight=tight)
        found[plan.roots[node.outputs[0]]] = qdq_gates.UNIT
    return found


class _Writer:
    """Adds nodes without names and initializers with short ones; shares zero points."""

    def __init__(self, model: ir.Model) -> None:
        self.model = model
        self.names = used_names(model)
        self.zeros: dict[tuple[int, int], ir.Value] = {}

    def constant(self, stem: str, array: np.ndarray) -> ir.Value:
        import onnx_ir as ir

        name = fresh_name(self.model, stem, self.names)
        tensor = ir.Tensor(array, name=name)
        value = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
        self.model.graph.register_initializer(value)
        return value

    def zero(self, number: int) -> ir.Value:
        """The scalar zero point of activations."""
        if (number, 0) not in self.zeros:
            self.zeros[number, 0] = self.constant(f"z{number}", np.array(number, np.uint8))
        return self.zeros[number, 0]

    def no_offset(self, channels: int) -> ir.Value:
        """Zero points of weights, all zero, one per channel."""
        if (0, channels) not in self.zeros:
            self.zeros[0, channels] = self.constant(f"n{channels}", np.zeros(channels, np.int8))
        return self.zeros[0, channels]

    def node(self, op: str, inputs: list[ir.Value], stem: str, **attributes: int) -> ir.Node:
        import onnx_ir as ir

        output = ir.Value(name=fresh_name(self.model, stem, self.names), shape=inputs[0].shape)
        return ir.node(op, inputs, attributes=attributes, outputs=[output])

    def activation(self, tensor: ir.Value, quantizer: quantizers.Affine, plan: Plan) -> None:
        """Quantize and restore a tensor; its integer readers, or all, read it restored."""
        import onnx_ir as ir

        number = len(self.names)
        scale = self.constant(f"s{number}", np.array(quantizer.scale, np.float32))
        zero = self.zero(quantizer.zero)
        down = self.node("QuantizeLinear", [tensor, scale, zero], f"q{number}")
        up = self.node("DequantizeLinear", [down.outputs[0], scale, zero], f"d{number}")
        down.outputs[0].type = ir.TensorType(ir.DataType.UINT8)
        up.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
        graph, producer = self.model.graph, tensor.producer()
        if tensor in plan.inner:
            replace_uses(tensor, up.outputs[0], keep=(down,))
        else:
            for use in tuple(tensor.uses()):
                if use.node in plan.readers:
                    use.node.replace_input_with(use.idx, up.outputs[0])
        if producer is None:
            graph.insert_before(graph[0], [down, up])
        else:
            graph.insert_after(producer, [down, up])

    def gate(self, node: ir.Node, quantizer: quantizers.Affine) -> None:
        """Turn a HardSigmoid into a sum with zero that reads the integers of its input as αx + β."""
        import onnx_ir as ir

        restored = node.inputs[0]
        assert restored is not None
        restore = restored.producer()
        assert restore is not None
        integers = restore.inputs[0]
        assert integers is not None
        number = len(self.names)
        scale = self.constant(f"s{number}", np.array(quantizer.scale, np.float32))
        line = self.node("DequantizeLinear", [integers, scale, self.zero(quantizer.zero)], f"g{number}")
        line.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
        self.model.graph.insert_before(node, [line])
        node.replace_input_with(0, line.outputs[0])
        none = self.node("DequantizeLinear", [self.zero(0), scale, self.zero(0)], f"o{number}")
        none.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
        self.model.graph.insert_before(node, [none])
        node.op_type = "Add"
        node.attributes.clear()
        node.resize_inputs(2)
        node.replace_input_with(1, none.outputs[0])

    def weight(self, layer: WeightLayer, bits: int) -> ir.Value:
        """Store the weights of a layer in integers, one scale per output channel."""
        import onnx_ir as ir

        array = stored.finite_weight(layer)
        value = stored.make_plain(layer)
        result = quantizers.symmetric(array, bits, (layer.out_axis,))
        value.const_value = ir.Tensor(result.values, name=value.name)
        value.type = ir.TensorType(ir.DataType.INT8)
        number = len(self.names)
        inputs = [value, self.constant(f"s{number}", result.scale.reshape(-1))]
        if layer.op != "Conv":
            inputs.append(self.no_offset(array.shape[layer.out_axis]))
        restore = self.node("DequantizeLinear", inputs, f"w{number}", axis=layer.out_axis)
        restore.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
        replace_uses(value, restore.outputs[0], keep=(restore,))
        self.model.graph.insert_before(self.model.graph[0], [restore])
        return restore.outputs[0]


def _free_bias(model: ir.Model, layer: WeightLayer, matrices: set[str], writer: _Writer) -> None:
    """Separate the bias of a product whose output stays in float, in a way that the runtime does not undo."""
    import onnx_ir as ir

    node = layer.node
    if layer.op == "MatMul":
        if biased(layer) is not node.outputs[0] and node.inputs[0] is not None and node.inputs[0].name in matrices:
            node.op_type = "Gemm"
        return
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is None:
        return
    node.resize_inputs(2)
    add = writer.node("Add", [node.outputs[0], bias], f"{node.outputs[0].name}_b")
    output = add.outputs[0]
    output.type = ir.TensorType(ir.DataType.FLOAT)
    replace_uses(node.outputs[0], output, keep=(add,))
    model.graph.insert_after(node, [add])


def _matrices(model: ir.Model) -> set[str]:
    """Names of the tensors that are known to have two dimensions."""
    import onnx
    import onnx_ir as ir

    inferred = onnx.shape_inference.infer_shapes(ir.to_proto(model)).graph
    return {
        one.name
        for one in (*inferred.value_info, *inferred.input, *inferred.output)
        if one.type.tensor_type.HasField("shape") and len(one.type.tensor_type.shape.dim) == 2
    }
