"""Bring the statistics of a pruned network's layers back to those of the original, label-free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.channels.links import key_of
from compress_studio.graph.layers import set_array, uses_of
from compress_studio.graph.rewrite import add_initializer
from compress_studio.graph.statistics import stream
from compress_studio.steps.kernels.channel_bias import BiasSlot, bias_slot

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.spec.data import Batch
    from compress_studio.spec.step import StepContext

LARGEST_SCALE = 5.0
EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Aligned:
    """A layer whose output channels can be scaled and shifted through its weight and bias."""

    key: str
    axis: int
    """Channel axis of the output."""
    rank: int


@dataclass(slots=True)
class Spread:
    """Mean and variance of every channel over all samples, or averages of those of batches."""

    mean: np.ndarray
    variance: np.ndarray
    batches: int = 1


def alignable(model: ir.Model, ranks: Mapping[str, int]) -> list[Aligned]:
    """Layers with a float weight and a bias of their own. Args: ranks of tensors by name."""
    found: list[Aligned] = []
    for node in model.graph:
        if node.op_type not in {"Conv", "ConvTranspose", "Gemm", "MatMul"} or not _own_weight(model, node):
            continue
        slot = bias_slot(model, node)
        rank = ranks.get(key_of(node))
        if slot is None or rank is None:
            continue
        found.append(Aligned(key_of(node), rank - 1 if node.op_type in {"MatMul", "Gemm"} else 1, rank))
    return found


def align(
    model: ir.Model,
    original: ir.Model,
    layers: list[Aligned],
    gone: Mapping[tuple[str, int], np.ndarray],
    batches: Callable[[], Iterable[Batch]],
    ctx: StepContext,
) -> int:
    """Scale and shift every layer's channels to the mean and variance that they had in the original network.

    All layers at once: the pruned network runs with a normalization behind each layer, as in a batch norm that is
    training, so that later layers already see repaired inputs; then scales and shifts are folded into weights and
    biases. That needs batches of many samples. Returns the number of layers changed.
    """
    before = _spreads(original, layers, batches, ctx)
    targets = _targets(before, layers, gone)
    now = _spreads(model, layers, batches, ctx, targets)
    nodes = {key_of(node): node for node in model.graph}
    changed = 0
    for layer in layers:
        if layer.key in now and layer.key in targets:
            changed += _fold(model, nodes[layer.key], now[layer.key], targets[layer.key])
    return changed


def align_one_by_one(
    model: ir.Model,
    original: ir.Model,
    layers: list[Aligned],
    gone: Mapping[tuple[str, int], np.ndarray],
    batches: Callable[[], Iterable[Batch]],
    ctx: StepContext,
) -> int:
    """Align as align does, for batches of few samples, whose own statistics say nothing.

    A dense layer has no variance within a batch of one sample. So the statistics are those of all samples, and each
    layer is measured after the layers before it are repaired: one pass over the samples per layer.
    """
    before = _spreads(original, layers, batches, ctx, pooled=True)
    targets = _targets(before, layers, gone)
    nodes = {key_of(node): node for node in model.graph}
    changed = 0
    for layer in layers:
        now = _spreads(model, [layer], batches, ctx, pooled=True)
        if layer.key in now and layer.key in targets:
            changed += _fold(model, nodes[layer.key], now[layer.key], targets[layer.key])
    return changed


def _targets(
    before: Mapping[str, Spread], layers: list[Aligned], gone: Mapping[tuple[str, int], np.ndarray]
) -> dict[str, Spread]:
    """What the channels that are left had in the original network."""
    return {
        layer.key: Spread(
            np.delete(before[layer.key].mean, gone.get((layer.key, layer.axis), [])),
            np.delete(before[layer.key].variance, gone.get((layer.key, layer.axis), [])),
        )
        for layer in layers
        if layer.key in before
    }


def _spreads(
    model: ir.Model,
    layers: list[Aligned],
    batches: Callable[[], Iterable[Batch]],
    ctx: StepContext,
    targets: Mapping[str, Spread] | None = None,
    *,
    pooled: bool = False,
) -> dict[str, Spread]:
    """Mean and variance of the outputs of layers; with targets, each layer is normalized to them on the way.

    Pooled: those of all samples together, Var = E[variance of a batch] + Var[mean of a batch]; else averages of those
    of the batches.
    """
    copy = model.clone()
    nodes = {key_of(node): node for node in copy.graph}
    names: dict[str, str] = {}
    for layer in layers:
        node = nodes[layer.key]
        mean, variance = _measured(copy, node, layer, (targets or {}).get(layer.key))
        names[mean] = layer.key
        names[variance] = layer.key
    found: dict[str, Spread] = {}
    order = list(names)

    def visit(values: dict[str, np.ndarray]) -> None:
        for mean, variance in zip(order[::2], order[1::2], strict=True):
            key = names[mean]
            one, two = values[mean].astype(np.float64).ravel(), values[variance].astype(np.float64).ravel()
            if not (np.isfinite(one).all() and np.isfinite(two).all()):
                continue
            if pooled:
                two += one * one
            if key not in found:
                found[key] = Spread(one, two)
            else:
                found[key].mean += one
                found[key].variance += two
                found[key].batches += 1

    stream(copy, order, batches(), visit, ctx.threads, ctx.check)
    for spread in found.values():
        spread.mean /= spread.batches
        spread.variance /= spread.batches
        if pooled:
            spread.variance = np.maximum(spread.variance - spread.mean * spread.mean, 0.0)
    return found


def _measured(model: ir.Model, node: ir.Node, layer: Aligned, target: Spread | None) -> tuple[str, str]:
    """Put the nodes behind a layer that compute mean and variance and, with a target, move them there."""
    import onnx_ir as ir

    out = node.outputs[0]
    axes = [axis for axis in range(layer.rank) if axis != layer.axis]
    weight = node.inputs[1]
    assert weight is not None
    assert weight.const_value is not None
    kind = weight.const_value.dtype.numpy()
    made: list[ir.Node] = []

    def op(name: str, *inputs: ir.Value) -> ir.Value:
        value = ir.Value(name=f"{layer.key}/align{len(made)}", type=out.type)
        made.append(ir.node(name, list(inputs), name=f"{layer.key}/align_node{len(made)}", outputs=[value]))
        return value

    def mean_of(value: ir.Value) -> ir.Value:
        if model.opset_imports.get("", 1) >= 18:
            return op("ReduceMean", value, add_initializer(model, f"{layer.key}/axes", np.array(axes, np.int64)))
        reduced = op("ReduceMean", value)
        made[-1].attributes["axes"] = ir.AttrInt64s("axes", axes)
        return reduced

    mean = mean_of(out)
    centred = op("Sub", out, mean)
    variance = mean_of(op("Mul", centred, centred))
    if target is not None:
        shape = [1] * layer.rank
        shape[layer.axis] = -1
        deviation = add_initializer(
            model, f"{layer.key}/deviation", np.sqrt(target.variance).reshape(shape).astype(kind)
        )
        level = add_initializer(model, f"{layer.key}/level", target.mean.reshape(shape).astype(kind))
        tiny = add_initializer(model, f"{layer.key}/tiny", np.array(EPSILON, kind))
        limit = add_initializer(model, f"{layer.key}/limit", np.array(LARGEST_SCALE, kind))
        scale = op("Min", op("Div", deviation, op("Sqrt", op("Add", variance, tiny))), limit)
        moved = op("Add", op("Mul", centred, scale), level)
        for use in list(out.uses()):
            if use.node not in made:
                use.node.replace_input_with(use.idx, moved)
    model.graph.insert_after(node, made)
    assert mean.name is not None
    assert variance.name is not None
    return mean.name, variance.name


def _fold(model: ir.Model, node: ir.Node, now: Spread, target: Spread) -> bool:
    """y' = (y − mean) · scale + level, written into weight and bias."""
    slot = bias_slot(model, node)
    weight = node.inputs[1]
    if slot is None or weight is None or weight.const_value is None:
        return False
    scale = np.minimum(np.sqrt(target.variance) / np.sqrt(now.variance + EPSILON), LARGEST_SCALE)
    shift = target.mean - now.mean * scale
    if len(scale) != slot.channels or weight.const_value.shape.numpy()[slot.out_axis] != slot.channels:
        return False  # a grouped transposed convolution does not count its outputs along one axis
    stored = weight.const_value.numpy()
    sides = [1] * stored.ndim
    sides[slot.out_axis] = -1
    bias = _behind(node, slot, scale, shift)
    set_array(weight, (stored.astype(np.float64) * scale.reshape(sides)).astype(stored.dtype))
    slot.set(model, bias)
    return True


def _behind(node: ir.Node, slot: BiasSlot, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The new bias. The bias of a MatMul lies behind its output and is not scaled with it."""
    own = slot.node is node
    return slot.read() * scale + shift / slot.factor if own else slot.read() + shift


def _own_weight(model: ir.Model, node: ir.Node) -> bool:
    weight = node.inputs[1]
    if weight is None or weight.name not in model.graph.initializers or weight.is_graph_input():
        return False
    kind = weight.const_value.dtype.name if weight.const_value is not None else ""
    return uses_of(weight) == 1 and kind in {"FLOAT", "DOUBLE", "FLOAT16"}
