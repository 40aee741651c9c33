"""What can be chosen for every step that trains."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from compress_studio.spec.params import Params, Range, Ui


class Optimizer(StrEnum):
    """How gradients become changes of weights."""

    ADAMW = "adamw"
    ADAM = "adam"
    MOMENTUM = "momentum"
    SGD = "sgd"


class Schedule(StrEnum):
    """How the learning rate goes down."""

    COSINE = "cosine"
    CONSTANT = "constant"
    STEP = "step"


class BatchNorm(StrEnum):
    """What happens with batch normalization during training."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class TrainParams(Params):
    """Parameters shared by train.finetune and train.distil."""

    epochs: Annotated[int, Range(1, 200, 1), Ui("Epochs", "How often every training sample is seen.")] = 5
    learning_rate: Annotated[
        Annotated[float, Range(1e-6, 1.0, log=True)] | None,
        Ui(
            "Learning rate",
            "Auto: 0.001, with layer normalization 0.0003; ten times that with momentum, a hundred times for SGD.",
        ),
    ] = None
    batch: Annotated[
        int, Range(1, 1024, 1), Ui("Batch size", "Samples per step. A network with a fixed batch keeps its own.")
    ] = 64
    optimizer: Annotated[Optimizer, Ui("Optimizer", "AdamW needs the least tuning.", advanced=True)] = Optimizer.ADAMW
    schedule: Annotated[Schedule, Ui("Schedule", "How the learning rate goes down.", advanced=True)] = Schedule.COSINE
    warmup: Annotated[
        float,
        Range(0.0, 0.5, 0.01),
        Ui("Warm-up", "Share of all steps in which the learning rate rises from zero.", advanced=True),
    ] = 0.05
    weight_decay: Annotated[
        float, Range(0.0, 0.5), Ui("Weight decay", "Pulls weights towards zero; biases stay.", advanced=True)
    ] = 1e-4
    l1: Annotated[
        float,
        Range(0.0, 0.1),
        Ui("L1 penalty", "On the size of all weights: many become small, for pruning later.", advanced=True),
    ] = 0.0
    clip: Annotated[
        float,
        Range(0.0, 100.0),
        Ui("Gradient limit", "Largest norm of all gradients together; 0: none.", advanced=True),
    ] = 1.0
    batch_norm: Annotated[
        BatchNorm,
        Ui(
            "Batch normalization",
            "Auto puts it back behind convolutions while training and folds it in afterwards, unless batches are tiny.",
        ),
    ] = BatchNorm.AUTO
    keep_zeros: Annotated[bool, Ui("Keep zeros", "Weights that pruning set to zero stay zero.")] = True
    patience: Annotated[
        int,
        Range(0, 50, 1),
        Ui("Patience", "Stop after that many epochs without improvement; 0: never.", advanced=True),
    ] = 3
    max_samples: Annotated[
        Annotated[int, Range(16, 10_000_000, 1)] | None,
        Ui("Most samples", "Samples used in all. Auto: at most 20,000.", advanced=True),
    ] = None
    freeze: Annotated[
        tuple[str, ...], Ui("Freeze", "Layers that stay as they are: names, or patterns such as encoder.*")
    ] = ()
