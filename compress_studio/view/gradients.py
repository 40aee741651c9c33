"""How much the loss depends on each single weight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compress_studio.base.errors import UserError
from compress_studio.graph.saving import load
from compress_studio.spec.data import Batch, DataSource, Part, Task
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import StepContext
from compress_studio.view.compare import require_equal
from compress_studio.view.heads import Head, Kind, compared, find_heads
from compress_studio.view.network import TorchView
from compress_studio.view.objectives import labels_for, supervised_loss
from compress_studio.view.reach import unreached

BATCH = 8
"""Small, so that gradients of different samples do not cancel before their size is taken."""


def importance(network: Path | OnnxNet, data: DataSource, limit: int, ctx: StepContext) -> dict[str, np.ndarray]:
    """|w · ∂L/∂w| for every trainable stored tensor by name, a mean over calibration samples (Molchanov 2019).

    L is the cross-entropy to the labels; without labels, to labels drawn from the network's own answer (then the mean
    of squared gradients would be the Fisher information); for outputs that are not classes the squared output.
    Weights that no gradient reaches are not in the result. Raises Unsupported or Refused when the network cannot be
    differentiated faithfully.
    """
    path = network.path if isinstance(network, OnnxNet) else network
    model = load(path)
    view = TorchView(model).to(ctx.device)
    sums = {name: torch.zeros_like(weight) for name, weight in view.weights.items()}
    generator = torch.Generator().manual_seed(ctx.seed)
    split = data.part(Part.CALIBRATE)
    task = data.task if split.labelled else Task.NONE
    heads: list[Head] | None = None
    seen = 0
    whole = max(min(limit, len(split)), 1)
    for batch in split.batches(BATCH, limit=limit, shuffle=ctx.seed):
        ctx.progress(min(seen / whole, 1.0), "gradients")
        inputs = view.tensors(batch.inputs)
        if heads is None:
            require_equal(view, model, path, batch.inputs)
            with torch.no_grad():
                heads = find_heads(model, view(inputs, compared(model)), task)
            if not heads:
                raise UserError("The network has no output of fractions to differentiate.", "Choose another criterion.")
            view.freeze(unreached(model, _tensors(heads, labelled=task is not Task.NONE), view.hosted))
            if not view.weights:
                raise UserError("No gradient reaches a weight of this network.", "Choose another criterion.")
        found = view(inputs, [head.tensor for head in heads])
        view.zero_grad()
        _loss(heads, found, batch, generator, labelled=task is not Task.NONE).backward()
        for name, weight in view.weights.items():
            if weight.grad is not None:
                sums[name] += (weight.detach() * weight.grad).abs() * len(batch)
        seen += len(batch)
    if not seen:
        raise UserError("There are no calibration samples.", "Give more data, or choose a criterion without data.")
    return {name: (sums[name] / seen).cpu().numpy() for name in view.weights}


def _tensors(heads: list[Head], *, labelled: bool) -> list[str]:
    """The tensors that _loss reads."""
    first = labelled or heads[0].kind in {Kind.LOGITS, Kind.PROBABILITIES}
    return [head.tensor for head in (heads[:1] if first else heads)]


def _loss(
    heads: list[Head], found: dict[str, Tensor], batch: Batch, generator: torch.Generator, *, labelled: bool
) -> Tensor:
    """The loss whose gradient tells how much a weight matters."""
    head = heads[0]
    x = found[head.tensor]
    if labelled:
        return supervised_loss(head, x, labels_for(head, x, batch.labels))
    if head.kind in {Kind.LOGITS, Kind.PROBABILITIES}:
        return supervised_loss(head, x, _drawn(head, x.detach(), generator))
    return torch.stack([found[one.tensor].square().sum() / len(batch) for one in heads]).sum()


def _drawn(head: Head, x: Tensor, generator: torch.Generator) -> Tensor:
    """A class per row, drawn from what the network believes."""
    scores = x.movedim(head.axis, -1)
    p = torch.softmax(scores, -1) if head.kind is Kind.LOGITS else scores.clamp_min(0)
    rows = p.reshape(-1, p.shape[-1]).cpu()
    return torch.multinomial(rows, 1, generator=generator).reshape(p.shape[:-1]).to(x.device)
