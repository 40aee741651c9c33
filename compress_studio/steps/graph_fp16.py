"""The step graph.fp16: weights, or all computation, in half precision."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.data import Part
from compress_studio.spec.params import Params, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.steps.kernels.fidelity import Fidelity
    from compress_studio.steps.kernels.half import Outcome

SAMPLES = 64
BATCH = 16
GOOD_COSINE = 0.999
HEADROOM = 32752.0
"""Half of the largest half-precision number: activations above it in calibration may overflow elsewhere."""


class Mode(StrEnum):
    """What becomes half."""

    WEIGHTS = "weights"
    FULL = "full"


class Fp16Params(Params):
    """What can be chosen for graph.fp16."""

    mode: Annotated[
        Mode,
        Ui(
            "Convert",
            "Weights: half the file, the same speed. Full: all computation too, for devices that are fast at it.",
        ),
    ] = Mode.WEIGHTS
    keep: Annotated[
        tuple[str, ...],
        Ui("Keep in float32", "Names of layers or operators that stay in float32.", advanced=True, per_layer=True),
    ] = ()


@step(
    id="graph.fp16",
    version=1,
    title="Half precision",
    group=Group.GRAPH,
    needs_data=True,
    depends_on=("onnx", "onnxruntime"),
    applies=applicability.half,
    sketch="compress_studio.steps.kernels.bits_preview:sketch_half",
    predict="compress_studio.steps.kernels.predict_bits:predict_half",
    sketch_params=frozenset({"mode"}),
    estimates=True,
)
def graph_fp16(ctx: StepContext, params: Fp16Params, network: OnnxNet) -> OnnxNet:
    """Store the weights, or compute everything, in half precision: half the file, nearly the same numbers.

    **Weights** (default): every weight is stored as a 16-bit float behind a Cast that the runtime folds when it loads
    the file. Speed and memory while running are those of before. Relative error of a weight: at most 2⁻¹¹.

    **Full**: all layers compute in half precision; inputs and outputs of the network stay float32. Processors gain
    nothing from it, graphics cards and phones do. Half precision ends at 65504, so the result is compared with the
    network before on calibration data; operators that overflow, and then sums, roots and exponentials, go back to
    float32, and when that does not help the step refuses.

    Trap: values above 65504 or below 6e-8 do not exist in half precision; layers that hold them are left alone.
    """
    from compress_studio.graph import saving
    from compress_studio.steps.kernels import half
    from compress_studio.steps.kernels.presence import known_layers, require_layers

    keep = known_layers(saving.load(network.path), params.keep, operators=True)
    if params.mode is Mode.FULL:
        model, outcome = _full(ctx, keep, network)
    else:
        model = saving.load(network.path)
        require_layers(model)
        outcome = half.store_weights(model, keep, ctx.check)
    for layer, reason in outcome.skipped:
        ctx.skip(layer, reason)
    if not outcome.changed:
        reason = outcome.skipped[0][1] if outcome.skipped else "the network has no layers with weights"
        raise Refused(f"Nothing can be put into half precision: {reason}.", "Leave this step out.")
    ctx.changed(outcome.changed, outcome.total)
    ctx.progress(0.9, "writing")
    return OnnxNet(saving.save(model, ctx.scratch / "model.onnx"))


def _full(ctx: StepContext, keep: frozenset[str], network: OnnxNet) -> tuple[ir.Model, Outcome]:
    """The network in half precision that is still the same network; Refused when there is none."""
    from compress_studio.graph import saving
    from compress_studio.steps.kernels import fidelity, half
    from compress_studio.steps.kernels.opset import refuse_quantized
    from compress_studio.steps.kernels.stored import require_finite

    if ctx.data.synthetic:
        ctx.warn("synthetic_data", "Whether half precision is precise enough was checked on random inputs only.")
    model = saving.load(network.path)
    refuse_quantized(model)
    for layer in half.weight_layers(model):
        require_finite(layer, layer.array)
    part = ctx.data.part(Part.CALIBRATE)
    expected = fidelity.references(network.path, part.batches(BATCH, SAMPLES), ctx.threads)
    types = half.element_types(model)
    ctx.progress(0.2, "looking for large values")
    overflowing = _overflowing(ctx, model, types)
    found: Fidelity | None = None
    for tried, delicate in enumerate((frozenset[str](), half.DELICATE)):
        model = saving.load(network.path)
        names = {layer.node: layer.name for layer in half.weight_layers(model)}

        def stay(node: ir.Node, names: dict[ir.Node, str] = names, delicate: frozenset[str] = delicate) -> str:
            if {names.get(node, node.name or ""), node.op_type} & keep:
                return "kept in float32 as asked"
            if any(value.name in overflowing for value in node.outputs):
                return "its values come near the end of half precision (65504)"
            return "it loses too much in half precision here" if node.op_type in delicate else ""

        outcome = half.compute_in_half(model, dict(types), stay)
        ctx.progress(0.5 + 0.2 * tried, "comparing with the network before")
        found = fidelity.compare(model, expected, ctx.threads, ctx.check)
        if found.finite and found.cosine >= GOOD_COSINE:
            ctx.fact("cosine", found.cosine)
            return model, outcome
    assert found is not None
    raise Refused(
        f"Half precision collapsed: cosine {found.cosine:.3f} to the outputs of the network before.",
        "Use mode=weights, which stores the weights in half precision and computes in float32.",
    )


def _overflowing(ctx: StepContext, model: ir.Model, types: dict[str, str]) -> set[str]:
    """Tensors whose values come near the end of half precision on calibration data."""
    from compress_studio.graph import statistics

    floats = [
        value.name for node in model.graph for value in node.outputs if value.name and types.get(value.name) == "FLOAT"
    ]
    batches = ctx.data.part(Part.CALIBRATE).batches(BATCH, SAMPLES)
    found = statistics.extremes(model, floats, batches, ctx.threads, ctx.check)
    return {name for name, (low, high) in found.items() if max(-low, high) > HEADROOM}
