"""The last part of laying out a level: a long thin one is folded into columns, as text is into lines. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from compress_studio.gui.network.levels import BETWEEN, Arranged, Key, Line, Point, Slot

LONG = 1300.0
"""Length from which a level is folded."""
THIN = 3.0
"""It must also be this many times as long as wide."""
TURN = 22.0
"""How far lines swing out where they go from the end of a column to the next one."""
LANE = 7.0
"""Between lines that run back beside each other."""
SEARCH = 0.2
"""Part of a column within which the place with the fewest lines is looked for."""


class Folded:
    """Positions and ways in columns."""

    def __init__(
        self,
        slots: Sequence[Sequence[Slot]],
        ways: Sequence[Sequence[Slot]],
        lines: Sequence[Line],
        ratio: float = 1.0,
    ) -> None:
        self.slots = slots
        self.ways = ways
        self.lines = lines
        self.ratio = ratio
        self.lengths = [max((one.box.length for one in row if one.box is not None), default=0.0) for row in slots]
        self.column = self._columns()
        self.count = self.column[-1] + 1 if self.column else 1
        self.lanes: list[dict[int, int]] = [{} for _ in range(self.count)]
        for line, way in zip(lines, ways, strict=True):
            for one, other in pairwise(way):
                if self.column[one.layer] < self.column[other.layer]:
                    self.lanes[self.column[one.layer]].setdefault(line[0], len(self.lanes[self.column[one.layer]]))
        self._place()

    def arranged(self) -> Arranged:
        """The finished level."""
        places = {
            slot.key: (
                self._x(slot) - slot.half,
                self.tops[slot.layer] + (self.lengths[slot.layer] - slot.box.length) / 2,
                slot.box.width,
                slot.box.length,
            )
            for row in self.slots
            for slot in row
            if slot.box is not None
        }
        routes = [self._route(line, way, places) for line, way in zip(self.lines, self.ways, strict=True)]
        pairs = list(zip(self.lines, routes, strict=True))
        entries = {line[0]: route[0][0] for line, route in pairs if line[1] is None}
        exits = {line[0]: route[-1][0] for line, route in pairs if line[2] is None}
        return Arranged(self.size, places, routes, entries, exits)

    def _columns(self) -> list[int]:
        """The column of each layer."""
        total = sum(self.lengths) + BETWEEN * max(len(self.lengths) - 1, 0)
        width = max((row[-1].x + row[-1].half - row[0].x + row[0].half for row in self.slots if row), default=0.0)
        if total < LONG or total < THIN * width:
            return [0] * len(self.slots)
        count = round(math.sqrt(total / (width + 3 * TURN) / self.ratio))
        if count < 2:
            return [0] * len(self.slots)
        cuts = self._cuts(total / count)
        column, found = 0, list[int]()
        for layer in range(len(self.slots)):
            if layer in cuts:
                column += 1
            found.append(column)
        return found

    def _cuts(self, target: float) -> set[int]:
        """Layers with which a new column begins: where few lines pass, close to equal lengths."""
        passing = [0] * (len(self.slots) + 1)
        seen: set[tuple[int, int]] = set()
        for line, way in zip(self.lines, self.ways, strict=True):
            for one, other in pairwise(way):
                if one.layer + 1 == other.layer and (line[0], other.layer) not in seen:
                    seen.add((line[0], other.layer))
                    passing[other.layer] += 1
        cuts: set[int] = set()
        ends: list[float] = []
        y = 0.0
        for length in self.lengths:
            y += length + BETWEEN
            ends.append(y)
        start = 0.0
        while ends and start + 1.4 * target < ends[-1]:
            near = [
                layer
                for layer in range(1, len(self.slots))
                if ends[layer - 1] > start and abs(ends[layer - 1] - start - target) <= SEARCH * target
            ]
            near = near or [next((at + 1 for at, end in enumerate(ends[:-1]) if end > start + target), 0)]
            best = min(near, key=lambda layer: (passing[layer], abs(ends[layer - 1] - start - target)))
            if best <= 0 or best in cuts:
                break
            cuts.add(best)
            start = ends[best - 1]
        return cuts

    def _place(self) -> None:
        """Where columns begin, how high each layer is, and the size of all."""
        extents = [[0.0, 0.0] for _ in range(self.count)]
        used = [False] * self.count
        for layer, row in enumerate(self.slots):
            at = self.column[layer]
            for slot in row:
                low, high = slot.x - slot.half, slot.x + slot.half
                extents[at] = [min(extents[at][0], low), max(extents[at][1], high)] if used[at] else [low, high]
                used[at] = True
        self.shift: list[float] = []
        self.gutter: list[float] = []
        x = 0.0
        for at, (low, high) in enumerate(extents):
            self.shift.append(x - low)
            x += high - low
            self.gutter.append(x + TURN)
            if at < self.count - 1:
                x += 2 * TURN + LANE * max(len(self.lanes[at]) - 1, 0)
        first = TURN if self.count > 1 else 0.0
        self.tops: list[float] = []
        self.bottoms = [first] * self.count
        for layer, length in enumerate(self.lengths):
            at = self.column[layer]
            begins = layer == 0 or self.column[layer - 1] != at
            top = first if begins else self.bottoms[at] + BETWEEN
            self.tops.append(top)
            self.bottoms[at] = top + length
        self.first = first
        self.size = (x, max(self.bottoms, default=0.0) + first)

    def _x(self, slot: Slot) -> float:
        return slot.x + self.shift[self.column[slot.layer]]

    def _route(
        self, line: Line, way: Sequence[Slot], places: Mapping[Key, tuple[float, float, float, float]]
    ) -> list[Point]:
        points: list[Point] = []
        before: Slot | None = None
        for slot in way:
            x, top, bottom = self._x(slot), self.tops[slot.layer], self.tops[slot.layer] + self.lengths[slot.layer]
            if before is not None and self.column[before.layer] < self.column[slot.layer]:
                points += self._turn(line[0], self.column[before.layer])
            if slot.box is None:
                points += [(x, top, 1), (x, bottom, 1)]
            else:
                left, above, _, length = places[slot.key]
                leaves = line[1] is not None and slot.key == line[1]
                ports = slot.box.exits if leaves else slot.box.entries
                points.append((left + ports.get(line[0], slot.half), above + length if leaves else above, 1))
            before = slot
        return points

    def _turn(self, source: int, column: int) -> list[Point]:
        """Back beside a column, from its end to the beginning of the next one."""
        x = self.gutter[column] + LANE * self.lanes[column].get(source, 0)
        return [(x, self.bottoms[column], -1), (x, self.first, -1)]
