"""The step cluster.weights: every weight becomes one of a few values."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.steps.kernels.palette import Palette
    from compress_studio.steps.kernels.palette_store import PaletteWriter
    from compress_studio.steps.kernels.targets import Target

SMALLEST = 256
"""Numbers in a weight below which the palette costs more than it saves."""
SHORTEST_ROW = 8
"""Numbers per output channel below which scales per channel cost more than they save."""
TINY = 1e-6


class Sharing(StrEnum):
    """What shares one palette."""

    CHANNEL = "channel"
    TENSOR = "tensor"


class ClusterWeightsParams(Params):
    """What can be chosen for cluster.weights."""

    bits: Annotated[int, Range(1, 8, 1), Ui("Bits", "2^bits different values per layer.", unit="bits")] = 4
    scales: Annotated[
        Sharing,
        Ui(
            "Scales",
            "Channel: each output channel has its own scale on top of the layer's palette. Tensor: none.",
            advanced=True,
        ),
    ] = Sharing.CHANNEL
    embeddings: Annotated[bool, Ui("Embeddings too", "Also cluster tables of embeddings.", advanced=True)] = True
    skip: Annotated[
        tuple[str, ...],
        Ui("Leave alone", "Names of layers, or patterns such as encoder.*", advanced=True, per_layer=True),
    ] = ()
    layers: Annotated[
        dict[str, Annotated[float, Range(1, 8, 1)]],
        Ui("Bits by layer", "Bits of single layers, instead of those above.", advanced=True, per_layer=True),
    ] = {}  # noqa: RUF012 - parameters are frozen


@step(
    id="cluster.weights",
    version=1,
    title="Cluster weights",
    group=Group.QUANTIZE,
    applies=applicability.cluster,
    sketch="compress_studio.steps.kernels.cluster_preview:sketch",
    predict="compress_studio.steps.kernels.predict_cluster:predict",
    estimates=True,
)
def cluster_weights(ctx: StepContext, params: ClusterWeightsParams, network: OnnxNet) -> OnnxNet:
    """Gives each layer a palette of few values and stores only which value each weight takes.

    Also called weight sharing or palettization (Deep Compression, Han 2016). The values of a layer are its exact
    one-dimensional k-means; by default each output channel is scaled to the same strength first, which keeps much
    more accuracy at few bits. The file holds packed indices; four bits make it almost eight times smaller.

    **No data needed.** 4 bits usually cost less than a point of accuracy, 3 bits a few, 2 bits need training.

    **Zeros stay zeros**: in a pruned layer one value of the palette is exactly zero.

    **Speed and memory stay**: ONNX Runtime unpacks the weights when it loads the file and then computes as before,
    so the network runs exactly as fast, and takes as much memory, as the original. For speed use `quantize.static`
    (instead, not on top).
    """
    from compress_studio.graph.layers import weight_layers
    from compress_studio.graph.saving import load, save
    from compress_studio.steps.kernels.layer_names import values_by_layer
    from compress_studio.steps.kernels.palette_store import PaletteWriter
    from compress_studio.steps.kernels.targets import find_targets

    model = load(network.path)
    targets, total = find_targets(model, ctx, skip=params.skip, embeddings=params.embeddings)
    own = values_by_layer([layer.name for layer in weight_layers(model)], params.layers)
    writer = PaletteWriter(model)
    size = sum(target.array.size for target in targets)
    changed = done = 0
    quality: dict[str, float] = {}
    for target in targets:
        ctx.progress(0.9 * done / max(size, 1), f"Clustering {target.name}")
        done += target.array.size
        bits = round(next((own[layer.name] for layer in target.layers if layer.name in own), params.bits))
        decibels, reason = _cluster(ctx, params, bits, writer, target)
        if reason:
            for layer in target.layers:
                ctx.skip(layer.name, reason)
        else:
            changed += len(target.layers)
            quality[target.name] = round(decibels, 2)
    if not changed:
        raise Refused(
            "No layer of this network has weights that clustering would make smaller.",
            "Weights that are quantized already or very small gain nothing; use the network as it is.",
        )
    ctx.changed(changed, total)
    ctx.fact("sqnr_db_by_layer", quality)
    ctx.progress(0.92, "Writing the network")
    path = save(model, ctx.scratch / "model.onnx")
    ctx.progress(1.0)
    return OnnxNet(path)


def _cluster(
    ctx: StepContext, params: ClusterWeightsParams, bits: int, writer: PaletteWriter, target: Target
) -> tuple[float, str]:
    """Store one weight as a palette; returns its signal to noise in decibels, or why it was left alone."""
    import numpy as np

    from compress_studio.steps.kernels.palette import SPARSE, cluster
    from compress_studio.steps.kernels.palette_store import form_for, stored_bytes

    array = target.array
    if array.size < SMALLEST:
        return 0.0, f"has {array.size} weights, fewer than a palette pays for"
    if bits == 1 and float((array == 0).mean()) >= SPARSE:
        return 0.0, "is sparse, and one bit cannot hold zero and both signs; choose 2 bits"
    scales = channel_scales(target) if params.scales is Sharing.CHANNEL else None
    numbers = array.astype(np.float32)
    if scales is None:
        palette = cluster(numbers, 1 << bits, check=ctx.check)
    else:
        wide = scales.astype(np.float32)
        palette = cluster(numbers / wide, 1 << bits, np.broadcast_to(np.square(wide), array.shape), ctx.check)
    form = form_for(palette, writer.model)
    if stored_bytes(form, palette, 0 if scales is None else scales.size, array.dtype.itemsize) >= array.nbytes:
        return 0.0, "would not get smaller"
    writer.store(target.value, palette, form, scales)
    return _decibels(numbers, palette, scales), ""


def channel_scales(target: Target) -> np.ndarray | None:
    """The root mean square of each output channel in float16, in a form that divides the weight; None for no scales."""
    import numpy as np

    array, axis = target.array, target.out_axis
    if axis is None or array.size // array.shape[axis] < SHORTEST_ROW:
        return None
    others = tuple(one for one in range(array.ndim) if one != axis)
    strength = np.sqrt(np.mean(np.square(array.astype(np.float64)), axis=others, keepdims=True))
    top = float(strength.max())
    if not TINY < top < np.finfo(np.float16).max:
        return None
    # Channels that are almost silent share a small scale, so that dividing by it stays harmless.
    return np.maximum(strength, max(top * TINY, 1e-7)).astype(np.float16)


def _decibels(numbers: np.ndarray, palette: Palette, scales: np.ndarray | None) -> float:
    import numpy as np

    now = palette.array if scales is None else palette.array * scales.astype(np.float32)
    noise = float(np.square(numbers - now, dtype=np.float64).sum())
    signal = float(np.square(numbers, dtype=np.float64).sum())
    return 10 * float(np.log10(signal / noise)) if noise > 0 and signal > 0 else 200.0
