"""The element-level dependency graph while it is built: a vertex per (tensor, axis, index), edges as index arrays.

Rules speak to it in whole axes; nothing here is one Python object per element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from compress_studio.graph.layers import people_name

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.channels.adjustments import Adjustment

Vertices = np.ndarray
"""Numbers of vertices, int64."""


class Shapes(Protocol):
    """What is known about the sizes of tensors: concrete numbers for one example input."""

    def of(self, name: str) -> tuple[int, ...] | None: ...

    def dtype(self, name: str) -> ir.DataType | None: ...


@dataclass(frozen=True, slots=True)
class Contraction:
    """A place where an axis is summed away by a product: where a removed channel stops to matter."""

    node: str
    """Key of the node: the name of its first output."""
    value: str
    """The activation whose axis is summed over."""
    input: int
    """Which input of the node that is."""
    axis: int
    weight: str = ""
    """The initializer on the other side, empty when that is an activation too."""
    weight_axis: int = 0
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """Multiply-accumulates of one node: constant × the product of the sizes of the named axes."""

    node: str
    constant: float
    axes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """Several axes seen as one by a reshape: prunable along at most one of them."""

    whole: Vertices
    parts: tuple[Vertices, ...]
    layer: str

    def coordinates(self, part: int) -> np.ndarray:
        """For each position of the whole, the index on one of its parts."""
        sizes = [len(one) for one in self.parts]
        return np.indices(sizes)[part].ravel()


class Links:
    """Collects what the rules say about a network: what goes together, what must stay, what has to be adjusted."""

    def __init__(self, model: ir.Model, shapes: Shapes) -> None:
        self.model = model
        self.opset = model.opset_imports.get("", 1)
        self.count = 0
        self.edges: list[tuple[Vertices, Vertices]] = []
        self.frozen: list[tuple[Vertices, str]] = []
        self.merges: list[Merge] = []
        self.adjustments: list[Adjustment] = []
        self.contractions: list[Contraction] = []
        self.costs: list[Cost] = []
        self.first: dict[str, tuple[int, ...]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._known = shapes

    def shape(self, value: ir.Value | None) -> tuple[int, ...] | None:
        """The concrete shape of a tensor, or None when nobody knows it."""
        if value is None or not value.name:
            return None
        if value.const_value is not None and value.producer() is None:
            return tuple(int(size) for size in value.const_value.shape.numpy())
        return self._known.of(value.name)

    def dtype(self, value: ir.Value) -> np.dtype:
        """The element type of a tensor; float32 when nobody knows it."""
        known = value.dtype or self._known.dtype(value.name or "")
        return np.dtype(np.float32) if known is None else known.numpy()

    def axis(self, value: ir.Value, axis: int) -> Vertices:
        """The vertices of one axis, in order. Raises Unknown when the shape is not known."""
        name = value.name or ""
        if name not in self.first:
            shape = self.shape(value)
            if shape is None:
                raise UnknownShapeError(name)
            starts = self.count + np.concatenate([[0], np.cumsum(shape)]).astype(np.int64)
            self.first[name] = tuple(int(start) for start in starts[:-1])
            self.shapes[name] = shape
            self.count = int(starts[-1])
        size = self.shapes[name][axis]
        start = self.first[name][axis]
        return np.arange(start, start + size, dtype=np.int64)

    def axes(self, value: ir.Value) -> list[Vertices]:
        """The vertices of every axis."""
        return [self.axis(value, number) for number in range(len(self.known(value)))]

    def known(self, value: ir.Value) -> tuple[int, ...]:
        """The concrete shape. Raises UnknownShape when nobody knows it."""
        shape = self.shape(value)
        if shape is None:
            raise UnknownShapeError(value.name or "")
        return shape

    def join(self, left: Vertices, right: Vertices, layer: str) -> None:
        """Two axes go together, index by index; unequal sizes freeze both."""
        if len(left) != len(right):
            self.freeze(left, f"its size does not fit at {layer}")
            self.freeze(right, f"its size does not fit at {layer}")
        elif len(left):
            self.edges.append((left, right))

    def freeze(self, vertices: Vertices, reason: str) -> None:
        """These stay, whatever they are joined with."""
        if len(vertices):
            self.frozen.append((vertices, reason))

    def freeze_value(self, value: ir.Value | None, reason: str) -> None:
        """Every axis of a tensor stays; a tensor of unknown shape has no vertices and needs none."""
        if value is not None and self.shape(value) is not None:
            for vertices in self.axes(value):
                self.freeze(vertices, reason)

    def freeze_node(self, node: ir.Node, reason: str) -> None:
        """Everything that a node reads and writes stays."""
        for value in (*node.inputs, *node.outputs):
            self.freeze_value(value, reason)

    def contract(
        self, node: ir.Node, index: int, axis: int, other: ir.Value | None, other_axis: int, groups: int = 1
    ) -> None:
        """Note that a node sums over an axis of its input number index, against an axis of another input."""
        value = node.inputs[index]
        assert value is not None
        weight = (other.name or "") if other is not None and is_constant(other) else ""
        rank = len(self.known(value))
        self.contractions.append(
            Contraction(key_of(node), value.name or "", index, axis % rank, weight, other_axis, groups)
        )

    def cost(self, node: ir.Node, constant: float, axes: Sequence[tuple[ir.Value, int]]) -> None:
        """Note what a node costs, so that plans can be made without changing the network."""
        named = tuple((value.name or "", axis % len(self.known(value))) for value, axis in axes)
        for value, _ in axes:
            self.axes(value)
        self.costs.append(Cost(key_of(node), constant, named))


class UnknownShapeError(Exception):
    """The shape of a tensor is not known, so nothing can be said about its axes."""


def key_of(node: ir.Node) -> str:
    """What finds a node again in a copy of the network: the name of its first output."""
    return next((value.name for value in node.outputs if value.name), "")


def layer_of(node: ir.Node) -> str:
    """How messages name a node: its operator and the name people know."""
    name = people_name(node)
    return node.op_type if name == node.op_type else f"{node.op_type} {name}"


def is_constant(value: ir.Value | None) -> bool:
    """True for an initializer that nobody can feed from outside."""
    return (
        value is not None and value.const_value is not None and value.producer() is None and not value.is_graph_input()
    )


def constant(node: ir.Node, index: int) -> np.ndarray | None:
    """The contents of an input that is an initializer, else None."""
    if index >= len(node.inputs):
        return None
    value = node.inputs[index]
    if value is None or not is_constant(value) or value.const_value is None:
        return None
    return value.const_value.numpy()


def ints(node: ir.Node, attribute: str, index: int) -> list[int] | None:
    """Whole numbers that older opsets keep in an attribute and newer ones in an input; None when computed."""
    if attribute in node.attributes:
        return [int(one) for one in node.attributes.get_ints(attribute, [])]
    array = constant(node, index)
    return None if array is None else [int(one) for one in np.ravel(array)]


def given(node: ir.Node, index: int) -> bool:
    """True when an optional input is there."""
    return index < len(node.inputs) and node.inputs[index] is not None
