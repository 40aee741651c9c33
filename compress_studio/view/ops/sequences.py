"""Sequences of tensors, which are lists here, and Scan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, ints, op


@op("SequenceEmpty")
def sequence_empty(ctx: Context, attrs: Attrs) -> tuple[list[Tensor]]:
    """No tensors."""
    return ([],)


@op("SequenceConstruct")
def sequence_construct(ctx: Context, attrs: Attrs, *tensors: Tensor) -> tuple[list[Tensor]]:
    """Tensors in a row."""
    return (list(tensors),)


@op("SequenceInsert", host=(2,))
def sequence_insert(
    ctx: Context, attrs: Attrs, sequence: list[Tensor], x: Tensor, place: Tensor | None = None
) -> tuple[list[Tensor]]:
    """One more, at the end unless a place is given."""
    index = len(sequence) if place is None else ints(place)[0]
    index = index + len(sequence) if index < 0 else index
    return ([*sequence[:index], x, *sequence[index:]],)


@op("SequenceErase", host=(1,))
def sequence_erase(
    ctx: Context, attrs: Attrs, sequence: list[Tensor], place: Tensor | None = None
) -> tuple[list[Tensor]]:
    """One less."""
    index = (-1 if place is None else ints(place)[0]) % len(sequence)
    return ([*sequence[:index], *sequence[index + 1 :]],)


@op("SequenceAt", host=(1,))
def sequence_at(ctx: Context, attrs: Attrs, sequence: list[Tensor], place: Tensor) -> Tensor:
    """One of them."""
    return sequence[ints(place)[0]]


@op("SequenceLength")
def sequence_length(ctx: Context, attrs: Attrs, sequence: list[Tensor]) -> Tensor:
    """How many."""
    return torch.tensor(len(sequence), dtype=torch.int64)


@op("ConcatFromSequence")
def concat_from_sequence(ctx: Context, attrs: Attrs, sequence: list[Tensor]) -> Tensor:
    """All joined along an axis, an old one or a new one."""
    return torch.stack(sequence, attrs["axis"]) if attrs.get("new_axis", 0) else torch.cat(sequence, attrs["axis"])


@op("SplitToSequence", host=(1,))
def split_to_sequence(ctx: Context, attrs: Attrs, x: Tensor, given: Tensor | None = None) -> tuple[list[Tensor]]:
    """A tensor cut along an axis: by one size, by sizes, or into single slices."""
    axis = attrs.get("axis", 0)
    if given is None:
        parts = torch.split(x, 1, axis)
        return ([one if attrs.get("keepdims", 1) else one.squeeze(axis) for one in parts],)
    sizes = ints(given)
    return (list(torch.split(x, sizes if given.dim() else sizes[0], axis)),)


@op("Optional")
def optional(ctx: Context, attrs: Attrs, value: Any = None) -> tuple[Any]:
    """A value that may be missing."""
    return (value,)


@op("OptionalGetElement")
def optional_get(ctx: Context, attrs: Attrs, value: Any) -> tuple[Any]:
    """The value, which is there."""
    return (value,)


@op("OptionalHasElement")
def optional_has(ctx: Context, attrs: Attrs, value: Any = None) -> Tensor:
    """Whether it is there."""
    return torch.tensor(value is not None)


def _old_scan(attrs: Attrs, inputs: int) -> str:
    return "operator set 8" if "directions" in attrs else ""


@op("Scan", refuses=_old_scan)
def scan(ctx: Context, attrs: Attrs, *tensors: Any) -> tuple[Any, ...]:
    """A body run for every slice of some inputs; what it adds each time is stacked."""
    count = attrs["num_scan_inputs"]
    state, read = list(tensors[: len(tensors) - count]), tensors[len(tensors) - count :]
    axes = attrs.get("scan_input_axes") or [0] * count
    turned = attrs.get("scan_input_directions") or [0] * count
    slices = [_slices(x, axis, back) for x, axis, back in zip(read, axes, turned, strict=True)]
    rows: list[list[Tensor]] = [[] for _ in range(len(attrs["body"].outputs) - len(state))]
    for parts in zip(*slices, strict=True):
        results = ctx.run(attrs["body"], [*state, *parts])
        for row, value in zip(rows, results[len(state) :], strict=True):
            row.append(_tensor(value))
        state = list(results[: len(state)])
    out_axes = attrs.get("scan_output_axes") or [0] * len(rows)
    backwards = attrs.get("scan_output_directions") or [0] * len(rows)
    grown = [
        torch.stack(row[::-1] if back else row, axis) if row else torch.zeros(0)
        for row, axis, back in zip(rows, out_axes, backwards, strict=True)
    ]
    return (*state, *grown)


def _slices(x: Tensor, axis: int, back: int) -> Sequence[Tensor]:
    parts = torch.unbind(x, axis)
    return parts[::-1] if back else parts


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else value.tensor()


@op("TensorScatter", host=())
def tensor_scatter(ctx: Context, attrs: Attrs, past: Tensor, update: Tensor, places: Tensor | None = None) -> Tensor:
    """Slices written into a cache along an axis, from a place of each sample on, in a circle when asked."""
    axis = attrs.get("axis", -2) % past.dim()
    steps = torch.arange(update.shape[axis], device=past.device)
    starts = past.new_zeros(past.shape[0], dtype=torch.int64) if places is None else places.long()
    index = starts[:, None] + steps[None]
    if attrs.get("mode", "linear") == "circular":
        index = index % past.shape[axis]
    shape = [1] * past.dim()
    shape[0], shape[axis] = index.shape
    return past.scatter(axis, index.reshape(shape).expand_as(update), update)
