"""Activation functions, dropout and the softmax family."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, op


@op("Relu")
def relu(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """max(x, 0)."""
    return F.relu(x)


@op("Sigmoid")
def sigmoid(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """1 / (1 + exp(−x))."""
    return torch.sigmoid(x)


@op("Tanh")
def tanh(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return torch.tanh(x)


@op("LeakyRelu")
def leaky_relu(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x above zero, alpha · x below."""
    return F.leaky_relu(x, attrs.get("alpha", 0.01))


@op("PRelu")
def prelu(ctx: Context, attrs: Attrs, x: Tensor, slope: Tensor) -> Tensor:
    """x above zero, slope · x below; the slope is learned."""
    return torch.where(x < 0, slope * x, x)


@op("Elu")
def elu(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x above zero, alpha · (exp(x) − 1) below."""
    return F.elu(x, attrs.get("alpha", 1.0))


@op("Celu")
def celu(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x above zero, alpha · (exp(x / alpha) − 1) below."""
    return F.celu(x, attrs.get("alpha", 1.0))


@op("Selu")
def selu(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """gamma times Elu with alpha."""
    alpha, gamma = attrs.get("alpha", 1.67326319217681884765625), attrs.get("gamma", 1.05070102214813232421875)
    return gamma * F.elu(x, alpha)


@op("HardSigmoid")
def hard_sigmoid(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """alpha · x + beta, limited to 0 and 1."""
    return torch.clamp(attrs.get("alpha", 0.2) * x + attrs.get("beta", 0.5), 0, 1)


@op("HardSwish")
def hard_swish(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x · max(0, min(1, x / 6 + 0.5))."""
    return F.hardswish(x)


@op("Softplus")
def softplus(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """log(1 + exp(x))."""
    return F.softplus(x)


@op("Softsign")
def softsign(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return F.softsign(x)


@op("ThresholdedRelu")
def thresholded_relu(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x above alpha, zero below."""
    return torch.where(x > attrs.get("alpha", 1.0), x, torch.zeros_like(x))


@op("Shrink")
def shrink(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x moved towards zero by bias outside of ±lambd, zero inside."""
    bias, edge = attrs.get("bias", 0.0), attrs.get("lambd", 0.5)
    inner = torch.where(x > edge, x - bias, torch.zeros_like(x))
    return torch.where(x < -edge, x + bias, inner)


@op("Mish")
def mish(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x · tanh(softplus(x))."""
    return F.mish(x)


@op("Swish")
def swish(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x · sigmoid(alpha · x)."""
    return x * torch.sigmoid(attrs.get("alpha", 1.0) * x)


@op("Gelu")
def gelu(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x · Φ(x), exact or by the tanh formula."""
    return F.gelu(x, approximate=attrs.get("approximate", "none"))


@op("Dropout")
def dropout(ctx: Context, attrs: Attrs, x: Tensor, *rest: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    """Passes everything, in training too: short training of a finished network gains nothing from noise."""
    return (x, torch.ones_like(x, dtype=torch.bool)) if ctx.outputs > 1 else x


def _over_axis(ctx: Context, attrs: Attrs, x: Tensor) -> tuple[Tensor, int]:
    """Before operator set 13 the softmax family worked on all axes from the given one on, taken together."""
    if ctx.version >= 13:
        return x, attrs.get("axis", -1)
    axis = attrs.get("axis", 1) % max(x.dim(), 1)
    rows = 1
    for size in x.shape[:axis]:
        rows *= size
    return x.reshape(rows, -1), 1


@op("Softmax")
def softmax(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Shares: exp(x) over its sum."""
    rows, axis = _over_axis(ctx, attrs, x)
    return torch.softmax(rows, axis).reshape(x.shape)


@op("LogSoftmax")
def log_softmax(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Logarithm of the shares."""
    rows, axis = _over_axis(ctx, attrs, x)
    return torch.log_softmax(rows, axis).reshape(x.shape)


@op("Hardmax")
def hardmax(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """One at the first of the largest values, zero elsewhere."""
    rows, axis = _over_axis(ctx, attrs, x)
    best = rows.argmax(axis, keepdim=True)
    return torch.zeros_like(rows).scatter(axis, best, 1.0).reshape(x.shape)
