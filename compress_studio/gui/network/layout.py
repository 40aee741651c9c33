"""Where everything goes: a layered layout, group by group, so that opening one group only changes what is around it.

Longest-path layers, barycentre ordering (Sugiyama 1981), and positions by least squares that keep the order. Lines
that pass a layer get a place in it, so that skip connections run beside the boxes. Pure: no Qt, any thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from compress_studio.base.errors import UserError
from compress_studio.gui.network.folding import TURN, Folded
from compress_studio.gui.network.inside import ROOT, Network
from compress_studio.gui.network.levels import Arranged, Box, Point, arrange

LIMIT = 6000
"""Operators and closed groups that are shown at most."""
LONGEST = 8.0
"""Seconds after which a layout gives up."""
LETTER = 7.8
SMALLEST, WIDEST = 84.0, 190.0
OPERATOR, CLOSED = 38.0, 46.0
HEADER = 24.0
MARGIN = 14.0
GROUP, LEAF = 1, 0


class TooMuchError(UserError):
    """There is more to show than can be shown; the message says it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A finished layout. Boxes: open groups first (outer before inner), then everything else."""

    network: Network
    open: frozenset[int]
    across: bool
    """The network flows from left to right, not from top to bottom."""
    rects: np.ndarray
    """(boxes, 4) float32: x, y, width, height."""
    is_group: np.ndarray
    """(boxes,) bool."""
    refs: np.ndarray
    """(boxes,) number of the node, or of the group."""
    opened: int
    """How many boxes at the beginning are open groups."""
    curves: np.ndarray
    """(segments, 8) float32: a cubic curve as four points."""
    sources: np.ndarray
    """(segments,) the box that each curve comes from."""
    targets: tuple[tuple[int, ...], ...]
    """The boxes that each curve leads to."""
    seconds: float = 0.0
    index: Mapping[tuple[bool, int], int] = field(default_factory=dict[tuple[bool, int], int])
    """Box by (is a group, number)."""

    def box_of(self, *, node: int | None = None, group: int | None = None) -> int | None:
        """The box of a node or group, or of the closed group that hides it."""
        if node is not None:
            if (False, node) in self.index:
                return self.index[False, node]
            group = self.network.nodes[node]["group"]
        for one in reversed(self.network.above(group if group is not None else ROOT)):
            if (True, one) in self.index:
                return self.index[True, one]
        return None


def place(
    network: Network,
    opened: frozenset[int],
    *,
    across: bool = False,
    ratio: float = 1.0,
    check: Callable[[], None] | None = None,
) -> Placed:
    """Lay out what is visible when these groups are open.

    Args: across lets the network flow to the right; ratio is the wanted extent along the flow by that across it;
    check is called now and then and may raise to stop.
    Raises TooMuchError when there are more than LIMIT boxes, or when it takes longer than LONGEST.
    """
    start = time.monotonic()

    def go_on() -> None:
        if check is not None:
            check()
        if time.monotonic() - start > LONGEST:
            raise TooMuchError("The picture takes too long to draw.", "Close some groups.")

    work = _Work(network, opened, across, ratio, go_on)
    return work.placed(start)


@dataclass(slots=True)
class _Level:
    """The inside of an open group: its entries and the lines between them."""

    entries: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(kind, number)."""
    lines: dict[tuple[int, tuple[int, int] | None, tuple[int, int] | None], set[int]] = field(
        default_factory=dict[tuple[int, "tuple[int, int] | None", "tuple[int, int] | None"], set[int]]
    )
    """(source leaf, from entry or None for outside, to entry or None): leaves that the line leads to."""
    done: Arranged | None = None


