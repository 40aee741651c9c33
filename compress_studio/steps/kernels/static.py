"""Static quantization from calibration to the finished network, weak layers spared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph import saving
from compress_studio.graph.layers import weight_layers
from compress_studio.graph.rewrite import remove_unused
from compress_studio.graph.shapes import trace
from compress_studio.spec.data import Part
from compress_studio.spec.step import StepContext
from compress_studio.steps.kernels import fidelity, qdq, qdq_gates, ranges, stored
from compress_studio.steps.kernels.conv_bias import fold_biases
from compress_studio.steps.kernels.opset import opset_of, raise_opset, refuse_quantized
from compress_studio.steps.kernels.optimize import Simplified, fold_norms
from compress_studio.steps.kernels.presence import known_layers, require_layers
from compress_studio.steps.kernels.qdq_plan import Plan, make_plan

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

PER_CHANNEL_OPSET = 13
BATCH = 32
JUDGED = 64
"""Samples on which the result is compared with the network before."""
TRIED = 24
"""Layers that are tried alone, the ones with the largest error of weights first."""
LARGEST_SHARE = 0.34
"""Share of the layers that may stay in float to save the rest."""


@dataclass(frozen=True, slots=True)
class Options:
    """What quantize.static was asked."""

    method: str = "minmax"
    percentile: float = 99.999
    samples: int = 512
    keep: frozenset[str] = frozenset()
    keep_auto: bool = True
    weight_bits: int = 8


@dataclass(slots=True)
class Result:
    """A quantized network and what was done."""

    model: ir.Model
    quantized: int
    total: int
    skipped: list[tuple[str, str]] = field(default_factory=list)


def quantize(path: Path, options: Options, ctx: StepContext) -> Result:
    """Quantize the network in a file.

    Raises Refused when it is quantized already or its weights are damaged, BadInput for unknown names to keep.
    """
    model = prepare(path, ctx)
    for layer in weight_layers(model):
        array = stored.float_weight(layer)
        if array is not None:
            stored.require_finite(layer, array)
    options = replace(options, keep=known_layers(model, options.keep))
    plan = make_plan(model, options.keep)
    if not plan.layers:
        return Result(model, 0, plan.total, plan.skipped)
    found = calibrate(model, plan, options, ctx)
    qdq.insert(model, plan, found, options.weight_bits)
    result = _result(model, plan, plan.skipped)
    return _spare(path, result, found, options, ctx)


def prepare(path: Path, ctx: StepContext) -> ir.Model:
    """The network as it is quantized: operators new enough, batch normalization folded."""
    model = saving.load(path)
    refuse_quantized(model)
    require_layers(model)
    if opset_of(model) < PER_CHANNEL_OPSET:
        ctx.note(f"Operators raised from version {opset_of(model)} to {PER_CHANNEL_OPSET}.")
        raise_opset(model, PER_CHANNEL_OPSET, "A scale per channel")
    if any(node.op_type == "BatchNormalization" for node in model.graph):
        fold_norms(model, trace(model), Simplified())
        remove_unused(model)
    if fold_biases(model):
        remove_unused(model)
    qdq_gates.expand(model)
    return model


def calibrate(model: ir.Model, plan: Plan, options: Options, ctx: StepContext) -> dict[str, tuple[float, float]]:
    """The ranges of the tensors of a plan over the calibration samples."""
    split = ctx.data.part(Part.CALIBRATE)
    total = max(min(options.samples, len(split)), 1)
    seen = 0

    def check() -> None:
        nonlocal seen
        ctx.progress(0.05 + 0.6 * min(seen / total, 1.0), "measuring ranges")
        seen += BATCH

    names = [root.name for root in dict.fromkeys(plan.roots.values()) if root.name]
    batches = split.batches(BATCH, options.samples)
    found = ranges.find(model, names, batches, options.method, options.percentile, ctx.threads, check)
    ctx.fact("calibration_samples", total)
    return found


def _spare(
    path: Path, result: Result, found: dict[str, tuple[float, float]], options: Options, ctx: StepContext
) -> Result:
    """Compare with the network before and, when it is far away, leave the worst layers in float."""
    import onnx_ir as ir

    batches = ctx.data.part(Part.CALIBRATE).batches(BATCH, JUDGED)
    expected = fidelity.references(path, batches, ctx.threads)
    quality = fidelity.compare(result.model, expected, ctx.threads, ctx.check)
    if not quality.good and options.keep_auto and result.quantized > 1:
        ctx.progress(0.7, "looking for weak layers")
        proto = ir.to_proto(prepare(path, ctx))
        order = _weakest_first(proto, expected, found, options, ctx)
        limit = max(1, int(len(order) * LARGEST_SHARE))
        count, step = 0, max(1, limit // 4)
        while count < limit and not quality.good:
            count = min(count + step, limit)
            spared = frozenset(order[:count])
            better, plan = _build(proto, options.keep | spared, found, options, ctx)
            if not plan.layers:
                break
            now = fidelity.compare(better, expected, ctx.threads, ctx.check)
            if now.cosine >= quality.cosine:
                quality = now
                reasons = [
                    (name, "spared: it loses most in 8 bits" if name in spared else reason)
                    for name, reason in plan.skipped
                ]
                result = _result(better, plan, reasons)
    fidelity.report(ctx, quality)
    return result


def _result(model: ir.Model, plan: Plan, skipped: list[tuple[str, str]]) -> Result:
    return Result(model, plan.total - len({name for name, _ in skipped}), plan.total, skipped)


def _weakest_first(
    proto: onnx.ModelProto,
    expected: fidelity.Samples,
    found: dict[str, tuple[float, float]],
    options: Options,
    ctx: StepContext,
) -> list[str]:
    """Names of layers, each judged by the noise that it makes at the outputs when it alone is quantized."""
    import onnx_ir as ir

    layers = make_plan(ir.from_proto(proto), options.keep).layers
    names = [layer.name for layer in layers]
    by_weights = sorted(layers, key=lambda layer: -_weight_noise(layer.array, layer.out_axis, options.weight_bits))
    noise: dict[str, float] = {}
    for number, layer in enumerate(by_weights[:TRIED]):
        ctx.progress(0.7 + 0.2 * number / TRIED, "looking for weak layers")
        others = frozenset(names) - {layer.name}
        alone, plan = _build(proto, options.keep | others, found, options, ctx)
        if plan.layers:
            noise[layer.name] = fidelity.compare(alone, expected, ctx.threads, ctx.check).sqnr_db
    return sorted(noise, key=lambda name: noise[name])


def _build(
    proto: onnx.ModelProto,
    keep: frozenset[str],
    found: dict[str, tuple[float, float]],
    options: Options,
    ctx: StepContext,
) -> tuple[ir.Model, Plan]:
    """A trial network with those layers in float; ranges that are not known yet are measured and remembered."""
    import onnx_ir as ir

    model = ir.from_proto(proto)
    plan = make_plan(model, keep)
    missing = [root.name for root in dict.fromkeys(plan.roots.values()) if root.name and root.name not in found]
    if missing:
        batches = ctx.data.part(Part.CALIBRATE).batches(BATCH, options.samples)
        found.update(ranges.find(model, missing, batches, options.method, options.percentile, ctx.threads, ctx.check))
    qdq.insert(model, plan, found, options.weight_bits)
    return model, plan


def _weight_noise(array: np.ndarray, axis: int, bits: int) -> float:
    from compress_studio.steps.kernels import quantizers

    norm = float(np.linalg.norm(array))
    return float(np.linalg.norm(quantizers.symmetric(array, bits, (axis,)).restore() - array)) / norm if norm else 0.0
