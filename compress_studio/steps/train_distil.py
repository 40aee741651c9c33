"""The step train.distil: training on what the original network answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from compress_studio.base.errors import Refused
from compress_studio.spec.params import Range, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability
from compress_studio.steps.training_params import TrainParams


class Compare(StrEnum):
    """How answers of teacher and student are compared."""

    AUTO = "auto"
    DIVERGENCE = "divergence"
    SQUARES = "squares"
    COSINE = "cosine"


class DistilParams(TrainParams):
    """What can be chosen for train.distil."""

    temperature: Annotated[
        float,
        Range(0.5, 20.0, 0.1),
        Ui("Temperature", "Above 1 the student also learns how the teacher ranks the wrong classes."),
    ] = 2.0
    label_mix: Annotated[
        float,
        Range(0.0, 1.0, 0.01),
        Ui("Share of labels", "0: only the teacher. 0.5: labels and teacher count the same. Needs labels above 0."),
    ] = 0.0
    features: Annotated[
        bool,
        Ui("Match inside", "Also match hidden tensors of equal name and shape: helps when few samples are there."),
    ] = False
    compare: Annotated[
        Compare,
        Ui("Compare by", "Auto: divergence for classes, squares relative to their spread for numbers.", advanced=True),
    ] = Compare.AUTO


@step(
    id="train.distil",
    version=2,
    title="Distil from the original",
    group=Group.TRAIN,
    needs_data=True,
    random=True,
    depends_on=("torch", "onnxruntime"),
    applies=applicability.train,
    uses_device=True,
)
def train_distil(ctx: StepContext, params: DistilParams, network: OnnxNet, teacher: OnnxNet | None) -> OnnxNet:
    """Trains the network to answer as the original does; needs no labels.

    The usual way to win back what pruning cost. For each sample the student is pulled towards the teacher's answer:
    L = α · T² · KL(teacher ‖ student, both softened by the temperature T) + (1 − α) · loss on labels (Hinton 2015).
    Without labels α is 1. Independent chances are compared by binary cross-entropy, numbers and embeddings by the
    squared error relative to how much the teacher's values spread, or by cosine.

    **Batch normalization** is put back behind convolutions for the time of training, starting from the teacher's
    statistics for the channels that are left, and folded in afterwards. On a residual network cut by half that made
    0.96 out of 0.10 in two epochs, where training without it diverged.

    **Safe by construction.** A tenth of the tuning samples is held out. The state that is nearest to the teacher
    there is kept, and the network as it came is one of the candidates. Test samples are never seen. Zeros stay zero.

    **Operators without a gradient.** Where a network holds operators that cannot be differentiated here (custom ones,
    integers, text), these run as they are, the layers that only they read stay as they are and are named, and the
    others learn. Detectors learn from the boxes and scores that NonMaxSuppression chooses from.

    **When to use it.** After `prune.channels`, `prune.weights`, `factorize.lowrank`; before quantization. Any inputs
    like the real ones will do, labelled or not; some thousands are good.

    **Traps.** A student cannot become better than its teacher this way. On synthetic inputs it learns to imitate the
    teacher on noise, which says little about real inputs.
    """
    from compress_studio.steps.kernels.distilling import make_teaching
    from compress_studio.steps.kernels.training import train

    if teacher is None:
        raise Refused(
            "There is no teacher to learn from.",
            "Connect the original network, or another one with the same inputs and outputs, to the port teacher.",
        )
    if ctx.data.synthetic:
        ctx.warn("synthetic_data", "The network learned to imitate its teacher on synthetic inputs, not on real ones.")
    teaching = make_teaching(ctx, params, network, teacher)
    return train(ctx, params, network, teaching.objective, teacher=teacher, enrich=teaching.answers)
