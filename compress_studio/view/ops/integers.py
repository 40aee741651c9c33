"""Operators on integers as arithmetic on floats, which programs for PyTorch need; stored weights stay integers.

Integers are held as floats between operators. Sums of products up to 2²⁴ are exact; scales and rounding are those of
the operators' definitions.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.attention import attention
from compress_studio.view.ops.convolution import conv
from compress_studio.view.ops.indexing import gather
from compress_studio.view.ops.pooling import average_pool
from compress_studio.view.ops.recurrent import lstm
from compress_studio.view.ops.registry import MICROSOFT, Attrs, Context, Operator


def _signed(zero: Tensor | None) -> bool:
    return zero is not None and zero.dtype == torch.int8


def quantized(y: Tensor, scale: Tensor, zero: Tensor | None) -> Tensor:
    """Fractions as integers in the range that the zero point's type has."""
    low, high = (-128.0, 127.0) if _signed(zero) else (0.0, 255.0)
    moved = (y / scale).round()
    return (moved if zero is None else moved + zero.to(moved.dtype)).clamp(low, high)


def _shaped(value: Tensor, rank: int, axis: int) -> Tensor:
    """One value for all, or one per slice along an axis."""
    if value.numel() == 1:
        return value.reshape(())
    if value.dim() != 1:
        return value
    shape = [1] * rank
    shape[axis] = -1
    return value.reshape(shape)


def centred(x: Tensor, zero: Tensor | None, axis: int) -> Tensor:
    """The integers as floats around their zero point, which may differ along an axis."""
    values = x.float()
    return values if zero is None else values - _shaped(zero.float(), x.dim(), axis)


def real(x: Tensor, scale: Tensor, zero: Tensor | None, axis: int = -1) -> Tensor:
    """What integers stand for: (x − zero) · scale."""
    return centred(x, zero, axis) * _shaped(scale, x.dim(), axis)


def quantize_dynamic(ctx: Context, attrs: Attrs, x: Tensor) -> tuple[Tensor, ...]:
    """DynamicQuantizeLinear: the range of this batch mapped on 0 … 255."""
    low, high = x.amin().clamp(max=0.0), x.amax().clamp(min=0.0)
    scale = (high - low) / 255.0
    safe = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero = (0.0 - low / safe).round().clamp(0, 255)
    return ((x / safe).round() + zero).clamp(0, 255), scale, zero


def matmul_integer(
    ctx: Context, attrs: Attrs, a: Tensor, b: Tensor, a_zero: Tensor | None = None, b_zero: Tensor | None = None
) -> Tensor:
    """Product of integer matrices, summed in float32."""
    return torch.matmul(centred(a, a_zero, -2), centred(b, b_zero, -1))


def conv_integer(
    ctx: Context, attrs: Attrs, x: Tensor, w: Tensor, x_zero: Tensor | None = None, w_zero: Tensor | None = None
) -> Tensor:
    """Convolution of integers, summed in float32."""
    return conv(ctx, attrs, centred(x, x_zero, 1), centred(w, w_zero, 0))


