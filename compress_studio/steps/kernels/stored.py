"""Weights stored small: an initializer of few bits behind operators that ONNX Runtime folds when it loads the file.

Cast, Sub and Mul of constants are folded at load (DequantizeLinear is not), so that the file is smaller, the numbers
are those of the small form, and the network runs exactly as fast as with plain weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.base.errors import Refused
from compress_studio.graph.layers import FLOATS, WeightLayer, set_array, uses_of
from compress_studio.graph.rewrite import fresh_name, replace_uses, used_names
from compress_studio.steps.kernels.quantizers import Quantized, half_scales, pack4, symmetric

if TYPE_CHECKING:
    import onnx_ir as ir

NODE_BYTES = 60
"""What a node and the names it needs take in the file, about."""
WORTHWHILE = 0.9
"""Share of the old bytes below which another form is worth it."""
TOO_SMALL = "too small: the scales would take more than is saved"
MANY_SCALES = 256
"""Scales from which on it pays to store them in half precision."""


def float_weight(layer: WeightLayer) -> np.ndarray | None:
    """The weights of a layer as float32, or None when they are stored in another form than plain or half precision."""
    if layer.plain or (layer.through == ("Cast",) and layer.weight.dtype is not None):
        if layer.weight.dtype is None or layer.weight.dtype.name not in FLOATS:
            return None
        return layer.array.astype(np.float32, copy=False)
    return None


def why_not(layer: WeightLayer) -> str:
    """Why the weights of a layer cannot be stored otherwise; empty when they can."""
    if layer.weight.is_graph_input():
        return "its weights are an input of the network, which a caller may replace"
    if layer.weight.is_graph_output():
        return "its weights are an output of the network"
    if layer.weight.dtype is not None and layer.weight.dtype.name == "DOUBLE":
        return "it computes in double precision"
    if layer.through and set(layer.through) <= {"Transpose", "Reshape", "Identity"}:
        return f"its weights are shared and reach it through {' and '.join(layer.through)}"
    if float_weight(layer) is None or (
        layer.through and any(use.node.op_type != "Cast" for use in layer.weight.uses())
    ):
        return f"its weights are already stored in another form ({', '.join(layer.through) or layer.weight.dtype})"
    return ""


def require_finite(layer: WeightLayer, array: np.ndarray) -> None:
    """Raise Refused naming the layer when its weights hold NaN or infinity."""
    if not np.isfinite(array).all():
        raise Refused(
            f"The weights of {layer.name} hold values that are not numbers (NaN or infinity).",
            "The network is damaged: export it again from a good checkpoint.",
        )


def finite_weight(layer: WeightLayer) -> np.ndarray:
    """The weights of a layer that why_not lets pass, as float32. Raises Refused for NaN and infinity."""
    array = float_weight(layer)
    assert array is not None
    require_finite(layer, array)
    return array


class Chain:
    """Nodes on constants, gathered and then put at the beginning of the graph."""

    def __init__(self, model: ir.Model, names: set[str] | None = None) -> None:
        self.model = model
        self.names = used_names(model) if names is None else names
        self.nodes: list[ir.Node] = []

    def op(self, op: str, inputs: Sequence[ir.Value], stem: str, **attributes: int) -> ir.Value:
        """Add a node without a name (names are bytes); returns its output."""
        import onnx_ir as ir

        output = ir.Value(name=fresh_name(self.model, stem, self.names), type=inputs[0].type, shape=inputs[0].shape)
        self.nodes.append(ir.node(op, list(inputs), attributes=attributes, outputs=[output]))
        return output

    def cast(self, value: ir.Value, stem: str) -> ir.Value:
        """The value in float32."""
        import onnx_ir as ir

        output = self.op("Cast", [value], stem, to=ir.DataType.FLOAT.value)
        output.type = ir.TensorType(ir.DataType.FLOAT)
        return output

    def constant(self, stem: str, tensor: ir.TensorProtocol) -> ir.Value:
        """A new initializer."""
        import onnx_ir as ir

        name = fresh_name(self.model, stem, self.names)
        value = ir.Value(
            name=name, shape=ir.Shape(tensor.shape.numpy()), type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        self.model.graph.register_initializer(value)
        return value

    def replace(self, old: ir.Value, new: ir.Value) -> None:
        """Put the nodes into the graph and let the readers of old read new."""
        replace_uses(old, new, keep=self.nodes)
        graph = self.model.graph
        graph.insert_before(graph[0], self.nodes)


def store_half(model: ir.Model, value: ir.Value, array: np.ndarray, names: set[str] | None = None) -> None:
    """Store an initializer in half precision behind a Cast to float32."""
    set_array(value, array.astype(np.float16))
    chain = Chain(model, names)
    chain.replace(value, chain.cast(value, f"{value.name}_f"))


def store_quantized(
    model: ir.Model,
    value: ir.Value,
    quantized: Quantized,
    bits: int,
    shape: tuple[int, ...],
    *,
    half: bool = False,
    names: set[str] | None = None,
) -> None:
    """Store an initializer as integers behind Cast, Sub (with a zero point), Mul and, for blocks, Reshape.

    Args: shape is the one that readers see; half stores the scales in half precision, which must hold them exactly.
    The initializer keeps its name. Four bits need opset 21.
    """
    import onnx_ir as ir

    chain, stem = Chain(model, names), value.name or "w"
    value.const_value = integer_tensor(quantized.values, bits, stem)
    value.shape, value.type = ir.Shape(quantized.values.shape), ir.TensorType(value.const_value.dtype)
    result = chain.cast(value, f"{stem}_f")
    if quantized.zero is not None:
        zero = chain.constant(f"{stem}_z", integer_tensor(quantized.zero, bits, stem))
        result = chain.op("Sub", [result, chain.cast(zero, f"{stem}_zf")], f"{stem}_d")
    scale = chain.constant(f"{stem}_s", ir.Tensor(quantized.scale.astype(np.float16) if half else quantized.scale))
    result = chain.op("Mul", [result, chain.cast(scale, f"{stem}_sf") if half else scale], f"{stem}_w")
    if quantized.values.shape != shape:
        target = chain.constant(f"{stem}_n", ir.Tensor(np.array(shape, np.int64)))
        result = chain.op("Reshape", [result, target], f"{stem}_r")
        result.shape = ir.Shape(shape)
    chain.replace(value, result)


def store_table(model: ir.Model, layer: WeightLayer) -> str:
    """Store an embedding in int8, one scale per row; returns why not, empty when done."""
    array = finite_weight(layer)
    if uses_of(layer.weight) != 1:
        return "its table is shared with another layer"
    result = symmetric(array, 8, (0,))
    half = half_scales(result, array, 8) if result.scale.size > MANY_SCALES else None
    result = half or result
    size = result.values.nbytes + result.scale.size * (2 if half else 4) + 3 * NODE_BYTES
    if size >= WORTHWHILE * array.nbytes:
        return TOO_SMALL
    store_quantized(model, make_plain(layer), result, 8, array.shape, half=half is not None)
    return ""


def make_plain(layer: WeightLayer) -> ir.Value:
    """Let the readers of weights in half precision read a plain float32 initializer; returns it."""
    value = layer.weight
    if not layer.through:
        return value
    array = layer.array.astype(np.float32)
    casts = [use.node for use in value.uses()]
    set_array(value, array)
    for node in casts:
        replace_uses(node.outputs[0], value)
        assert node.graph is not None
        node.graph.remove(node, safe=True)
    return value


def integer_tensor(values: np.ndarray, bits: int, name: str) -> ir.TensorProtocol:
    """An ONNX tensor of 8 or, two to a byte, 4 bits."""
    import onnx_ir as ir

    if bits == 8:
        return ir.Tensor(np.ascontiguousarray(values), name=name)
    kind = ir.DataType.INT4 if values.dtype == np.int8 else ir.DataType.UINT4
    return ir.PackedTensor(pack4(values), kind, shape=ir.Shape(values.shape), name=name)
