"""Reductions, the places of extremes, sorting and running sums."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, axes_of, ints, op

Reduce = Callable[[Tensor, tuple[int, ...], bool], Tensor]


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in sorted((axis % max(x.dim(), 1) for axis in axes), reverse=True):
        x = torch.prod(x, axis, keepdim=keep)
    return x


def _mean(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    if x.is_floating_point():
        return x.mean(axes, keepdim=keep)
    return x.double().mean(axes, keepdim=keep).trunc().to(x.dtype)


def _extreme(function: Callable[..., Tensor]) -> Reduce:
    def reduce(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
        return function(x, axes, keepdim=keep)

    return reduce


REDUCTIONS: dict[str, Reduce] = {
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep, dtype=x.dtype),
    "ReduceMean": _mean,
    "ReduceMax": _extreme(torch.amax),
    "ReduceMin": _extreme(torch.amin),
    "ReduceProd": _product,
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep, dtype=x.dtype),
    "ReduceL2": lambda x, axes, keep: x.square().sum(axes, keepdim=keep).sqrt(),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keepdim=keep, dtype=x.dtype),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keepdim=keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep),
}


def _reduction(function: Reduce) -> Callable[..., Tensor]:
    def call(ctx: Context, attrs: Attrs, x: Tensor, given: Tensor | None = None) -> Tensor:
        axes = axes_of(attrs, given) or []
        if not axes:
            if attrs.get("noop_with_empty_axes", 0):
                return x
            axes = list(range(x.dim()))
        return function(x, tuple(axes), bool(attrs.get("keepdims", 1))) if x.dim() else x

    return call


for _name, _function in REDUCTIONS.items():
    op(_name, host=(1,))(_reduction(_function))


def _place(attrs: Attrs, x: Tensor, find: Callable[..., Tensor]) -> Tensor:
    axis = attrs.get("axis", 0) % x.dim()
    keep = bool(attrs.get("keepdims", 1))
    if attrs.get("select_last_index", 0):
        return x.shape[axis] - 1 - find(x.flip(axis), axis, keepdim=keep)
    return find(x, axis, keepdim=keep)


@op("ArgMax")
def arg_max(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Place of the largest value."""
    return _place(attrs, x, torch.argmax)


@op("ArgMin")
def arg_min(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Place of the smallest value."""
    return _place(attrs, x, torch.argmin)


@op("TopK", host=(1,))
def top_k(ctx: Context, attrs: Attrs, x: Tensor, count: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Equal values come in the order of their places, as in ONNX Runtime."""
    axis = attrs.get("axis", -1)
    wanted = ints(count)[0] if count is not None else attrs["k"]
    values, places = torch.sort(x, dim=axis, descending=bool(attrs.get("largest", 1)), stable=True)
    return values.narrow(axis, 0, wanted), places.narrow(axis, 0, wanted)


@op("CumSum", host=(1,))
def cumulative_sum(ctx: Context, attrs: Attrs, x: Tensor, axis: Tensor) -> Tensor:
    """Running sum, from either end, with or without the present value."""
    along = ints(axis)[0]
    if attrs.get("reverse", 0):
        x = x.flip(along)
    y = torch.cumsum(x, along, dtype=x.dtype)
    if attrs.get("exclusive", 0):
        y = y - x
    return y.flip(along) if attrs.get("reverse", 0) else y
