"""The step factorize.lowrank: one thick layer becomes two thin ones."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

    from compress_studio.graph.statistics import Moments
    from compress_studio.spec.data import Batch
    from compress_studio.steps.kernels.lowrank import Spectrum
    from compress_studio.steps.kernels.lowrank_graph import Matrix
    from compress_studio.steps.kernels.lowrank_ranks import Budget

MOMENTS_AT_ONCE = 1 << 25
"""Numbers of second moments that are collected in one pass over the samples: 256 MB."""
BATCH = 32
WORTH = 0.005
"""Share of all weights that two layers must save to be worth their loss."""

ENOUGH = 0.9
"""Share of a layer's energy below which the user is told."""


class Method(StrEnum):
    """How the thin layers are found."""

    PCA = "pca"
    SVD = "svd"
    SPATIAL = "spatial"


class Scope(StrEnum):
    """How the parameters are shared out."""

    ENERGY = "energy"
    LAYER = "layer"


WITH_DATA = {"method": frozenset({Method.PCA.value})}


class FactorizeLowrankParams(Params):
    """What can be chosen for factorize.lowrank."""

    ratio: Annotated[
        float,
        Range(0.05, 0.95, 0.05),
        Ui("Parameters kept", "Share of the parameters that the layers which can be factorized keep."),
    ] = 0.5
    method: Annotated[
        Method,
        Ui("Method", "PCA of the outputs on calibration data; SVD of the weights; spatial: a column, then a row."),
    ] = Method.PCA
    scope: Annotated[
        Scope,
        Ui("Share out", "By need: spend the parameters where losing them hurts most. Per layer: the same share each."),
    ] = Scope.ENERGY
    multiple: Annotated[
        int | None,
        Range(1, 64, 1),
        Ui("Ranks in multiples of", "Auto: 16, 8 or 4, by the size of the rank.", advanced=True),
    ] = None
    samples: Annotated[
        int,
        Range(16, 8192, 16),
        Ui("Calibration samples", "Samples behind the PCA.", advanced=True, shown_when=WITH_DATA),
    ] = 256
    refit: Annotated[
        bool,
        Ui(
            "Fit on data",
            "Least squares for the second layer of each pair, on what the layers before it now give.",
            advanced=True,
            shown_when=WITH_DATA,
        ),
    ] = True
    skip: Annotated[
        tuple[str, ...],
        Ui("Leave alone", "Names of layers, or patterns such as encoder.*", advanced=True, per_layer=True),
    ] = ()
    layers: Annotated[
        dict[str, Annotated[float, Range(0.05, 0.95, 0.05)]],
        Ui(
            "Share by layer",
            "Shares of the parameters that single layers keep; the others share out the rest among themselves.",
            advanced=True,
            per_layer=True,
        ),
    ] = {}  # noqa: RUF012 - parameters are frozen


@step(
    id="factorize.lowrank",
    version=2,
    title="Factorize to low rank",
    group=Group.FACTORIZE,
    needs_data=True,
    depends_on=("onnxruntime", "numpy"),
    applies=applicability.factorize,
    sketch="compress_studio.steps.kernels.lowrank_preview:sketch",
    predict="compress_studio.steps.kernels.predict_lowrank:predict",
    sketch_params=frozenset({"method", "samples"}),
    estimates=True,
)
def factorize_lowrank(ctx: StepContext, params: FactorizeLowrankParams, network: OnnxNet) -> OnnxNet:
    """Replaces thick layers by two thin ones with fewer parameters and operations.

    A weight matrix of low rank is a product of two thin ones, and a network computes faster with these.

    **Methods.** *PCA* projects the outputs of a layer on their principal components over calibration data (Zhang
    2016): the best linear choice for what the network really sees, and much better than *SVD* of the bare weights
    (Denton 2014), which needs no data. *Spatial* makes of each k × k convolution a k × 1 and a 1 × k one (Jaderberg
    2014); often the fastest, on convolutions only.

    **Fit on data.** After PCA the second layer of each pair is fitted by least squares to what the whole layer gave,
    from what it now gets: the thin layers before it change that (asymmetric reconstruction, Zhang 2016). A fit counts
    only where it is better on samples that were held out.

    **Share out.** *Energy* gives each layer the rank that keeps the product of the kept energies largest, and leaves
    a layer whole where that is best. *Layer* keeps the same share everywhere.

    **Use it** on wide convolutions and on dense layers; follow it with `train.distil`, which wins back most of what
    was lost. Ranks are rounded to what processors like.

    **Traps.** Depthwise, grouped and recurrent layers are left alone. Small layers rarely get faster: look at the
    measured time.
    """
    from compress_studio.graph.rewrite import remove_unused
    from compress_studio.graph.saving import load, save

    model = load(network.path)
    chosen, total, weights = find_candidates(ctx, params, model)
    spectra, moments = find_spectra(ctx, params, model, chosen)
    ranks = _ranks(ctx, params, model, chosen, spectra, weights)
    changed: list[Matrix] = []
    for number, (one, rank) in enumerate(zip(chosen, ranks, strict=True)):
        ctx.progress(0.72 + 0.08 * number / max(len(chosen), 1), f"Factorizing {one.layer.name}")
        if rank:
            _factorize(params, model, one, rank, spectra.get(one.layer.name), moments.get(one.layer.name))
            changed.append(one)
    if not changed:
        raise Refused(
            "No layer of this network gets smaller by factorizing; the report lists the reason for each.",
            "Choose a smaller share of parameters, or use prune.channels or a quantization instead.",
        )
    remove_unused(model)
    if params.refit and moments:
        _refit(ctx, params, load(network.path), model, changed)
    ctx.changed(len(changed), total)
    ctx.progress(0.92, "Writing the network")
    path = save(model, ctx.scratch / "model.onnx")
    ctx.progress(1.0)
    return OnnxNet(path)


