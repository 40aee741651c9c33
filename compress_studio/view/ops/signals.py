"""Fourier transforms, running products, and images out of columns."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, ints, op


def _complex(x: Tensor) -> Tensor:
    """The last axis holds real and imaginary parts, or real ones only."""
    return torch.complex(x[..., 0], x[..., 1] if x.shape[-1] == 2 else torch.zeros_like(x[..., 0]))


@op("DFT", host=(1, 2))
def dft(ctx: Context, attrs: Attrs, x: Tensor, length: Tensor | None = None, axis: Tensor | None = None) -> Tensor:
    """Discrete Fourier transform along an axis; the axis is an attribute before operator set 20."""
    given = ints(axis)[0] if axis is not None else attrs.get("axis", 1 if ctx.version < 20 else -2)
    place = given % x.dim()
    size = ints(length)[0] if length is not None else None
    inverse, half = attrs.get("inverse", 0), attrs.get("onesided", 0)
    if inverse and half:
        return torch.fft.irfft(_complex(x), size, dim=place).unsqueeze(-1)
    if inverse:
        return torch.view_as_real(torch.fft.ifft(_complex(x), size, dim=place))
    y = torch.fft.fft(_complex(x), size, dim=place)
    if half:
        y = y.narrow(place, 0, y.shape[place] // 2 + 1)
    return torch.view_as_real(y)


@op("STFT", host=(1, 3))
def stft(
    ctx: Context, attrs: Attrs, x: Tensor, step: Tensor, window: Tensor | None = None, length: Tensor | None = None
) -> Tensor:
    """Fourier transforms of frames of a signal: [batch, frames, frequencies, 2]."""
    size = ints(length)[0] if length is not None else (window.shape[0] if window is not None else 0)
    signal = x[..., 0] if x.dim() == 3 and x.shape[-1] == 1 else x if x.dim() == 2 else _complex(x)
    frames = signal.unfold(1, size, ints(step)[0])
    if window is not None:
        frames = frames * window
    y = torch.fft.fft(frames, dim=-1)
    return torch.view_as_real(y[..., : size // 2 + 1] if attrs.get("onesided", 1) else y)


@op("CumProd", host=(1,))
def cumprod(ctx: Context, attrs: Attrs, x: Tensor, axis: Tensor) -> Tensor:
    """Running products."""
    place = ints(axis)[0] % x.dim()
    back = attrs.get("reverse", 0)
    y = torch.cumprod(x.flip(place) if back else x, place)
    if attrs.get("exclusive", 0):
        first = torch.ones_like(y.narrow(place, 0, 1))
        y = torch.cat((first, y.narrow(place, 0, y.shape[place] - 1)), place)
    return y.flip(place) if back else y


@op("Col2Im", host=(1, 2), refuses=lambda attrs, inputs: "uneven padding" if _uneven(attrs.get("pads")) else "")
def col2im(ctx: Context, attrs: Attrs, x: Tensor, image: Tensor, block: Tensor) -> Tensor:
    """Blocks laid back into an image, added where they overlap."""
    sizes, kernel = ints(image), ints(block)
    rank = len(sizes)
    pads = list(attrs.get("pads") or [0] * (2 * rank))[:rank]
    strides, dilations = attrs.get("strides") or [1] * rank, attrs.get("dilations") or [1] * rank
    if rank == 1:
        sizes, kernel, pads = [1, *sizes], [1, *kernel], [0, *pads]
        strides, dilations = [1, *strides], [1, *dilations]
    y = F.fold(x, tuple(sizes), tuple(kernel), tuple(dilations), tuple(pads), tuple(strides))
    return y.squeeze(2) if rank == 1 else y


def _uneven(pads: list[int] | None) -> bool:
    half = len(pads or []) // 2
    return bool(pads) and list(pads[:half]) != list(pads[half:])


@op("MaxUnpool", host=(2,))
def max_unpool(ctx: Context, attrs: Attrs, x: Tensor, places: Tensor, shape: Tensor | None = None) -> Tensor:
    """Values put back where MaxPool found them: places in the whole flattened tensor."""
    kernel = attrs["kernel_shape"]
    rank = len(kernel)
    strides, pads = attrs.get("strides") or [1] * rank, attrs.get("pads") or [0] * (2 * rank)
    sizes = [
        (size - 1) * stride - pads[axis] - pads[axis + rank] + width
        for axis, (size, stride, width) in enumerate(zip(x.shape[2:], strides, kernel, strict=True))
    ]
    wanted = ints(shape) if shape is not None else [*x.shape[:2], *sizes]
    return x.new_zeros(math.prod(wanted)).scatter(0, places.reshape(-1), x.reshape(-1)).reshape(wanted)
