"""What training makes small: the distance to labels, and the distance to a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.base.errors import Refused
from compress_studio.view.heads import Head, Kind

TINY = 1e-12


@dataclass(slots=True)
class Rows:
    """One batch: arrays of the inputs, the labels, and what the teacher says, by tensor name."""

    inputs: Mapping[str, np.ndarray]
    labels: np.ndarray | None = None
    targets: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


class Objective(Protocol):
    """A loss to train with, and a figure to choose the best state by."""

    @property
    def tensors(self) -> Sequence[str]:
        """Tensors of the network that it reads."""
        ...

    def loss(self, found: Mapping[str, Tensor], rows: Rows) -> Tensor:
        """The mean loss of a batch."""
        ...

    def score(self, found: Mapping[str, Tensor], rows: Rows) -> float:
        """How bad a batch is, smaller is better; its mean over the held-out samples chooses the best state."""
        ...


@dataclass(slots=True)
class Supervised:
    """Labels: cross-entropy for classes, binary cross-entropy for chances, squared error for values."""

    head: Head
    variance: float = 1.0
    """Of the labels: the squared error is relative to it, so that learning rates mean the same everywhere."""

    @property
    def tensors(self) -> Sequence[str]:
        return [self.head.tensor]

    def loss(self, found: Mapping[str, Tensor], rows: Rows) -> Tensor:
        x = found[self.head.tensor]
        return supervised_loss(self.head, x, labels_for(self.head, x, rows.labels)) / self.variance

    def score(self, found: Mapping[str, Tensor], rows: Rows) -> float:
        """Share of wrong answers for classes (a thousandth of the loss decides between equals), else the loss."""
        x = found[self.head.tensor]
        labels = labels_for(self.head, x, rows.labels)
        loss = float(supervised_loss(self.head, x, labels)) / self.variance
        if self.head.kind not in {Kind.LOGITS, Kind.PROBABILITIES}:
            return loss
        wrong = float((x.movedim(self.head.axis, 1).argmax(1) != labels).float().mean())
        return wrong + 1e-3 * loss


def labels_for(head: Head, x: Tensor, labels: np.ndarray | None) -> Tensor:
    """Labels as the loss of an output wants them. Refused when they do not fit the output."""
    if labels is None:
        raise Refused("These data have no labels.", "Use train.distil, which learns from the original network instead.")
    y = torch.from_numpy(np.ascontiguousarray(labels)).to(x.device)
    if head.kind in {Kind.LOGITS, Kind.PROBABILITIES}:
        shape = [size for axis, size in enumerate(x.shape) if axis != head.axis]
        classes = x.shape[head.axis]
        y = y.long()
        if y.numel() != int(np.prod(shape)):
            raise Refused(
                f"Labels of shape {tuple(labels.shape)} do not fit the output {head.output} of shape {tuple(x.shape)}.",
                "Give one class number per sample, or use train.distil.",
            )
        if y.numel() and (int(y.max()) >= classes or int(y.min()) < 0):
            raise Refused(
                f"The labels go from {int(y.min())} to {int(y.max())}, and {head.output} has {classes} classes.",
                "Check the label column of the data.",
            )
        return y.reshape(shape)
    if y.numel() == x.numel():
        return y.reshape(x.shape).to(x.dtype)
    one_each = y.numel() == len(x) and x.numel() == len(x) * x.shape[-1]
    if head.kind in {Kind.SIGMOID, Kind.CHANCES} and one_each and not y.is_floating_point():
        if y.numel() and not 0 <= int(y.min()) <= int(y.max()) < x.shape[-1]:
            raise Refused(
                f"The labels go from {int(y.min())} to {int(y.max())}, and {head.output} has {x.shape[-1]} classes.",
                "Check the label column of the data.",
            )
        return F.one_hot(y.long().reshape(-1), x.shape[-1]).to(x.dtype).reshape(x.shape)
    raise Refused(
        f"Labels of shape {tuple(labels.shape)} do not fit the output {head.output} of shape {tuple(x.shape)}.",
        "Give one label per output value, or use train.distil.",
    )


def supervised_loss(head: Head, x: Tensor, labels: Tensor) -> Tensor:
    """The mean loss of one output against labels that fit it."""
    match head.kind:
        case Kind.LOGITS:
            return F.cross_entropy(x.movedim(head.axis, 1), labels)
        case Kind.PROBABILITIES:
            return F.nll_loss(x.clamp_min(TINY).log().movedim(head.axis, 1), labels)
        case Kind.SIGMOID:
            return F.binary_cross_entropy_with_logits(x, labels)
        case Kind.CHANCES:
            return F.binary_cross_entropy(x.clamp(0, 1), labels)
        case Kind.VALUES:
            return F.mse_loss(x, labels)


@dataclass(slots=True)
class Distillation:
    """A teacher: L = α · T² · KL(teacher ‖ student at temperature T) + (1 − α) · loss on labels (Hinton 2015).

    Outputs that are not scores are compared by squared error relative to the variance of the teacher's values, or by
    cosine. Hidden tensors of equal name and shape may be matched too (Romero 2015).
    """

    heads: Sequence[Head]
    temperature: float = 2.0
    label_mix: float = 0.0
    """1 − α: the share of the loss on labels."""
    features: Mapping[str, float] = field(default_factory=dict[str, float])
    """Variance of the teacher's values by tensor name, for the tensors that are matched."""
    feature_weight: float = 0.5
    variances: Mapping[str, float] = field(default_factory=dict[str, float])
    """Variance of the teacher's values by output."""
    cosine: bool = False

    @property
    def tensors(self) -> Sequence[str]:
        return [*(head.tensor for head in self.heads), *self.features]

    def loss(self, found: Mapping[str, Tensor], rows: Rows) -> Tensor:
        total = self._distance(found, rows)
        for name, variance in self.features.items():
            target = torch.from_numpy(rows.targets[name]).to(found[name].device)
            total = total + self.feature_weight / len(self.features) * F.mse_loss(found[name], target) / variance
        if self.label_mix:
            head = self.heads[0]
            labels = labels_for(head, found[head.tensor], rows.labels)
            total = (1 - self.label_mix) * total + self.label_mix * supervised_loss(head, found[head.tensor], labels)
        return total

    def score(self, found: Mapping[str, Tensor], rows: Rows) -> float:
        return float(self._distance(found, rows))

    def _distance(self, found: Mapping[str, Tensor], rows: Rows) -> Tensor:
        parts: list[Tensor] = []
        for head in self.heads:
            x = found[head.tensor]
            target = torch.from_numpy(rows.targets[head.output]).to(x.device, x.dtype)
            if head.output == head.tensor and x.shape != target.shape:
                raise Refused(
                    f"The output {head.output} has shape {tuple(x.shape)} where that of the teacher has"
                    f" {tuple(target.shape)}: its size depends on the data, so that the two cannot be compared.",
                    "Leave training out, or export the network without the part that chooses results.",
                )
            if self.cosine and head.kind is Kind.VALUES:
                parts.append(1 - F.cosine_similarity(x.flatten(1), target.flatten(1)).mean())
            else:
                parts.append(distance(head, x, target, self.temperature) / self.variances.get(head.output, 1.0))
        return torch.stack(parts).sum()


