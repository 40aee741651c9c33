"""The training loop: one for learning from labels and from a teacher."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor, nn

from compress_studio.spec.step import StepContext
from compress_studio.view.feed import Feed
from compress_studio.view.network import TorchView
from compress_studio.view.norms import BatchNorms
from compress_studio.view.objectives import Objective, Rows

POINTS = 400
"""Points of the loss curve per training, at most about."""
EXPLODED = 20.0
"""How many times larger than at the start the loss may become."""
SMOOTH = 0.9
SETTLING = 5
"""Steps that tell how large the loss is at the start."""
NOISE = 1e-6
"""Scores that differ by less are the same: losses are about 1, and computed in float32."""
MEASURED = 16
"""Batches over which statistics of channels are taken anew."""


class Optimizer(StrEnum):
    """How gradients become changes."""

    ADAMW = "adamw"
    ADAM = "adam"
    MOMENTUM = "momentum"
    SGD = "sgd"


class Schedule(StrEnum):
    """How the learning rate goes down."""

    COSINE = "cosine"
    CONSTANT = "constant"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Options:
    """How to train."""

    epochs: int = 5
    optimizer: Optimizer = Optimizer.ADAMW
    learning_rate: float = 1e-3
    schedule: Schedule = Schedule.COSINE
    warmup: float = 0.05
    """Share of all steps in which the learning rate rises from zero."""
    weight_decay: float = 1e-4
    l1: float = 0.0
    clip: float = 1.0
    """Largest norm of all gradients together; 0: no limit."""
    patience: int = 0
    """Epochs without improvement after which training stops; 0: never."""
    keep_zeros: bool = True
    """Weights that are zero stay zero."""
    learn_statistics: bool = True
    """Batch normalization uses and follows the statistics of the batches."""


@dataclass(slots=True)
class FitResult:
    """What a training did."""

    start: float
    """Score of the network as it came, on held-out samples; smaller is better."""
    best: float
    """Score of the state that was kept."""
    best_epoch: int = 0
    """0: the state before the first training step."""
    epochs: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    improved: bool = False
    """False: the network is as it came."""
    diverged: bool = False
    stopped_early: bool = False
    scores: list[float] = field(default_factory=list[float])


def fit(
    view: TorchView,
    ctx: StepContext,
    objective: Objective,
    options: Options,
    feed: Feed,
    insert_norms: Callable[[], BatchNorms | None] = lambda: None,
) -> FitResult:
    """Train a view and leave it in the best state that was seen on held-out samples.

    The network as it came is one of the candidates, so that the result is never worse than it there. insert_norms
    puts batch normalization in before training; it is folded back or taken out before this returns. Deterministic for
    a feed and a device. Raises Cancelled between two batches.
    """
    begun = time.monotonic()
    start = evaluate(view, ctx, objective, feed)
    ctx.point("validation", 0, start)
    result = FitResult(start, start, scores=[start])
    original = _snapshot(view)
    norms = insert_norms()
    trainer = _Trainer(view, ctx, objective, options, feed, norms, result)
    try:
        trainer.run()
    finally:
        if norms is not None and not result.improved:
            norms.remove()
    if not result.improved:
        _restore(view, original)
    elif norms is not None:
        norms.fold()
    view.eval()
    result.seconds = time.monotonic() - begun
    return result


@torch.no_grad()
def evaluate(view: TorchView, ctx: StepContext, objective: Objective, feed: Feed) -> float:
    """Mean score over the held-out samples."""
    view.eval()
    total, count = 0.0, 0
    for rows in feed.held_out():
        ctx.check()
        found = view(view.tensors(rows.inputs), objective.tensors)
        total += objective.score(found, rows) * len(rows)
        count += len(rows)
    return total / max(count, 1)


class _Trainer:
    """One run of the loop with all it carries along."""

    def __init__(
        self,
        view: TorchView,
        ctx: StepContext,
        objective: Objective,
        options: Options,
        feed: Feed,
        norms: BatchNorms | None,
        result: FitResult,
    ) -> None:
        self.view, self.ctx, self.objective = view, ctx, objective
        self.options, self.feed, self.norms, self.result = options, feed, norms, result
        self.state: nn.Module = view if norms is None else nn.ModuleList([view, norms])
        self.per_epoch = max(feed.training // feed.size, 1)
        self.steps = self.per_epoch * options.epochs
        self.optimizer = make_optimizer(self.state, options)
        self.masks = zero_masks(view) if options.keep_zeros else []
        self.best = _snapshot(self.state)
        self.smooth: float | None = None
        self.first = 0.0

    def run(self) -> None:
        """All epochs; leaves the best state in place."""
        if self.norms is not None:
            self._candidate(0)
        waited = 0
        for epoch in range(1, self.options.epochs + 1):
            self._epoch(epoch)
            if self.result.diverged:
                break
            waited = 0 if self._candidate(epoch) else waited + 1
            if self.options.patience and waited >= self.options.patience and epoch < self.options.epochs:
                self.result.stopped_early = True
                break
        _restore(self.state, self.best)

    def _candidate(self, epoch: int) -> bool:
        """Evaluate the present state and keep it when it is the best so far."""
        score = evaluate(self.view, self.ctx, self.objective, self.feed)
        self.result.scores.append(score)
        self.ctx.point("validation", epoch, score)
        if not score < self.result.best - NOISE:
            return False
        self.result.best, self.result.best_epoch, self.result.improved = score, epoch, True
        self.best = _snapshot(self.state)
        return True

    def _epoch(self, epoch: int) -> None:
        if self.options.learn_statistics:
            self.view.train()
        every = max(self.steps // POINTS, 1)
        for rows in self.feed.epoch(epoch):
            loss = self._step(rows)
            self.result.steps += 1
            self.result.epochs = self.result.steps / self.per_epoch
            done = min(self.result.steps / self.steps, 1.0)
            self.ctx.progress(done, f"Epoch {epoch} of {self.options.epochs}, loss {loss:.4g}")
            if self.result.steps % every == 0 and math.isfinite(loss):
                self.ctx.point("loss", self.result.epochs, loss)
            if self._exploded(loss):
                self.result.diverged = True
                return

    def _step(self, rows: Rows) -> float:
        rate = self.options.learning_rate * rate_at(self.result.steps, self.steps, self.options)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        found = self.view(self.view.tensors(rows.inputs), self.objective.tensors)
        loss = self.objective.loss(found, rows)
        value = float(loss.detach())
        if not math.isfinite(value):
            return value
        if self.options.l1:
            loss = loss + self.options.l1 * _l1(self.view)
        loss.backward()
        if self.options.clip:
            nn.utils.clip_grad_norm_(self.state.parameters(), self.options.clip)
        self.optimizer.step()
        with torch.no_grad():
            for weight, mask in self.masks:
                weight.mul_(mask)
        return value

    def _exploded(self, loss: float) -> bool:
        """Not a number, or on average far above where it began."""
        if not math.isfinite(loss):
            return True
        self.smooth = loss if self.smooth is None else SMOOTH * self.smooth + (1 - SMOOTH) * loss
        if self.result.steps <= SETTLING:
            self.first = max(self.first, loss)
            return False
        return self.smooth > EXPLODED * max(self.first, 1e-3)


def _l1(view: TorchView) -> Tensor:
    parts = [weight.abs().sum() for weight in view.weights.values() if weight.dim() >= 2]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def rate_at(step: int, steps: int, options: Options) -> float:
    """The learning rate at a step as a share of the full one: linear warm-up, then the schedule."""
    warm = int(options.warmup * steps)
    if step < warm:
        return (step + 1) / (warm + 1)
    done = (step - warm) / max(steps - warm, 1)
    match options.schedule:
        case Schedule.CONSTANT:
            return 1.0
        case Schedule.STEP:
            return 0.1 ** int(done * 3)
        case Schedule.COSINE:
            return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def make_optimizer(module: nn.Module, options: Options) -> torch.optim.Optimizer:
    """The optimizer; only matrices and kernels decay."""
    parameters = list(module.parameters())
    groups = [
        {"params": [one for one in parameters if one.dim() >= 2], "weight_decay": options.weight_decay},
        {"params": [one for one in parameters if one.dim() < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = options.learning_rate
    match options.optimizer:
        case Optimizer.ADAMW:
            return torch.optim.AdamW(groups, lr=rate)
        case Optimizer.ADAM:
            return torch.optim.Adam(groups, lr=rate)
        case Optimizer.MOMENTUM:
            return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)
        case Optimizer.SGD:
            return torch.optim.SGD(groups, lr=rate)


def zero_masks(view: TorchView) -> list[tuple[nn.Parameter, Tensor]]:
    """The weights that hold exact zeros, with what keeps these: pruning survives training."""
    return [
        (weight, (weight.detach() != 0).to(weight.dtype))
        for weight in view.weights.values()
        if weight.dim() >= 2 and bool((weight.detach() == 0).any())
    ]


def _snapshot(module: nn.Module) -> Mapping[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


@torch.no_grad()
def _restore(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    for name, value in module.state_dict().items():
        value.copy_(state[name])


def measuring_batches(feed: Feed) -> list[Mapping[str, np.ndarray]]:
    """Some training batches over which statistics of channels are taken."""
    batches: list[Mapping[str, np.ndarray]] = []
    for rows in feed.epoch(0):
        batches.append(rows.inputs)
        if len(batches) >= MEASURED:
            break
    return batches
