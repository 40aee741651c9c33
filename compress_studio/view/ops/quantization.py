"""Quantization as it happens, with gradients that pass straight through the rounding (Bengio 2013)."""

from __future__ import annotations

import torch
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, op

LIMITS = {2: (0, 255), 3: (-128, 127), 4: (0, 65535), 5: (-32768, 32767), 21: (0, 15), 22: (-8, 7)}
BY_TORCH = {torch.uint8: 2, torch.int8: 3, torch.int32: 4, torch.int16: 5}


def _blocked(attrs: Attrs, inputs: int) -> str:
    kind = attrs.get("output_dtype", 0)
    return "8-bit float types" if kind not in {0, *LIMITS} else ""


def _along(value: Tensor, x: Tensor, attrs: Attrs) -> Tensor:
    """Scales and zero points laid along their axis (per tensor, per channel or per block)."""
    axis = attrs.get("axis", 1)
    block = attrs.get("block_size", 0)
    if block:
        return value.repeat_interleave(block, axis).narrow(axis, 0, x.shape[axis])
    if value.numel() == 1:
        return value.reshape(())
    if value.dim() != 1:
        return value
    shape = [1] * x.dim()
    shape[axis] = -1
    return value.reshape(shape)


@op("QuantizeLinear", refuses=_blocked)
def quantize(ctx: Context, attrs: Attrs, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    """The integers, as floats, so that gradients can pass to DequantizeLinear."""
    kind = attrs.get("output_dtype", 0) or (2 if zero is None else BY_TORCH[zero.dtype])
    low, high = attrs.get("limits") or LIMITS[kind]
    steps = x / _along(scale, x, attrs)
    offset = 0 if zero is None else _along(zero, x, attrs).to(steps.dtype)
    rounded = steps + (steps.round() - steps).detach() + offset
    return rounded.clamp(low, high)


@op("DequantizeLinear")
def dequantize(ctx: Context, attrs: Attrs, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    """(x − zero) · scale."""
    values = x.to(scale.dtype)
    if zero is not None:
        values = values - _along(zero, x, attrs).to(scale.dtype)
    return values * _along(scale, x, attrs)
