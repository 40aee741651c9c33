"""Which channels must go together: connected components of the element-level dependency graph.

The idea follows DepGraph (Fang 2023), taken from layers down to single elements of ONNX tensors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.channels import rules_conv, rules_elementwise, rules_recurrent, rules_shape
from compress_studio.graph.channels.links import Links, Merge, Shapes, Vertices
from compress_studio.graph.channels.preparation import prepare
from compress_studio.graph.channels.rules import RULES, apply_rule
from compress_studio.graph.layers import WeightLayer, weight_layers

if TYPE_CHECKING:
    import onnx_ir as ir

RULE_FILES = (rules_conv, rules_elementwise, rules_recurrent, rules_shape)
"""Importing them fills the table of rules."""
LONE = "it has a single channel"


@dataclass(frozen=True, slots=True)
class Member:
    """One axis of one tensor that shrinks with a group."""

    tensor: str
    axis: int
    indices: np.ndarray
    """Shape (units of the group, elements per unit): which indices each unit takes."""
    initializer: bool


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Channels that can be removed one unit at a time, and everything that shrinks with each unit."""

    id: str
    """Name of the first layer that produces the channels, numbered where it has several groups."""
    size: int
    """Number of units."""
    layers: tuple[str, ...]
    """Names of the layers that produce the channels, in order."""
    consumers: tuple[str, ...]
    """Names of the layers that read them."""
    members: tuple[Member, ...]
    components: np.ndarray = field(repr=False)
    """Number of the component of each unit."""
    structure: Structure = field(repr=False)


