"""Resizing by nearest neighbour, linear and cubic interpolation, one axis at a time (the filters are separable)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, ints, op


@dataclass(frozen=True, slots=True)
class Along:
    """How one axis is resized."""

    size: int
    out: int
    scale: float
    start: float = 0.0
    end: float = 1.0


def _coordinates(along: Along, transform: str) -> Tensor:
    """Where each output position lies on the input axis."""
    x = torch.arange(along.out, dtype=torch.float64)
    if transform == "asymmetric":
        return x / along.scale
    if transform == "align_corners":
        return x * ((along.size - 1) / (along.out - 1)) if along.out > 1 else x * 0
    if transform == "pytorch_half_pixel":
        return (x + 0.5) / along.scale - 0.5 if along.out > 1 else x * 0
    if transform == "half_pixel_symmetric":
        whole = along.scale * along.size
        offset = along.size / 2 * (1 - along.out / whole)
        return offset + (x + 0.5) / along.scale - 0.5
    if transform == "tf_crop_and_resize":
        if along.out == 1:
            return x * 0 + 0.5 * (along.start + along.end) * (along.size - 1)
        width = (along.end - along.start) * (along.size - 1) / (along.out - 1)
        return along.start * (along.size - 1) + x * width
    return (x + 0.5) / along.scale - 0.5


def _nearest(x: Tensor, mode: str) -> Tensor:
    if mode == "floor":
        return x.floor()
    if mode == "ceil":
        return x.ceil()
    if mode == "round_prefer_ceil":
        return (x + 0.5).floor()
    return (x - 0.5).ceil()


def _taps(x: Tensor, mode: str, attrs: Attrs, size: int) -> tuple[Tensor, Tensor]:
    """Input places (out, taps), not yet limited to the axis, and their weights."""
    if mode == "nearest":
        return _nearest(x, attrs.get("nearest_mode", "round_prefer_floor"))[:, None], torch.ones_like(x)[:, None]
    base = x.floor()
    t = (x - base)[:, None]
    if mode == "linear":
        places, weights = base[:, None] + torch.tensor([0.0, 1.0]), torch.cat([1 - t, t], 1)
    else:
        a = attrs.get("cubic_coeff_a", -0.75)
        distance = (t - torch.tensor([-1.0, 0.0, 1.0, 2.0])).abs()
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        places = base[:, None] + torch.tensor([-1.0, 0.0, 1.0, 2.0])
        weights = torch.where(distance <= 1, near, far)
    if attrs.get("exclude_outside", 0):
        weights = torch.where((places >= 0) & (places <= size - 1), weights, torch.zeros_like(weights))
        weights = weights / weights.sum(1, keepdim=True)
    return places, weights


def resize_axis(x: Tensor, axis: int, along: Along, mode: str, transform: str, attrs: Attrs) -> Tensor:
    """Resize one axis of a tensor."""
    where = _coordinates(along, transform)
    places, weights = _taps(where, mode, attrs, along.size)
    places = places.clamp(0, along.size - 1).long().to(x.device)
    if mode == "nearest":
        y = x.index_select(axis, places[:, 0])
    else:
        shape = [1] * x.dim()
        shape[axis] = along.out
        factors = weights.to(x.device, x.dtype)
        y = sum(
            (x.index_select(axis, places[:, tap]) * factors[:, tap].reshape(shape) for tap in range(places.shape[1])),
            start=torch.zeros((), dtype=x.dtype, device=x.device),
        )
    if transform == "tf_crop_and_resize":
        shape = [1] * x.dim()
        shape[axis] = along.out
        outside = ((where < 0) | (where > along.size - 1)).reshape(shape).to(x.device)
        y = torch.where(outside, torch.tensor(attrs.get("extrapolation_value", 0.0), dtype=y.dtype, device=y.device), y)
    return y


def _targets(attrs: Attrs, shape: list[int], scales: list[float], sizes: list[int]) -> tuple[list[float], list[int]]:
    """Scale and output size of each resized axis."""
    if not sizes:
        return scales, [math.floor(size * scale) for size, scale in zip(shape, scales, strict=True)]
    policy = attrs.get("keep_aspect_ratio_policy", "stretch")
    ratios = [want / size for want, size in zip(sizes, shape, strict=True)]
    if policy == "stretch":
        return ratios, sizes
    ratio = min(ratios) if policy == "not_larger" else max(ratios)
    return [ratio] * len(shape), [math.floor(ratio * size + 0.5) for size in shape]


def _refused(attrs: Attrs, inputs: int) -> str:
    return "antialias" if attrs.get("antialias", 0) else ""


@op("Resize", host=(1, 2, 3), refuses=_refused)
def resize(
    ctx: Context,
    attrs: Attrs,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    """Another size by scales or sizes."""
    if ctx.version < 11:
        return _upsampled(attrs, x, roi)
    along = [axis % x.dim() for axis in ints(attrs.get("axes"))] or list(range(x.dim()))
    factors = [] if scales is None else [float(one) for one in scales.reshape(-1).tolist()]
    shape = [x.shape[axis] for axis in along]
    factors, out = _targets(attrs, shape, factors, ints(sizes))
    limits = [] if roi is None else [float(one) for one in roi.reshape(-1).tolist()]
    transform = attrs.get("coordinate_transformation_mode", "half_pixel")
    for position, axis in enumerate(along):
        crops = transform == "tf_crop_and_resize"
        if out[position] == x.shape[axis] and factors[position] == 1 and not crops:
            continue
        start, end = (limits[position], limits[position + len(along)]) if crops and limits else (0.0, 1.0)
        if crops and out[position] == x.shape[axis] and (start, end) == (0.0, 1.0):
            continue
        one = Along(x.shape[axis], out[position], factors[position], start, end)
        x = resize_axis(x, axis, one, attrs.get("mode", "nearest"), transform, attrs)
    return x


@op("Upsample", host=(1,))
def upsample(ctx: Context, attrs: Attrs, x: Tensor, scales: Tensor | None = None) -> Tensor:
    """Another size, as before operator set 10."""
    return _upsampled(attrs, x, scales)


def _upsampled(attrs: Attrs, x: Tensor, scales: Tensor | None) -> Tensor:
    """The older meaning: coordinates are divided by the scale, nearest rounds down."""
    factors = attrs["scales"] if scales is None else scales.reshape(-1).tolist()
    mode = attrs.get("mode", "nearest").replace("bilinear", "linear")
    for axis, scale in enumerate(factors):
        if scale != 1:
            one = Along(x.shape[axis], math.floor(x.shape[axis] * scale), float(scale))
            x = resize_axis(x, axis, one, mode, "asymmetric", {"nearest_mode": "floor"})
    return x


@op("GridSample")
def grid_sample(ctx: Context, attrs: Attrs, x: Tensor, grid: Tensor) -> Tensor:
    """Values at given coordinates."""
    asked = attrs.get("mode", "linear")
    mode = "bilinear" if asked == "linear" else asked.replace("cubic", "bicubic") if asked == "cubic" else asked
    return F.grid_sample(x, grid, mode, attrs.get("padding_mode", "zeros"), bool(attrs.get("align_corners", 0)))