def matmul_to_float(
    ctx: Context,
    attrs: Attrs,
    a: Tensor,
    b: Tensor,
    a_scale: Tensor,
    b_scale: Tensor,
    a_zero: Tensor | None = None,
    b_zero: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """Product of integer matrices as fractions."""
    y = torch.matmul(centred(a, a_zero, -2), centred(b, b_zero, -1)) * (a_scale * b_scale)
    return y if bias is None else y + bias


def matmul_dynamic(
    ctx: Context,
    attrs: Attrs,
    a: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """The left matrix is rounded to integers first."""
    x, scale, zero = quantize_dynamic(ctx, attrs, a)
    return matmul_to_float(ctx, attrs, x, b, scale, b_scale, zero, b_zero, bias)


def qlinear_matmul(
    ctx: Context,
    attrs: Attrs,
    a: Tensor,
    a_scale: Tensor,
    a_zero: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
) -> Tensor:
    """Product of quantized matrices, quantized."""
    product = torch.matmul(centred(a, a_zero, -2), centred(b, b_zero, -1))
    factor = _shaped(a_scale, a.dim(), -2) * _shaped(b_scale, b.dim(), -1)
    return quantized(product * factor, y_scale, y_zero)


def qlinear_conv(
    ctx: Context,
    attrs: Attrs,
    x: Tensor,
    x_scale: Tensor,
    x_zero: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
    bias: Tensor | None = None,
) -> Tensor:
    """Convolution of quantized tensors, quantized; the bias is in units of both scales."""
    product = conv(ctx, attrs, centred(x, x_zero, 1), centred(w, w_zero, 0), None if bias is None else bias.float())
    return quantized(product * _shaped(x_scale * w_scale, x.dim(), 1), y_scale, y_zero)


def qgemm(
    ctx: Context,
    attrs: Attrs,
    a: Tensor,
    a_scale: Tensor,
    a_zero: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor,
    bias: Tensor | None = None,
    y_scale: Tensor | None = None,
    y_zero: Tensor | None = None,
) -> Tensor:
    """alpha · A' B' + C of quantized matrices; fractions where no scale of the result is given."""
    left = centred(a, a_zero, -1)
    turned = bool(attrs.get("transB", 0))
    right = centred(b, b_zero, 0 if turned else -1)
    product = (left.t() if attrs.get("transA", 0) else left) @ (right.t() if turned else right)
    total = product if bias is None else product + bias.float()
    y = total * (a_scale * b_scale * attrs.get("alpha", 1.0))
    return y if y_scale is None else quantized(y, y_scale, y_zero)


def _two(kind: str) -> Any:
    def combine(
        ctx: Context,
        attrs: Attrs,
        a: Tensor,
        a_scale: Tensor,
        a_zero: Tensor | None,
        b: Tensor,
        b_scale: Tensor,
        b_zero: Tensor | None,
        scale: Tensor,
        zero: Tensor | None = None,
    ) -> Tensor:
        left, right = real(a, a_scale, a_zero), real(b, b_scale, b_zero)
        return quantized(left + right if kind == "add" else left * right, scale, zero)

    return combine


def _one(function: Any) -> Any:
    def apply(
        ctx: Context,
        attrs: Attrs,
        x: Tensor,
        x_scale: Tensor,
        x_zero: Tensor | None,
        scale: Tensor,
        zero: Tensor | None = None,
    ) -> Tensor:
        return quantized(function(ctx, attrs, real(x, x_scale, x_zero)), scale, zero)

    return apply


def _concat(ctx: Context, attrs: Attrs, scale: Tensor, zero: Tensor, *rest: Tensor) -> Tensor:
    """Quantized tensors joined, each with a scale and a zero point of its own."""
    parts = [real(rest[index], rest[index + 1], rest[index + 2]) for index in range(0, len(rest), 3)]
    return quantized(torch.cat(parts, attrs["axis"]), scale, zero)


def _dequantized(w: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """Weights (directions, inputs, gates · units) as those of an LSTM: gates first, fractions."""
    shape = (w.shape[0], 1, -1)
    return ((w.float() - zero.float().reshape(shape)) * scale.reshape(shape)).transpose(1, 2)


def lstm_dynamic(ctx: Context, attrs: Attrs, x: Tensor, w: Tensor, r: Tensor, *rest: Tensor | None) -> Any:
    """DynamicQuantizeLSTM with exact inputs and states, which the runtime rounds to 8 bits at every step."""
    bias, lengths, h, c, peepholes, w_scale, w_zero, r_scale, r_zero = rest
    assert w_scale is not None
    assert w_zero is not None
    assert r_scale is not None
    assert r_zero is not None
    weights = _dequantized(w, w_scale, w_zero), _dequantized(r, r_scale, r_zero)
    return lstm(ctx, attrs, x, *weights, bias, lengths, h, c, peepholes)


def qattention(
    ctx: Context,
    attrs: Attrs,
    x: Tensor,
    weights: Tensor,
    bias: Tensor,
    x_scale: Tensor,
    w_scale: Tensor,
    mask: Tensor | None = None,
    x_zero: Tensor | None = None,
    w_zero: Tensor | None = None,
) -> Any:
    """Attention whose projections are products of integers."""
    return attention(ctx, attrs, real(x, x_scale, x_zero), real(weights, w_scale, w_zero), bias, mask)


def matmul_bits(
    ctx: Context,
    attrs: Attrs,
    a: Tensor,
    packed: Tensor,
    scales: Tensor,
    zeros: Tensor | None = None,
    groups: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """MatMulNBits: weights of 4 or 8 bits, packed low bits first, with a scale (and zero point) per block of a row."""
    bits, rows, columns, block = attrs.get("bits", 4), attrs["N"], attrs["K"], attrs["block_size"]
    count = -(-columns // block)
    weight = unpacked(packed.reshape(rows, count, -1), bits)[..., :block].float()
    if zeros is None:
        middle: Any = float(1 << (bits - 1))
    elif zeros.is_floating_point():
        middle = zeros.reshape(rows, count, 1)
    else:
        middle = unpacked(zeros.reshape(rows, -1), bits)[:, :count].float()[..., None]
    factor = scales.reshape(rows, count, 1)
    if groups is not None:  # the block of each column, where they are not in order
        own = groups.long()
        middle = middle[:, own, 0] if isinstance(middle, Tensor) else middle
        weight = (weight.reshape(rows, -1)[:, :columns] - middle) * factor[:, own, 0]
    else:
        weight = ((weight - middle) * factor).reshape(rows, -1)[:, :columns]
    return F.linear(a, weight, bias)


def unpacked(packed: Tensor, bits: int) -> Tensor:
    """Numbers of 4 bits out of bytes, the low half first."""
    return packed if bits == 8 else torch.stack((packed & 15, packed >> 4), -1).flatten(-2)


def gather_blocks(
    ctx: Context, attrs: Attrs, data: Tensor, indices: Tensor, scales: Tensor, zeros: Tensor | None = None
) -> Tensor:
    """GatherBlockQuantized: rows of a table whose numbers have a scale (and zero point) per block."""
    bits, block = attrs.get("bits", 4), attrs.get("block_size", 128)
    axis, along = attrs.get("gather_axis", 0), attrs.get("quantize_axis", 1) % data.dim()
    halves = bool(attrs.get("packed", False))
    values = unpacked(data, 4) if halves else data
    width = values.shape[along]
    spread = scales.repeat_interleave(block, along).narrow(along, 0, width)
    if zeros is not None:
        narrow = unpacked(zeros, 4).narrow(-1, 0, scales.shape[-1]) if halves else zeros
        middle: Any = narrow.float().repeat_interleave(block, along).narrow(along, 0, width)
    else:
        middle = float(1 << (bits - 1)) if data.dtype == torch.uint8 and attrs.get("bytes", False) else 0.0
    table = (values.float() - middle) * spread
    return gather(ctx, {"axis": axis}, table, indices)


def _bits(attrs: Attrs, inputs: int) -> str:
    return "" if attrs.get("bits", 4) in {4, 8} else f"{attrs['bits']} bits"


def _never(attrs: Attrs, inputs: int) -> str:
    return ""


def _last(attrs: Attrs, inputs: int) -> str:
    return "channels last" if attrs.get("channels_last", 0) else ""


def _past(attrs: Attrs, inputs: int) -> str:
    return "past keys" if inputs > 8 else ""


def _mean(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.dim())), keepdim=True)


def _softmax(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    axis = attrs.get("axis", -1)
    if attrs.get("opset", 13) >= 13:
        return torch.softmax(x, axis)
    return torch.softmax(x.flatten(axis % x.dim()), -1).reshape(x.shape)


def _operator(function: Any, refuses: Any = _never, host: frozenset[int] = frozenset()) -> Operator:
    return Operator(function, host, refuses)


INTEGERS: dict[tuple[str, str], Operator] = {
    ("", "DynamicQuantizeLinear"): _operator(quantize_dynamic),
    ("", "MatMulInteger"): _operator(matmul_integer),
    ("", "ConvInteger"): _operator(conv_integer),
    ("", "QLinearMatMul"): _operator(qlinear_matmul),
    ("", "QLinearConv"): _operator(qlinear_conv),
    (MICROSOFT, "QLinearConv"): _operator(qlinear_conv, _last),
    (MICROSOFT, "MatMulIntegerToFloat"): _operator(matmul_to_float),
    (MICROSOFT, "DynamicQuantizeMatMul"): _operator(matmul_dynamic),
    (MICROSOFT, "DynamicQuantizeLSTM"): _operator(lstm_dynamic, host=frozenset({4})),
    (MICROSOFT, "QAttention"): _operator(qattention, _past),
    (MICROSOFT, "QGemm"): _operator(qgemm),
    (MICROSOFT, "QLinearAdd"): _operator(_two("add")),
    (MICROSOFT, "QLinearMul"): _operator(_two("mul")),
    (MICROSOFT, "QLinearConcat"): _operator(_concat),
    (MICROSOFT, "QLinearAveragePool"): _operator(_one(average_pool), _last),
    (MICROSOFT, "QLinearGlobalAveragePool"): _operator(_one(_mean), _last),
    (MICROSOFT, "QLinearSigmoid"): _operator(_one(lambda ctx, attrs, x: torch.sigmoid(x))),
    (MICROSOFT, "QLinearLeakyRelu"): _operator(_one(lambda ctx, attrs, x: F.leaky_relu(x, attrs.get("alpha", 0.01)))),
    (MICROSOFT, "QLinearSoftmax"): _operator(_one(_softmax)),
    (MICROSOFT, "MatMulNBits"): _operator(matmul_bits, _bits),
    (MICROSOFT, "GatherBlockQuantized"): _operator(gather_blocks),
}
"""What programs know beside the operators of training."""
STRAIGHT = {
    key: operator
    for key, operator in INTEGERS.items()
    if key[1] in {"MatMulNBits", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"}
}
"""Those from fractions to fractions, through whose rounding a gradient can pass straight."""
