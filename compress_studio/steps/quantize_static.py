"""The step quantize.static: weights and activations in 8 bits, with ranges from calibration data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.params import Range, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability
from compress_studio.steps.int8_params import Int8Params, machine


class Ranges(StrEnum):
    """How the range of a tensor is found."""

    MINMAX = "minmax"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"
    MSE = "mse"


class QuantizeStaticParams(Int8Params):
    """What can be chosen for quantize.static."""

    ranges: Annotated[
        Ranges,
        Ui("Ranges", "Extremes; a percentile; the clip of least information lost; the clip of least squared error."),
    ] = Ranges.MINMAX
    percentile: Annotated[
        float,
        Range(90.0, 100.0, 0.001),
        Ui(
            "Percentile",
            "Share of the values inside the range.",
            "%",
            shown_when={"ranges": frozenset({Ranges.PERCENTILE.value})},
        ),
    ] = 99.999
    samples: Annotated[
        int, Range(1, 100_000, log=True), Ui("Samples", "At most so many samples of the calibration part are used.")
    ] = 512
    keep_auto: Annotated[
        bool,
        Ui("Spare weak layers", "When the result is far from the network before, the worst layers stay in float."),
    ] = True


@step(
    id="quantize.static",
    version=3,
    title="Static int8",
    group=Group.QUANTIZE,
    needs_data=True,
    depends_on=("onnx", "onnxruntime"),
    fingerprint=machine,
    applies=applicability.quantize_static,
    sketch="compress_studio.steps.kernels.bits_preview:sketch_static",
    predict="compress_studio.steps.kernels.predict_bits:predict_int8",
    estimates=True,
)
def quantize_static(ctx: StepContext, params: QuantizeStaticParams, network: OnnxNet) -> OnnxNet:
    """Compute in 8-bit integers, with ranges of activations measured on calibration data: small and fast.

    Weights become int8 with a scale per output channel, activations uint8 with a scale and a zero point per tensor:
    x ≈ (q − z) · s (Jacob 2018). Calibration runs once over the samples and keeps histograms only, so that its memory
    does not grow with the number of samples. Batch normalization is folded into the layer before.

    Ranges: the extremes are right for most networks; with rare large values try *mse*, *entropy* (Migacz 2017) or
    *percentile*.

    When it helps: convolutional networks, two to three times faster on processors with VNNI. Depthwise networks, and
    networks with Swish or HardSwish behind every layer, gain less in speed or nothing: look at the measured time. In
    networks with attention only layers with weights are quantized. Recurrent layers have no static kernel: use
    *Dynamic int8*.

    Traps: calibrate on data like those of real use, preprocessed the same way. On processors without VNNI 8-bit sums
    can overflow; weights then take 7 bits.
    """
    from compress_studio.graph import saving
    from compress_studio.steps.kernels import static

    if ctx.data.synthetic:
        ctx.warn("synthetic_data", "The ranges were measured on random inputs. Give real data before you trust it.")
    options = static.Options(
        method=params.ranges.value,
        percentile=params.percentile,
        samples=params.samples,
        keep=frozenset(params.keep),
        keep_auto=params.keep_auto,
        weight_bits=params.weight_bits(),
    )
    result = static.quantize(network.path, options, ctx)
    for layer, reason in result.skipped:
        ctx.skip(layer, reason)
    if not result.quantized:
        reason = result.skipped[0][1] if result.skipped else "the network has no layers with weights"
        raise Refused(
            f"No layer of this network can be quantized statically: {reason}.",
            "Use quantize.dynamic for recurrent and dense layers, or quantize.weights for the size of the file.",
        )
    ctx.changed(result.quantized, result.total)
    ctx.fact("weight_bits", options.weight_bits)
    ctx.progress(0.95, "writing")
    return OnnxNet(saving.save(result.model, ctx.scratch / "model.onnx"))