class _Work:
    def __init__(
        self, network: Network, opened: frozenset[int], across: bool, ratio: float, check: Callable[[], None]
    ) -> None:
        self.network = network
        self.across = across
        self.ratio = ratio
        self.check = check
        self.levels: dict[int, _Level] = {}
        self.holder: dict[tuple[int, int], int] = {}
        """Open group in which an entry is."""
        self.leaf_of: dict[int, tuple[int, int]] = {}
        """The visible entry that stands for each node."""
        self.open: list[int] = []
        self._unfold(opened)
        self._draw_lines()

    def _unfold(self, opened: frozenset[int]) -> None:
        todo = [ROOT]
        count = 0
        while todo:
            one = todo.pop()
            self.open.append(one)
            group = self.network.groups[one]
            entries = [(LEAF, node) for node in group.nodes] + [(GROUP, inner) for inner in group.groups]
            self.levels[one] = _Level(entries)
            count += sum(1 for kind, number in entries if kind == LEAF or number not in opened)
            if count > LIMIT:
                raise TooMuchError(f"More than {LIMIT} boxes would be visible.", "Close some groups.")
            for entry in entries:
                self.holder[entry] = one
                if entry[0] == LEAF:
                    self.leaf_of[entry[1]] = entry
                elif entry[1] in opened:
                    todo.append(entry[1])
                else:
                    self.leaf_of |= dict.fromkeys(self.network.inside(entry[1]), entry)

    def _draw_lines(self) -> None:
        """Cut every connection where it passes the border of an open group."""
        chains: dict[tuple[int, int], list[tuple[int, int]]] = {}
        numbers: dict[tuple[int, int], int] = {}
        for entry in self.leaf_of.values():
            if entry not in numbers:
                numbers[entry] = len(numbers)
                chains[entry] = self._chain(entry)
        self.leaves = list(numbers)
        for a, b in dict.fromkeys((self.leaf_of[a], self.leaf_of[b]) for a, b in self.network.edges):
            if a == b:
                continue
            up, down = chains[a], chains[b]
            shared = 0
            while shared < min(len(up), len(down)) and up[shared] == down[shared]:
                shared += 1
            self._line(numbers[a], numbers[b], up, down, shared)

    def _chain(self, entry: tuple[int, int]) -> list[tuple[int, int]]:
        """The entries that an entry is in, the outermost first, itself last."""
        chain = [entry]
        while (holder := self.holder[chain[-1]]) != ROOT:
            chain.append((GROUP, holder))
        return chain[::-1]

    def _line(
        self, source: int, target: int, up: list[tuple[int, int]], down: list[tuple[int, int]], shared: int
    ) -> None:
        for at in range(len(up) - 1, shared, -1):
            self._add(up[at - 1][1], (source, up[at], None), target)
        if shared < len(up) and shared < len(down):
            here = ROOT if shared == 0 else up[shared - 1][1]
            self._add(here, (source, up[shared], down[shared]), target)
        for at in range(shared + 1, len(down)):
            self._add(down[at - 1][1], (source, None, down[at]), target)

    def _add(self, level: int, line: tuple[int, tuple[int, int] | None, tuple[int, int] | None], target: int) -> None:
        self.levels[level].lines.setdefault(line, set()).add(target)

    def placed(self, start: float) -> Placed:
        for one in reversed(self.open):
            self.check()
            self._arrange(one)
        return _Result(self).collect(time.monotonic() - start)

    def _arrange(self, one: int) -> None:
        level = self.levels[one]
        boxes = {entry: self._box(entry) for entry in level.entries}
        order = {entry: self._first(entry) for entry in level.entries}
        lines = list(level.lines)
        done = arrange(boxes, order, lines)
        level.done = Folded(done.slots, done.ways, lines, self.ratio if one == ROOT else 1.0).arranged()

    def _first(self, entry: tuple[int, int]) -> int:
        kind, number = entry
        if kind == LEAF:
            return number
        return min(self.network.inside(number), default=0)

    def _box(self, entry: tuple[int, int]) -> Box:
        """The room that an entry needs: (along the layers, along the flow)."""
        kind, number = entry
        inner = self.levels.get(number) if kind == GROUP else None
        if inner is not None and inner.done is not None:
            size = inner.done.size
            ends = (inner.done.entries, inner.done.exits)
            shift = HEADER + MARGIN if self.across else MARGIN
            width, length = size[0] + 2 * MARGIN, size[1] + 2 * MARGIN
            if self.across:
                width += HEADER
            else:
                length += HEADER
            moved = [{source: at + shift for source, at in side.items()} for side in ends]
            return Box(width, length, moved[0], moved[1])
        name, second = self._words(entry)
        letters = max(len(name) + (3 if kind == GROUP else 0), 0.85 * len(second))
        wide = min(max(letters * LETTER + 24, SMALLEST), WIDEST)
        high = OPERATOR if kind == LEAF else CLOSED
        return Box(high, wide) if self.across else Box(wide, high)

    def _words(self, entry: tuple[int, int]) -> tuple[str, str]:
        kind, number = entry
        if kind == GROUP:
            return self.network.groups[number].name, self.network.groups[number].text
        first, second = self.network.lines(number)
        return first, second + "32 bit  " * bool(self.network.nodes[number]["weights"])  # room for a value


