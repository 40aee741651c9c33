"""The rewritings of which the canonical form is made. Each returns how often it was applied; sub-graphs stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph import rewrite
from compress_studio.graph.layers import EXPORTER_NAME, scope_name, set_array, weight_layers

if TYPE_CHECKING:
    import onnx_ir as ir

LARGEST_FOLD = 256 << 20
"""Bytes of a weight above which its layout stays as it is, so that it need not be read."""
FLOAT_KINDS = frozenset({"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"})


def inline_functions(model: ir.Model) -> int:
    """Replace calls of functions by their nodes."""
    from onnx_ir.passes.common import InlinePass

    count = len(model.functions)
    if count:
        InlinePass()(model)
        model.functions.clear()
    return count


def fix_defaults(model: ir.Model) -> int:
    """Make inputs that have a stored value plain initializers, as older files list every weight as an input."""
    doubled = [value for value in model.graph.inputs if value.name in model.graph.initializers]
    for value in doubled:
        model.graph.inputs.remove(value)
    return len(doubled)


def lift_constants(model: ir.Model) -> int:
    """Store the tensors of Constant nodes as initializers."""
    import onnx_ir as ir

    count = 0
    for node in list(model.graph):
        if node.op_type != "Constant" or node.domain not in {"", "ai.onnx"} or node.outputs[0].is_graph_output():
            continue
        tensor = ir.convenience.get_const_tensor(node.outputs[0])
        if tensor is None:
            continue
        name = node.outputs[0].name or rewrite.fresh_name(model, "constant")
        value = ir.Value(
            name=name, shape=ir.Shape(tensor.shape.numpy()), type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        tensor.name = name
        node.outputs[0].replace_all_uses_with(value)
        model.graph.remove(node, safe=True)
        model.graph.register_initializer(value)
        count += 1
    return count


def remove_identities(model: ir.Model) -> int:
    """Let the readers of an Identity read what it reads; one between an input and an output stays."""
    count = 0
    for node in list(model.graph):
        if node.op_type != "Identity" or node.domain not in {"", "ai.onnx"} or node.inputs[0] is None:
            continue
        source, result = node.inputs[0], node.outputs[0]
        if result.is_graph_output() and (source.producer() is None or source.is_graph_output()):
            continue
        source.type = source.type if source.type is not None else result.type
        rewrite.replace_uses(result, source)
        model.graph.remove(node, safe=True)
        count += 1
    return count


def fold_layout(model: ir.Model) -> int:
    """Store a weight transposed or reshaped where its only reader is a Transpose or a Reshape to a known shape."""
    count = 0
    for node in list(model.graph):
        if node.op_type not in {"Transpose", "Reshape"} or node.outputs[0].is_graph_output():
            continue
        weight = node.inputs[0]
        if weight is None or weight.const_value is None or weight.producer() is not None:
            continue
        plain = weight.dtype is not None and weight.dtype.name in FLOAT_KINDS
        if not plain or len(weight.uses()) != 1 or weight.const_value.nbytes > LARGEST_FOLD or weight.is_graph_output():
            continue
        array = _laid_out(node, weight.const_value.numpy())
        if array is None:
            continue
        set_array(weight, array)
        rewrite.replace_uses(node.outputs[0], weight)
        model.graph.remove(node, safe=True)
        count += 1
    if count:
        rewrite.remove_unused(model)
    return count


def unshare_vectors(model: ir.Model) -> int:
    """Give each reader of a one-dimensional float weight its own copy, so that channels are not coupled by chance."""
    taken = rewrite.used_names(model)
    count = 0
    for value in list(model.graph.initializers.values()):
        tensor = value.const_value
        if tensor is None or len(tensor.shape) != 1 or tensor.size < 2 or tensor.dtype.name not in FLOAT_KINDS:
            continue
        readers = [use for use in value.uses() if use.node.graph is model.graph]
        if len({id(use.node) for use in readers}) < 2:
            continue
        first = readers[0].node
        for use in readers[1:]:
            if use.node is not first:
                use.node.replace_input_with(use.idx, _copy(model, value, taken))
                count += 1
    return count


def give_names(model: ir.Model) -> int:
    """Name nodes by the part of the network that they belong to, and nameless weights after their layer."""
    count = 0
    seen: set[str] = set()
    for graph in model.graphs():
        for node in graph:
            scope = scope_name(node)
            bare = re.sub(r"^node_", "", node.name or "") or node.op_type
            name = f"{scope}/{bare}" if scope and "/" not in bare else node.name or bare
            stem, number = name, 1
            while name in seen:
                number += 1
                name = f"{stem}_{number}"
            seen.add(name)
            count += name != node.name
            node.name = name
    taken = rewrite.used_names(model)
    for layer in weight_layers(model):
        parts = {"weight": layer.weight} | ({"bias": layer.bias} if layer.bias is not None else {})
        for part, value in parts.items():
            if EXPORTER_NAME.match(value.name or ""):
                _rename(model, value, rewrite.fresh_name(model, f"{layer.name.partition('#')[0]}.{part}", taken))
                count += 1
    return count


def drop_notes(model: ir.Model) -> int:
    """Forget recorded shapes of inner tensors and what the exporter wrote to each node."""
    count = 0
    for node in model.graph:
        count += bool(node.metadata_props) + bool(node.doc_string)
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
            if not value.is_graph_output() and (value.shape is not None or value.type is not None):
                value.shape = value.type = None
                count += 1
    for value in [*model.graph.initializers.values(), *model.graph.inputs, *model.graph.outputs]:
        value.metadata_props.clear()
    return count


def _laid_out(node: ir.Node, array: np.ndarray) -> np.ndarray | None:
    if node.op_type == "Transpose":
        order = node.attributes.get_ints("perm", tuple(reversed(range(array.ndim))))
        return np.ascontiguousarray(np.transpose(array, order))
    target = node.inputs[1]
    if target is None or target.const_value is None or node.attributes.get_int("allowzero", 0) == 1:
        return None
    sizes = [int(size) for size in target.const_value.numpy().reshape(-1)]
    return array.reshape([array.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)])


def _copy(model: ir.Model, value: ir.Value, taken: set[str]) -> ir.Value:
    import onnx_ir as ir

    assert value.const_value is not None
    name = rewrite.fresh_name(model, value.name or "vector", taken)
    tensor = ir.Tensor(value.const_value.numpy(), name=name)
    copy = ir.Value(name=name, shape=value.shape, type=value.type, const_value=tensor)
    model.graph.register_initializer(copy)
    return copy


def _rename(model: ir.Model, value: ir.Value, name: str) -> None:
    """Rename an initializer; a network output keeps its name."""
    if value.is_graph_output() or value.is_graph_input() or value.name not in model.graph.initializers:
        return
    value.name = name
    if value.const_value is not None:
        value.const_value.name = name