def distance(head: Head, x: Tensor, target: Tensor, temperature: float) -> Tensor:
    """How far one output is from the teacher's output; zero when they say the same.

    x is the student's tensor of the head, target what the teacher's output holds (after its softmax or sigmoid, if
    the head has one).
    """
    t = temperature
    match head.kind:
        case Kind.LOGITS | Kind.PROBABILITIES:
            ours = x if head.kind is Kind.LOGITS else x.clamp_min(TINY).log()
            theirs = target if head.outer is Kind.LOGITS else target.clamp_min(TINY).log()
            p = F.log_softmax(ours / t, head.axis)
            q = F.log_softmax(theirs / t, head.axis)
            return t * t * (q.exp() * (q - p)).sum(head.axis).mean()
        case Kind.SIGMOID:
            theirs = torch.logit(target, 1e-7) if head.outer is Kind.CHANCES else target
            soft = torch.sigmoid(theirs / t)
            loss = F.binary_cross_entropy_with_logits(x / t, soft) - _entropy(soft)
            return t * t * loss
        case Kind.CHANCES:
            return F.binary_cross_entropy(x.clamp(0, 1), target.clamp(0, 1)) - _entropy(target.clamp(0, 1))
        case Kind.VALUES:
            return F.mse_loss(x, target)


def _entropy(p: Tensor) -> Tensor:
    return F.binary_cross_entropy(p, p)