class _Result:
    """Puts the levels together."""

    def __init__(self, work: _Work) -> None:
        self.work = work
        self.rects: dict[tuple[int, int], tuple[float, float, float, float]] = {}
        self.curves: list[tuple[float, ...]] = []
        self.sources: list[int] = []
        self.targets: list[set[int]] = []

    def collect(self, seconds: float) -> Placed:
        work = self.work
        for one in work.open:
            self._level(one)
        opened = [(GROUP, one) for one in work.open if one != ROOT]
        rest = [entry for entry in self.rects if entry not in set(opened)]
        boxes = opened + rest
        at = {entry: number for number, entry in enumerate(boxes)}
        leaf = [at[entry] for entry in work.leaves]
        swap = [1, 0, 3, 2] if work.across else [0, 1, 2, 3]
        rects = np.array([self.rects[entry] for entry in boxes], np.float32).reshape(-1, 4)[:, swap]
        curves = np.array(self.curves, np.float32).reshape(-1, 8)
        if work.across:
            curves = curves[:, [1, 0, 3, 2, 5, 4, 7, 6]]
        return Placed(
            work.network,
            frozenset(work.open),
            work.across,
            rects,
            np.array([kind == GROUP for kind, _ in boxes], bool),
            np.array([number for _, number in boxes], np.int64),
            len(opened),
            curves,
            np.array([leaf[one] for one in self.sources], np.int64),
            tuple(tuple(leaf[one] for one in each) for each in self.targets),
            seconds,
            {(kind == GROUP, number): box for (kind, number), box in at.items()},
        )

    def _level(self, one: int) -> None:
        level, work = self.work.levels[one], self.work
        assert level.done is not None
        if one == ROOT:
            x = y = 0.0
        else:
            x, y, _, _ = self.rects[(GROUP, one)]
            x += MARGIN + (HEADER if work.across else 0.0)
            y += MARGIN + (0.0 if work.across else HEADER)
        for entry, (left, top, width, length) in level.done.places.items():
            self.rects[entry] = (x + left, y + top, width, length)
        start_at, end_at = -MARGIN - (0.0 if work.across or one == ROOT else HEADER), level.done.size[1] + MARGIN
        for line, points in zip(level.lines, level.done.routes, strict=True):
            ends = [(px + x, py + y, way) for px, py, way in points]
            if line[1] is None:
                ends.insert(0, (x + level.done.entries[line[0]], y + start_at, 1))
            if line[2] is None:
                ends.append((x + level.done.exits[line[0]], y + end_at, 1))
            self._curve(ends, line[0], level.lines[line])

    def _curve(self, points: list[Point], source: int, targets: set[int]) -> None:
        for (ax, ay, leaving), (bx, by, coming) in pairwise(points):
            bend = abs(by - ay) / 2
            if leaving != coming or (by - ay) * leaving < 0:
                bend = TURN
            self.curves.append((ax, ay, ax, ay + leaving * bend, bx, by - coming * bend, bx, by))
            self.sources.append(source)
            self.targets.append(targets)
