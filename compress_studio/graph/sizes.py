"""Tensors that follow from the sizes of weights, stored instead of computed.

The exporter of PyTorch 2 writes, when it does not optimize, a bias that a layer lacks as zeros in the size of its
weight (Shape, CastLike, Expand), and bounds of Clip as CastLike. As nodes they would hide from every step which layers
belong together and that their biases are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.graph import rewrite

if TYPE_CHECKING:
    import onnx_ir as ir

FEW = 64
"""Elements up to which a stored tensor is a setting that may be computed with."""
LARGEST = 1 << 16
"""Bytes of a result that is stored."""
MEASURING = frozenset({"Shape", "Size"})
ON_NUMBERS = frozenset({"CastLike", "Expand", "ConstantOfShape"})
"""Operators on single numbers that are computed in any type; learned ones are left to the steps."""
ON_SIZES = (
    MEASURING
    | ON_NUMBERS
    | {"Add", "Cast", "Concat", "Div", "Gather", "Max", "Min", "Mod", "Mul", "Neg", "Range", "ReduceProd", "Reshape"}
    | {"Slice", "Squeeze", "Sub", "Unsqueeze"}
)
INTEGERS = frozenset({"INT64", "INT32"})


def fold_sizes(model: ir.Model) -> int:
    """Store what nodes compute from the sizes of weights and from single numbers; returns how many nodes went."""
    types: Mapping[str, ir.DataType] | None = None
    count = 0
    for node in list(model.graph):
        if node.domain not in {"", "ai.onnx"} or node.op_type not in ON_SIZES or len(node.outputs) != 1:
            continue
        if node.outputs[0].is_graph_output():
            continue
        like = None
        if node.op_type == "CastLike":
            types = _element_types(model) if types is None else types
            like = node.inputs[1].dtype if node.inputs[1] is not None else None
            like = like or types.get(node.inputs[1].name or "" if node.inputs[1] is not None else "")
        array = _computed(model, node, like)
        if array is None or array.nbytes > LARGEST:
            continue
        result = node.outputs[0]
        rewrite.replace_uses(result, rewrite.add_initializer(model, f"{result.name}_stored", array))
        model.graph.remove(node, safe=True)
        count += 1
    return count


def _computed(model: ir.Model, node: ir.Node, like: ir.DataType | None) -> np.ndarray | None:
    """The result of a node on stored tensors; None when it is not one of these, or not known."""
    present = [value for value in node.inputs if value is not None]
    if node.op_type == "CastLike":
        present = present[:1]
    if not present or any(value.const_value is None or value.producer() is not None for value in present):
        return None
    if any(value.is_graph_input() for value in present):
        return None
    if node.op_type in MEASURING:
        return _measured(node, present[0])
    tensors = [value.const_value for value in present if value.const_value is not None]
    if any(tensor.size > FEW for tensor in tensors):
        return None
    if node.op_type == "CastLike":
        return tensors[0].numpy().astype(like.numpy()) if like is not None and like.name != "STRING" else None
    if node.op_type not in ON_NUMBERS and any(tensor.dtype.name not in INTEGERS for tensor in tensors):
        return None
    if node.op_type == "Expand" and tensors[0].size != 1:
        return None
    return _evaluated(model, node)


def _measured(node: ir.Node, value: ir.Value) -> np.ndarray:
    assert value.const_value is not None
    sizes = np.array(value.const_value.shape.numpy(), np.int64)
    if node.op_type == "Size":
        return np.array(sizes.prod(), np.int64)
    end = node.attributes.get_int("end", len(sizes))
    return sizes[node.attributes.get_int("start", 0) : end]


def _evaluated(model: ir.Model, node: ir.Node) -> np.ndarray | None:
    """The result of a node, by the reference implementation of ONNX; None when it does not compute it."""
    import onnx
    import onnx.reference
    import onnx_ir as ir

    feeds = {
        value.name or "": value.const_value.numpy()
        for value in node.inputs
        if value is not None and value.const_value is not None
    }
    opset = onnx.helper.make_opsetid("", model.opset_imports.get("", 1))
    inputs = [onnx.ValueInfoProto(name=name) for name in feeds]
    outputs = [onnx.ValueInfoProto(name=node.outputs[0].name or "")]
    graph = onnx.helper.make_graph([ir.to_proto(node)], "sizes", inputs, outputs)
    small = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=min(model.ir_version, 13))
    try:
        results: Any = onnx.reference.ReferenceEvaluator(small).run(None, feeds)
    except Exception:  # noqa: BLE001 - a node that cannot be computed alone simply stays
        return None
    return np.asarray(results[0])


def _element_types(model: ir.Model) -> Mapping[str, ir.DataType]:
    """Types of tensors, for a network whose exporter did not note them."""
    from compress_studio.graph.shapes import element_types

    return element_types(model)
