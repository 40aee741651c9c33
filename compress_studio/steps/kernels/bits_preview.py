"""Sketches behind the previews of steps that store weights in fewer bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.base.digest import Json
from compress_studio.graph.costs import cost
from compress_studio.graph.layers import RECURRENT, WeightLayer, weight_layers
from compress_studio.graph.saving import load
from compress_studio.spec.preview import Sketch
from compress_studio.steps.kernels import dynamic, half, qdq, static, stored, weight_only
from compress_studio.steps.kernels.opset import opset_of, raise_opset
from compress_studio.steps.kernels.presence import require_layers
from compress_studio.steps.kernels.qdq_plan import make_plan
from compress_studio.steps.kernels.sketch_layers import describe_layers, file_bytes, network_facts, totals
from compress_studio.steps.kernels.weight_blocks import BLOCKS

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.spec.ports import OnnxNet
    from compress_studio.spec.step import StepContext
    from compress_studio.steps.graph_fp16 import Fp16Params
    from compress_studio.steps.quantize_dynamic import QuantizeDynamicParams
    from compress_studio.steps.quantize_static import QuantizeStaticParams
    from compress_studio.steps.quantize_weights import QuantizeWeightsParams

BINS = 128
POWERS = (-12.0, 8.0)
"""Powers of ten that the histogram of half precision spans."""


def sketch_static(ctx: StepContext, params: QuantizeStaticParams, network: OnnxNet) -> Sketch:
    """quantize.static without its calibration: what is quantized, and how large the file gets."""
    model = static.prepare(network.path, ctx)
    plan = make_plan(model, frozenset())
    blocked = dict(plan.skipped)
    layers = weight_layers(model)
    described = describe_layers(network.path, layers, blocked)
    arrays = _grid_tables(layers, blocked, ctx.check, 1)
    if plan.layers:
        qdq.insert(model, plan, {root.name or "": (-1.0, 1.0) for root in plan.roots.values()})
    facts = _after(network, model)
    return Sketch(described, file_bytes(network.path), arrays, facts, "Ranges of activations are measured in the run.")


def sketch_dynamic(ctx: StepContext, params: QuantizeDynamicParams, network: OnnxNet) -> Sketch:
    """quantize.dynamic with all layers that it can change."""
    from compress_studio.steps.kernels.opset import refuse_quantized

    model = load(network.path)
    refuse_quantized(model)
    require_layers(model)
    layers = weight_layers(model)
    described = describe_layers(network.path, layers)
    raise_opset(model, 11, "Quantizing while running")
    options = dynamic.Options(params.per_channel, params.include_conv)
    outcome = dynamic.quantize(model, options, ctx.check)
    blocked = dict(outcome.skipped)
    before = weight_layers(load(network.path))
    arrays = _grid_tables(before, blocked, ctx.check, 1 if params.per_channel else 0)
    described = tuple(replace(one, blocked=blocked.get(one.name, "")) for one in described)
    return Sketch(described, file_bytes(network.path), arrays, _after(network, model))


def sketch_half(ctx: StepContext, params: Fp16Params, network: OnnxNet) -> Sketch:
    """graph.fp16 without its check on data."""
    model = load(network.path)
    require_layers(model)
    layers = weight_layers(model)
    named = {layer.name for layer in layers}
    words = list[Json](sorted({word for node in model.graph for word in (node.op_type, node.name or "")} - named))
    counts = np.zeros((len(layers), BINS), np.int64)
    edges = np.linspace(*POWERS, BINS + 1)
    for row, layer in enumerate(layers):
        ctx.check()
        array = stored.float_weight(layer)
        if array is not None:
            sizes = np.abs(array[array != 0])
            counts[row] = np.histogram(np.clip(np.log10(sizes), *POWERS), edges)[0]
    described = describe_layers(network.path, layers)
    if params.mode.value == "weights":
        outcome = half.store_weights(model, (), ctx.check)
    else:
        outcome = half.compute_in_half(model, half.element_types(model), lambda _node: "")
    blocked = dict(outcome.skipped)
    described = tuple(replace(one, blocked=blocked.get(one.name, "")) for one in described)
    saved = np.array([0 if one.name in blocked else one.bytes // 2 for one in described], np.int64)
    arrays = {"edges": edges, "counts": counts.astype(np.int32), "saved": saved}
    note = "" if params.mode.value == "weights" else "Layers whose values would overflow go back to float32 in the run."
    facts = {**_after(network, model), "words": words}
    return Sketch(described, file_bytes(network.path), arrays, facts, note)


def sketch_weights(ctx: StepContext, params: QuantizeWeightsParams, network: OnnxNet) -> Sketch:
    """quantize.weights for every choice of bits and blocks."""
    model = load(network.path)
    require_layers(model)
    layers = weight_layers(model)
    blocked: dict[str, str] = {}
    shapes: list[Json] = []
    noise = np.zeros((len(layers), len(BLOCKS), 2))
    for row, layer in enumerate(layers):
        ctx.check()
        reason = _why_not_stored(layer)
        if reason:
            blocked[layer.name] = reason
        shapes.append([list(layer.array.shape), layer.out_axis, layer.in_axis, layer.key])
        if not reason:
            noise[row] = _noise_of_blocks(layer)
    arrays = _grid_tables(layers, blocked, ctx.check, 1)
    arrays["noise"] = noise
    facts: dict[str, Json] = {**totals(network.path), "shapes": shapes, "opset": opset_of(model)}
    return Sketch(describe_layers(network.path, layers, blocked), file_bytes(network.path), arrays, facts)


def _why_not_stored(layer: WeightLayer) -> str:
    reason = stored.why_not(layer)
    if reason:
        return reason
    stored.require_finite(layer, stored.finite_weight(layer))
    half_computed = layer.plain and layer.weight.dtype is not None and layer.weight.dtype.name != "FLOAT"
    return "it computes in half precision" if half_computed else ""


def _noise_of_blocks(layer: WeightLayer) -> np.ndarray:
    """For each block size: Σ of the squared reach of the block of each weight, symmetric and with a zero point."""
    array = stored.finite_weight(layer)
    found = np.zeros((len(BLOCKS), 2))
    for row, block in enumerate(BLOCKS):
        cut = weight_only.split(layer, array.shape, block)
        view = array.reshape(cut.shape)
        axes = tuple(axis for axis in range(view.ndim) if axis not in cut.keep)
        count = view.size / max(np.prod([view.shape[axis] for axis in cut.keep]), 1)
        reach = np.abs(view).max(axis=axes, initial=0.0)
        low, high = np.minimum(view.min(axis=axes), 0), np.maximum(view.max(axis=axes), 0)
        found[row] = count * np.square(reach, dtype=np.float64).sum(), count * np.square(high - low).sum()
    return found


def _grid_tables(
    layers: Sequence[WeightLayer], blocked: Mapping[str, str], check: Callable[[], None], channels: int
) -> dict[str, np.ndarray]:
    """For each layer: how its weights lie within the reach of their channel, their energy, and noise for one step.

    Args: channels is 0 when a layer has one scale in all.
    """
    edges = np.linspace(-1.0, 1.0, BINS + 1)
    counts = np.zeros((len(layers), BINS), np.int64)
    energy, reach, saved = np.zeros(len(layers)), np.zeros(len(layers)), np.zeros(len(layers), np.int64)
    for row, layer in enumerate(layers):
        check()
        array = stored.float_weight(layer)
        if layer.name in blocked or array is None or not np.isfinite(array).all():
            continue
        kept = ({layer.out_axis, 0} if layer.op in RECURRENT else {layer.out_axis}) if channels else set[int]()
        axes = tuple(axis for axis in range(array.ndim) if axis not in kept)
        most = np.abs(array).max(axis=axes, keepdims=True, initial=0.0)
        counts[row] = np.histogram(array / np.where(most > 0, most, 1), edges)[0]
        energy[row] = float(np.square(array, dtype=np.float64).sum())
        reach[row] = float(np.square(most, dtype=np.float64).sum()) * array.size / max(most.size, 1)
        saved[row] = max(layer.weight.const_value.nbytes - array.size - 5 * most.size, 0)  # type: ignore[union-attr]
    return {"edges": edges, "counts": counts.astype(np.int32), "energy": energy, "reach": reach, "saved": saved}


def _after(network: OnnxNet, model: ir.Model) -> dict[str, Json]:
    """What the changed network costs."""
    import onnx_ir as ir

    costs = cost(model, None)
    proto = ir.to_proto(ir.external_data.load_to_model(model))
    del proto.graph.value_info[:]
    return {
        "parameters": costs.parameters,
        "nonzero": costs.nonzero,
        "macs": network_facts(str(network.path))["macs"],
        "after": proto.ByteSize(),
    }
