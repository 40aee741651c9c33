"""The step train.finetune: training on labels."""

from __future__ import annotations

from compress_studio.base.errors import Refused
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step
from compress_studio.steps import applicability
from compress_studio.steps.training_params import TrainParams


class FinetuneParams(TrainParams):
    """What can be chosen for train.finetune."""


@step(
    id="train.finetune",
    version=2,
    title="Fine-tune on labels",
    group=Group.TRAIN,
    needs_data=True,
    random=True,
    depends_on=("torch", "onnxruntime"),
    applies=applicability.train,
    uses_device=True,
)
def train_finetune(ctx: StepContext, params: FinetuneParams, network: OnnxNet) -> OnnxNet:
    """Trains the network on the labels of your data, to win back accuracy that compression cost.

    All float weights are trained, by name, and written back in the type they are stored in. The loss follows from
    what the network answers: cross-entropy for classes, binary cross-entropy for chances, squared error for numbers.

    **Batch normalization.** Exported networks have theirs folded into the convolutions, and then a pruned one hardly
    recovers. It is put back behind each convolution for the time of training and folded in afterwards: the result has
    the same operators as before.

    **Safe by construction.** A tenth of the tuning samples is held out. The state that is best there is kept, and the
    network as it came is one of the candidates. Training stops when it diverges. Test samples are never seen. Weights
    that pruning set to zero stay zero.

    **Operators without a gradient.** Where a network holds operators that cannot be differentiated here (custom ones,
    integers, text), these run as they are, the layers that only they read stay as they are and are named, and the
    others learn.

    **When to use it.** After pruning or factorizing, with a few thousand labelled samples like those of the original
    training. Without labels, or with few, `train.distil` is the better choice: a teacher says more about each sample
    than a label.

    **Traps.** Fine-tuning on data that differ from the original training data makes the network forget what they do
    not show. Put training before quantization: integers cannot be trained.
    """
    from compress_studio.spec.data import Part
    from compress_studio.steps.kernels.training import Lesson, train, variance_of_labels
    from compress_studio.view.heads import Kind
    from compress_studio.view.objectives import Objective, Supervised

    if not ctx.data.part(Part.TUNE).labelled:
        raise Refused("These data have no labels to train on.", "Use train.distil, which learns from the original.")

    def make(lesson: Lesson) -> Objective:
        head = lesson.heads[0]
        variance = variance_of_labels(lesson.feed) if head.kind is Kind.VALUES else 1.0
        return Supervised(head, variance)

    return train(ctx, params, network, make)
