"""Rules of operators that move, join, split and pick axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.channels.adjustments import SliceBounds, SplitSizes, Target
from compress_studio.graph.channels.links import Links, Merge, constant, given, ints, key_of, layer_of
from compress_studio.graph.channels.rules import rule
from compress_studio.graph.channels.rules_elementwise import broadcast

if TYPE_CHECKING:
    import onnx_ir as ir


@rule("Transpose")
def transpose(links: Links, node: ir.Node) -> None:
    """Axes change places."""
    x, y = _one(node)
    rank = len(links.known(x))
    order = [int(axis) for axis in node.attributes.get_ints("perm", []) or reversed(range(rank))]
    for place, axis in enumerate(order):
        links.join(links.axis(x, axis), links.axis(y, place), layer_of(node))


@rule("Squeeze", "Unsqueeze")
def squeeze(links: Links, node: ir.Node) -> None:
    """Axes of size 1 come or go, the others pass."""
    x, y = _one(node)
    long, short = (x, y) if node.op_type == "Squeeze" else (y, x)
    rank, axes = len(links.known(long)), ints(node, "axes", 1)
    if axes is None and (given(node, 1) or node.op_type == "Unsqueeze"):
        links.freeze_node(node, f"the axes of {layer_of(node)} are computed")
        return
    ones = {axis for axis, size in enumerate(links.known(long)) if size == 1}
    dropped = ones if axes is None else {axis % rank for axis in axes}
    place = 0
    for axis in range(rank):
        if axis in dropped:
            links.freeze(links.axis(long, axis), f"an axis of size 1 at {layer_of(node)}")
        else:
            links.join(links.axis(long, axis), links.axis(short, place), layer_of(node))
            place += 1


@rule("Reshape")
def reshape(links: Links, node: ir.Node) -> None:
    """Runs of axes of equal product pass; one axis against several is a merge; the target is adjusted."""
    _refold(links, node)
    rank = len(links.known(node.outputs[0]))
    links.adjustments.append(Target(key_of(node), 1, node.outputs[0].name or "", tuple(range(rank))))
    if given(node, 1):
        links.freeze_value(node.inputs[1], f"the target shape of {layer_of(node)}")


@rule("Flatten")
def flatten(links: Links, node: ir.Node) -> None:
    """A Reshape without a target."""
    _refold(links, node)


@rule("Concat")
def concat(links: Links, node: ir.Node) -> None:
    """Pieces lie behind each other along one axis."""
    y = node.outputs[0]
    rank = len(links.known(y))
    along = node.attributes.get_int("axis", 0) % rank
    offset = 0
    for x in node.inputs:
        assert x is not None
        for axis in range(rank):
            out = links.axis(y, axis)
            if axis == along:
                size = links.known(x)[axis]
                out = out[offset : offset + size]
                offset += size
            links.join(links.axis(x, axis), out, layer_of(node))


@rule("Split")
def split(links: Links, node: ir.Node) -> None:
    """Pieces of one axis; their sizes are adjusted."""
    x = node.inputs[0]
    assert x is not None
    rank = len(links.known(x))
    along = node.attributes.get_int("axis", 0) % rank
    offset = 0
    for y in node.outputs:
        for axis in range(rank):
            into = links.axis(x, axis)
            if axis == along:
                size = links.known(y)[axis]
                into = into[offset : offset + size]
                offset += size
            links.join(into, links.axis(y, axis), layer_of(node))
    if given(node, 1):
        links.freeze_value(node.inputs[1], f"the sizes of {layer_of(node)}")
        if constant(node, 1) is None:
            links.freeze(links.axis(x, along), f"the sizes of {layer_of(node)} are computed")
    links.adjustments.append(SplitSizes(key_of(node), tuple(y.name or "" for y in node.outputs), along))


@rule("Slice")
def slice_(links: Links, node: ir.Node) -> None:
    """Places from start to end; the bounds are adjusted."""
    x, y = _one(node)
    shape, layer = links.known(x), layer_of(node)
    starts, ends = ints(node, "starts", 1), ints(node, "ends", 2)
    axes = ints(node, "axes", 3) if "axes" in node.attributes or given(node, 3) else None
    if axes is None and starts is not None and not given(node, 3):
        axes = list(range(len(starts)))
    steps = ints(node, "steps", 4) if given(node, 4) else None
    sliced = {axis % len(shape): place for place, axis in enumerate(axes or [])}
    for axis, size in enumerate(shape):
        into, out = links.axis(x, axis), links.axis(y, axis)
        place = sliced.get(axis)
        step = 1 if not given(node, 4) else (steps[place] if steps is not None and place is not None else 0)
        if (place is None and axes is not None) or (len(into) == len(out) and step == 1):
            links.join(into, out, layer)
        elif starts is None or ends is None or place is None or step != 1:
            links.freeze(into, f"{layer} takes places that depend on its size")
            links.freeze(out, f"{layer} takes places that depend on its size")
            continue
        if place is not None and starts is not None and ends is not None and step == 1:
            start, end = _bounds(starts[place], ends[place], size)
            links.join(into[start:end], out, layer)
            links.adjustments.append(SliceBounds(key_of(node), x.name or "", axis, place, start, end))


@rule("Gather")
def gather(links: Links, node: ir.Node) -> None:
    """Rows are looked up by number and stay; the other axes pass (the width of an embedding)."""
    data, indices = node.inputs[0], node.inputs[1]
    assert data is not None
    assert indices is not None
    y, rank = node.outputs[0], len(links.known(data))
    along, span = node.attributes.get_int("axis", 0) % rank, len(links.known(indices))
    links.freeze(links.axis(data, along), f"{layer_of(node)} looks up its rows by number")
    for axis in range(rank):
        if axis != along:
            place = axis if axis < along else axis + span - 1
            links.join(links.axis(data, axis), links.axis(y, place), layer_of(node))
    for axis in range(span):
        links.join(links.axis(indices, axis), links.axis(y, along + axis), layer_of(node))


@rule("Expand")
def expand(links: Links, node: ir.Node) -> None:
    """Axes that are not stretched pass; the target is adjusted."""
    x, y = _one(node)
    broadcast(links, node, [x], y)
    _target(links, node, 1, y)


@rule("ConstantOfShape")
def constant_of_shape(links: Links, node: ir.Node) -> None:
    """Every axis is free; the target is adjusted."""
    links.axes(node.outputs[0])
    _target(links, node, 0, node.outputs[0])


@rule("Pad", "Resize", "Upsample", "Tile")
def resize(links: Links, node: ir.Node) -> None:
    """Axes that keep their size pass."""
    x, y = _one(node)
    for axis in range(len(links.known(y))):
        into, out = links.axis(x, axis), links.axis(y, axis)
        if len(into) == len(out):
            links.join(into, out, layer_of(node))
        else:
            links.freeze(into, f"its size is changed by {layer_of(node)}")
            links.freeze(out, f"its size is changed by {layer_of(node)}")
    if node.op_type == "Resize" and given(node, 3):
        if "axes" in node.attributes:
            axes = [int(axis) % len(links.known(y)) for axis in node.attributes.get_ints("axes", [])]
            links.adjustments.append(Target(key_of(node), 3, y.name or "", tuple(axes)))
        else:
            _target(links, node, 3, y)


@rule("DepthToSpace", "SpaceToDepth")
def blocks(links: Links, node: ir.Node) -> None:
    """Channels and places are exchanged, so both stay."""
    x, y = _one(node)
    links.join(links.axis(x, 0), links.axis(y, 0), layer_of(node))
    for value in (x, y):
        for axis in range(1, 4):
            links.freeze(links.axis(value, axis), f"channels become places in {layer_of(node)}")


@rule("Shape")
def shape_of(links: Links, node: ir.Node) -> None:
    """An axis may shrink when its size only ends in target shapes."""
    x = node.inputs[0]
    assert x is not None
    if links.shape(x) is None:
        return
    rank = len(links.known(x))
    start, end = node.attributes.get_int("start", 0), node.attributes.get_int("end", rank)
    start, end = _bounds(start, end, rank)
    links.axes(node.outputs[0])
    for place, axis in enumerate(range(start, end)):
        if not _only_a_target(links, node.outputs[0], place):
            links.freeze(links.axis(x, axis), f"its size is used for more than shapes after {layer_of(node)}")


@rule("Size", "NonZero", "EyeLike")
def counts_everything(links: Links, node: ir.Node) -> None:
    """The number of elements becomes a value, so all stay."""
    links.freeze_node(node, f"its size is counted by {layer_of(node)}")


@rule("Range")
def range_(links: Links, node: ir.Node) -> None:
    """Its length is a value."""
    links.freeze_value(node.outputs[0], f"counted by {layer_of(node)}")


PASSES_SIZES = frozenset({"Cast", "Concat", "Unsqueeze", "Squeeze", "Identity", "Reshape", "Where", "Slice", "Gather"})
SIZE_INPUTS = {"Reshape": 1, "Expand": 1, "ConstantOfShape": 0, "Resize": 3}


def _only_a_target(links: Links, sizes: ir.Value, place: int) -> bool:
    """True when one entry of a list of sizes ends only in target shapes, which are put right afterwards.

    Args: place is the entry, -1 for any.
    """
    if sizes.is_graph_output():
        return False
    for use in sizes.uses():
        node = use.node
        if SIZE_INPUTS.get(node.op_type) == use.idx or not _reads(links, node, use.idx, sizes, place):
            continue
        if node.op_type not in PASSES_SIZES:
            return False
        landing = place if node.op_type in {"Cast", "Identity"} else -1
        if not _only_a_target(links, node.outputs[0], landing):
            return False
    return True


def _reads(links: Links, node: ir.Node, index: int, sizes: ir.Value, place: int) -> bool:
    """False when a node certainly picks other entries than this one."""
    shape = links.shape(sizes)
    if place < 0 or index != 0 or shape is None or len(shape) != 1:
        return True
    if node.op_type == "Gather":
        picked = constant(node, 1)
        return picked is None or place in np.ravel(picked) % shape[0]
    if node.op_type == "Slice":
        starts, ends = ints(node, "starts", 1), ints(node, "ends", 2)
        if starts is None or ends is None or given(node, 4):
            return True
        return place in range(shape[0])[slice(starts[0], ends[0])]
    return True


def _target(links: Links, node: ir.Node, index: int, y: ir.Value) -> None:
    target = node.inputs[index]
    assert target is not None
    rank, length = len(links.known(y)), links.known(target)[0]
    links.freeze_value(target, f"the target shape of {layer_of(node)}")
    # A target shorter than the output is aligned with its last axes.
    links.adjustments.append(Target(key_of(node), index, y.name or "", tuple(range(rank - length, rank))))


def _bounds(start: int, end: int, size: int) -> tuple[int, int]:
    low, high, _ = slice(start, end).indices(size)
    return low, max(low, high)


def _one(node: ir.Node) -> tuple[ir.Value, ir.Value]:
    into = node.inputs[0]
    assert into is not None
    return into, node.outputs[0]


def _refold(links: Links, node: ir.Node) -> None:
    """Match the axes of input and output in runs of equal product; one axis against several is a merge."""
    x, y = _one(node)
    for left, right in runs(links.known(x), links.known(y)):
        sources = [links.axis(x, axis) for axis in left]
        targets = [links.axis(y, axis) for axis in right]
        many, few = (sources, targets) if len(sources) > len(targets) else (targets, sources)
        if len(few) == len(many) == 1:
            links.join(few[0], many[0], layer_of(node))
        elif len(few) == 1:
            links.merges.append(Merge(few[0], tuple(many), layer_of(node)))
        else:
            for vertices in (*sources, *targets):
                links.freeze(vertices, f"{layer_of(node)} mixes axes")


def runs(before: tuple[int, ...], after: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """The finest division of two shapes of equal size into runs with equal products; axes of size 1 are left out."""
    left = [axis for axis, size in enumerate(before) if size != 1]
    right = [axis for axis, size in enumerate(after) if size != 1]
    found: list[tuple[list[int], list[int]]] = []
    while left and right:
        a, b = [left.pop(0)], [right.pop(0)]
        size_a, size_b = before[a[0]], after[b[0]]
        while size_a != size_b and (left if size_a < size_b else right):
            if size_a < size_b:
                a.append(left.pop(0))
                size_a *= before[a[-1]]
            else:
                b.append(right.pop(0))
                size_b *= after[b[-1]]
        found.append((a, b))
    return found
