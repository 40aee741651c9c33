"""Remove channels for good: shorter weights, and everything that counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.channels.adjustments import Left
from compress_studio.graph.channels.components import Group
from compress_studio.graph.channels.links import key_of
from compress_studio.graph.layers import set_array
from compress_studio.graph.rewrite import remove_unused

if TYPE_CHECKING:
    import onnx_ir as ir

Selection = Mapping[Group, Sequence[int] | np.ndarray]
"""Which units of which groups to remove."""


def removed_indices(selection: Selection) -> dict[tuple[str, int], np.ndarray]:
    """Indices that a selection takes away, ascending, by (tensor, axis).

    Raises ValueError when units of a group do not exist, or when nothing would be left of an axis.
    """
    chosen: list[np.ndarray] = []
    structure = None
    for group, units in selection.items():
        numbers = np.unique(np.asarray(units, np.int64))
        if len(numbers) and (numbers[0] < 0 or numbers[-1] >= group.size):
            raise ValueError(f"group {group.id} has units 0 to {group.size - 1}")
        chosen.append(group.components[numbers])
        structure = group.structure
    if structure is None:
        return {}
    gone = structure.gone(np.concatenate(chosen))
    for (name, axis), indices in gone.items():
        if len(indices) >= structure.links.shapes[name][axis]:
            raise ValueError(f"nothing would be left of axis {axis} of {name}")
    return gone


def remove(model: ir.Model, selection: Selection) -> None:
    """Remove units of groups from the network they were found in, or from an unchanged copy of it, in place.

    Args: selection gives the unit numbers by group. Raises ValueError as removed_indices does.
    """
    gone = removed_indices(selection)
    if not gone:
        return
    links = next(iter(selection)).structure.links
    nothing = np.zeros(0, np.int64)
    left = Left(links.shapes, lambda name, axis: gone.get((name, axis), nothing))
    nodes = {key_of(node): node for node in model.graph}
    for adjustment in links.adjustments:
        adjustment.apply(model, nodes[adjustment.node], left)
    _cut_initializers(model, gone)
    _correct_shapes(model, gone)
    remove_unused(model)


def _cut_initializers(model: ir.Model, gone: Mapping[tuple[str, int], np.ndarray]) -> None:
    for name in dict.fromkeys(name for name, _ in gone):
        value = model.graph.initializers.get(name)
        if value is None or value.const_value is None:
            continue
        array = value.const_value.numpy()
        for axis in range(array.ndim):
            if (name, axis) in gone:
                array = np.delete(array, gone[name, axis], axis)
        set_array(value, np.ascontiguousarray(array))


def _correct_shapes(model: ir.Model, gone: Mapping[tuple[str, int], np.ndarray]) -> None:
    import onnx_ir as ir

    for node in model.graph:
        for value in node.outputs:
            if value.shape is None:
                continue
            sizes = list(value.shape)
            for axis, size in enumerate(sizes):
                if (value.name, axis) in gone and isinstance(size, int):
                    sizes[axis] = size - len(gone[value.name or "", axis])
            value.shape = ir.Shape(sizes)
