"""Operators that pick or place values by index."""

from __future__ import annotations

import torch
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, ints, op

SCATTER_REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def _wrapped(indices: Tensor, size: int) -> Tensor:
    """Negative indices count from the end."""
    indices = indices.long()
    return torch.where(indices < 0, indices + size, indices)


@op("Slice", host=(1, 2, 3, 4))
def take_slice(
    ctx: Context,
    attrs: Attrs,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    """Limits are attributes before operator set 10 and inputs since."""
    first = ints(starts) if starts is not None else ints(attrs["starts"])
    last = ints(ends) if ends is not None else ints(attrs["ends"])
    along = ints(axes) or ints(attrs.get("axes")) or list(range(len(first)))
    strides = ints(steps) or [1] * len(first)
    index = [slice(None)] * x.dim()
    turned: list[int] = []
    for start, end, axis, step in zip(first, last, along, strides, strict=True):
        axis %= x.dim()
        size = x.shape[axis]
        if step < 0:
            places = range(size)[slice(start, None if end < -size else end, step)]
            turned.append(axis)
            index[axis] = slice(places[-1], places[0] + 1, -step) if len(places) else slice(0, 0)
        else:
            index[axis] = slice(start, end, step)
    y = x[tuple(index)]
    return y.flip(turned) if turned else y


@op("Gather")
def gather(ctx: Context, attrs: Attrs, x: Tensor, indices: Tensor) -> Tensor:
    """Slices picked along an axis."""
    axis = attrs.get("axis", 0) % x.dim()
    places = _wrapped(indices, x.shape[axis])
    if places.dim() == 0:
        return (
            x.select(axis, int(places)) if x.device.type == "cpu" else x.index_select(axis, places[None]).squeeze(axis)
        )
    picked = x.index_select(axis, places.reshape(-1))
    return picked.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


@op("GatherElements")
def gather_elements(ctx: Context, attrs: Attrs, x: Tensor, indices: Tensor) -> Tensor:
    """Single values picked along an axis."""
    axis = attrs.get("axis", 0) % x.dim()
    return torch.gather(x, axis, _wrapped(indices, x.shape[axis]))


def _tuple_index(x: Tensor, indices: Tensor, batch_dims: int) -> tuple[Tensor, ...]:
    """Index tensors, one per axis, for a tensor whose last axis holds coordinates."""
    depth = indices.shape[-1]
    parts: list[Tensor] = []
    for axis in range(batch_dims):
        shape = [1] * (indices.dim() - 1)
        shape[axis] = -1
        parts.append(torch.arange(x.shape[axis], device=x.device).reshape(shape))
    for place in range(depth):
        parts.append(_wrapped(indices[..., place], x.shape[batch_dims + place]))
    return tuple(parts)


@op("GatherND")
def gather_nd(ctx: Context, attrs: Attrs, x: Tensor, indices: Tensor) -> Tensor:
    """Values picked by coordinates."""
    return x[_tuple_index(x, indices, attrs.get("batch_dims", 0))]


@op("ScatterElements", "Scatter")
def scatter_elements(ctx: Context, attrs: Attrs, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """Single values placed along an axis."""
    axis = attrs.get("axis", 0) % x.dim()
    places = _wrapped(indices, x.shape[axis])
    reduction = attrs.get("reduction", "none")
    if reduction == "none":
        return x.scatter(axis, places, updates)
    return x.scatter_reduce(axis, places, updates, SCATTER_REDUCTIONS[reduction])


@op("ScatterND")
def scatter_nd(ctx: Context, attrs: Attrs, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """Slices placed by coordinates."""
    reduction = attrs.get("reduction", "none")
    index = _tuple_index(x, indices, 0)
    if reduction in {"none", "add"}:
        return x.index_put(index, updates, accumulate=reduction == "add")
    flat = torch.zeros((), dtype=torch.long, device=x.device)
    for axis, part in enumerate(index):
        flat = flat * x.shape[axis] + part
    depth = indices.shape[-1]
    rows = x.reshape(-1, *x.shape[depth:])
    places = flat.reshape(-1, *[1] * (rows.dim() - 1)).expand(-1, *rows.shape[1:])
    values = updates.reshape(-1, *rows.shape[1:])
    return rows.scatter_reduce(0, places, values, SCATTER_REDUCTIONS[reduction]).reshape(x.shape)


@op("NonZero")
def non_zero(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Coordinates of what is not zero."""
    return torch.nonzero(x.reshape(1) if x.dim() == 0 else x).t()


@op("Compress")
def compress(ctx: Context, attrs: Attrs, x: Tensor, condition: Tensor) -> Tensor:
    """Slices for which the condition holds."""
    places = torch.nonzero(condition).reshape(-1)
    if "axis" not in attrs:
        return x.reshape(-1).index_select(0, places)
    return x.index_select(attrs["axis"], places)


@op("OneHot", host=(1,))
def one_hot(ctx: Context, attrs: Attrs, indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
    """Indices outside the depth give a row of off values."""
    size = ints(depth)[0]
    places = indices.long()
    places = torch.where(places < 0, places + size, places)
    hot = places.unsqueeze(-1) == torch.arange(size, device=indices.device)
    axis = attrs.get("axis", -1)
    return torch.where(hot, values[1], values[0]).movedim(-1, axis)
