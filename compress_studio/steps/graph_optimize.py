"""The step graph.optimize: fewer nodes and tensors for the same function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.params import Params, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.steps.kernels.optimize import Simplified

TOLERANCE = 1e-4
"""Largest allowed difference of outputs, relative to the largest output: what rounding in float32 explains."""


class GraphOptimizeParams(Params):
    """What can be chosen for graph.optimize."""

    batch_norm: Annotated[
        bool, Ui("Fold batch norms", "Merge each batch normalization into the weights of the layer before it.")
    ] = True
    constants: Annotated[
        bool, Ui("Fold constants", "Compute in advance what does not depend on the input, where that saves space.")
    ] = True
    share: Annotated[bool, Ui("Share equal weights", "Store equal weight tensors once.")] = True


@step(
    id="graph.optimize",
    version=1,
    title="Simplify graph",
    group=Group.GRAPH,
    depends_on=("onnx", "onnx-ir", "onnxruntime"),
    estimates=True,
)
def graph_optimize(ctx: StepContext, params: GraphOptimizeParams, network: OnnxNet) -> OnnxNet:
    """Make the graph simpler without changing what it computes.

    * **Constants**: nodes that do not depend on an input are computed now. A result is only stored when it is not
      bigger than what it replaces; weights that are stored small (quantized, in half precision, as a palette) stay so.
    * **No-ops**: Identity, Dropout outside training, Cast to the same type, sums with 0 and products with 1 go away.
    * **Batch norms** become part of the convolution or dense layer before them:
      w' = w·γ/√(σ² + ε), b' = (b − μ)·γ/√(σ² + ε) + β. One that follows an activation stays, with the reason.
    * **Equal weights** of two or more dimensions are stored once.
    * What nobody reads is removed.

    The outputs are compared with those before on made-up inputs. They may differ by rounding (relative 10⁻⁴); when they
    differ by more, batch norms are left alone.

    **When to use it.** First in a pipeline that quantizes. ONNX Runtime does most of this by itself when it loads a
    model, so expect a smaller and cleaner file rather than more speed. Before training or channel pruning by batch
    norms, switch the folding of batch norms off: these steps use them.
    """
    from compress_studio.graph.layers import weight_layers
    from compress_studio.graph.samples import synthetic
    from compress_studio.graph.saving import load, save
    from compress_studio.graph.session import open_session, run
    from compress_studio.steps.kernels.optimize import largest_difference

    model = load(network.path)
    feeds = synthetic(model, 2, 0)
    expected = run(open_session(model), feeds)
    ctx.progress(0.1, "compared inputs made")
    total = len(weight_layers(model))
    for fold in (params.batch_norm, False):
        candidate = model.clone()
        done = _simplify(ctx, candidate, params, fold_norms=fold)
        difference = largest_difference(candidate, feeds, expected)
        if difference <= TOLERANCE:
            break
        ctx.note(f"Outputs differ by {difference:.2g} with batch norms folded." if fold else "Outputs differ.")
        if not fold:
            raise Refused(
                "Simplifying this network would change its outputs.", "Leave this step out; the network stays as it is."
            )
    ctx.progress(0.9, "proved equal")
    _tell(ctx, done, difference, asked=params.batch_norm, folded=fold)
    ctx.changed(len(done.layers), total)
    return OnnxNet(save(candidate, ctx.scratch / "model.onnx"))


def _simplify(ctx: StepContext, model: ir.Model, params: GraphOptimizeParams, *, fold_norms: bool) -> Simplified:
    from compress_studio.graph import rewrite
    from compress_studio.graph.shapes import trace
    from compress_studio.steps.kernels import optimize

    done = optimize.Simplified()
    before = model.graph.num_nodes()
    if params.constants:
        done.folded_constants = optimize.fold_constants(model, ctx.check)
    shapes = trace(model)
    optimize.remove_no_ops(model, shapes)
    ctx.check()
    if fold_norms:
        optimize.fold_norms(model, shapes, done)
    if params.share:
        done.shared_weights = optimize.share_equal_weights(model)
    rewrite.remove_unused(model)
    done.removed_nodes = before - model.graph.num_nodes()
    return done


def _tell(ctx: StepContext, done: Simplified, difference: float, *, asked: bool, folded: bool) -> None:
    ctx.fact("constants_folded", done.folded_constants)
    ctx.fact("nodes_removed", done.removed_nodes)
    ctx.fact("batch_norms_folded", done.folded_norms)
    ctx.fact("weights_shared", done.shared_weights)
    ctx.fact("max_difference", difference)
    if asked and not folded:
        ctx.warn(
            "batch_norms_kept", "Batch norms were not folded: the outputs would have changed by more than rounding."
        )
    for name, reason in done.left:
        ctx.skip(name, reason)
