"""A small registry of steps whose declarations the tests of projects need; they are never run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.registry import StepRegistry
from compress_studio.spec.step import Group, StepContext, spec_of, step


class Source(Params):
    path: Annotated[str, Ui("Model")] = ""


class Criterion(StrEnum):
    L1 = "l1"
    TAYLOR = "taylor"


class Pruning(Params):
    renamed = {"ratio": "amount"}  # noqa: RUF012 - as the steps declare it

    amount: Annotated[float, Range(0.0, 0.95, 0.01), Ui("Work removed", unit="%", help="Share of the work.")] = 0.5
    criterion: Annotated[Criterion, Ui("Rank by", help="What makes a channel unimportant.")] = Criterion.L1
    multiple: Annotated[Annotated[int, Range(1, 64, 1)] | None, Ui("Multiple of", advanced=True)] = None
    keep: Annotated[tuple[str, ...], Ui("Layers to keep")] = ()


class Distilling(Params):
    epochs: Annotated[int, Range(1, 100, 1), Ui("Epochs")] = 3
    temperature: Annotated[float, Range(0.1, 100.0, log=True), Ui("Temperature")] = 4.0
    labels: Annotated[bool, Ui("Use labels")] = False


@step(id="source.model", version=1, title="Model", group=Group.SOURCE)
def source(ctx: StepContext, params: Source) -> OnnxNet:
    """Opens a file."""
    raise AssertionError("declared only")


@step(id="prune.channels", version=2, title="Remove channels", group=Group.PRUNE)
def prune(ctx: StepContext, params: Pruning, network: OnnxNet) -> OnnxNet:
    """Removes whole channels that matter least.

    They are gone from every layer that used them.
    """
    raise AssertionError("declared only")


@step(id="train.distil", version=1, title="Distil", group=Group.TRAIN, needs_data=True)
def distil(ctx: StepContext, params: Distilling, network: OnnxNet, teacher: OnnxNet | None) -> OnnxNet:
    """Teaches a network to answer as another one does."""
    raise AssertionError("declared only")


def registry() -> StepRegistry:
    """The three steps above."""
    steps: StepRegistry = StepRegistry("step")
    for one in (source, prune, distil):
        steps.add(spec_of(one))
    return steps
