"""The step prune.weights: single weights set to zero."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.portion import Portion
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

    from compress_studio.steps.kernels.targets import Target

NEARLY_EMPTY = 0.005
"""Share of weights left in a layer below which the user is told."""


class Mode(StrEnum):
    """How it is said how much goes."""

    SPARSITY = "sparsity"
    THRESHOLD = "threshold"


class Criterion(StrEnum):
    """How much a weight matters."""

    MAGNITUDE = "magnitude"
    TAYLOR = "taylor"
    WANDA = "wanda"


class Scope(StrEnum):
    """Which weights compete with each other."""

    GLOBAL = "global"
    LAYER = "layer"


class Balance(StrEnum):
    """How scores of different layers are compared."""

    ADAPTIVE = "adaptive"
    NONE = "none"


BY_SPARSITY = {"mode": frozenset({Mode.SPARSITY.value})}
BY_THRESHOLD = {"mode": frozenset({Mode.THRESHOLD.value})}
WITH_DATA = {"criterion": frozenset({Criterion.TAYLOR.value, Criterion.WANDA.value})}


class PruneWeightsParams(Params):
    """What can be chosen for prune.weights."""

    mode: Annotated[Mode, Ui("Choose by", "A share of the weights, or all weights below a limit.")] = Mode.SPARSITY
    sparsity: Annotated[
        float,
        Range(0.0, 0.99, 0.01),
        Ui("Share of zeros", "Share of the weights that are zero afterwards.", shown_when=BY_SPARSITY),
    ] = 0.5
    threshold: Annotated[
        float,
        Range(1e-6, 10.0, log=True),
        Ui(
            "Limit",
            "Weights whose score is smaller become zero; the score of magnitude is |w|.",
            shown_when=BY_THRESHOLD,
        ),
    ] = 0.01
    criterion: Annotated[
        Criterion,
        Ui("Criterion", "Magnitude needs no data; Taylor asks the loss; Wanda asks how strong the inputs are."),
    ] = Criterion.MAGNITUDE
    scope: Annotated[
        Scope,
        Ui("Compare", "Global: all layers compete. Layer: every layer loses the same share.", shown_when=BY_SPARSITY),
    ] = Scope.GLOBAL
    balance: Annotated[
        Balance,
        Ui(
            "Balance between layers",
            "Adaptive spares layers that have few weights left (LAMP); none compares the scores as they are.",
            advanced=True,
            shown_when={**BY_SPARSITY, "scope": frozenset({Scope.GLOBAL.value})},
        ),
    ] = Balance.ADAPTIVE
    samples: Annotated[
        int,
        Range(8, 4096, 8),
        Ui("Calibration samples", "Samples behind Taylor and Wanda.", advanced=True, shown_when=WITH_DATA),
    ] = 256
    embeddings: Annotated[bool, Ui("Embeddings too", "Also prune tables of embeddings.", advanced=True)] = False
    skip: Annotated[
        tuple[str, ...],
        Ui("Leave alone", "Names of layers, or patterns such as encoder.*", advanced=True, per_layer=True),
    ] = ()
    layers: Annotated[
        dict[str, Annotated[float, Range(0.0, 0.99, 0.01)]],
        Ui(
            "Share by layer",
            "Shares of zeros of single layers; the other layers share out the rest among themselves.",
            advanced=True,
            shown_when=BY_SPARSITY,
            per_layer=True,
        ),
    ] = {}  # noqa: RUF012 - parameters are frozen


@step(
    id="prune.weights",
    version=1,
    title="Prune weights",
    group=Group.PRUNE,
    needs_data=True,
    depends_on=("onnxruntime", "torch"),
    applies=applicability.prune_weights,
    sketch="compress_studio.steps.kernels.prune_weights_preview:sketch",
    predict="compress_studio.steps.kernels.predict_weights:predict",
    sketch_params=frozenset({"criterion", "samples"}),
    estimates=True,
)
def prune_weights(ctx: StepContext, params: PruneWeightsParams, network: OnnxNet) -> OnnxNet:
    """Sets the least important single weights to zero.

    The oldest way to prune: weights that matter least become zero, in place. The shape of the network stays, so it
    runs as fast as before; what shrinks is the zipped file, and later steps (clustering, training) keep the zeros.

    **Criteria.** *Magnitude*: |w| (Han 2015), no data needed. *Taylor*: |w · ∂L/∂w|, how much the loss would change
    (Molchanov 2019). *Wanda*: |w| · ‖x‖₂ of the input channel (Sun 2023), compared within each output row when every
    layer loses the same share.

    **Compare.** *Global* lets all layers compete, so that large layers give more. The balance *adaptive* (LAMP, Lee
    2021) makes layers of different scale comparable and protects those that have little left; it keeps more accuracy
    than raw scores at high sparsity. *Layer* takes the same share everywhere.

    **Use it** before `train.finetune` or `train.distil`: up to half of the weights usually go without training,
    more needs some. The training keeps the zeros.

    **Traps.** ONNX Runtime does not run faster with zeros, and the plain file is as large as before. For speed use
    `prune.channels`; for a smaller file follow with `cluster.weights` or a quantization.
    """
    from compress_studio.graph.layers import weight_layers
    from compress_studio.graph.saving import load, save
    from compress_studio.steps.kernels.layer_names import values_by_layer
    from compress_studio.steps.kernels.targets import find_targets

    model = load(network.path)
    targets, total = find_targets(model, ctx, skip=params.skip, embeddings=params.embeddings)
    ctx.progress(0.05, "Scoring the weights")
    scored = scored_targets(ctx, params, network, model, targets)
    if not scored:
        raise Refused(
            "No layer of this network has weights that can be pruned; the report lists the reason for each.",
            "Prune before quantizing or clustering, and before layers are left out by name.",
        )
    ctx.progress(0.8, "Removing")
    masks = _choose(params, scored, values_by_layer([layer.name for layer in weight_layers(model)], params.layers))
    changed = _remove(ctx, [(target, scores, mask) for (target, scores), mask in zip(scored, masks, strict=True)])
    ctx.changed(changed, total)
    ctx.progress(0.9, "Writing the network")
    path = save(model, ctx.scratch / "model.onnx")
    ctx.progress(1.0)
    return OnnxNet(path)


def scored_targets(
    ctx: StepContext, params: PruneWeightsParams, network: OnnxNet, model: ir.Model, targets: list[Target]
) -> list[tuple[Target, np.ndarray]]:
    """The targets that have a score, each with its scores; the others are told to ctx.

    Also what the preview of the step is made of.
    """
    import numpy as np

    from compress_studio.steps.kernels import weight_scores

    found: list[tuple[Target, np.ndarray]] = []
    if params.criterion is not Criterion.MAGNITUDE and ctx.data.synthetic:
        ctx.warn(
            "synthetic_data",
            "The weights were scored with random inputs, because there are no data. Give data that look like real use.",
        )
    norms: dict[str, np.ndarray] = {}
    slopes: dict[str, np.ndarray] = {}
    if params.criterion is Criterion.WANDA:
        layers = [layer for target in targets for layer in target.layers]
        norms = weight_scores.input_norms(model, layers, params.samples, ctx)
    elif params.criterion is Criterion.TAYLOR:
        from compress_studio.view.gradients import importance

        slopes = importance(network, ctx.data, params.samples, Portion(ctx, 0.05, 0.75))
    for target in targets:
        ctx.check()
        scores: np.ndarray | None
        if params.criterion is Criterion.MAGNITUDE:
            scores, reason = weight_scores.magnitudes(target.array), ""
        elif params.criterion is Criterion.WANDA:
            scores, reason = weight_scores.activation_scores(target, norms), "its inputs cannot be observed"
        else:
            scores, reason = slopes.get(target.value.name or ""), "no gradient reaches it"
        if not target.array.any():
            scores, reason = None, "is all zeros already"
        if scores is None or scores.shape != target.array.shape:
            for layer in target.layers:
                ctx.skip(layer.name, reason or "its scores do not fit")
        else:
            found.append((target, np.nan_to_num(np.abs(scores.astype(np.float32)), nan=np.inf)))
    return found


def _choose(
    params: PruneWeightsParams, scored: list[tuple[Target, np.ndarray]], own: dict[str, float]
) -> list[np.ndarray]:
    """Masks of the weights that go; never all of a layer. Args: own are the shares of single layers."""
    import numpy as np

    from compress_studio.steps.kernels import weight_scores

    if params.mode is Mode.THRESHOLD:
        return [weight_scores.keep_largest(one) < np.float32(params.threshold) for _, one in scored]
    shares = [next((own[layer.name] for layer in target.layers if layer.name in own), None) for target, _ in scored]
    joined = [one for one, share in zip(scored, shares, strict=True) if share is None]
    if params.scope is Scope.GLOBAL and joined:
        common = iter(_together(params, [one for _, one in joined]))
    else:
        common = iter([_alone(params, *one, params.sparsity) for one in joined])
    return [
        next(common) if share is None else _alone(params, *one, share)
        for one, share in zip(scored, shares, strict=True)
    ]


def _together(params: PruneWeightsParams, scores: list[np.ndarray]) -> list[np.ndarray]:
    """All compete for one share."""
    from compress_studio.steps.kernels import thresholds, weight_scores

    if params.balance is Balance.ADAPTIVE:
        scores = [weight_scores.layer_adaptive(one) for one in scores]
    size = sum(one.size for one in scores)
    kept = [weight_scores.keep_largest(one) for one in scores]
    return thresholds.smallest(kept, min(round(params.sparsity * size), size - len(scores)))


def _alone(params: PruneWeightsParams, target: Target, scores: np.ndarray, share: float) -> np.ndarray:
    """One layer loses this share."""
    from compress_studio.steps.kernels import thresholds, weight_scores

    if params.criterion is Criterion.WANDA:
        return thresholds.smallest_per_row(scores, share, target.layers[0].out_axis)
    count = min(round(share * scores.size), scores.size - 1)
    return thresholds.smallest([weight_scores.keep_largest(scores)], count)[0]


def _remove(ctx: StepContext, chosen: list[tuple[Target, np.ndarray, np.ndarray]]) -> int:
    """Set the chosen weights to zero and report; returns how many layers were changed."""
    import numpy as np

    from compress_studio.graph.layers import set_array

    changed = removed = size = 0
    sparsity: dict[str, float] = {}
    limits: dict[str, float] = {}
    for target, scores, mask in chosen:
        before = target.array
        fresh = bool(before[mask].any())
        if fresh:
            set_array(target.value, np.where(mask, np.zeros((), before.dtype), before))
            changed += len(target.layers)
        zeros = target.array.size - int(np.count_nonzero(target.array))
        removed, size = removed + zeros, size + target.array.size
        sparsity[target.name] = round(zeros / target.array.size, 6)
        limits[target.name] = float(f"{float(scores[mask].max(initial=0.0)):.6g}")
        if fresh and target.array.size - zeros <= max(1.0, NEARLY_EMPTY * target.array.size):
            ctx.warn(
                "layer_nearly_empty",
                f"Only {target.array.size - zeros} of {target.array.size} weights are left in {target.name}. "
                "Choose a smaller share of zeros, or leave this layer alone.",
            )
    ctx.fact("zeros", removed)
    ctx.fact("weights", size)
    ctx.fact("sparsity_by_layer", sparsity)
    ctx.fact("largest_removed_score_by_layer", limits)
    return changed
