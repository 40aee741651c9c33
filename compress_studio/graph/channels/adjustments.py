"""What else a node needs when an axis gets shorter: group counts, split sizes, slice bounds, target shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from compress_studio.graph.rewrite import add_initializer, fresh_name

if TYPE_CHECKING:
    import onnx_ir as ir


class Adjustment(Protocol):
    """A change to one node that follows from removed indices."""

    @property
    def node(self) -> str:
        """Key of the node."""
        ...

    def apply(self, model: ir.Model, node: ir.Node, left: Left) -> None: ...


@dataclass(frozen=True, slots=True)
class Left:
    """Sizes before, and what is removed."""

    shapes: dict[str, tuple[int, ...]]
    gone: Callable[[str, int], np.ndarray]
    """Which indices of (tensor, axis) are removed, ascending; empty for none."""

    def size(self, value: str, axis: int) -> int:
        """How long an axis is afterwards."""
        return self.shapes[value][axis] - len(self.gone(value, axis))

    def before(self, value: str, axis: int, index: int) -> int:
        """Where the boundary in front of an index lies afterwards."""
        return index - int(np.searchsorted(self.gone(value, axis), index))


@dataclass(frozen=True, slots=True)
class GroupCount:
    """The number of groups of a depthwise convolution is its number of input channels."""

    node: str
    value: str

    def apply(self, model: ir.Model, node: ir.Node, left: Left) -> None:
        import onnx_ir as ir

        if len(left.gone(self.value, 1)):
            node.attributes["group"] = ir.AttrInt64("group", left.size(self.value, 1))


@dataclass(frozen=True, slots=True)
class SplitSizes:
    """The sizes of the pieces of a Split."""

    node: str
    outputs: tuple[str, ...]
    axis: int

    def apply(self, model: ir.Model, node: ir.Node, left: Left) -> None:
        import onnx_ir as ir

        if not any(len(left.gone(name, self.axis)) for name in self.outputs):
            return
        sizes = [left.size(name, self.axis) for name in self.outputs]
        if model.opset_imports.get("", 1) < 13:
            node.attributes["split"] = ir.AttrInt64s("split", sizes)
            return
        node.attributes.pop("num_outputs", None)
        _own_input(model, node, 1, np.array(sizes, np.int64))


@dataclass(frozen=True, slots=True)
class SliceBounds:
    """Start and end of a Slice along one axis."""

    node: str
    value: str
    axis: int
    position: int
    """Which entry of starts and ends."""
    start: int
    end: int

    def apply(self, model: ir.Model, node: ir.Node, left: Left) -> None:
        import onnx_ir as ir

        if not len(left.gone(self.value, self.axis)):
            return
        bounds = [left.before(self.value, self.axis, edge) for edge in (self.start, self.end)]
        for name, index, bound in zip(("starts", "ends"), (1, 2), bounds, strict=True):
            if name in node.attributes:
                old = [int(one) for one in node.attributes.get_ints(name, [])]
                old[self.position] = bound
                node.attributes[name] = ir.AttrInt64s(name, old)
            else:
                value = node.inputs[index]
                assert value is not None
                assert value.const_value is not None
                array = value.const_value.numpy().copy()
                array[self.position] = bound
                _own_input(model, node, index, array)


@dataclass(frozen=True, slots=True)
class Target:
    """A shape that is an input: entry p is the size of axis axes[p] of value.

    A constant is rewritten; a computed one is overruled where its entry changes, whatever it was computed from.
    """

    node: str
    input: int
    value: str
    axes: tuple[int, ...]

    def apply(self, model: ir.Model, node: ir.Node, left: Left) -> None:
        changed = [place for place, axis in enumerate(self.axes) if len(left.gone(self.value, axis))]
        if not changed:
            return
        if "shape" in node.attributes:
            self._attribute(node, changed, left)
            return
        target = node.inputs[self.input]
        assert target is not None
        if target.const_value is not None and target.producer() is None:
            array = target.const_value.numpy().copy()
            for place in changed:
                if array[place] != -1:
                    array[place] = left.size(self.value, self.axes[place])
            _own_input(model, node, self.input, array)
            return
        self._overrule(model, node, target, changed, left)

    def _attribute(self, node: ir.Node, changed: Sequence[int], left: Left) -> None:
        import onnx_ir as ir

        sizes = [int(one) for one in node.attributes.get_ints("shape", [])]
        for place in changed:
            if sizes[place] != -1:
                sizes[place] = left.size(self.value, self.axes[place])
        node.attributes["shape"] = ir.AttrInt64s("shape", sizes)

    def _overrule(self, model: ir.Model, node: ir.Node, target: ir.Value, changed: Sequence[int], left: Left) -> None:
        import onnx_ir as ir

        mask = np.zeros(len(self.axes), bool)
        sizes = np.zeros(len(self.axes), np.int64)
        for place in changed:
            mask[place], sizes[place] = True, left.size(self.value, self.axes[place])
        name = fresh_name(model, f"{node.name or self.node}_target")
        output = ir.Value(name=name, shape=ir.Shape([len(self.axes)]), type=ir.TensorType(ir.DataType.INT64))
        where = ir.node(
            "Where",
            [add_initializer(model, f"{name}_changed", mask), add_initializer(model, f"{name}_sizes", sizes), target],
            name=name,
            outputs=[output],
        )
        model.graph.insert_before(node, [where])
        node.replace_input_with(self.input, output)


def _own_input(model: ir.Model, node: ir.Node, index: int, array: np.ndarray) -> None:
    """Give a node a constant input of its own; the old one may have other readers."""
    if len(node.inputs) <= index:
        node.resize_inputs(index + 1)
    old = node.inputs[index]
    stem = (old.name if old is not None else None) or f"{node.name or 'node'}_sizes"
    node.replace_input_with(index, add_initializer(model, stem, array))
