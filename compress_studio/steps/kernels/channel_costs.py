"""What a network costs as a function of how many units each group of channels has lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.steps.kernels.channel_plan import SizeModel

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.channels import Group
    from compress_studio.graph.channels.links import Cost


def mac_model(costs: Sequence[Cost], shapes: Mapping[str, tuple[int, ...]], groups: Sequence[Group]) -> SizeModel:
    """Multiply-accumulates without touching the network."""
    axes = {axis: number for number, axis in enumerate(dict.fromkeys(one for cost in costs for one in cost.axes))}
    sizes = [float(shapes[name][axis]) for name, axis in axes]
    terms = [(cost.constant, [axes[one] for one in cost.axes]) for cost in costs]
    return SizeModel.of(sizes, _shrink(axes, groups), terms)


def storage_model(model: ir.Model, groups: Sequence[Group], weights: frozenset[str]) -> tuple[SizeModel, np.ndarray]:
    """Parameters in the initializers that shrink with the groups, and the bytes of each of their numbers.

    Args: weights are the names of the initializers that count as parameters; of others only the bytes matter.
    """
    names = dict.fromkeys(member.tensor for group in groups for member in group.members if member.initializer)
    axes: dict[tuple[str, int], int] = {}
    sizes: list[float] = []
    terms: list[tuple[float, list[int]]] = []
    widths: list[float] = []
    for name in names:
        tensor = model.graph.initializers[name].const_value
        if tensor is None:
            continue
        own: list[int] = []
        for axis, size in enumerate(tensor.shape.numpy()):
            axes[name, axis] = len(sizes)
            own.append(len(sizes))
            sizes.append(float(size))
        terms.append((float(name in weights), own))
        widths.append(tensor.nbytes / max(tensor.size, 1))
    return SizeModel.of(sizes, _shrink(axes, groups), terms), np.array(widths)


def _shrink(axes: Mapping[tuple[str, int], int], groups: Sequence[Group]) -> np.ndarray:
    """What each axis loses with a unit of each group."""
    table = np.zeros((len(axes), len(groups)))
    for column, group in enumerate(groups):
        for member in group.members:
            row = axes.get((member.tensor, member.axis))
            if row is not None:
                table[row, column] = member.indices.shape[1]
    return table
