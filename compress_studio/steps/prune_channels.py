"""The step prune.channels: whole channels and attention heads removed, and proved to be removed rightly."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability

if TYPE_CHECKING:
    from compress_studio.base.digest import Json


class Criterion(StrEnum):
    """How much a channel matters."""

    L1 = "l1"
    L2 = "l2"
    BN = "bn"
    TAYLOR = "taylor"


class Scope(StrEnum):
    """Which channels compete with each other."""

    UNIFORM = "uniform"
    GLOBAL = "global"


class Repair(StrEnum):
    """What is done for accuracy without training."""

    NONE = "none"
    STATISTICS = "statistics"
    LEAST_SQUARES = "least_squares"


WITH_DATA = {"repair": frozenset({Repair.STATISTICS.value, Repair.LEAST_SQUARES.value})}


class PruneChannelsParams(Params):
    """What can be chosen for prune.channels."""

    amount: Annotated[
        float,
        Range(0.0, 0.95, 0.01),
        Ui("Share of the work to remove", "Share of the multiply-accumulates that goes away."),
    ] = 0.3
    criterion: Annotated[
        Criterion,
        Ui(
            "Criterion", "l1, l2: norms of the weights. bn: scale of the batch norm. Taylor: asks the loss, needs data."
        ),
    ] = Criterion.L2
    scope: Annotated[Scope, Ui("Compare", "Uniform: every group loses the same share. Global: all groups compete.")] = (
        Scope.GLOBAL
    )
    multiple: Annotated[
        int | None,
        Range(1, 64, 1),
        Ui(
            "Round to",
            "Channels left are a multiple of this; auto: what this processor needs to be fast.",
            advanced=True,
        ),
    ] = None
    minimum: Annotated[
        float, Range(0.0, 1.0, 0.05), Ui("Keep at least", "Share that every group keeps.", advanced=True)
    ] = 0.1
    repair: Annotated[
        Repair,
        Ui("Repair", "Least squares lets the remaining channels take over; statistics realigns means and variances."),
    ] = Repair.LEAST_SQUARES
    samples: Annotated[
        int,
        Range(16, 4096, 16),
        Ui("Calibration samples", "Samples behind the repair and Taylor.", advanced=True, shown_when=WITH_DATA),
    ] = 256
    skip: Annotated[
        tuple[str, ...],
        Ui("Leave alone", "Names of layers, or patterns such as encoder.*", advanced=True, per_layer=True),
    ] = ()
    layers: Annotated[
        dict[str, Annotated[float, Range(0.0, 0.95, 0.01)]],
        Ui(
            "Channels by layer",
            "Shares of the channels of single layers that go; layers that are joined to them lose the same ones.",
            advanced=True,
            per_layer=True,
        ),
    ] = {}  # noqa: RUF012 - parameters are frozen


def _machine(params: PruneChannelsParams) -> Json:
    """With automatic rounding the result depends on the processor."""
    from compress_studio.steps.kernels.channel_plan import lanes

    return {"lanes": lanes()} if params.multiple is None else {}


@step(
    id="prune.channels",
    version=3,
    title="Remove channels",
    group=Group.PRUNE,
    needs_data=True,
    depends_on=("onnxruntime",),
    fingerprint=_machine,
    applies=applicability.prune_channels,
    sketch="compress_studio.steps.kernels.prune_channels_preview:sketch",
    predict="compress_studio.steps.kernels.predict_channels:predict",
    sketch_params=frozenset({"criterion", "samples"}),
    estimates=True,
)
def prune_channels(ctx: StepContext, params: PruneChannelsParams, network: OnnxNet) -> OnnxNet:
    """Removes whole channels and attention heads, so that the network is smaller and faster everywhere.

    Channels that are joined by additions, concatenations, batch norms or depthwise convolutions must go together.
    They are found on the graph itself, element by element (after DepGraph, Fang 2023); where an operator mixes
    channels, or nobody knows what it does to them, they stay, and the report says why.

    **Amount** is the share of multiply-accumulates to remove. How many channels that takes is searched for.

    **Proof.** The shorter network must compute the same as the original one with the channels silenced. A group that
    does not pass is left alone.

    **Repair** costs seconds and no labels. *Least squares* (He 2017) writes into the following layer what the
    remaining channels can say about the removed ones, then realigns the statistics; *statistics* only brings mean
    and variance of every layer back to what they were. Without data neither is done.

    **Compare.** *Global* takes channels where they matter least, after dividing the scores of each group by their
    mean; *uniform* takes the same share everywhere. Global kept more accuracy on most networks.

    **Use it** first in a pipeline, followed by `train.distil`: up to 30 % of the work often goes without training,
    half of it needs some.

    **Round to.** ONNX Runtime computes convolutions in blocks of 16 channels with AVX-512, of 8 otherwise; odd
    numbers can be *slower* than not pruning at all. Groups under 64 channels are rounded to less (32: 8, 16: 4).

    **Traps.** Prune before quantizing. In transformers the width of the residual stream stays, because
    normalization mixes it; heads and hidden units go. Hidden units of LSTM and GRU stay.
    """
    import onnx_ir as ir

    from compress_studio.graph.saving import load, save
    from compress_studio.steps.kernels.channel_pruning import Pruner

    # Weights of a second file come into memory: their tensors are cut, and copies of the network are run.
    pruner = Pruner(ctx, params, network, ir.external_data.load_to_model(load(network.path)))
    pruner.find()
    pruner.choose()
    pruner.cut()
    pruner.tell()
    ctx.progress(0.95, "Writing the network")
    path = save(pruner.model, ctx.scratch / "model.onnx")
    ctx.progress(1.0)
    return OnnxNet(path)
