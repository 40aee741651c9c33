"""Batch normalization folded into the layer before it, so that the two are one operator in few bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import WeightLayer, set_array, uses_of, weight_layers
from compress_studio.graph.rewrite import add_initializer, remove_unused, replace_uses

if TYPE_CHECKING:
    import onnx_ir as ir

FOLDABLE = frozenset({"Conv", "ConvTranspose", "Gemm"})


def fold_norms(model: ir.Model) -> int:
    """Fold every BatchNormalization that directly follows a layer of its own; returns how many.

    With a = γ / √(σ² + ε): w' = a · w and b' = a · (b − μ) + β. Outputs stay equal up to rounding.
    """
    layers = {layer.node: layer for layer in weight_layers(model, embeddings=False) if layer.op in FOLDABLE}
    count = 0
    for node in list(model.graph):
        if node.op_type != "BatchNormalization" or node.attributes.get_int("training_mode", 0) == 1:
            continue
        source = node.inputs[0].producer() if node.inputs[0] is not None else None
        layer = layers.get(source) if source is not None else None
        if layer is None or not _may_fold(layer):
            continue
        arrays = [value.const_value.numpy() for value in node.inputs[1:5] if value is not None and value.const_value]
        if len(arrays) < 4 or any(array.dtype != np.float32 for array in arrays):
            continue
        _fold(model, layer, arrays, node.attributes.get_float("epsilon", 1e-5))
        replace_uses(node.outputs[0], layer.node.outputs[0])
        count += 1
    if count:
        remove_unused(model)
    return count


def _may_fold(layer: WeightLayer) -> bool:
    output = layer.node.outputs[0]
    alone = uses_of(output) == 1 and not output.is_graph_output() and uses_of(layer.weight) == 1
    own_bias = layer.bias is None or (uses_of(layer.bias) == 1 and not layer.bias.is_graph_input())
    computed_bias = layer.bias is None and len(layer.node.inputs) > 2 and layer.node.inputs[2] is not None
    simple = layer.groups == 1 or layer.op == "Conv"
    scaled = layer.op == "Gemm" and (
        layer.node.attributes.get_float("alpha", 1.0) != 1.0 or layer.node.attributes.get_float("beta", 1.0) != 1.0
    )
    return (
        layer.plain
        and layer.weight.dtype is not None
        and layer.weight.dtype.name == "FLOAT"
        and not layer.weight.is_graph_input()
        and alone
        and own_bias
        and simple
        and not computed_bias
        and not scaled
    )


def _fold(model: ir.Model, layer: WeightLayer, arrays: list[np.ndarray], epsilon: float) -> None:
    gamma, beta, mean, variance = (array.astype(np.float64) for array in arrays)
    factor = gamma / np.sqrt(variance + epsilon)
    shape = [1] * layer.array.ndim
    shape[layer.out_axis] = -1
    set_array(layer.weight, (layer.array * factor.reshape(shape)).astype(np.float32))
    old = 0.0 if layer.bias is None or layer.bias.const_value is None else layer.bias.const_value.numpy()
    bias = (np.broadcast_to((old - mean) * factor + beta, factor.shape)).astype(np.float32)
    if layer.bias is not None:
        set_array(layer.bias, bias)
        return
    value = add_initializer(model, f"{layer.key}.bias", bias)
    if len(layer.node.inputs) < 3:
        layer.node.resize_inputs(3)
    layer.node.replace_input_with(2, value)