@dataclass(frozen=True, slots=True)
class Structure:
    """What is known about the whole network once its components are found; shared by all groups."""

    links: Links
    component: np.ndarray
    """For each vertex the number of its component."""

    def gone(self, components: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
        """Indices that are removed with some components, by (tensor, axis)."""
        chosen = np.zeros(len(self.component) + 1, bool)
        chosen[components] = True
        removed = chosen[self.component]
        found: dict[tuple[str, int], np.ndarray] = {}
        for name, starts in self.links.first.items():
            for axis, (start, size) in enumerate(zip(starts, self.links.shapes[name], strict=True)):
                if removed[start : start + size].any():
                    found[name, axis] = np.flatnonzero(removed[start : start + size])
        return found


@dataclass(frozen=True, slots=True)
class Channels:
    """The result for one network: what can be removed, and what not and why."""

    groups: list[Group]
    frozen: list[dict[str, str]]
    """{layer, reason} of every layer with weights whose outputs must all stay."""
    structure: Structure = field(repr=False)


def find_groups(model: ir.Model, shapes: Shapes) -> Channels:
    """Find the channels that can be removed.

    Moves constants to initializers and gives each node its own vectors first (the outputs stay the same). Names,
    shapes and order of the nodes are what the groups refer to, so the model must not be changed in between.
    """
    prepare(model)
    links = Links(model, shapes)
    _boundaries(links, model)
    for node in model.graph:
        apply_rule(links, node)
    component, reasons = _settle(links)
    structure = Structure(links, component)
    layers = [layer for layer in weight_layers(model) if layer.op != "Gather" or layer.plain]
    groups = _groups(structure, reasons, layers)
    return Channels(groups, _frozen(structure, reasons, layers, groups), structure)


def connected(count: int, edges: Iterable[tuple[Vertices, Vertices]]) -> np.ndarray:
    """The smallest vertex of each vertex's component, by union-find on whole arrays."""
    pairs = list(edges)
    parent = np.arange(count, dtype=np.int64)
    if not pairs:
        return parent
    left, right = (np.concatenate(side) for side in zip(*pairs, strict=True))
    while True:
        a, b = parent[left], parent[right]
        open_ = a != b
        if not open_.any():
            return parent
        np.minimum.at(parent, np.maximum(a, b)[open_], np.minimum(a, b)[open_])
        while True:
            further = parent[parent]
            if np.array_equal(further, parent):
                break
            parent = further


def _boundaries(links: Links, model: ir.Model) -> None:
    """What the world outside or a sub-graph sees keeps its size."""
    for value in model.graph.outputs:
        links.freeze_value(value, f"its channels are the network's output {value.name}")
    for value in model.graph.inputs:
        links.freeze_value(value, f"its channels come from the network's input {value.name}")
    for graph in model.graphs():
        if graph is model.graph:
            continue
        for node in graph:
            for value in node.inputs:
                if value is not None and value.graph is model.graph:
                    links.freeze_value(value, f"{value.name} is used inside a branch or loop")


def _settle(links: Links) -> tuple[np.ndarray, dict[int, str]]:
    """Components with every merge decided: each keeps the first of its axes that nothing else freezes."""
    plain = connected(links.count, links.edges)
    stuck = _reasons(links, plain)
    choices = [next(iter(_open_parts(merge, plain, stuck)), 0) for merge in links.merges]
    component, reasons = _with_merges(links, choices)
    for number, merge in enumerate(links.merges):
        others = [part for part in _open_parts(merge, plain, stuck) if part != choices[number]]
        if int(component[merge.whole[0]]) not in reasons:
            continue
        for part in others:
            trial = [*choices[:number], part, *choices[number + 1 :]]
            new_component, new_reasons = _with_merges(links, trial)
            if int(new_component[merge.whole[0]]) not in new_reasons:
                choices, component, reasons = trial, new_component, new_reasons
                break
    return component, reasons


def _open_parts(merge: Merge, component: np.ndarray, reasons: dict[int, str]) -> list[int]:
    return [
        number
        for number, part in enumerate(merge.parts)
        if not any(int(component[vertex]) in reasons for vertex in part[:1])
    ]


def _with_merges(links: Links, choices: list[int]) -> tuple[np.ndarray, dict[int, str]]:
    edges, frozen = list(links.edges), []
    for merge, chosen in zip(links.merges, choices, strict=True):
        edges.append((merge.whole, merge.parts[chosen][merge.coordinates(chosen)]))
        for number, part in enumerate(merge.parts):
            if number != chosen:
                frozen.append((part, f"{merge.layer} folds it into another axis"))
    component = connected(links.count, edges)
    return component, _reasons(links, component, frozen)


def _reasons(links: Links, component: np.ndarray, more: Iterable[tuple[Vertices, str]] = ()) -> dict[int, str]:
    """The first reason of each frozen component."""
    found: dict[int, str] = {}
    for vertices, reason in (*links.frozen, *more):
        for one in np.unique(component[vertices]).tolist():
            found.setdefault(one, reason)
    return found


def _groups(structure: Structure, reasons: dict[int, str], layers: list[WeightLayer]) -> list[Group]:
    """Components of equal footprint, in the order of the layers that produce them."""
    links, component = structure.links, structure.component
    owner, place = _axes_table(links)
    frozen = np.zeros(links.count, bool)
    frozen[list(reasons)] = True
    free = np.flatnonzero(~frozen[component])
    prints: dict[int, dict[int, list[int]]] = {}
    for vertex in free.tolist():
        prints.setdefault(int(component[vertex]), {}).setdefault(int(owner[vertex]), []).append(int(place[vertex]))
    names = [(name, axis) for name in links.first for axis in range(len(links.first[name]))]
    producing = {(operand(layer), _made_axis(layer)) for layer in layers}
    alike: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for number in sorted(prints):
        footprint = tuple(sorted((axis, len(places)) for axis, places in prints[number].items()))
        if any(names[axis] in producing for axis, _ in footprint):
            alike.setdefault(footprint, []).append(number)
    groups: list[Group] = []
    taken: dict[str, int] = {}
    for footprint, numbers in alike.items():
        members = tuple(
            Member(
                names[axis][0],
                names[axis][1],
                np.array([prints[number][axis] for number in numbers]),
                names[axis][0] in links.model.graph.initializers,
            )
            for axis, _ in footprint
        )
        groups.append(_named(structure, members, numbers, layers, taken))
    order = {layer.name: number for number, layer in enumerate(layers)}
    return sorted(groups, key=lambda group: order.get(group.layers[0], 0))


def _named(
    structure: Structure,
    members: tuple[Member, ...],
    numbers: list[int],
    layers: list[WeightLayer],
    taken: dict[str, int],
) -> Group:
    axes = {(member.tensor, member.axis) for member in members}
    order = [layer.name for layer in layers if (operand(layer), _made_axis(layer)) in axes]
    read = tuple(layer.name for layer in layers if (operand(layer), layer.in_axis) in axes and layer.op != "Gather")
    name = order[0]
    taken[name] = taken.get(name, 0) + 1
    label = name if taken[name] == 1 else f"{name}#{taken[name]}"
    return Group(label, len(numbers), tuple(order), read, members, np.array(numbers), structure)


def _axes_table(links: Links) -> tuple[np.ndarray, np.ndarray]:
    """For each vertex the number of its (tensor, axis), and its index on it."""
    sizes = [size for shape in links.shapes.values() for size in shape]
    if not sizes:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.repeat(np.arange(len(sizes)), sizes), np.concatenate([np.arange(size) for size in sizes])


def _frozen(
    structure: Structure, reasons: dict[int, str], layers: list[WeightLayer], groups: list[Group]
) -> list[dict[str, str]]:
    """Layers that produce no prunable channel, with the reason of their first."""
    free = {name for group in groups for name in group.layers}
    found: list[dict[str, str]] = []
    for layer in layers:
        axis = _made_axis(layer)
        if layer.name in free or layer.name.endswith(".recurrent"):
            continue
        starts = structure.links.first.get(operand(layer))
        if starts is None:
            reason = f"the shapes at {layer.node.op_type} are not known"
        else:
            reason = reasons.get(int(structure.component[starts[axis]]), "nothing reads its channels")
        found.append({"layer": layer.name, "reason": reason})
    return found


def _made_axis(layer: WeightLayer) -> int:
    """The axis of the weight along which its outputs lie; a shared weight makes outputs in several layers."""
    return layer.in_axis if layer.op == "Gather" else layer.out_axis


def operand(layer: WeightLayer) -> str:
    """The tensor that the node of a layer reads as its weight; not the initializer when that is transposed."""
    value = layer.node.inputs[layer.index]
    return (value.name if value is not None else None) or ""


def known_operators() -> frozenset[str]:
    """Operators that have a rule."""
    return frozenset(RULES)
