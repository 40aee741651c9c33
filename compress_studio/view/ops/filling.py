"""Shapes as values, new tensors, and changes of element type."""

from __future__ import annotations

import torch
from torch import Tensor

from compress_studio.view.dtypes import DOUBLE, FLOAT, HALVES, TORCH
from compress_studio.view.ops.registry import Attrs, Context, ints, op


@op("Constant")
def constant(ctx: Context, attrs: Attrs) -> Tensor:
    """A tensor that stands in the node."""
    if "value" in attrs:
        return attrs["value"]
    if "value_float" in attrs or "value_floats" in attrs:
        return torch.tensor(attrs.get("value_float", attrs.get("value_floats")), dtype=torch.float32)
    return torch.tensor(attrs.get("value_int", attrs.get("value_ints")), dtype=torch.int64)


@op("Shape")
def shape_of(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """The sizes as a tensor on the processor."""
    return torch.tensor(x.shape[attrs.get("start", 0) : attrs.get("end")], dtype=torch.int64)


@op("Size")
def size_of(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """The number of values."""
    return torch.tensor(x.numel(), dtype=torch.int64)


@op("ConstantOfShape", host=(0,))
def constant_of_shape(ctx: Context, attrs: Attrs, shape: Tensor) -> Tensor:
    """A tensor full of one value."""
    value = attrs.get("value")
    if value is None:
        return torch.zeros(ints(shape))
    return torch.full(ints(shape), value.reshape(-1)[0].item(), dtype=value.dtype)


@op("Range", host=(0, 1, 2))
def arange(ctx: Context, attrs: Attrs, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    """Evenly spaced numbers."""
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


@op("EyeLike")
def eye_like(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Ones on a diagonal."""
    dtype = TORCH[attrs["dtype"]] if "dtype" in attrs else x.dtype
    rows, columns = torch.arange(x.shape[0])[:, None], torch.arange(x.shape[1])[None]
    return (columns - rows == attrs.get("k", 0)).to(x.device, dtype)


@op("Trilu", host=(1,))
def trilu(ctx: Context, attrs: Attrs, x: Tensor, k: Tensor | None = None) -> Tensor:
    """The upper or lower triangle."""
    offset = ints(k)[0] if k is not None else 0
    return torch.triu(x, offset) if attrs.get("upper", 1) else torch.tril(x, offset)


@op("Cast")
def cast(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """To half precision: rounded, but held as float32."""
    target = attrs["to"]
    if target in HALVES and x.is_floating_point():
        return x.to(HALVES[target]).float()
    if target in {FLOAT, DOUBLE} or target in HALVES or not x.is_floating_point():
        return x.to(TORCH[target])
    return x.detach().to(torch.int64).to(TORCH[target]) if target != 9 else x != 0


@op("CastLike")
def cast_like(ctx: Context, attrs: Attrs, x: Tensor, like: Tensor) -> Tensor:
    """The element type of another tensor."""
    return x.to(like.dtype)
