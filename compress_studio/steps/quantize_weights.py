"""The step quantize.weights: weights stored in 8 or 4 bits, computed in float."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability

DEFAULT_BLOCK = 32


class Bits(StrEnum):
    """Bits per weight."""

    EIGHT = "8"
    FOUR = "4"


class Form(StrEnum):
    """Where the numbers become floats again."""

    LOADING = "loading"
    RUNNING = "running"


class QuantizeWeightsParams(Params):
    """What can be chosen for quantize.weights."""

    bits: Annotated[Bits, Ui("Bits", "Bits per weight.")] = Bits.EIGHT
    block: Annotated[
        int | None,
        Range(16, 256, 16),
        Ui("Block", "How many weights share a scale. Automatic: one output channel at 8 bits, 32 weights at 4 bits."),
    ] = None
    symmetric: Annotated[
        bool, Ui("Symmetric", "One scale per block. Otherwise also a zero point: a little closer, a little bigger.")
    ] = True
    form: Annotated[
        Form,
        Ui(
            "Restored",
            "When the file is loaded: standard operators, the speed of float. While running: dense layers stay small "
            "in memory (MatMulNBits, ONNX Runtime only).",
            advanced=True,
        ),
    ] = Form.LOADING
    keep: Annotated[
        tuple[str, ...], Ui("Keep in float", "Names of layers that are left alone.", advanced=True, per_layer=True)
    ] = ()


@step(
    id="quantize.weights",
    version=1,
    title="Weights in 8 or 4 bits",
    group=Group.QUANTIZE,
    depends_on=("onnx", "onnxruntime"),
    applies=applicability.store_smaller,
    sketch="compress_studio.steps.kernels.bits_preview:sketch_weights",
    predict="compress_studio.steps.kernels.predict_bits:predict_weights",
    estimates=True,
)
def quantize_weights(ctx: StepContext, params: QuantizeWeightsParams, network: OnnxNet) -> OnnxNet:
    """Store the weights in 8 or 4 bits and compute in float: a small file without data, and the same speed.

    Every output channel, or every block of weights, has its own scale: ŵ = q · s, rounded to nearest, with
    s = max|w| / 127 at 8 bits and, at 4 bits, the s of smallest squared error. Zeros stay zeros. Activations stay in
    float, so 8 bits are hardly ever felt and 4 bits seldom.

    The numbers are restored by a Cast and a Mul that the runtime folds when it loads the file: the network then runs
    exactly as before, with the memory of before. With *while running*, dense layers become MatMulNBits, which keeps
    the weights small in memory and multiplies in 8 bits; the block is then rounded down to a power of two.

    When it helps: downloads and storage; networks whose activations do not bear 8 bits. For speed, use *Static int8*
    (convolutions) or *Dynamic int8* (dense and recurrent layers).
    """
    from compress_studio.graph import saving
    from compress_studio.steps.kernels import weight_only
    from compress_studio.steps.kernels.presence import known_layers, require_layers

    model = saving.load(network.path)
    keep = known_layers(model, params.keep)
    require_layers(model)
    options = weight_only.Options(
        bits=int(params.bits.value),
        block=params.block if params.block is not None else (DEFAULT_BLOCK if params.bits is Bits.FOUR else None),
        symmetric=params.symmetric,
        packed=params.form is Form.RUNNING,
        keep=keep,
    )
    model, outcome = weight_only.quantize(model, options, ctx.check)
    for layer, reason in outcome.skipped:
        ctx.skip(layer, reason)
    if not outcome.changed:
        reason = outcome.skipped[0][1]
        raise Refused(f"No weights can be stored in {params.bits} bits: {reason}.", "Leave this step out.")
    ctx.changed(len(outcome.changed), outcome.total)
    ctx.fact("largest_error", outcome.largest_error)
    ctx.progress(0.9, "writing")
    return OnnxNet(saving.save(model, ctx.scratch / "model.onnx"))
