"""Operators that only exported programs need: those that compute with integers, which no training goes through.

They are kept apart from the operators of the trainable view, so that training still refuses such networks.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.base.errors import Refused
from compress_studio.view.ops.convolution import conv
from compress_studio.view.ops.indexing import gather
from compress_studio.view.ops.registry import MICROSOFT, Attrs, Context, Operator


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


def quantize_dynamic(ctx: Context, attrs: Attrs, x: Tensor) -> tuple[Tensor, ...]:
    """DynamicQuantizeLinear: the range of this batch mapped on 0 … 255."""
    low, high = x.amin().clamp(max=0.0), x.amax().clamp(min=0.0)
    scale = (high - low) / 255.0
    safe = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero = (0.0 - low / safe).round().clamp(0, 255)
    return ((x / safe).round() + zero).clamp(0, 255), scale, zero


def _centred(x: Tensor, zero: Tensor | None, axis: int) -> Tensor:
    """The integers as floats around their zero point, which may differ along an axis."""
    values = x.float()
    if zero is None:
        return values
    if zero.dim() == 1 and zero.shape[0] > 1:
        shape = [1] * x.dim()
        shape[axis] = -1
        return values - zero.float().reshape(shape)
    return values - (zero.float().reshape(()) if zero.numel() == 1 else zero.float())


def matmul_integer(
    ctx: Context, attrs: Attrs, a: Tensor, b: Tensor, a_zero: Tensor | None = None, b_zero: Tensor | None = None
) -> Tensor:
    """Product of integer matrices, summed in float32."""
    return torch.matmul(_centred(a, a_zero, -2), _centred(b, b_zero, -1))


def conv_integer(
    ctx: Context, attrs: Attrs, x: Tensor, w: Tensor, x_zero: Tensor | None = None, w_zero: Tensor | None = None
) -> Tensor:
    """Convolution of integers, summed in float32."""
    return conv(ctx, attrs, _centred(x, x_zero, 1), _centred(w, w_zero, 0))


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
    weight = _unpacked(packed.reshape(rows, count, -1), bits)[..., :block].float()
    if zeros is None:
        middle: Any = float(1 << (bits - 1))
    elif zeros.is_floating_point():
        middle = zeros.reshape(rows, count, 1)
    else:
        middle = _unpacked(zeros.reshape(rows, -1), bits)[:, :count].float()[..., None]
    weight = ((weight - middle) * scales.reshape(rows, count, 1)).reshape(rows, -1)[:, :columns]
    return F.linear(a, weight, bias)


def _unpacked(packed: Tensor, bits: int) -> Tensor:
    """Numbers of 4 bits out of bytes, the low half first."""
    if bits == 8:
        return packed
    return torch.stack((packed & 15, packed >> 4), -1).flatten(-2)


def _bits(attrs: Attrs, inputs: int) -> str:
    if attrs.get("bits", 4) not in {4, 8}:
        return f"{attrs['bits']} bits"
    return "reordered groups" if inputs > 4 and attrs.get("has_g_idx", 0) else ""


def _never(attrs: Attrs, inputs: int) -> str:
    return ""


EXPORTED: dict[tuple[str, str], Operator] = {
    ("", "Gather"): Operator(pick, frozenset(), _never),
    ("", "Pow"): Operator(power, frozenset(), _never),
    ("", "Loop"): Operator(loop, frozenset({0, 1}), _never),
    ("", "DynamicQuantizeLinear"): Operator(quantize_dynamic, frozenset(), _never),
    ("", "MatMulInteger"): Operator(matmul_integer, frozenset(), _never),
    ("", "ConvInteger"): Operator(conv_integer, frozenset(), _never),
    (MICROSOFT, "MatMulNBits"): Operator(matmul_bits, frozenset(), _bits),
}
"""Found before the operators of the trainable view."""
