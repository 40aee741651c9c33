"""Dynamic quantization: int8 weights, activations quantized while running with the range of each input."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import WeightLayer, weight_layers
from compress_studio.graph.rewrite import fresh_name, replace_uses, used_names
from compress_studio.steps.kernels import quantizers, stored

if TYPE_CHECKING:
    import onnx_ir as ir

MICROSOFT = "com.microsoft"
LSTM_KEPT = ("activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "input_forget")


@dataclass(frozen=True, slots=True)
class Options:
    """What quantize.dynamic was asked."""

    per_channel: bool = True
    include_conv: bool = False
    keep: Collection[str] = frozenset()
    weight_bits: int = 8


@dataclass(slots=True)
class Outcome:
    """What was done."""

    changed: int = 0
    total: int = 0
    computed: int = 0
    """Layers that now compute in integers; the others are only stored so."""
    skipped: list[tuple[str, str]] = field(default_factory=list)


def quantize(model: ir.Model, options: Options, check: Callable[[], None]) -> Outcome:
    """Replace dense, recurrent and, when asked, convolution layers by integer ones; store tables in int8."""
    outcome, writer = Outcome(), _Writer(model)
    layers = weight_layers(model)
    outcome.total = len(layers)
    nodes: dict[ir.Node, list[WeightLayer]] = {}
    for layer in layers:
        nodes.setdefault(layer.node, []).append(layer)
    tables: list[WeightLayer] = []
    reasons = _reasons(nodes, options)
    for node, both in nodes.items():
        check()
        reason = reasons[node]
        if reason:
            outcome.skipped.extend((layer.name, reason) for layer in both)
        elif both[0].op == "Gather":
            tables.extend(both)
        else:
            writer.replace(both, options)
            outcome.changed += len(both)
            outcome.computed += len(both)
    for layer in tables:
        reason = stored.store_table(model, layer)
        outcome.changed += not reason
        if reason:
            outcome.skipped.append((layer.name, reason))
    return outcome


def _reasons(nodes: Mapping[ir.Node, list[WeightLayer]], options: Options) -> dict[ir.Node, str]:
    """Why each node stays in float, empty when it can be quantized: a shared weight only with all that read it."""
    reasons = {
        node: next((one for one in (why_float(layer, options) or _why_shared(layer) for layer in both) if one), "")
        for node, both in nodes.items()
    }
    readers: dict[ir.Value, list[WeightLayer]] = {}
    for both in nodes.values():
        for layer in both:
            readers.setdefault(layer.weight, []).append(layer)
    again = True
    while again:
        again = False
        for node, both in nodes.items():
            if reasons[node] or both[0].op == "Gather":
                continue
            reasons[node] = next(filter(None, (_why_not_joined(one, readers[one.weight], reasons) for one in both)), "")
            again = again or bool(reasons[node])
    return reasons


def _why_not_joined(layer: WeightLayer, readers: Sequence[WeightLayer], reasons: Mapping[ir.Node, str]) -> str:
    """Why a weight cannot be stored as integers in place because of the other layers that read it."""
    for other in readers:
        if other.node is layer.node:
            continue
        if other.op != layer.op or other.index != layer.index:
            return "its weights are shared with a layer of another kind"
        if reasons[other.node]:
            return "its weights are shared with a layer that stays in float"
        if other.out_axis != layer.out_axis:
            return "its weights are shared with a layer that reads them transposed"
    return ""


def _why_shared(layer: WeightLayer) -> str:
    same = all(use.node.op_type == layer.op and use.idx == layer.index for use in layer.weight.uses())
    return (
        "" if same or layer.op == "Gather" or layer.through else "its weights are shared with a layer of another kind"
    )


def why_float(layer: WeightLayer, options: Options) -> str:
    """Why a layer stays in float; empty when it can be quantized."""
    if layer.name in options.keep:
        return "kept in float as asked"
    if layer.op in {"GRU", "RNN", "ConvTranspose"}:
        return f"there is no dynamic int8 kernel for {layer.op}: use quantize.weights"
    if layer.op == "Conv" and not options.include_conv:
        return "convolutions run several times slower with dynamic int8: use quantize.static"
    reason = stored.why_not(layer)
    if reason:
        return reason
    if layer.plain and layer.weight.dtype is not None and layer.weight.dtype.name != "FLOAT":
        return "it computes in half precision"
    attributes = layer.node.attributes
    if layer.op == "LSTM" and attributes.get_int("layout", 0) != 0:
        return "its batch comes first, which the int8 kernel for LSTM does not know"
    if layer.op in {"Gemm", "MatMul"} and layer.index != 1:
        return "its weights are on the left side of the product"
    if layer.op in {"Gemm", "MatMul"} and len(layer.weight.shape or ()) != 2:
        return "its weights are a stack of matrices"
    if layer.op == "Gemm" and (
        attributes.get_int("transA", 0) or [attributes.get_float(one, 1.0) for one in ("alpha", "beta")] != [1.0, 1.0]
    ):
        return "it scales or transposes its input"
    return ""


class _Writer:
    """Writes integer layers; an input that several layers read is quantized once."""

    def __init__(self, model: ir.Model) -> None:
        self.model = model
        self.names = used_names(model)
        self.inputs: dict[ir.Value, list[ir.Value]] = {}
        self.weights: dict[ir.Value, tuple[ir.Value, ir.Value]] = {}

    def node(
        self, op: str, inputs: list[ir.Value | None], stems: list[str], domain: str = "", **attributes: int
    ) -> ir.Node:
        import onnx_ir as ir

        outputs = [ir.Value(name=fresh_name(self.model, stem, self.names)) for stem in stems]
        return ir.node(op, inputs, attributes=attributes, outputs=outputs, domain=domain)

    def constant(self, stem: str, array: np.ndarray) -> ir.Value:
        return stored.Chain(self.model, self.names).constant(stem, _tensor(array))

    def quantized(self, data: ir.Value) -> list[ir.Value]:
        """Integers, scale and zero point of an activation."""
        if data not in self.inputs:
            node = self.node("DynamicQuantizeLinear", [data], [f"{data.name}_q", f"{data.name}_s", f"{data.name}_z"])
            producer = data.producer()
            if producer is None:
                self.model.graph.insert_before(self.model.graph[0], [node])
            else:
                self.model.graph.insert_after(producer, [node])
            self.inputs[data] = list(node.outputs)
        return self.inputs[data]

    def weight(self, layer: WeightLayer, options: Options) -> tuple[ir.Value, ir.Value]:
        """Integers in the order of the kernel, and scales that broadcast over the output."""
        if layer.weight in self.weights:  # another layer reads the same weight, and came first
            return self.weights[layer.weight]
        array = stored.finite_weight(layer)
        value = stored.make_plain(layer)
        result = quantizers.symmetric(array, options.weight_bits, (layer.out_axis,) if options.per_channel else ())
        scale = result.scale.reshape(-1)
        if layer.op == "Conv":
            numbers, scale = result.values, scale.reshape(-1, *[1] * (array.ndim - 2))
        else:
            numbers = result.values if layer.out_axis == 1 else np.ascontiguousarray(result.values.T)
        set_integers(value, numbers)
        self.weights[value] = value, self.constant(f"{value.name}_s", scale)
        return self.weights[value]

    def replace(self, both: list[WeightLayer], options: Options) -> None:
        """Replace the node of a layer by integer ones."""
        if both[0].op == "LSTM":
            self.lstm(both, options)
        else:
            self.product(both[0], options)

    def product(self, layer: WeightLayer, options: Options) -> None:
        """MatMul, Gemm or Conv as DynamicQuantizeLinear, the integer operator, and one multiplication."""
        import onnx_ir as ir

        node = layer.node
        data = node.inputs[0]
        assert data is not None
        numbers, scale = self.weight(layer, options)
        x, x_scale, x_zero = self.quantized(data)
        stem = node.outputs[0].name
        op = "ConvInteger" if layer.op == "Conv" else "MatMulInteger"
        product = self.node(op, [x, numbers, x_zero], [f"{stem}_i"])
        if layer.op == "Conv":
            product.attributes.update(dict(node.attributes))
        cast = self.node("Cast", [product.outputs[0]], [f"{stem}_f"], to=ir.DataType.FLOAT.value)
        both = self.node("Mul", [x_scale, scale], [f"{stem}_m"])
        last = self.node("Mul", [cast.outputs[0], both.outputs[0]], [f"{stem}_y"])
        new = [product, cast, both, last]
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        if bias is not None:
            if layer.op == "Conv":
                bias = self._per_channel(bias, len(numbers.shape or ()), new)
            last = self.node("Add", [last.outputs[0], bias], [f"{stem}_b"])
            new.append(last)
        self._swap(node, new, last.outputs[0])

    def lstm(self, both: list[WeightLayer], options: Options) -> None:
        """LSTM as DynamicQuantizeLSTM; weights are stored (directions, inputs, 4 · units)."""
        node = both[0].node
        parts: list[ir.Value] = []
        tails: list[ir.Value] = []
        for layer in both:
            value = layer.weight
            if value not in self.weights:
                array = stored.finite_weight(layer)
                value = stored.make_plain(layer)
                kept = (0, 1) if options.per_channel else (0,)
                result = quantizers.symmetric(array, options.weight_bits, kept)
                shape = array.shape[:2] if options.per_channel else array.shape[:1]
                set_integers(value, np.ascontiguousarray(result.values.transpose(0, 2, 1)))
                scale = self.constant(f"{value.name}_s", result.scale.reshape(shape))
                self.weights[value] = value, scale
            scale = self.weights[value][1]
            assert scale.const_value is not None
            zero = self.constant(f"{value.name}_z", np.zeros(scale.const_value.shape.numpy(), np.int8))
            parts.append(value)
            tails += [scale, zero]
        others = [*node.inputs[3:8], *[None] * 5][:5]
        outputs = [f"{value.name}_y" if value.name else "" for value in node.outputs]
        new = self.node("DynamicQuantizeLSTM", [node.inputs[0], *parts, *others, *tails], outputs, MICROSOFT)
        new.name = node.name
        for name in LSTM_KEPT:
            if name in node.attributes:
                new.attributes[name] = node.attributes[name]
        self.model.opset_imports.setdefault(MICROSOFT, 1)
        self.model.graph.insert_after(node, [new])
        for old, output in zip(node.outputs, new.outputs, strict=True):
            output.shape, output.type = old.shape, old.type
            replace_uses(old, output)
        self.model.graph.remove(node, safe=True)

    def _per_channel(self, bias: ir.Value, rank: int, new: list[ir.Node]) -> ir.Value:
        """The bias of a convolution in a shape that broadcasts over its output."""
        target = self.constant("channels", np.array([1, -1, *[1] * (rank - 2)], np.int64))
        reshape = self.node("Reshape", [bias, target], [f"{bias.name}_c"])
        new.append(reshape)
        return reshape.outputs[0]

    def _swap(self, node: ir.Node, new: list[ir.Node], output: ir.Value) -> None:
        old = node.outputs[0]
        output.shape, output.type = old.shape, old.type
        self.model.graph.insert_after(node, new)
        replace_uses(old, output)
        self.model.graph.remove(node, safe=True)


def set_integers(value: ir.Value, numbers: np.ndarray) -> None:
    """Give an initializer integers; its name stays."""
    import onnx_ir as ir

    value.const_value = ir.Tensor(numbers, name=value.name)
    value.shape, value.type = ir.Shape(numbers.shape), ir.TensorType(ir.DataType.INT8)


def _tensor(array: np.ndarray) -> ir.TensorProtocol:
    import onnx_ir as ir

    return ir.Tensor(array)