def _refit(
    ctx: StepContext, params: FactorizeLowrankParams, before: ir.Model, model: ir.Model, layers: list[Matrix]
) -> None:
    from compress_studio.steps.kernels.lowrank_refit import in_order, refit

    found = refit(before, model, in_order(model, layers), lambda: _samples(ctx, params), ctx)
    ctx.fact("layers_refitted", found)


def _samples(ctx: StepContext, params: FactorizeLowrankParams) -> Iterator[Batch]:
    """The samples behind the factors."""
    from compress_studio.steps.kernels.samples import to_fit

    return to_fit(ctx, BATCH, params.samples)


def find_candidates(ctx: StepContext, params: FactorizeLowrankParams, model: ir.Model) -> tuple[list[Matrix], int, int]:
    """The layers that can be factorized at all, the number of all layers and of their weights.

    The others are told to ctx.
    """
    from compress_studio.graph.layers import weight_layers
    from compress_studio.steps.kernels.layer_names import match_layers
    from compress_studio.steps.kernels.lowrank_graph import as_matrix, why_not
    from compress_studio.steps.kernels.presence import require_layers

    require_layers(model)
    layers = weight_layers(model)
    unwanted = match_layers([layer.name for layer in layers], params.skip)
    chosen: list[Matrix] = []
    for layer in layers:
        reason = "left out as asked" if layer.name in unwanted else why_not(layer)
        if not reason and params.method is Method.SPATIAL and (layer.op != "Conv" or min(layer.array.shape[2:]) < 2):
            reason = "has no kernel of two dimensions"
        if not reason and params.method is Method.SPATIAL and layer.array.ndim != 4:
            reason = "is not a two-dimensional convolution"
        if reason:
            ctx.skip(layer.name, reason)
        else:
            chosen.append(as_matrix(layer))
    return chosen, len(layers), sum(layer.array.size for layer in layers)


def find_spectra(
    ctx: StepContext, params: FactorizeLowrankParams, model: ir.Model, chosen: list[Matrix]
) -> tuple[dict[str, Spectrum], dict[str, Moments]]:
    """What each layer's outputs are made of, and for PCA their moments, by the name of the layer."""
    from compress_studio.graph.statistics import second_moments
    from compress_studio.steps.kernels.lowrank import output_spectrum, weight_spectrum

    if params.method is Method.SPATIAL:
        return {}, {}
    if params.method is Method.SVD:
        return {one.layer.name: weight_spectrum(one.weight) for one in chosen}, {}
    if ctx.data.synthetic and chosen:
        ctx.warn(
            "synthetic_data",
            "The layers were analysed with random inputs, because there are no data. Give data, or choose method=svd.",
        )
    moments: dict[str, Moments] = {}
    spectra: dict[str, Spectrum] = {}
    groups = _groups(chosen)
    for number, group in enumerate(groups):
        ctx.progress(0.02 + 0.7 * number / len(groups), "Watching the outputs of the layers")
        rows = {one.output: one.rows for one in group}
        found = second_moments(model, rows, _samples(ctx, params), ctx.threads, ctx.check)
        for one in group:
            if one.output not in found:
                raise Refused("There are no calibration samples.", "Give more data, or choose method=svd.")
            moments[one.layer.name] = found[one.output]
            spectra[one.layer.name] = output_spectrum(one.weight, found[one.output], centred=one.holds_mean)
    return spectra, moments


