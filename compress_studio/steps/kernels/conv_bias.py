"""The Add of a constant behind a convolution as the bias of the convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import uses_of
from compress_studio.graph.rewrite import fresh_name, replace_uses

if TYPE_CHECKING:
    import onnx_ir as ir


def fold_biases(model: ir.Model) -> int:
    """Let convolutions without a bias take over the Add of a number per channel that alone reads them.

    ONNX Runtime does so in float; between a convolution in integers and its quantizer it does not. Returns how many.
    """
    count = 0
    for node in list(model.graph):
        if node.op_type != "Conv" or any(one is not None for one in node.inputs[2:]):
            continue
        output = node.outputs[0]
        if uses_of(output) != 1 or output.is_graph_output():
            continue
        use = next(iter(output.uses()))
        added = use.node
        if added.op_type != "Add" or added.graph is not node.graph:
            continue
        bias = _per_channel(node, added.inputs[1 - use.idx])
        if bias is None or added.outputs[0].is_graph_output():
            continue
        _take_over(model, node, added, bias)
        count += 1
    return count


def _per_channel(conv: ir.Node, value: ir.Value | None) -> np.ndarray | None:
    """The constant as a number per output channel; None when it is something else."""
    weight = conv.inputs[1]
    if value is None or value.const_value is None or value.is_graph_input() or weight is None or weight.shape is None:
        return None
    channels, rank = weight.shape[0], len(weight.shape)
    array = value.const_value.numpy()
    shape = (1,) * (rank - array.ndim) + array.shape
    if array.dtype != np.float32 or not isinstance(channels, int) or shape != (1, channels, *(1,) * (rank - 2)):
        return None
    return array.reshape(-1)


def _take_over(model: ir.Model, conv: ir.Node, added: ir.Node, bias: np.ndarray) -> None:
    import onnx_ir as ir

    name = fresh_name(model, f"{conv.outputs[0].name}_bias")
    tensor = ir.Tensor(np.ascontiguousarray(bias), name=name)
    value = ir.Value(name=name, shape=ir.Shape(bias.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
    model.graph.register_initializer(value)
    conv.resize_inputs(3)
    conv.replace_input_with(2, value)
    replace_uses(added.outputs[0], conv.outputs[0])
    model.graph.remove(added, safe=True)
