"""Where nodes lie on the canvas: free places, room between neighbours. Plain geometry in units of the canvas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from compress_studio.project.pipeline import Edge, NodeId, Pipeline, Point

SPACING = 220.0
"""Distance between neighbours from left to right."""
BELOW = 140.0
"""Distance between branches from top to bottom."""
WIDE, HIGH = 200.0, 120.0
"""The room that a node needs, with some air around it."""
GRID = 20.0
FAR = 20


def on_grid(place: Point) -> Point:
    """The nearest point of the grid."""
    return (round(place[0] / GRID) * GRID, round(place[1] / GRID) * GRID)


def overlap(one: Point, other: Point) -> bool:
    """Whether nodes at these places are in each other's way."""
    return abs(one[0] - other[0]) < WIDE and abs(one[1] - other[1]) < HIGH


def free_place(taken: Iterable[Point], wanted: Point) -> Point:
    """The wanted place, or the next one below it where a node is in nobody's way."""
    others = [place for place in taken if abs(place[0] - wanted[0]) < WIDE]
    place = wanted
    while True:
        blocking = [other for other in others if overlap(other, place)]
        if not blocking:
            return place
        place = (place[0], max(other[1] for other in blocking) + BELOW)


def free_offset(taken: Iterable[Point], group: Iterable[Point], offset: Point) -> Point:
    """How far a group of nodes must be moved so that none of them is in the way: the offset, or further down."""
    others, members = list(taken), list(group)
    for extra in range(FAR * FAR):
        moved = (offset[0], offset[1] + extra * GRID)
        places = [(place[0] + moved[0], place[1] + moved[1]) for place in members]
        if not any(overlap(place, other) for place in places for other in others):
            return moved
    return offset


def make_room(pipeline: Pipeline, edge: Edge) -> tuple[Pipeline, Point]:
    """Move what lies behind an edge to the right until a node fits between; also the place of that node."""
    start, end = pipeline.node(edge.src).pos, pipeline.node(edge.dst).pos
    lacking = start[0] + 2 * SPACING - end[0]
    if lacking > 0 and end[0] > start[0]:
        behind = {edge.dst, *pipeline.below(edge.dst)}
        places = {
            node.id: (node.pos[0] + lacking, node.pos[1])
            for node in pipeline.nodes
            if node.id in behind and node.pos[0] >= end[0]
        }
        pipeline = moved(pipeline, places)
        end = pipeline.node(edge.dst).pos
    middle = on_grid(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    return pipeline, free_place((node.pos for node in pipeline.nodes), middle)


def moved(pipeline: Pipeline, places: Mapping[NodeId, Point]) -> Pipeline:
    """The pipeline with some nodes elsewhere."""
    nodes = (replace(node, pos=places[node.id]) if node.id in places else node for node in pipeline.nodes)
    return Pipeline(tuple(nodes), pipeline.edges)
