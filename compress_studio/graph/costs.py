"""What a network costs: parameters, zeros, multiply-accumulates per sample, bytes; in all and for each layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from compress_studio.graph import macs as multiply
from compress_studio.graph.layers import people_name, weight_layers
from compress_studio.graph.weights import LINE, find_weights, logical_size, pieces, zeros

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.base.digest import Json
    from compress_studio.graph.shapes import Shapes

UNPACKING = LINE | {"Gather", "Add", "Sub", "Mul", "Div", "Mod", "Slice", "Concat", "Expand", "Split", "Clip", "Pad"}
"""Operators that may lie between stored numbers and their use. Others compute: looking further up would never end."""


@dataclass(slots=True)
class LayerCost:
    """One node that has weights or multiplies."""

    name: str
    op: str
    parameters: int = 0
    nonzero: int = 0
    macs: int | None = 0
    """Per sample; None when the shapes do not tell."""
    bytes: int = 0
    """Of everything stored for it, scales included."""
    dtype: str = ""
    """How its largest weight is stored; empty without weights."""
    out_shape: tuple[int, ...] | None = None

    def plain(self) -> dict[str, Json]:
        """As JSON."""
        shape: Json = None
        if self.out_shape is not None:
            shape = list(self.out_shape)
        return {**asdict(self), "out_shape": shape}


@dataclass(slots=True)
class Costs:
    """The whole network; weights in sub-graphs are counted, work in them is not."""

    parameters: int = 0
    """Numbers that are weights: unpacked, without scales, zero points, sizes and other settings of operators."""
    nonzero: int = 0
    macs: int | None = 0
    """Multiply-accumulates per sample; None when they are not known for some node."""
    bytes_by_type: dict[str, int] = field(default_factory=dict[str, int])
    """Bytes of all stored tensors by their type."""
    rows: list[LayerCost] = field(default_factory=list[LayerCost])
    not_a_number: int = 0
    """Weights that are NaN or infinite."""


def cost(model: ir.Model, shapes: Shapes | None) -> Costs:
    """Count what a network costs.

    Args: shapes of its tensors; without them the multiply-accumulates stay unknown.
    """
    costs = Costs(bytes_by_type=_bytes_by_type(model))
    rows: dict[int, LayerCost] = {}
    largest: dict[int, int] = {}
    for weight in find_weights(model):
        row = rows.setdefault(id(weight.reader), LayerCost("", weight.reader.op_type))
        count = logical_size(weight)
        nonzero = count - zeros(weight)
        row.parameters += count
        row.nonzero += nonzero
        costs.parameters += count
        costs.nonzero += nonzero
        costs.not_a_number += _not_numbers(weight.value)
        if count > largest.get(id(weight.reader), 0) and weight.value.dtype is not None:
            largest[id(weight.reader)] = count
            row.dtype = weight.value.dtype.name
    names = _names(model)
    total: int | None = 0
    for node in model.graph:
        if id(node) not in rows and not multiply.counted(node):
            continue
        row = rows.setdefault(id(node), LayerCost("", node.op_type))
        row.name = names.get(id(node)) or people_name(node)
        row.macs = _per_sample(node, shapes)
        row.bytes = sum(_stored_bytes(node))
        row.out_shape = shapes.of(node.outputs[0].name) if shapes is not None and node.outputs else None
        total = None if total is None or row.macs is None else total + row.macs
        if row.parameters or row.macs != 0:
            costs.rows.append(row)
    costs.macs = total
    return costs


def _per_sample(node: ir.Node, shapes: Shapes | None) -> int | None:
    if not multiply.counted(node):
        return 0
    count = multiply.macs(node, shapes) if shapes is not None else None
    if shapes is None or count is None:
        return None
    return count // shapes.batch if shapes.batch_dependent(node.outputs[0].name) else count


def _names(model: ir.Model) -> dict[int, str]:
    """Names of layers as steps use them; a recurrent node has one, without the kind of its weights."""
    names: dict[int, str] = {}
    for layer in weight_layers(model):
        recurrent = layer.op in {"LSTM", "GRU", "RNN"}
        name = layer.name.replace(".input", "").replace(".recurrent", "") if recurrent else layer.name
        names.setdefault(id(layer.node), name)
    return names


def _stored_bytes(node: ir.Node) -> Iterator[int]:
    """Bytes of every initializer that a node reads, through operators on constants."""
    todo, seen = [value for value in node.inputs if value is not None], set[int]()
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        producer = value.producer()
        if producer is None:
            if value.const_value is not None:
                yield value.const_value.nbytes
        elif producer.op_type in LINE | {"Gather", "Add", "Sub", "Mul", "Div"} and _all_stored(producer):
            todo.extend(each for each in producer.inputs if each is not None)


def _all_stored(node: ir.Node) -> bool:
    return (
        node.op_type in UNPACKING
        and all(
            value is None
            or value.const_value is not None
            or ((producer := value.producer()) is not None and _all_stored(producer))
            for value in node.inputs
        )
        and bool(node.inputs)
    )


def _bytes_by_type(model: ir.Model) -> dict[str, int]:
    found: dict[str, int] = {}
    for graph in model.graphs():
        for value in graph.initializers.values():
            tensor = value.const_value
            if tensor is not None:
                found[tensor.dtype.name] = found.get(tensor.dtype.name, 0) + tensor.nbytes
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _not_numbers(value: ir.Value) -> int:
    import numpy as np

    tensor = value.const_value
    if tensor is None or tensor.dtype.name not in {"FLOAT", "FLOAT16", "DOUBLE", "BFLOAT16"}:
        return 0
    array = tensor.numpy()
    wide = tensor.dtype.name == "BFLOAT16"
    finite = sum(np.count_nonzero(np.isfinite(piece.astype(np.float32) if wide else piece)) for piece in pieces(array))
    return int(array.size - finite)
