"""Padding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.convolution import torch_pads
from compress_studio.view.ops.registry import Attrs, Context, ints, op


@op("Pad", host=(1, 2, 3))
def pad(
    ctx: Context,
    attrs: Attrs,
    x: Tensor,
    pads: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    """Amounts are attributes before operator set 11 and inputs since; negative amounts cut."""
    amounts = ints(pads) if pads is not None else ints(attrs["pads"])
    along = [axis % x.dim() for axis in ints(axes)] or list(range(x.dim()))
    before, after = [0] * x.dim(), [0] * x.dim()
    for position, axis in enumerate(along):
        before[axis] = amounts[position]
        after[axis] = amounts[position + len(along)]
    mode = attrs.get("mode", "constant")
    if mode == "constant":
        fill = value.reshape(-1)[0].item() if value is not None and value.numel() else attrs.get("value", 0.0)
        if x.dtype == torch.bool:
            return F.pad(x.to(torch.uint8), torch_pads(before, after), value=int(fill)).bool()
        return F.pad(x, torch_pads(before, after), value=fill)
    for axis in range(x.dim()):
        if before[axis] or after[axis]:
            x = x.index_select(axis, _places(mode, x.shape[axis], before[axis], after[axis]).to(x.device))
    return x


def _places(mode: str, size: int, before: int, after: int) -> Tensor:
    """Which values stand along one padded axis."""
    places = torch.arange(-before, size + after)
    if mode == "edge":
        return places.clamp(0, size - 1)
    if mode == "wrap":
        return places % size
    period = max(2 * (size - 1), 1)
    places = places % period
    return torch.where(places >= size, period - places, places)
