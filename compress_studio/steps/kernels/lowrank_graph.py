"""Which layers can be factorized, and putting two layers into the graph where one was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import FLOATS, RECURRENT, WeightLayer, set_array
from compress_studio.graph.rewrite import add_initializer, fresh_name

if TYPE_CHECKING:
    import onnx_ir as ir

PLACES = ("pads", "strides", "dilations", "auto_pad", "kernel_shape")
"""Attributes of a convolution that belong to its kernel."""
POSITIONS = 256


@dataclass(frozen=True, slots=True)
class Matrix:
    """A layer as a matrix product."""

    layer: WeightLayer
    weight: np.ndarray
    """float64, as (out, fan in)."""
    shape: tuple[int, ...]
    """Of the stored weight."""

    @property
    def out(self) -> int:
        return self.weight.shape[0]

    @property
    def fan_in(self) -> int:
        return self.weight.shape[1]

    @property
    def output(self) -> str:
        """The tensor that the layer gives."""
        return self.layer.node.outputs[0].name or ""

    def rows(self, output: np.ndarray, width: int | None = None) -> np.ndarray:
        """Rows of output channels for second moments: at most POSITIONS of each sample of a batch on average.

        Args: width is the number of channels, when the tensor is not the layer's own output.
        """
        channels = np.moveaxis(output, 1, -1) if self.layer.op == "Conv" else output
        matrix = channels.reshape(-1, width or self.out)
        # An odd stride visits all columns of a picture.
        stride = max(1, len(matrix) // (POSITIONS * max(len(output), 1))) | 1
        return matrix[::stride]

    @property
    def holds_mean(self) -> bool:
        """True when the layer has a bias of its own, or can have one."""
        return self.layer.op in {"Conv", "Gemm"}

    @property
    def beta(self) -> float:
        """The factor of the bias."""
        return self.layer.node.attributes.get_float("beta", 1.0) if self.layer.op == "Gemm" else 1.0

    def bias(self) -> np.ndarray:
        """What the layer adds to each output channel, shape (out,)."""
        if self.layer.bias is None or self.layer.bias.const_value is None:
            return np.zeros(self.out)
        values = self.layer.bias.const_value.numpy().astype(np.float64).ravel()
        return np.broadcast_to(values * self.beta, (self.out,))


def why_not(layer: WeightLayer) -> str:
    """Why a layer cannot be written as two; empty when it can."""
    if layer.op in RECURRENT:
        return "is recurrent, and recurrent layers are not factorized"
    if layer.op == "Gather":
        return "is a table of embeddings"
    if layer.op == "ConvTranspose":
        return "is a transposed convolution, which is not factorized"
    if layer.groups > 1:
        return "is a grouped or depthwise convolution, which is thin already"
    if layer.index != 1:
        return "has its weights on the left of the product"
    if layer.through not in {(), ("Cast",)} or layer.weight.dtype is None or layer.weight.dtype.name not in FLOATS:
        return "is quantized or stored in another form already"
    if len(layer.weight.uses()) > 1 or layer.weight.is_graph_output() or layer.weight.is_graph_input():
        return "shares its weights with something else"
    if layer.op == "MatMul" and len(layer.array.shape) != 2:
        return "multiplies with a stack of matrices"
    if not np.isfinite(layer.array.astype(np.float32, copy=False)).all():
        return "holds numbers that are not finite"
    return _why_not_product(layer) if layer.op == "Gemm" else ""


def _why_not_product(layer: WeightLayer) -> str:
    node = layer.node
    if node.attributes.get_int("transA", 0):
        return "multiplies with its transposed input"
    third = node.inputs[2] if len(node.inputs) > 2 else None
    if third is None:
        return ""
    width = layer.array.shape[layer.out_axis]
    if layer.bias is None or layer.bias.const_value is None or layer.bias.const_value.size not in {1, width}:
        return "adds something that is not a stored bias"
    return "" if node.attributes.get_float("beta", 1.0) else "scales its bias with zero"


def as_matrix(layer: WeightLayer) -> Matrix:
    """The layer as (out, fan in) in float64."""
    array = layer.array.astype(np.float64)
    if layer.op == "Conv":
        matrix = array.reshape(len(array), -1)
    else:
        matrix = array if layer.out_axis == 0 else array.T
    return Matrix(layer, matrix, array.shape)


def put_product(model: ir.Model, one: Matrix, first: np.ndarray, second: np.ndarray) -> None:
    """Let the layer be two: first (rank, fan in), then second (out, rank). The output keeps its name."""
    node = one.layer.node
    if one.layer.op == "Conv":
        ones = (1,) * (len(one.shape) - 2)
        front = _convolution(node, first.reshape(-1, *one.shape[1:]), {})
        attributes: dict[str, list[int]] = {}
        back = second.reshape(*second.shape, *ones)
    else:
        front, attributes = ("MatMul", first.T, {}), {}
        flipped = one.layer.op == "Gemm" and node.attributes.get_int("transB", 0) == 1
        back = second if flipped else second.T
    _put(model, one, front, back, attributes)


def put_spatial(model: ir.Model, one: Matrix, column: np.ndarray, row: np.ndarray) -> None:
    """Let a two-dimensional convolution be a column and then a row of kernels. The output keeps its name."""
    place = _Places.of(one)
    down = {name: values for name, values in place.along(0).items() if values}
    across = {name: values for name, values in place.along(1).items() if values}
    _put(model, one, _convolution(one.layer.node, column, down), row, across)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the kernel of a two-dimensional convolution is put down."""

    pads: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]

    @classmethod
    def of(cls, one: Matrix) -> _Places:
        get = one.layer.node.attributes.get_ints
        return cls(tuple(get("pads", [0] * 4)), tuple(get("strides", [1, 1])), tuple(get("dilations", [1, 1])))

    def along(self, axis: int) -> dict[str, list[int]]:
        """The attributes that matter along one axis, the other one untouched."""
        pads, strides, dilations = [0] * 4, [1, 1], [1, 1]
        pads[axis], pads[axis + 2] = self.pads[axis], self.pads[axis + 2]
        strides[axis], dilations[axis] = self.strides[axis], self.dilations[axis]
        return {"pads": pads, "strides": strides, "dilations": dilations}


