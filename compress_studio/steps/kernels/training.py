"""What the steps that train have in common, from opening the network to writing it back."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import torch

from compress_studio.base.errors import BadInput, Refused
from compress_studio.graph.layers import WeightLayer, weight_layers
from compress_studio.graph.saving import load, save
from compress_studio.spec.data import Part, Task
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import StepContext
from compress_studio.steps.kernels.presence import require_layers
from compress_studio.steps.training_params import BatchNorm, Optimizer, TrainParams
from compress_studio.view import training
from compress_studio.view.compare import require_equal
from compress_studio.view.feed import Enrich, Feed, nothing
from compress_studio.view.heads import Head, compared, find_heads
from compress_studio.view.network import TorchView
from compress_studio.view.norms import BatchNorms, channel_statistics, find_places, teacher_channels
from compress_studio.view.objectives import Objective
from compress_studio.view.reach import unreached

MOST_SAMPLES = 20_000
SMALL_BATCH = 8
"""Below that the statistics of a batch say too little for batch normalization."""
LAYER_NORMS = frozenset({"LayerNormalization", "SkipLayerNormalization", "RMSNormalization"})
"""Their networks take smaller steps."""
LISTED = 5
FRACTIONS = frozenset({ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE})
INTEGER_OPERATORS = frozenset({
    "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "DynamicQuantizeLSTM",
    "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits", "GatherBlockQuantized", "QGemm", "QAttention",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lesson:
    """What an objective is made from."""

    view: TorchView
    model: ir.Model
    heads: Sequence[Head]
    feed: Feed


def train(
    ctx: StepContext,
    params: TrainParams,
    network: OnnxNet,
    make: Callable[[Lesson], Objective],
    *,
    teacher: OnnxNet | None = None,
    enrich: Enrich = nothing,
) -> OnnxNet:
    """Train a network with an objective and write it back; the body of train.finetune and train.distil."""
    model = load(network.path)
    layers = weight_layers(model)
    _refuse_integers(model, layers)
    require_layers(model, branches=True)
    frozen = _frozen(layers, params.freeze)
    for layer in layers:
        if layer.key in frozen:
            ctx.skip(layer.name, "frozen, as asked")
        elif "DequantizeLinear" in layer.through:
            ctx.skip(layer.name, "its weights are stored as integers")
            frozen.add(layer.key)
    view = TorchView(model, lambda name, _: name not in frozen).to(ctx.device)
    if not view.weights:
        raise Refused("This network has no weights that training could change.", "Leave this step out.")
    with _threads(ctx.threads):
        feed = _open_feed(ctx, params, enrich)
        ctx.fact("difference_to_onnxruntime", require_equal(view, model, network.path, feed.sample.inputs))
        lesson = Lesson(view, model, _heads(ctx, view, model, feed), feed)
        objective = make(lesson)
        frozen |= _freeze_unreached(ctx, lesson, layers, objective, frozen)
        result = _fit(ctx, params, lesson, objective, teacher)
    _tell(ctx, result, feed)
    _write(ctx, view, model, layers, frozen, result)
    return OnnxNet(save(model, ctx.scratch / "model.onnx"))


def _refuse_integers(model: ir.Model, layers: Sequence[WeightLayer]) -> None:
    """Training needs fractions: a network whose weights are all integers is refused."""
    if any("DequantizeLinear" not in layer.through for layer in layers if layer.weight.dtype in FRACTIONS):
        return
    quantized = [layer.name for layer in layers if "DequantizeLinear" in layer.through]
    quantized += [node.name or node.op_type for node in model.graph if node.op_type in INTEGER_OPERATORS]
    if quantized:
        raise Refused(
            f"The weights are stored as integers ({', '.join(quantized[:3])}{' …' if len(quantized) > 3 else ''}).",
            "Put training before quantization.",
        )


def _freeze_unreached(
    ctx: StepContext, lesson: Lesson, layers: Sequence[WeightLayer], objective: Objective, frozen: Collection[str]
) -> set[str]:
    """Freeze what no gradient reaches and say which layers these are; returns their stored tensors by name.

    Raises Refused when that is all of them.
    """
    view, model = lesson.view, lesson.model
    reasons = {
        name: reason
        for name, reason in unreached(model, objective.tensors, view.hosted).items()
        if name in view.weights
    }
    view.freeze(reasons)
    stuck = [layer for layer in layers if layer.key in reasons and layer.key not in frozen]
    for layer in stuck:
        ctx.skip(layer.name, f"it cannot be trained: {reasons[layer.key]}")
    if not view.weights:
        why = next((reasons[layer.key] for layer in stuck), next(iter(reasons.values()), "it has no weights"))
        raise Refused(f"No layer of this network can be trained: {why}.", "Leave training out.")
    if view.hosted:
        ctx.fact("operators_without_gradient", [*sorted({node.op_type for node in view.hosted})])
    if stuck:
        names = ", ".join(layer.name for layer in stuck[:LISTED]) + (" …" if len(stuck) > LISTED else "")
        ctx.warn(
            "not_trainable",
            f"{len(stuck)} of {len(layers)} layers cannot be trained and stay as they are ({names}):"
            f" {reasons[stuck[0].key]}.",
        )
    return set(reasons)


def _frozen(layers: Sequence[WeightLayer], patterns: Sequence[str]) -> set[str]:
    """Initializers of the layers that stay as they are. Raises BadInput for a name that no layer has."""
    names = [layer.name for layer in layers]
    found: set[str] = set()
    for pattern in patterns:
        matched = [layer for layer in layers if fnmatch.fnmatchcase(layer.name, pattern)]
        if not matched:
            near = difflib.get_close_matches(pattern, names, n=3) or names[:3]
            raise BadInput(f"There is no layer {pattern} to freeze.", f"Did you mean {', '.join(near)}?")
        for layer in matched:
            found.add(layer.key)
            if layer.bias is not None:
                found.add(layer.bias.name or "")
    return found


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch use as many threads as the run allows, and leave its setting as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(count, 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _open_feed(ctx: StepContext, params: TrainParams, enrich: Enrich) -> Feed:
    split = ctx.data.part(Part.TUNE)
    limit = params.max_samples or MOST_SAMPLES
    feed = Feed(split, params.batch, ctx.seed, limit=limit, enrich=enrich, check=ctx.check)
    if feed.samples < len(split):
        ctx.note(f"Training uses {feed.samples:,} of {len(split):,} samples.")
    if feed.shared:
        ctx.warn("few_samples", f"There are only {feed.samples} samples: none could be held out to judge by.")
    return feed


def _heads(ctx: StepContext, view: TorchView, model: ir.Model, feed: Feed) -> list[Head]:
    with torch.no_grad():
        outputs = view(view.tensors(feed.sample.inputs), compared(model))
    task = ctx.data.task if ctx.data.part(Part.TUNE).labelled else Task.NONE
    heads = find_heads(model, outputs, task)
    if not heads:
        raise Refused("The network has no output of fractions that training could improve.", "Leave training out.")
    return heads


def _fit(
    ctx: StepContext, params: TrainParams, lesson: Lesson, objective: Objective, teacher: OnnxNet | None
) -> training.FitResult:
    view, model, feed = lesson.view, lesson.model, lesson.feed
    wanted = params.batch_norm is BatchNorm.ON or (
        params.batch_norm is BatchNorm.AUTO and min(feed.size, feed.training) >= SMALL_BATCH
    )
    places = find_places(model, view.weights) if wanted else []
    delicate = any(node.op_type in LAYER_NORMS for node in model.graph)

    def insert() -> BatchNorms | None:
        if not places:
            return None
        batches = training.measuring_batches(feed)
        tensors = [place.tensor for place in places]
        own = channel_statistics(model, tensors, batches, ctx.threads, ctx.check)
        norms = BatchNorms(view, places, own)
        if teacher is not None:
            original = load(teacher.path)
            known = {value.name for node in original.graph for value in node.outputs}
            shared = [name for name in tensors if name in known]
            theirs = channel_statistics(original, shared, batches, ctx.threads, ctx.check)
            if norms.align(teacher_channels(places, model, original, theirs)):
                norms.measure(batches, ctx.check)
        return norms

    ctx.fact("batch_norms_inserted", len(places))
    return training.fit(view, ctx, objective, _options(params, delicate=delicate, learns=wanted), feed, insert)


def _options(params: TrainParams, *, delicate: bool, learns: bool) -> training.Options:
    rate = params.learning_rate
    if rate is None:
        rate = 3e-4 if delicate else 1e-3
        if params.optimizer in {Optimizer.SGD, Optimizer.MOMENTUM}:
            rate *= 100 if params.optimizer is Optimizer.SGD else 10
    return training.Options(
        epochs=params.epochs,
        optimizer=training.Optimizer(params.optimizer.value),
        learning_rate=rate,
        schedule=training.Schedule(params.schedule.value),
        warmup=params.warmup,
        weight_decay=params.weight_decay,
        l1=params.l1,
        clip=params.clip,
        patience=params.patience,
        keep_zeros=params.keep_zeros,
        learn_statistics=learns,
    )


def _tell(ctx: StepContext, result: training.FitResult, feed: Feed) -> None:
    """Facts and warnings about a training."""
    ctx.fact("score_before", result.start)
    ctx.fact("score_after", result.best)
    ctx.fact("best_epoch", result.best_epoch)
    ctx.fact("epochs", round(result.epochs, 3))
    ctx.fact("samples_trained", feed.training)
    ctx.fact("training_seconds", round(result.seconds, 2))
    if result.diverged:
        ctx.warn("diverged", "The loss exploded; the best state before that was kept. Try a smaller learning rate.")
    if not result.improved:
        ctx.warn(
            "no_improvement",
            f"Training made the network no better on the samples {'it saw' if feed.shared else 'held out'}, so it is "
            "unchanged. "
            "Try more epochs, another learning rate or more data.",
        )
    elif result.stopped_early:
        ctx.note(f"Stopped after {result.epochs:.0f} epochs: nothing got better any more.")


def _write(
    ctx: StepContext,
    view: TorchView,
    model: ir.Model,
    layers: Sequence[WeightLayer],
    frozen: set[str],
    result: training.FitResult,
) -> None:
    """Store the weights and say what became of each layer."""
    before = {layer.key: layer.array for layer in layers}
    if result.improved:
        view.write_back(model)
    changed = 0
    for layer in layers:
        if not np.array_equal(before[layer.key], layer.array):
            changed += 1
        elif layer.key not in frozen and result.improved:
            ctx.skip(layer.name, _unchanged(view, layer, result))
    ctx.changed(changed, len(layers))


def _unchanged(view: TorchView, layer: WeightLayer, result: training.FitResult) -> str:
    """Why a layer has the weights that it had."""
    if layer.key not in view.weights:
        return "its stored values are not trained"
    if result.best_epoch == 0:
        return "realigned statistics alone were better than any epoch of training"
    return "training did not reach it"


def variance_of_labels(feed: Feed) -> float:
    """How much number labels spread, so that the loss means the same in every unit."""
    labels = [np.asarray(rows.labels, np.float64) for rows in feed.held_out() if rows.labels is not None]
    spread = float(np.concatenate(labels).var(axis=0).mean()) if labels else 0.0
    return spread if spread > 0 else 1.0
