"""Operators that move values without changing them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, axes_of, ints, op


@op("Identity")
def identity(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """The same."""
    return x


@op("Reshape", host=(1,))
def reshape(ctx: Context, attrs: Attrs, x: Tensor, shape: Tensor) -> Tensor:
    """Another shape; 0 keeps a size, −1 takes the rest."""
    sizes = ints(shape)
    if not attrs.get("allowzero", 0):
        sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    return x.reshape(sizes)


@op("Flatten")
def flatten(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Two axes: before and from the given one."""
    axis = attrs.get("axis", 1)
    axis = axis + x.dim() if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@op("Transpose")
def transpose(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Axes in another order."""
    return x.permute(attrs.get("perm") or list(reversed(range(x.dim()))))


@op("Squeeze", host=(1,))
def squeeze(ctx: Context, attrs: Attrs, x: Tensor, given: Tensor | None = None) -> Tensor:
    """Axes of size one taken out."""
    axes = axes_of(attrs, given)
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


@op("Unsqueeze", host=(1,))
def unsqueeze(ctx: Context, attrs: Attrs, x: Tensor, given: Tensor | None = None) -> Tensor:
    """Axes of size one put in."""
    axes = axes_of(attrs, given) or []
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@op("Concat")
def concat(ctx: Context, attrs: Attrs, *tensors: Tensor) -> Tensor:
    """Tensors joined along an axis."""
    return torch.cat(tensors, attrs["axis"])


@op("Split", host=(1,))
def split(ctx: Context, attrs: Attrs, x: Tensor, given: Tensor | None = None) -> tuple[Tensor, ...]:
    """A tensor cut along an axis, by sizes or evenly."""
    axis = attrs.get("axis", 0)
    sizes = ints(given) or ints(attrs.get("split"))
    if not sizes:
        whole = x.shape[axis]
        part = math.ceil(whole / ctx.outputs)
        sizes = [min(part, whole - part * index) for index in range(ctx.outputs)]
    return torch.split(x, sizes, axis)


@op("Expand", host=(1,))
def expand(ctx: Context, attrs: Attrs, x: Tensor, shape: Tensor) -> Tensor:
    """Broadcast in both directions."""
    return x.expand(torch.broadcast_shapes(x.shape, ints(shape)))


@op("Tile", host=(1,))
def tile(ctx: Context, attrs: Attrs, x: Tensor, repeats: Tensor) -> Tensor:
    """Repeated along each axis."""
    return x.repeat(ints(repeats))


@op("DepthToSpace")
def depth_to_space(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Channels laid out as blocks of pixels."""
    block = attrs["blocksize"]
    n, c, h, w = x.shape
    deep = c // block**2
    if attrs.get("mode", "DCR") == "DCR":
        x = x.reshape(n, block, block, deep, h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        x = x.reshape(n, deep, block, block, h, w).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(n, deep, h * block, w * block)


@op("SpaceToDepth")
def space_to_depth(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Blocks of pixels laid out as channels."""
    block = attrs["blocksize"]
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(n, c * block**2, h // block, w // block)


@op("ReverseSequence")
def reverse_sequence(ctx: Context, attrs: Attrs, x: Tensor, lengths: Tensor) -> Tensor:
    """The first steps of each sequence in the opposite order."""
    time, batch = attrs.get("time_axis", 0), attrs.get("batch_axis", 1)
    steps = torch.arange(x.shape[time], device=x.device).unsqueeze(1)
    lengths = lengths.unsqueeze(0)
    places = torch.where(steps < lengths, lengths - 1 - steps, steps)
    moved = x.movedim((time, batch), (0, 1))
    places = places.reshape(*places.shape, *[1] * (x.dim() - 2)).expand_as(moved)
    return torch.gather(moved, 0, places).movedim((0, 1), (time, batch))
