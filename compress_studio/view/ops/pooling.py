"""Pooling in one, two and three dimensions.

torch pads both sides alike and by at most half a window; where ONNX asks for more, the input is padded first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.convolution import CONVOLVE, pads_of, torch_pads
from compress_studio.view.ops.registry import Attrs, Context, op

MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
MEAN_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


class Window:
    """The geometry of one pooling node on one input size."""

    def __init__(self, attrs: Attrs, sizes: Sequence[int]) -> None:
        rank = len(sizes)
        self.kernel = list(attrs["kernel_shape"])
        self.strides = list(attrs.get("strides") or [1] * rank)
        self.dilations = list(attrs.get("dilations") or [1] * rank)
        self.ceil = bool(attrs.get("ceil_mode", 0))
        self.before, self.after = pads_of(attrs, sizes, self.kernel, self.strides, self.dilations)
        self.extra = [self._overhang(axis, size) for axis, size in enumerate(sizes)]
        """What rounding up needs behind the padding; it counts as nothing."""

    def _overhang(self, axis: int, size: int) -> int:
        if not self.ceil:
            return 0
        span = (self.kernel[axis] - 1) * self.dilations[axis] + 1
        padded = size + self.before[axis] + self.after[axis]
        stride = self.strides[axis]
        count = math.ceil((padded - span) / stride) + 1
        if (count - 1) * stride >= size + self.before[axis]:
            count -= 1
        return max((count - 1) * stride + span - padded, 0)

    @property
    def simple(self) -> bool:
        """True when torch's own padding says the same."""
        fits = all(pad <= width // 2 for pad, width in zip(self.before, self.kernel, strict=True))
        return self.before == self.after and fits and not any(self.extra)

    def pads(self) -> list[int]:
        """All padding, in the order of torch."""
        return torch_pads(self.before, [one + more for one, more in zip(self.after, self.extra, strict=True)])


@op("MaxPool")
def max_pool(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    """Largest value of each window, with its place when that is asked for."""
    rank = x.dim() - 2
    window = Window(attrs, x.shape[2:])
    if ctx.outputs > 1:
        return _max_pool_places(attrs, x, window)
    padding: list[int] | int = window.before
    if not window.simple:
        x = F.pad(x, window.pads(), value=_lowest(x))
        padding = 0
    return MAX_POOL[rank](x, window.kernel, window.strides, padding, window.dilations)


def _lowest(x: Tensor) -> float | int:
    return -math.inf if x.is_floating_point() else torch.iinfo(x.dtype).min


def _max_pool_places(attrs: Attrs, x: Tensor, window: Window) -> tuple[Tensor, Tensor]:
    """Maxima with their places in the flattened input."""
    rank = x.dim() - 2
    padded = F.pad(x, window.pads(), value=_lowest(x))
    y, places = MAX_POOL[rank](padded, window.kernel, window.strides, 0, window.dilations, return_indices=True)
    column_major = bool(attrs.get("storage_order", 0))
    spatial = list(range(rank))
    result = torch.zeros_like(places)
    rest = places
    coordinates: list[Tensor] = []
    for axis in reversed(spatial):
        size = padded.shape[2 + axis]
        coordinates.insert(0, rest % size - window.before[axis])
        rest = rest // size
    for axis in reversed(spatial) if column_major else spatial:
        result = result * x.shape[2 + axis] + coordinates[axis]
    area = math.prod(x.shape[2:])
    planes = torch.arange(x.shape[0] * x.shape[1], device=x.device).reshape(x.shape[0], x.shape[1], *[1] * rank)
    return y, result + planes * area


@op("AveragePool")
def average_pool(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Mean of each window; padding counts only when asked."""
    rank = x.dim() - 2
    window = Window(attrs, x.shape[2:])
    counted = bool(attrs.get("count_include_pad", 0))
    if window.simple and window.dilations == [1] * rank:
        return MEAN_POOL[rank](x, window.kernel, window.strides, window.before, False, counted)
    ones = x.new_ones(1, 1, *x.shape[2:])
    if counted:
        ones = F.pad(ones, torch_pads(window.before, window.after), value=1.0)
        ones = F.pad(ones, torch_pads([0] * rank, window.extra))
    else:
        ones = F.pad(ones, window.pads())
    return _window_sum(F.pad(x, window.pads()), window) / _window_sum(ones, window)


def _window_sum(x: Tensor, window: Window) -> Tensor:
    rank, channels = x.dim() - 2, x.shape[1]
    kernel = x.new_ones(channels, 1, *window.kernel)
    return CONVOLVE[rank](x, kernel, None, window.strides, 0, window.dilations, channels)


@op("LpPool")
def lp_pool(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """p-norm of each window."""
    power = attrs.get("p", 2)
    window = Window(attrs, x.shape[2:])
    return _window_sum(F.pad(x.abs() ** power, window.pads()), window) ** (1 / power)


@op("GlobalAveragePool")
def global_average_pool(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Mean over all positions."""
    return x.mean(tuple(range(2, x.dim())), keepdim=True)


@op("GlobalMaxPool")
def global_max_pool(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Largest value over all positions."""
    return x.amax(tuple(range(2, x.dim())), keepdim=True)


@op("GlobalLpPool")
def global_lp_pool(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """p-norm over all positions."""
    power = attrs.get("p", 2)
    return (x.abs() ** power).sum(tuple(range(2, x.dim())), keepdim=True) ** (1 / power)
