"""Normalizations."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.registry import MICROSOFT, Attrs, Context, op


@op("BatchNormalization")
def batch_norm(
    ctx: Context, attrs: Attrs, x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, var: Tensor
) -> Tensor:
    """In training: statistics of the batch, and the running averages follow (in place)."""
    learn = ctx.state.training and x.numel() > x.shape[1] and not mean.requires_grad
    return F.batch_norm(x, mean, var, scale, shift, learn, 1 - attrs.get("momentum", 0.9), attrs.get("epsilon", 1e-5))


@op("InstanceNormalization")
def instance_norm(ctx: Context, attrs: Attrs, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Standardized per sample and channel."""
    axes = tuple(range(2, x.dim()))
    broad = (1, -1, *[1] * (x.dim() - 2))
    return _standardized(x, axes, attrs.get("epsilon", 1e-5)) * scale.reshape(broad) + shift.reshape(broad)


def _standardized(x: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(var + epsilon)


@op("LayerNormalization")
def layer_norm(
    ctx: Context, attrs: Attrs, x: Tensor, scale: Tensor, shift: Tensor | None = None
) -> Tensor | tuple[Tensor, ...]:
    """Standardized over the axes from the given one on (Ba 2016)."""
    axis = attrs.get("axis", -1) % x.dim()
    epsilon = attrs.get("epsilon", 1e-5)
    shape = x.shape[axis:]
    fits = scale.shape == shape and (shift is None or shift.shape == shape)
    if ctx.outputs == 1 and fits:
        return F.layer_norm(x, shape, scale, shift, epsilon)
    axes = tuple(range(axis, x.dim()))
    var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    inverse = torch.rsqrt(var + epsilon)
    y = (x - mean) * inverse * scale
    y = y if shift is None else y + shift
    return (y, mean, inverse)[: ctx.outputs] if ctx.outputs > 1 else y


@op("RMSNormalization", "SimplifiedLayerNormalization")
@op("SimplifiedLayerNormalization", domain=MICROSOFT)
def rms_norm(ctx: Context, attrs: Attrs, x: Tensor, scale: Tensor) -> Tensor:
    """Divided by the root of the mean square (Zhang 2019)."""
    axes = tuple(range(attrs.get("axis", -1) % x.dim(), x.dim()))
    return x * torch.rsqrt(x.square().mean(axes, keepdim=True) + attrs.get("epsilon", 1e-5)) * scale


@op("GroupNormalization")
def group_norm(ctx: Context, attrs: Attrs, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Scale and shift are per group before operator set 21 and per channel since."""
    groups = attrs["num_groups"]
    if ctx.version < 21:
        repeats = x.shape[1] // groups
        scale, shift = scale.repeat_interleave(repeats), shift.repeat_interleave(repeats)
    return F.group_norm(x, groups, scale, shift, attrs.get("epsilon", 1e-5))


@op("LRN")
def local_response_norm(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Divided by a power of the squares of neighbouring channels."""
    size = attrs["size"]
    before, after = (size - 1) // 2, math.ceil((size - 1) / 2)
    squares = F.pad(x.square().movedim(1, -1), (before, after)).unfold(-1, size, 1).sum(-1).movedim(-1, 1)
    scale = attrs.get("bias", 1.0) + attrs.get("alpha", 1e-4) / size * squares
    return x / scale ** attrs.get("beta", 0.75)


@op("MeanVarianceNormalization")
def mean_variance_norm(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Standardized over the given axes."""
    axes = tuple(attrs.get("axes", [0, 2, 3]))
    var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) / (torch.sqrt(var) + 1e-9)


@op("LpNormalization")
def lp_norm(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Divided by its p-norm along an axis."""
    return x / torch.linalg.vector_norm(x, attrs.get("p", 2), attrs.get("axis", -1), keepdim=True)
