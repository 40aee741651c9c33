"""Operators that exported programs compute in another way than training does: without looking into a tensor.

Those on integers (integers.py) belong to programs only: training runs them in ONNX Runtime, exactly and frozen.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from compress_studio.base.errors import Refused
from compress_studio.view.ops.indexing import gather
from compress_studio.view.ops.integers import INTEGERS
from compress_studio.view.ops.registry import Attrs, Context, Operator


def pick(ctx: Context, attrs: Attrs, x: Tensor, indices: Tensor) -> Tensor:
    """Gather that never looks into its index."""
    if indices.dim() > 0:
        return gather(ctx, attrs, x, indices)
    axis = attrs.get("axis", 0) % x.dim()
    return gather(ctx, attrs, x, indices.reshape(1)).squeeze(axis)


def power(ctx: Context, attrs: Attrs, base: Tensor, exponent: Any) -> Tensor:
    """Pow by a known number or by a tensor."""
    if not isinstance(exponent, Tensor) and exponent.dim() == 0:
        return torch.pow(base, exponent.item()).to(base.dtype)
    other = exponent if isinstance(exponent, Tensor) else exponent.tensor()
    return torch.pow(base, other).to(base.dtype)


def loop(ctx: Context, attrs: Attrs, limit: Any, condition: Any, *carried: Any) -> tuple[Any, ...]:
    """A Loop whose number of rounds is known is written out round by round."""
    if isinstance(limit, Tensor) or isinstance(condition, Tensor) or limit is None:
        raise _depends(ctx, "Loop")
    state, grown = list(carried), [list[Any]() for _ in range(ctx.outputs - len(carried))]
    go, turn = condition is None or bool(condition), 0
    while go and turn < int(limit):
        results = ctx.run(attrs["body"], [torch.tensor(turn, dtype=torch.int64), torch.tensor(True), *state])
        if isinstance(results[0], Tensor) and turn + 1 < int(limit) and not _always(attrs["body"]):
            raise _depends(ctx, "Loop")
        go = isinstance(results[0], Tensor) or bool(results[0])
        state = results[1 : 1 + len(carried)]
        for rows, row in zip(grown, results[1 + len(carried) :], strict=True):
            rows.append(row if isinstance(row, Tensor) else row.tensor())
        turn += 1
    return (*state, *(torch.stack(rows) if rows else torch.zeros(0) for rows in grown))


def _always(body: Any) -> bool:
    """Whether a body hands its condition on as it came, so that only the number of rounds ends the loop."""
    made = {slot: call for call in body.calls for slot in call.outs}
    slot = body.outputs[0]
    while slot in made and made[slot].kind == "Identity":
        slot = made[slot].ins[0]
    return slot == body.inputs[1]


def _depends(ctx: Context, kind: str) -> Refused:
    return Refused(
        f"What {ctx.node or kind} ({kind}) does depends on the data, which a PyTorch program cannot hold.",
        "Export to ONNX, which can.",
    )


def branch(ctx: Context, attrs: Attrs, condition: Any) -> tuple[Any, ...]:
    """If: the branch that a known condition chooses; else both are computed and one result is taken."""
    if not isinstance(condition, Tensor):
        return tuple(ctx.run(attrs["then_branch" if bool(condition) else "else_branch"], ()))
    results = [[_tensor(one) for one in ctx.run(attrs[name], ())] for name in ("then_branch", "else_branch")]
    chosen: list[Tensor] = []
    for one, other in zip(*results, strict=True):
        if not isinstance(one, Tensor) or one.dim() != other.dim() or not _alike(one, other):
            raise Refused(
                f"The branches of {ctx.node or 'an If'} (If) give results of different shapes, and which of them runs"
                " depends on the data, which a PyTorch program cannot hold.",
                "Export to ONNX, which can.",
            )
        chosen.append(torch.where(condition.reshape(()), one, other))
    return tuple(chosen)


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and all(bool(a == b) for a, b in zip(one.shape, other.shape, strict=True))


def _tensor(value: Any) -> Any:
    return value.tensor() if hasattr(value, "array") else value


def _never(attrs: Attrs, inputs: int) -> str:
    return ""


EXPORTED: dict[tuple[str, str], Operator] = {
    ("", "Gather"): Operator(pick, frozenset(), _never),
    ("", "Pow"): Operator(power, frozenset(), _never),
    ("", "Loop"): Operator(loop, frozenset({0, 1}), _never),
    ("", "If"): Operator(branch, frozenset({0}), _never),
    **INTEGERS,
}
"""Found before the operators of the trainable view."""
