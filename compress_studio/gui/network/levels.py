"""One level of a layered layout: boxes and lines of one group, at most some dozens. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

GAP = 18.0
"""Between boxes of a layer."""
LINE_GAP = 12.0
"""Around a line that passes a layer."""
BETWEEN = 26.0
"""Between layers."""
SWEEPS = 6
PULL = 60.0
"""How far from the middle of a box a line may meet it and still make the box move."""
STRAIGHT = 6.0
"""Weight of lines when positions are found: they bend less than boxes move."""

Key: TypeAlias = tuple[int, int]
Line: TypeAlias = "tuple[int, Key | None, Key | None]"
"""(source, from, to); None: from or to the outside."""
Point: TypeAlias = tuple[float, float, int]
"""(x, y, 1 where a line goes with the flow, −1 where it runs back beside a column)."""


@dataclass(frozen=True, slots=True)
class Box:
    """Room for an entry, and where along its width lines of a source enter and leave (default: the middle)."""

    width: float
    """Along the layers."""
    length: float
    """Along the flow."""
    entries: Mapping[int, float] = field(default_factory=dict[int, float])
    exits: Mapping[int, float] = field(default_factory=dict[int, float])


@dataclass(frozen=True, slots=True)
class Arranged:
    """A finished level. Positions count from its top left corner."""

    size: tuple[float, float]
    places: Mapping[Key, tuple[float, float, float, float]]
    """(x, y, width, length)."""
    routes: Sequence[Sequence[Point]]
    """For each line the points that it goes through."""
    entries: Mapping[int, float]
    """Where lines of a source come in from outside."""
    exits: Mapping[int, float]


@dataclass(slots=True)
class Slot:
    """A box, or the place where a line passes a layer."""

    layer: int
    box: Box | None
    key: Key
    x: float = 0.0
    """Of its middle."""
    up: list[tuple[Slot, float, float]] = field(default_factory=list["tuple[Slot, float, float]"])
    """(neighbour, where at the neighbour, where here), from the middle."""
    down: list[tuple[Slot, float, float]] = field(default_factory=list["tuple[Slot, float, float]"])

    @property
    def half(self) -> float:
        return self.box.width / 2 if self.box is not None else 0.0

    @property
    def weight(self) -> float:
        return 1.0 if self.box is not None else STRAIGHT


def arrange(boxes: Mapping[Key, Box], order: Mapping[Key, int], lines: Sequence[Line]) -> Level:
    """Place the boxes of a group.

    Args: order tells which box comes first where lines go in circles; lines with the same source share their way.
    """
    pairs = {(a, b) for _, a, b in lines if a is not None and b is not None}
    layers = find_layers(list(boxes), order, pairs)
    level = Level(boxes, layers, lines)
    level.sort(order)
    level.spread()
    return level


def find_layers(keys: Sequence[Key], order: Mapping[Key, int], pairs: set[tuple[Key, Key]]) -> dict[Key, int]:
    """The layer of each box: one more than the deepest box before it. Circles are cut where the order says."""
    after: dict[Key, list[Key]] = {key: [] for key in keys}
    waiting = dict.fromkeys(keys, 0)
    for a, b in pairs:
        if a != b:
            after[a].append(b)
            waiting[b] += 1
    layers = dict.fromkeys(keys, 0)
    left = dict.fromkeys(sorted(keys, key=lambda key: order[key]))
    ready = [key for key in left if waiting[key] == 0]
    while left:
        if not ready:
            ready = [next(iter(left))]
        key = ready.pop()
        if key not in left:
            continue
        del left[key]
        for other in after[key]:
            if other in left:
                layers[other] = max(layers[other], layers[key] + 1)
                waiting[other] -= 1
                if waiting[other] == 0:
                    ready.append(other)
    _sink_sources(keys, layers, after, pairs)
    return layers


def _sink_sources(
    keys: Sequence[Key], layers: dict[Key, int], after: Mapping[Key, list[Key]], pairs: set[tuple[Key, Key]]
) -> None:
    """Move boxes without anything before them down to just above what needs them."""
    targets = {b for _, b in pairs}
    for key in keys:
        if key not in targets and after[key]:
            layers[key] = max(min(layers[other] for other in after[key]) - 1, 0)


class Level:
    """Boxes in layers, ordered, with positions along the layers."""

    def __init__(self, boxes: Mapping[Key, Box], layers: Mapping[Key, int], lines: Sequence[Line]) -> None:
        self.boxes = boxes
        self.lines = lines
        self.layer_of = layers
        self.depth = max(layers.values(), default=0) + 1
        self.slots: list[list[Slot]] = [[] for _ in range(self.depth)]
        self.by_key: dict[Key, Slot] = {}
        self.passes: dict[tuple[int, bool, int], Slot] = {}
        self.ways: list[list[Slot]] = []
        for key, box in boxes.items():
            self.by_key[key] = self._slot(layers[key], box, key)
        joined: set[tuple[int, int, int]] = set()
        for line in lines:
            way = self._way(line)
            self.ways.append(way)
            for one, other in pairwise(way):
                mark = (line[0], id(one), id(other))
                if mark not in joined and one.layer < other.layer:
                    joined.add(mark)
                    self._join(line[0], one, other)

    def _slot(self, layer: int, box: Box | None, key: Key) -> Slot:
        made = Slot(layer, box, key)
        self.slots[layer].append(made)
        return made

    def _way(self, line: Line) -> list[Slot]:
        """The slots that a line goes through; it passes each layer at one place for all lines of its source."""
        source, start, end = line
        first = self.layer_of[start] if start is not None else -1
        last = self.layer_of[end] if end is not None else self.depth
        way = [self.by_key[start]] if start is not None else []
        for layer in range(first + 1, last):
            mark = (source, start is None, layer)
            if mark not in self.passes:
                self.passes[mark] = self._slot(layer, None, (-1, len(self.passes)))
            way.append(self.passes[mark])
        if end is not None:
            way.append(self.by_key[end])
        return way

    def _join(self, source: int, one: Slot, other: Slot) -> None:
        out = _port(one.box.exits, source, one.half) if one.box is not None else 0.0
        into = _port(other.box.entries, source, other.half) if other.box is not None else 0.0
        one.down.append((other, into, out))
        other.up.append((one, out, into))

    def sort(self, order: Mapping[Key, int]) -> None:
        """Order each layer by the barycentres of the neighbours, down and up."""
        for row in self.slots:
            row.sort(key=lambda slot: order.get(slot.key, -1 if slot.box is None else 0))
        rank = {id(slot): place for row in self.slots for place, slot in enumerate(row)}
        for sweep in range(SWEEPS):
            downwards = sweep % 2 == 0
            for row in self.slots if downwards else self.slots[::-1]:
                centres = {
                    id(slot): _mean([rank[id(each)] for each, _, _ in (slot.up if downwards else slot.down)])
                    for slot in row
                }
                goals = {one: float(rank[one]) if goal is None else goal for one, goal in centres.items()}
                row.sort(key=lambda slot: goals[id(slot)])
                for place, slot in enumerate(row):
                    rank[id(slot)] = place

    def spread(self) -> None:
        """Find positions along the layers."""
        for row in self.slots:
            x = 0.0
            for one, other in pairwise(row):
                one.x = x
                x += _distance(one, other)
            if row:
                row[-1].x = x
                middle = (row[0].x - row[0].half + row[-1].x + row[-1].half) / 2
                for slot in row:
                    slot.x -= middle
        for sweep in range(SWEEPS):
            downwards = sweep % 2 == 0
            for row in self.slots if downwards else self.slots[::-1]:
                wanted: list[float] = []
                for slot in row:
                    ends = slot.up if downwards else slot.down
                    ends = ends or (slot.down if downwards else slot.up)
                    found = _mean([each.x + there - here for each, there, here in ends])
                    wanted.append(slot.x if found is None else found)
                for slot, x in zip(row, settle(row_distances(row), wanted, [one.weight for one in row]), strict=True):
                    slot.x = x


def row_distances(row: Sequence[Slot]) -> list[float]:
    """The least distance between the middles of neighbours."""
    return [_distance(one, other) for one, other in pairwise(row)]


def settle(distances: Sequence[float], wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Positions closest to the wanted ones (weighted least squares) that keep order and distances.

    Isotonic regression by pooling adjacent violators.
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    blocks: list[list[float]] = []
    for place, goal in enumerate(wanted):
        blocks.append([goal - offsets[place], weights[place], 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value, weight, count = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + value * weight) / (before[1] + weight)
            before[1] += weight
            before[2] += count
    found: list[float] = []
    for value, _, count in blocks:
        found += [value + offsets[len(found) + step] for step in range(int(count))]
    return found


def _distance(one: Slot, other: Slot) -> float:
    gap = GAP if one.box is not None and other.box is not None else LINE_GAP
    return one.half + other.half + gap


def _port(ports: Mapping[int, float], source: int, half: float) -> float:
    """Where a line meets a box, from its middle; far ones do not pull, or a row of large boxes would drift away."""
    at = ports.get(source, half) - half
    return at if abs(at) <= PULL else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