def _groups(chosen: list[Matrix]) -> list[list[Matrix]]:
    """The layers in groups whose second moments fit into memory together."""
    groups: list[list[Matrix]] = []
    room = 0
    for one in chosen:
        size = one.out * one.out
        if size > room or not groups:
            groups.append([])
            room = MOMENTS_AT_ONCE
        groups[-1].append(one)
        room -= size
    return groups


def _ranks(
    ctx: StepContext,
    params: FactorizeLowrankParams,
    model: ir.Model,
    chosen: list[Matrix],
    spectra: dict[str, Spectrum],
    weights: int,
) -> list[int]:
    """The rank of each layer; 0 for one that stays whole, which is told to ctx. Args: weights is the number of all."""
    from compress_studio.graph.layers import weight_layers
    from compress_studio.steps.kernels.layer_names import values_by_layer
    from compress_studio.steps.kernels.lowrank_ranks import choose_ranks

    budgets = [budget_of(one, params, spectra) for one in chosen]
    named = values_by_layer([layer.name for layer in weight_layers(model)], params.layers)
    own = [named.get(one.layer.name) for one in chosen]
    energy = params.scope is Scope.ENERGY
    found = choose_ranks(budgets, own, params.ratio, params.multiple, WORTH * weights, by_energy=energy)
    for one, (_, reason) in zip(chosen, found, strict=True):
        if reason:
            ctx.skip(one.layer.name, reason)
    ranks = [rank for rank, _ in found]
    _tell_energies(ctx, {one.layer.name: (b, r) for one, b, r in zip(chosen, budgets, ranks, strict=True) if r})
    return ranks


def _tell_energies(ctx: StepContext, kept: dict[str, tuple[Budget, int]]) -> None:
    """Report the share of energy that each factorized layer keeps, and warn about layers that lose much."""
    shares = {
        name: float(budget.energies[:rank].sum() / max(budget.energies.sum(), 1e-300))
        for name, (budget, rank) in kept.items()
    }
    ctx.fact("rank_by_layer", {name: rank for name, (_, rank) in kept.items()})
    ctx.fact("energy_kept_by_layer", {name: round(share, 5) for name, share in shares.items()})
    poor = sorted((share, name) for name, share in shares.items() if share < ENOUGH)
    if poor:
        named = ", ".join(f"{name} ({100 * share:.0f} %)" for share, name in poor[:3])
        ctx.warn(
            "low_rank_loss",
            f"In {len(poor)} of the layers a good part of what they compute may be lost; kept: {named}. "
            "Keep more parameters, leave these layers alone, or train afterwards (train.distil).",
        )


def budget_of(one: Matrix, params: FactorizeLowrankParams, spectra: dict[str, Spectrum]) -> Budget:
    """What choosing the rank of a layer needs."""
    from compress_studio.steps.kernels.lowrank import spatial_energies
    from compress_studio.steps.kernels.lowrank_graph import stride_across
    from compress_studio.steps.kernels.lowrank_ranks import Budget

    whole = one.weight.size
    if params.method is Method.SPATIAL:
        out, into, height, width = one.shape
        per_rank = into * height + out * width
        # With a stride the first half works on more columns than the whole gives.
        dearest = into * height * stride_across(one) + out * width
        energies = spatial_energies(one.weight.reshape(one.shape))
        return Budget(energies, per_rank, whole, min((whole - 1) // max(per_rank, dearest), len(energies)))
    per_rank = one.out + one.fan_in
    energies = spectra[one.layer.name].energies
    return Budget(energies, per_rank, whole, min((whole - 1) // per_rank, one.out))


def _factorize(
    params: FactorizeLowrankParams,
    model: ir.Model,
    one: Matrix,
    rank: int,
    spectrum: Spectrum | None,
    moments: Moments | None,
) -> None:
    from compress_studio.steps.kernels import lowrank
    from compress_studio.steps.kernels.lowrank_graph import put_product, put_spatial, set_bias

    if params.method is Method.SPATIAL:
        put_spatial(model, one, *lowrank.spatial_factors(one.weight.reshape(one.shape), rank))
        return
    assert spectrum is not None
    bias = one.bias().copy()
    put_product(model, one, *lowrank.factors(one.weight, spectrum, rank))
    if moments is not None and one.holds_mean:
        set_bias(model, one, lowrank.corrected_bias(spectrum, rank, bias, moments.mean))
