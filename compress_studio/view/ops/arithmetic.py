"""Arithmetic, comparison and logic, element by element with broadcasting."""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, op

UNARY = {
    "Abs": torch.abs,
    "Acos": torch.acos,
    "Acosh": torch.acosh,
    "Asin": torch.asin,
    "Asinh": torch.asinh,
    "Atan": torch.atan,
    "Atanh": torch.atanh,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "Log": torch.log,
    "Neg": torch.neg,
    "Reciprocal": torch.reciprocal,
    "Round": torch.round,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Sqrt": torch.sqrt,
    "Tan": torch.tan,
    "Not": torch.logical_not,
    "IsNaN": torch.isnan,
    "BitwiseNot": torch.bitwise_not,
    "Det": torch.det,
}
BINARY = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "And": torch.logical_and,
    "Or": torch.logical_or,
    "Xor": torch.logical_xor,
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "BitwiseAnd": torch.bitwise_and,
    "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}


def _plain(function: Any) -> Any:
    def call(ctx: Context, attrs: Attrs, *tensors: Tensor) -> Tensor:
        return function(*tensors)

    return call


for _name, _function in {**UNARY, **BINARY}.items():
    op(_name)(_plain(_function))


@op("Div")
def div(ctx: Context, attrs: Attrs, a: Tensor, b: Tensor) -> Tensor:
    """Whole numbers are divided towards zero."""
    return torch.div(a, b) if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


@op("Mod")
def mod(ctx: Context, attrs: Attrs, a: Tensor, b: Tensor) -> Tensor:
    """Remainder with the sign of the divisor, or of the dividend with fmod."""
    return torch.fmod(a, b) if attrs.get("fmod", 0) else torch.remainder(a, b)


@op("Pow")
def power(ctx: Context, attrs: Attrs, base: Tensor, exponent: Tensor) -> Tensor:
    """The result has the type of the base."""
    if exponent.numel() == 1 and exponent.dim() == 0 and not exponent.requires_grad:
        return torch.pow(base, exponent.item()).to(base.dtype)
    return torch.pow(base, exponent).to(base.dtype)


@op("BitShift")
def bit_shift(ctx: Context, attrs: Attrs, a: Tensor, b: Tensor) -> Tensor:
    """Bits moved to the left or right."""
    shift = torch.bitwise_left_shift if attrs["direction"] == "LEFT" else torch.bitwise_right_shift
    return shift(a, b)


@op("Sum")
def total(ctx: Context, attrs: Attrs, *tensors: Tensor) -> Tensor:
    """Sum of all inputs."""
    return reduce(torch.add, tensors)


@op("Mean")
def mean(ctx: Context, attrs: Attrs, *tensors: Tensor) -> Tensor:
    """Mean of all inputs."""
    return reduce(torch.add, tensors) / len(tensors)


@op("Max")
def maximum(ctx: Context, attrs: Attrs, *tensors: Tensor) -> Tensor:
    """Largest of all inputs, place by place."""
    return reduce(torch.maximum, tensors)


@op("Min")
def minimum(ctx: Context, attrs: Attrs, *tensors: Tensor) -> Tensor:
    """Smallest of all inputs, place by place."""
    return reduce(torch.minimum, tensors)


@op("IsInf")
def is_inf(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Where values are infinite, of the asked signs."""
    found = torch.zeros_like(x, dtype=torch.bool)
    if attrs.get("detect_positive", 1):
        found |= torch.isposinf(x)
    if attrs.get("detect_negative", 1):
        found |= torch.isneginf(x)
    return found


@op("Clip")
def clip(ctx: Context, attrs: Attrs, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    """Limits are attributes before operator set 11 and inputs since."""
    if ctx.version < 11:
        return torch.clamp(x, attrs.get("min"), attrs.get("max")) if {"min", "max"} & set(attrs) else x
    if low is not None:
        x = torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


@op("Where")
def where(ctx: Context, attrs: Attrs, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """a where the condition holds, else b."""
    return torch.where(condition, a, b)
