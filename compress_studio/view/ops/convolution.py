"""Convolutions and their transposes in one, two and three dimensions, and where padding goes."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, op

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def pads_of(
    attrs: Attrs, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Padding before and after each spatial axis; SAME makes the output size ceil(input / stride)."""
    rank = len(kernel)
    mode = attrs.get("auto_pad", "NOTSET")
    if mode == "VALID":
        return [0] * rank, [0] * rank
    if mode in {"", "NOTSET"}:
        pads = attrs.get("pads") or [0] * (2 * rank)
        return list(pads[:rank]), list(pads[rank:])
    before: list[int] = []
    after: list[int] = []
    for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        total = max((-(-size // stride) - 1) * stride + (width - 1) * dilation + 1 - size, 0)
        first = total // 2 if mode == "SAME_UPPER" else total - total // 2
        before.append(first)
        after.append(total - first)
    return before, after


def torch_pads(before: Sequence[int], after: Sequence[int]) -> list[int]:
    """Padding in the order of torch: last axis first, before and after together."""
    return [one for pair in zip(reversed(before), reversed(after), strict=True) for one in pair]


@op("Conv")
def conv(ctx: Context, attrs: Attrs, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolution with groups, strides, dilations and any padding."""
    rank = weight.dim() - 2
    strides = attrs.get("strides") or [1] * rank
    dilations = attrs.get("dilations") or [1] * rank
    before, after = pads_of(attrs, x.shape[2:], weight.shape[2:], strides, dilations)
    if before != after:
        x = F.pad(x, torch_pads(before, after))
        before = [0] * rank
    return CONVOLVE[rank](x, weight, bias, strides, before, dilations, attrs.get("group", 1))


@op("ConvTranspose")
def conv_transpose(ctx: Context, attrs: Attrs, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The transpose of a convolution; what hangs over is cut off."""
    rank = weight.dim() - 2
    strides = attrs.get("strides") or [1] * rank
    dilations = attrs.get("dilations") or [1] * rank
    extra = attrs.get("output_padding") or [0] * rank
    full = [
        (size - 1) * stride + (width - 1) * dilation + 1
        for size, stride, width, dilation in zip(x.shape[2:], strides, weight.shape[2:], dilations, strict=True)
    ]
    before, after = _transposed_pads(attrs, x, strides, [one + more for one, more in zip(full, extra, strict=True)])
    y = TRANSPOSED[rank](x, weight, None, strides, 0, 0, attrs.get("group", 1), dilations)
    cut = [more - end for more, end in zip(extra, after, strict=True)]
    if any(before) or any(cut):
        y = F.pad(y, torch_pads([-one for one in before], cut))
    return y if bias is None else y + bias.reshape(1, -1, *[1] * rank)


def _transposed_pads(
    attrs: Attrs, x: Tensor, strides: Sequence[int], full: Sequence[int]
) -> tuple[list[int], list[int]]:
    """What is cut off the full result: from pads, or so that a wanted output size comes out."""
    rank = len(full)
    mode = attrs.get("auto_pad", "NOTSET")
    wanted = attrs.get("output_shape")
    if wanted is None and mode.startswith("SAME"):
        wanted = [size * stride for size, stride in zip(x.shape[2:], strides, strict=True)]
    if wanted is None:
        pads = [0] * (2 * rank) if mode == "VALID" else attrs.get("pads") or [0] * (2 * rank)
        return list(pads[:rank]), list(pads[rank:])
    totals = [max(have - want, 0) for have, want in zip(full, list(wanted)[-rank:], strict=True)]
    short = [max(want - have, 0) for have, want in zip(full, list(wanted)[-rank:], strict=True)]
    halves = [total // 2 if mode == "SAME_UPPER" else total - total // 2 for total in totals]
    return halves, [total - half - more for total, half, more in zip(totals, halves, short, strict=True)]
