"""Branches and loops: their bodies are sub-graphs that see the tensors around them."""

from __future__ import annotations

import torch
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, op


@op("If", host=(0,))
def branch(ctx: Context, attrs: Attrs, condition: Tensor) -> tuple[Tensor, ...]:
    """One of two sub-graphs."""
    chosen = attrs["then_branch"] if bool(condition.reshape(-1)[0]) else attrs["else_branch"]
    return tuple(ctx.run(chosen, ()))


@op("Loop", host=(0, 1))
def loop(
    ctx: Context, attrs: Attrs, limit: Tensor | None, condition: Tensor | None, *carried: Tensor
) -> tuple[Tensor, ...]:
    """Values carried from round to round come first, then what each round adds, stacked."""
    body = attrs["body"]
    rounds = None if limit is None else int(limit.reshape(-1)[0])
    go = torch.tensor(True) if condition is None else condition.reshape(())
    state = list(carried)
    grown: list[list[Tensor]] = [[] for _ in range(ctx.outputs - len(carried))]
    turn = 0
    while bool(go) and (rounds is None or turn < rounds):
        results = ctx.run(body, [torch.tensor(turn, dtype=torch.int64), go, *state])
        go, state = results[0].reshape(()), results[1 : 1 + len(carried)]
        for rows, row in zip(grown, results[1 + len(carried) :], strict=True):
            rows.append(row)
        turn += 1
    return (*state, *(torch.stack(rows) if rows else torch.zeros(0) for rows in grown))
