"""How much each unit of a channel group matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.channels.components import operand
from compress_studio.graph.layers import weight_layers

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.channels import Group, Member

NO_BATCH_NORM = "it has no batch normalization; choose criterion l2"


def magnitude(model: ir.Model, groups: Iterable[Group], order: int) -> dict[Group, np.ndarray]:
    """Norm of all weights that a unit makes or is read by, summed over the whole coupled group (DepGraph, Fang 2023).

    Args: order 1 sums |w|, 2 takes the root of Σ w². Each layer is divided by its mean first, so that a layer with
    large weights does not outvote the others. Returns one score per unit.
    """
    sides = {(operand(layer), axis) for layer in weight_layers(model) for axis in (layer.out_axis, layer.in_axis)}
    found: dict[Group, np.ndarray] = {}
    for group in groups:
        terms = [
            _norms(array, member, order)
            for member in group.members
            if (member.tensor, member.axis) in sides and (array := _array(model, member)) is not None
        ]
        found[group] = _combined(terms, group.size)
    return found


def batch_norm(model: ir.Model, groups: Iterable[Group]) -> tuple[dict[Group, np.ndarray], list[Group]]:
    """|γ| of the batch normalizations behind each unit (Liu 2017); second the groups that have none."""
    gammas = {
        node.inputs[1].name
        for node in model.graph
        if node.op_type == "BatchNormalization" and node.inputs[1] is not None
    }
    found: dict[Group, np.ndarray] = {}
    without: list[Group] = []
    for group in groups:
        terms = [
            np.abs(array[member.indices]).mean(axis=1)
            for member in group.members
            if member.tensor in gammas and (array := _array(model, member)) is not None
        ]
        if terms:
            found[group] = _combined(terms, group.size)
        else:
            without.append(group)
    return found, without


def taylor(model: ir.Model, groups: Iterable[Group], importance: Mapping[str, np.ndarray]) -> dict[Group, np.ndarray]:
    """Σ |w · ∂L/∂w| over everything a unit takes with it (Molchanov 2019).

    Args: importance by initializer name, of the initializer's shape.
    """
    found: dict[Group, np.ndarray] = {}
    for group in groups:
        total = np.zeros(group.size)
        for member in group.members:
            array = importance.get(member.tensor) if member.initializer else None
            if array is not None and array.shape[member.axis] > int(member.indices.max()):
                total += _norms(array, member, 1)
        found[group] = total
    return found


def _array(model: ir.Model, member: Member) -> np.ndarray | None:
    value = model.graph.initializers.get(member.tensor)
    if value is None or value.const_value is None:
        return None
    array = value.const_value.numpy()
    return np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0)


def _norms(array: np.ndarray, member: Member, order: int) -> np.ndarray:
    """One norm per unit; shape (units,)."""
    rows = np.moveaxis(array, member.axis, 0).reshape(array.shape[member.axis], -1)
    sums = (np.abs(rows) if order == 1 else rows * rows).sum(axis=1)
    per_unit = sums[member.indices].sum(axis=1)
    return per_unit if order == 1 else np.sqrt(per_unit)


def _combined(terms: list[np.ndarray], size: int) -> np.ndarray:
    """Mean over layers, each divided by its own mean."""
    scaled = [term / term.mean() for term in terms if term.mean() > 0]
    return np.mean(scaled, axis=0) if scaled else np.zeros(size)
