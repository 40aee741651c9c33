"""How much each single weight matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import CONVOLUTIONS, PRODUCTS, RECURRENT, WeightLayer
from compress_studio.graph.statistics import channel_norms
from compress_studio.spec.data import Part
from compress_studio.steps.kernels.targets import axis_order

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.spec.step import StepContext
    from compress_studio.steps.kernels.targets import Target

BATCH = 32


def magnitudes(array: np.ndarray) -> np.ndarray:
    """|w| in float32 (Han 2015)."""
    return np.abs(array.astype(np.float32))


def layer_adaptive(scores: np.ndarray) -> np.ndarray:
    """Scores made comparable between layers: s / √(Σ of the squares of all scores that are at least as large).

    This is LAMP (Lee 2021, "Layer-adaptive sparsity for the magnitude-based pruning") for s = |w|: the order within
    a layer stays, a layer that has lost much is spared, and the scale of a layer has no influence.
    """
    flat = scores.ravel()
    order = np.argsort(flat, kind="stable")
    squares = np.square(flat[order], dtype=np.float64)
    left = np.cumsum(squares[::-1])[::-1]
    adapted = np.empty(flat.shape, np.float32)
    adapted[order] = np.sqrt(np.divide(squares, left, out=np.zeros_like(squares), where=left > 0))
    return adapted.reshape(scores.shape)


def keep_largest(scores: np.ndarray) -> np.ndarray:
    """The scores with the largest one raised above all, so that no layer loses everything."""
    kept = scores.copy()
    kept.ravel()[int(np.argmax(kept))] = np.inf
    return kept


def input_of(layer: WeightLayer) -> tuple[str, int] | None:
    """The tensor that a layer multiplies with its weights, and its channel axis; None when there is no such tensor."""
    node = layer.node
    if layer.op in RECURRENT:
        value = node.inputs[0] if layer.index == 1 else node.outputs[0]
        axis = -1
    elif layer.op in PRODUCTS:
        value = node.inputs[1 - layer.index]
        flipped = layer.op == "Gemm" and node.attributes.get_int("transA" if layer.index == 1 else "transB", 0) == 1
        axis = -1 if (layer.index == 1) != flipped else -2
    elif layer.op in CONVOLUTIONS:
        value, axis = node.inputs[0], 1
    else:
        return None
    return (value.name, axis) if value is not None and value.name else None


def input_norms(
    model: ir.Model, layers: Sequence[WeightLayer], samples: int, ctx: StepContext
) -> dict[str, np.ndarray]:
    """‖x‖₂ of every input channel over the calibration samples, by the name of the layer.

    Layers without a readable input are missing in the result.
    """
    reads = {layer.name: found for layer in layers if (found := input_of(layer)) is not None}
    axes: dict[str, int] = {}
    for name, axis in reads.values():
        axes.setdefault(name, axis)
    reads = {layer: (name, axis) for layer, (name, axis) in reads.items() if axes[name] == axis}
    batches = ctx.data.part(Part.CALIBRATE).batches(BATCH, limit=samples)
    norms = channel_norms(model, axes, batches, ctx.threads, ctx.check)
    return {layer: norms[name] for layer, (name, _) in reads.items() if name in norms}


def activation_scores(target: Target, norms: dict[str, np.ndarray]) -> np.ndarray | None:
    """|w| · ‖x‖₂ of the input channel (Wanda, Sun 2023), the largest over the layers that share the weight.

    None when the norms of a layer are not known or do not fit.
    """
    best: np.ndarray | None = None
    for layer in target.layers:
        order = axis_order(layer)
        if order is None or (layer.groups > 1 and order != tuple(sorted(order))):
            return None
        array = magnitudes(layer.array)
        spread = _along_weight(layer, array.shape, norms.get(layer.name))
        if spread is None:
            return None
        scores = array * spread
        best = scores if best is None else np.maximum(best, scores)
    return best


def _along_weight(layer: WeightLayer, shape: tuple[int, ...], norms: np.ndarray | None) -> np.ndarray | None:
    """The norms in a form that multiplies a stored weight of that shape."""
    if norms is None:
        return None
    width = shape[layer.in_axis]
    if layer.op == "Conv" and layer.groups > 1:
        if len(norms) != width * layer.groups or shape[0] % layer.groups:
            return None
        spread = np.repeat(norms.reshape(layer.groups, width), shape[0] // layer.groups, axis=0)
        return spread.reshape(shape[0], width, *([1] * (len(shape) - 2))).astype(np.float32)
    if len(norms) != width:
        return None
    form = [1] * len(shape)
    form[layer.in_axis] = width
    return norms.reshape(form).astype(np.float32)
