"""The step quantize.dynamic: dense and recurrent layers in 8 bits, without calibration."""

from __future__ import annotations

from typing import Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.data import Part
from compress_studio.spec.params import Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability
from compress_studio.steps.int8_params import Int8Params, machine

DYNAMIC_OPSET = 11
BATCH = 16
JUDGED = 64


class QuantizeDynamicParams(Int8Params):
    """What can be chosen for quantize.dynamic."""

    per_channel: Annotated[
        bool,
        Ui("A scale per channel", "One scale per output of a layer instead of one per layer: closer, hardly slower."),
    ] = True
    include_conv: Annotated[bool, Ui("Convolutions too", "They run several times slower this way.", advanced=True)] = (
        False
    )


@step(
    id="quantize.dynamic",
    version=1,
    title="Dynamic int8",
    group=Group.QUANTIZE,
    needs_data=True,
    depends_on=("onnx", "onnxruntime"),
    fingerprint=machine,
    applies=applicability.quantize_dynamic,
    sketch="compress_studio.steps.kernels.bits_preview:sketch_dynamic",
    predict="compress_studio.steps.kernels.predict_bits:predict_int8",
    sketch_params=frozenset({"per_channel", "include_conv"}),
    estimates=True,
)
def quantize_dynamic(ctx: StepContext, params: QuantizeDynamicParams, network: OnnxNet) -> OnnxNet:
    """Multiply dense and recurrent layers in 8 bits, with ranges taken from each input while running.

    Weights become int8 with one scale per output channel; every input of a layer is quantized to uint8 with its own
    extremes just before it is used, so that no calibration is needed. Embeddings are stored in int8.

    When it helps: transformers and large LSTMs, up to twice as fast on processors with VNNI and a quarter of the size.
    Convolutions are left out: they have no fast kernel of this kind. Use *Static int8* for them.

    Traps: some LSTMs collapse, because errors add up over time. The result is compared with the network before on
    calibration data, and a warning tells when it is far away.
    """
    from compress_studio.graph import saving
    from compress_studio.steps.kernels import dynamic, fidelity
    from compress_studio.steps.kernels.opset import raise_opset, refuse_quantized
    from compress_studio.steps.kernels.presence import known_layers, require_layers

    model = saving.load(network.path)
    keep = known_layers(model, params.keep)
    refuse_quantized(model)
    require_layers(model)
    raise_opset(model, DYNAMIC_OPSET, "Quantizing while running")
    options = dynamic.Options(params.per_channel, params.include_conv, keep, params.weight_bits())
    outcome = dynamic.quantize(model, options, ctx.check)
    for layer, reason in outcome.skipped:
        ctx.skip(layer, reason)
    if not outcome.computed:
        reason = outcome.skipped[0][1]
        raise Refused(
            f"No layer of this network can be quantized dynamically: {reason}.",
            "Use quantize.static for convolutions, or quantize.weights for the size of the file.",
        )
    ctx.changed(outcome.changed, outcome.total)
    ctx.fact("weight_bits", options.weight_bits)
    ctx.progress(0.5, "comparing with the network before")
    batches = ctx.data.part(Part.CALIBRATE).batches(BATCH, JUDGED)
    expected = fidelity.references(network.path, batches, ctx.threads)
    path = saving.save(model, ctx.scratch / "model.onnx")
    fidelity.report(ctx, fidelity.compare(path, expected, ctx.threads, ctx.check))
    return OnnxNet(path)
