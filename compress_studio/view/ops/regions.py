"""Regions of interest and convolutions whose samples move, with gradients through the interpolation."""

from __future__ import annotations

import torch
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, op


def _deformed_rank(attrs: Attrs, inputs: int) -> str:
    return "" if len(attrs.get("kernel_shape") or [0, 0]) == 2 else "other than two dimensions"


@op("DeformConv", refuses=_deformed_rank)
def deform_conv(
    ctx: Context,
    attrs: Attrs,
    x: Tensor,
    weight: Tensor,
    offset: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """A convolution that reads where offsets say (Dai 2017), weighted by a mask (Zhu 2019)."""
    n, channels = x.shape[:2]
    rows, columns = weight.shape[-2:]
    step_y, step_x = attrs.get("strides") or [1, 1]
    wide_y, wide_x = attrs.get("dilations") or [1, 1]
    top, left = (attrs.get("pads") or [0, 0, 0, 0])[:2]
    parts, groups = attrs.get("offset_group", 1), attrs.get("group", 1)
    high, wide = offset.shape[-2:]
    moved = offset.reshape(n, parts, rows * columns, 2, high, wide)
    like = {"dtype": x.dtype, "device": x.device}
    at_y = (torch.arange(high, **like) * step_y - top)[:, None]
    at_x = (torch.arange(wide, **like) * step_x - left)[None]
    taps_y = (torch.arange(rows, **like) * wide_y).repeat_interleave(columns)[:, None, None]
    taps_x = (torch.arange(columns, **like) * wide_x).repeat(rows)[:, None, None]
    place_y = (moved[:, :, :, 0] + at_y + taps_y).reshape(n * parts, -1)
    place_x = (moved[:, :, :, 1] + at_x + taps_x).reshape(n * parts, -1)
    each = torch.arange(n * parts, device=x.device)
    picked = _bilinear(x.reshape(n * parts, channels // parts, *x.shape[2:]), each, place_y, place_x)
    picked = picked.reshape(n, parts, channels // parts, rows * columns, high, wide)
    if mask is not None:
        picked = picked * mask.reshape(n, parts, 1, rows * columns, high, wide)
    picked = picked.reshape(n, groups, channels // groups * rows * columns, high * wide)
    kernels = weight.reshape(groups, weight.shape[0] // groups, -1)
    y = (kernels @ picked).reshape(n, weight.shape[0], high, wide)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def _bilinear(image: Tensor, rows: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Samples of image [m, c, h, w] at places [n, p] in pixels, of the image that rows [n] names, zero outside.

    Gives [n, c, p]. Images are not repeated for the regions within them, of which there may be a thousand.
    """
    channels, height, width = image.shape[1:]
    flat = image.transpose(0, 1).reshape(channels, -1)
    first = rows[:, None] * (height * width)
    low_y, low_x = y.floor(), x.floor()
    total: Tensor | None = None
    for more_y in (0, 1):
        for more_x in (0, 1):
            at_y, at_x = low_y + more_y, low_x + more_x
            share = (1 - (y - at_y).abs()) * (1 - (x - at_x).abs())
            inside = (at_y >= 0) & (at_y < height) & (at_x >= 0) & (at_x < width)
            index = first + at_y.clamp(0, height - 1).long() * width + at_x.clamp(0, width - 1).long()
            values = flat.index_select(1, index.reshape(-1)).reshape(channels, *index.shape)
            part = values * (share * inside)
            total = part if total is None else total + part
    assert total is not None
    return total.transpose(0, 1)


def _roi_settings(attrs: Attrs, inputs: int) -> str:
    if attrs.get("sampling_ratio", 0) <= 0:
        return "as many samples as the region asks for"
    return "mode max" if attrs.get("mode", "avg") != "avg" else ""


@op("RoiAlign", refuses=_roi_settings)
def roi_align(ctx: Context, attrs: Attrs, x: Tensor, regions: Tensor, batch: Tensor) -> Tensor:
    """Means of bilinear samples in every cell of a region (He 2017): [regions, channels, rows, columns]."""
    rows, columns = attrs.get("output_height", 1), attrs.get("output_width", 1)
    count, scale = attrs["sampling_ratio"], attrs.get("spatial_scale", 1.0)
    mode = attrs.get("coordinate_transformation_mode", "half_pixel" if ctx.version >= 16 else "output_half_pixel")
    shift = 0.5 if mode == "half_pixel" else 0.0
    x1, y1, x2, y2 = (regions * scale - shift).unbind(1)
    wide, high = x2 - x1, y2 - y1
    if not shift:
        wide, high = wide.clamp(min=1.0), high.clamp(min=1.0)
    places_y = y1[:, None] + _centres(rows, count, x) * high[:, None]
    places_x = x1[:, None] + _centres(columns, count, x) * wide[:, None]
    height, width = x.shape[-2:]
    grid_y = places_y[:, :, None].expand(-1, -1, columns * count).flatten(1)
    grid_x = places_x[:, None, :].expand(-1, rows * count, -1).flatten(1)
    inside = (grid_y >= -1) & (grid_y <= height) & (grid_x >= -1) & (grid_x <= width)
    picked = _bilinear(x, batch.long(), grid_y.clamp(0, height - 1), grid_x.clamp(0, width - 1)) * inside.unsqueeze(1)
    picked = picked.reshape(len(regions), x.shape[1], rows, count, columns, count)
    return picked.mean((3, 5))


def _centres(cells: int, count: int, like: Tensor) -> Tensor:
    """Places of the samples along one axis, as shares of the region."""
    return ((torch.arange(cells * count, dtype=like.dtype, device=like.device) + 0.5) / (cells * count))[None]
