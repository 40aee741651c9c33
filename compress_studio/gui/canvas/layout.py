"""Arranging a pipeline: longest-path layers from left to right, few crossings, straight lines. Pure, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from compress_studio.project.pipeline import TEACHER, NodeId, Pipeline, Point
from compress_studio.project.places import BELOW, GRID, SPACING, moved
from compress_studio.project.project import Project

SWEEPS = 4
BEND_ROOM = 60.0
"""The height that a line needs where it passes between nodes."""
MOST_BENDS = 400
"""With more long lines than that, they are not kept clear of nodes."""


@dataclass(slots=True)
class _Place:
    """A node, or the spot where a long line passes a layer."""

    name: str
    layer: int
    height: float
    before: list[tuple[_Place, float]] = field(default_factory=lambda: [])
    """What leads here, with the position of the port that it leads to, 0 to 1."""
    after: list[_Place] = field(default_factory=lambda: [])
    order: float = 0.0
    y: float = 0.0


def arrange(pipeline: Pipeline) -> dict[NodeId, Point]:
    """A place for every node, on the grid and without overlaps; the first is at the origin of its row."""
    places: dict[NodeId, Point] = {}
    top = 0.0
    for part in _components(pipeline):
        rows = _layered(pipeline, part)
        _order(rows)
        _align(rows)
        nodes = [one for row in rows for one in row if one.name]
        highest = min(one.y for one in nodes)
        for one in nodes:
            y = round((one.y - highest) / GRID) * GRID + top
            places[one.name] = (one.layer * SPACING, y)
        top = max(places[one.name][1] for one in nodes) + BELOW
    return places


def tidied(project: Project) -> Project:
    """The project, arranged when nodes lie on top of each other, as in files made without a canvas."""
    spots = [node.pos for node in project.pipeline]
    if len(set(spots)) == len(spots):
        return project
    return replace(project, pipeline=moved(project.pipeline, arrange(project.pipeline)))


def _components(pipeline: Pipeline) -> list[set[NodeId]]:
    """Nodes that hang together, in the order in which they were added."""
    near: dict[NodeId, list[NodeId]] = {node.id: [] for node in pipeline}
    for edge in pipeline.edges:
        near[edge.src].append(edge.dst)
        near[edge.dst].append(edge.src)
    seen: set[NodeId] = set()
    parts: list[set[NodeId]] = []
    for node in pipeline:
        if node.id in seen:
            continue
        part, stack = {node.id}, [node.id]
        while stack:
            for other in near[stack.pop()]:
                if other not in part:
                    part.add(other)
                    stack.append(other)
        seen |= part
        parts.append(part)
    return parts


def _layered(pipeline: Pipeline, part: set[NodeId]) -> list[list[_Place]]:
    """One list of places per layer; long lines have a place in every layer that they pass."""
    nodes = [node.id for node in pipeline.order() if node.id in part]
    edges = [edge for edge in pipeline.edges if edge.src in part]
    inputs: dict[NodeId, list[str]] = {name: [] for name in nodes}
    into: dict[NodeId, list[tuple[NodeId, str]]] = {name: [] for name in nodes}
    for edge in edges:
        inputs[edge.dst].append(edge.inp)
        into[edge.dst].append((edge.src, edge.inp))
    layer: dict[NodeId, int] = {}
    for name in nodes:
        layer[name] = max((layer[src] + 1 for src, _ in into[name]), default=0)
    rows: list[list[_Place]] = [[] for _ in range(max(layer.values()) + 1)]
    made: dict[NodeId, _Place] = {}
    for name in nodes:
        made[name] = _Place(name, layer[name], BELOW)
        rows[layer[name]].append(made[name])
    bends = sum(max(0, layer[edge.dst] - layer[edge.src] - 1) for edge in edges if edge.inp != TEACHER)
    for name in nodes:
        for src, port in into[name]:
            if port == TEACHER and len(into[name]) > 1:
                continue
            spot = inputs[name].index(port) / len(inputs[name])
            _lead(rows, made[src], made[name], spot, bent=bends <= MOST_BENDS)
    return rows


def _lead(rows: list[list[_Place]], start: _Place, end: _Place, spot: float, *, bent: bool) -> None:
    here = start
    if bent:
        for number in range(start.layer + 1, end.layer):
            bend = _Place("", number, BEND_ROOM, [(here, 0.0)])
            here.after.append(bend)
            rows[number].append(bend)
            here = bend
    here.after.append(end)
    end.before.append((here, spot))


def _order(rows: list[list[_Place]]) -> None:
    """Sweeps of barycentres: what belongs together comes to lie side by side."""
    _number(rows)
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            if sweep % 2 == 0:
                wanted = {id(one): _mean([src.order for src, _ in one.before], one.order) for one in row}
            else:
                wanted = {id(one): _mean([_entry(one, dst) for dst in one.after], one.order) for one in row}
            row.sort(key=lambda one, wanted=wanted: wanted[id(one)])
            _number([row])


def _entry(one: _Place, dst: _Place) -> float:
    return dst.order + next((spot for src, spot in dst.before if src is one), 0.0)


def _number(rows: list[list[_Place]]) -> None:
    for row in rows:
        for number, one in enumerate(row):
            one.order = number


def _align(rows: list[list[_Place]]) -> None:
    """Heights: each place as near to its neighbours as those above and below it in its layer allow."""
    for row in rows:
        _settle(row, [one.y for one in row])
    for sweep in range(SWEEPS + 1):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            if sweep % 2 == 0:
                _settle(row, [_mean([src.y for src, _ in one.before], one.y) for one in row])
            else:
                _settle(row, [_mean([dst.y for dst in one.after], one.y) for one in row])


def _settle(row: Sequence[_Place], wanted: Sequence[float]) -> None:
    """Put the places of a layer as near to the wanted heights as possible without overlaps, in their order.

    Pool adjacent violators: places that would overlap form a block around their common mean.
    """
    offsets: list[float] = []
    offset = 0.0
    for number, one in enumerate(row):
        if number:
            offset += GRID * round((row[number - 1].height + one.height) / 2 / GRID)
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []
    for target, shift in zip(wanted, offsets, strict=True):
        blocks.append((target - shift, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (first, many), (second, more) = blocks[-2:]
            blocks[-2:] = [((first * many + second * more) / (many + more), many + more)]
    place = 0
    for base, count in blocks:
        for number in range(place, place + count):
            row[number].y = base + offsets[number]
        place += count


def _mean(values: Sequence[float], without: float) -> float:
    return sum(values) / len(values) if values else without