def stride_across(one: Matrix) -> int:
    """How many more columns the first half of a spatial factorization computes than the whole gives."""
    return _Places.of(one).strides[1]


_Front = tuple[str, np.ndarray, dict[str, "ir.Attr"]]


def _convolution(node: ir.Node, kernel: np.ndarray, places: dict[str, list[int]]) -> _Front:
    """A convolution like node with another kernel; places replace its own, none: they stay."""
    import onnx_ir as ir

    attributes = {name: attribute for name, attribute in node.attributes.items() if name in PLACES}
    if places:
        for name in ("pads", "strides", "dilations"):
            attributes.pop(name, None)
        if "auto_pad" in attributes and attributes["auto_pad"].value != "NOTSET":
            places = {name: values for name, values in places.items() if name != "pads"}
        attributes.update({name: ir.AttrInt64s(name, values) for name, values in places.items()})
    attributes["kernel_shape"] = ir.AttrInt64s("kernel_shape", list(kernel.shape[2:]))
    return "Conv", kernel, attributes


def _put(model: ir.Model, one: Matrix, front: _Front, back: np.ndarray, places: dict[str, list[int]]) -> None:
    """Put a new node before the layer's own, which becomes the second half."""
    import onnx_ir as ir

    node, layer = one.layer.node, one.layer
    op, kernel, attributes = front
    auto_pad = node.attributes.get_string("auto_pad", "NOTSET") if layer.op == "Conv" else "NOTSET"
    middle = ir.Value(name=fresh_name(model, f"{layer.name}.a.out"), type=node.outputs[0].type)
    weight = _stored(model, node, layer, f"{layer.name}.a.weight", kernel)
    name = fresh_name(model, f"{node.name or layer.name}.a")
    before = ir.node(op, [node.inputs[0], weight], attributes=attributes, name=name, outputs=[middle])
    node.graph.insert_before(node, [before])  # type: ignore[union-attr]
    node.replace_input_with(0, middle)
    node.replace_input_with(1, _stored(model, node, layer, f"{layer.name}.b.weight", back))
    node.name = fresh_name(model, f"{node.name or layer.name}.b")
    if layer.op != "Conv":
        return
    for attribute in PLACES:
        node.attributes.pop(attribute, None)
    node.attributes["kernel_shape"] = ir.AttrInt64s("kernel_shape", list(back.shape[2:]))
    if auto_pad != "NOTSET" and math.prod(back.shape[2:]) > 1:
        places = {name: values for name, values in places.items() if name != "pads"}
        node.attributes["auto_pad"] = ir.AttrString("auto_pad", auto_pad)
    for attribute, values in places.items():
        node.attributes[attribute] = ir.AttrInt64s(attribute, values)


def _stored(model: ir.Model, node: ir.Node, layer: WeightLayer, name: str, array: np.ndarray) -> ir.Value:
    """A new weight stored as precisely as the old one, behind a Cast where that was."""
    import onnx_ir as ir

    value = add_initializer(model, name, np.ascontiguousarray(array).astype(layer.array.dtype))
    if not layer.through:
        return value
    cast = ir.node("Cast", [value], attributes={"to": _read_as(node, layer)}, name=fresh_name(model, f"{name}.cast"))
    cast.outputs[0].name = fresh_name(model, f"{name}.wide")
    cast.outputs[0].type = node.outputs[0].type
    node.graph.insert_before(node, [cast])  # type: ignore[union-attr]
    return cast.outputs[0]


def _read_as(node: ir.Node, layer: WeightLayer) -> int:
    import onnx_ir as ir

    value = layer.node.inputs[layer.index]
    producer = value.producer() if value is not None else None
    return producer.attributes.get_int("to", ir.DataType.FLOAT.value) if producer else ir.DataType.FLOAT.value


def set_bias(model: ir.Model, one: Matrix, bias: np.ndarray) -> None:
    """Give the layer a bias; a stored one that nobody else reads is overwritten and keeps its name."""
    node, old = one.layer.node, one.layer.bias
    values = bias / one.beta
    if old is not None and old.producer() is None and len(old.uses()) == 1 and not old.is_graph_input():
        set_array(old, values.astype(old.const_value.numpy().dtype))  # type: ignore[union-attr]
        return
    kind = node.outputs[0].dtype
    dtype = kind.numpy() if kind is not None else (np.float32 if one.layer.through else one.layer.array.dtype)
    new = add_initializer(model, f"{one.layer.name}.b.bias", values.astype(dtype))
    while len(node.inputs) < 3:
        node.resize_inputs(len(node.inputs) + 1)
    node.replace_input_with(2, new)
