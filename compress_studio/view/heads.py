"""What the outputs of a network mean: scores of classes, independent chances, or plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import onnx_ir as ir
import torch
from torch import Tensor

from compress_studio.spec.data import Task

PASSING = frozenset({"Identity", "Cast", "Dropout"})
SCORES = re.compile(r"logit|class|score|prob|label|softmax|pred", re.IGNORECASE)
CLOSE = 1e-3
CHANNELS_FIRST = frozenset({"Conv", "ConvTranspose", "Resize", "Upsample", "DepthToSpace", "BatchNormalization"})
CHOOSING = {"NonMaxSuppression": (0, 1)}
"""Operators that choose results by their values, with the inputs that they choose from."""
POINTWISE = PASSING | {"Add", "Clip", "Mul", "Relu", "LeakyRelu", "Sigmoid", "Tanh"}


class Kind(StrEnum):
    """How the numbers of an output are to be read."""

    LOGITS = "logits"
    """Unnormalized scores of classes that exclude each other."""
    PROBABILITIES = "probabilities"
    """Shares of such classes, adding up to one."""
    SIGMOID = "sigmoid"
    """Unnormalized scores of independent yes-or-no questions."""
    CHANCES = "chances"
    """Chances of such questions, from 0 to 1."""
    VALUES = "values"
    """Anything else: regression, embeddings."""


@dataclass(frozen=True, slots=True)
class Head:
    """One output of a network and where training reads it."""

    output: str
    tensor: str
    """The output, or the logits that stand in front of its softmax or sigmoid."""
    kind: Kind
    axis: int
    """The axis of the classes: the second of what convolutions make, else the last one."""
    outer: Kind
    """What the output itself holds; differs from kind when tensor stands before the softmax or sigmoid."""


def find_heads(model: ir.Model, outputs: Mapping[str, Tensor], task: Task) -> list[Head]:
    """The float outputs of a network with their meaning.

    It is read from the last operator, from the values of one batch and, for the first output, from what the labels
    are. Outputs of whole numbers are left out: nothing can be learned from them. So are those behind an operator that
    chooses among results, whose number differs from sample to sample; what it chooses from is read instead.
    """
    heads: list[Head] = []
    names = compared(model)
    for value in model.graph.outputs:
        sample = outputs.get(value.name or "") if value.name in names else None
        if sample is not None and sample.is_floating_point() and sample.dim() > 0:
            heads.append(_head(value, sample, task if not heads else Task.NONE))
    own = {value.name for value in model.graph.outputs}
    for name in names:
        if name not in own and name in outputs and outputs[name].is_floating_point():
            heads.append(Head(name, name, Kind.VALUES, outputs[name].dim() - 1, Kind.VALUES))
    return heads


def compared(model: ir.Model) -> list[str]:
    """The tensors by which training judges a network: its outputs, or what results are chosen from."""
    chosen: set[ir.Value] = set()
    before: list[str] = []
    for node in model.graph:
        if node.op_type in CHOOSING:
            sources = [node.inputs[index] for index in CHOOSING[node.op_type]]
            before += [value.name for value in sources if value is not None and value.name and value.producer()]
        if node.op_type in CHOOSING or any(value in chosen for value in node.inputs):
            chosen.update(node.outputs)
    names = [value.name for value in model.graph.outputs if value.name and value not in chosen]
    return list(dict.fromkeys([*names, *before]))


def _head(value: ir.Value, sample: Tensor, task: Task) -> Head:
    name = value.name or ""
    node = value.producer()
    while node is not None and node.op_type in PASSING and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    last = node.op_type if node is not None else ""
    first = node.inputs[0] if node is not None and node.inputs else None
    before = first.name if first is not None and first.producer() is not None else None
    if node is not None and last in {"Softmax", "LogSoftmax"}:
        axis = node.attributes.get_int("axis", -1) % sample.dim()
        if last == "LogSoftmax" or before is None:
            kind = Kind.LOGITS if last == "LogSoftmax" else Kind.PROBABILITIES
            return Head(name, name, kind, axis, kind)
        return Head(name, before, Kind.LOGITS, axis, Kind.PROBABILITIES)
    if last == "Sigmoid" and before is not None:
        return Head(name, before, Kind.SIGMOID, sample.dim() - 1, Kind.CHANCES)
    axis = 1 if sample.dim() > 2 and _channels_first(node) else sample.dim() - 1
    kind = _kind_by_values(name, sample.movedim(axis, -1), task)
    return Head(name, name, kind, axis, kind)


def _channels_first(node: ir.Node | None) -> bool:
    """Whether a tensor comes from a layer that keeps channels on axis 1, through operators that move no axis."""
    while node is not None and node.op_type not in CHANNELS_FIRST:
        if node.op_type not in POINTWISE:
            return False
        node = next((value.producer() for value in node.inputs if value is not None and value.producer()), None)
    return node is not None


def _kind_by_values(name: str, sample: Tensor, task: Task) -> Kind:
    within = bool(((sample >= 0) & (sample <= 1 + CLOSE)).all())
    if sample.dim() > 1 and sample.shape[-1] > 1 and within:
        total = sample.sum(-1)
        if bool(torch.allclose(total, torch.ones_like(total), atol=CLOSE)):
            return Kind.PROBABILITIES
    if task is Task.CLASSIFY:
        return Kind.LOGITS
    if task is Task.BINARY:
        wide = sample.dim() > 1 and sample.shape[-1] == 2
        return Kind.LOGITS if wide else Kind.CHANCES if within else Kind.SIGMOID
    if task is Task.REGRESS:
        return Kind.VALUES
    scores = sample.dim() > 1 and sample.shape[-1] > 1 and SCORES.search(name) is not None
    return Kind.LOGITS if scores else Kind.VALUES


def tensors_of(heads: Sequence[Head]) -> list[str]:
    """The tensors that training reads."""
    return [head.tensor for head in heads]
