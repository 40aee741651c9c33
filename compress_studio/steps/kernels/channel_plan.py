"""How many units of each group to keep, so that a share of the multiply-accumulates goes away.

Everything here is arrays of numbers: the step and its preview share it, and the preview runs within a frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from compress_studio.base.processor import processor

WIDE, NARROW = 16, 8
"""Channels that one vector of a processor with and without AVX-512 holds; ONNX Runtime blocks convolutions by it."""
STEPS = 64
SLACK = 0.02
"""How far the removed share may stay behind the wanted one."""
CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})

Wanted = Callable[[float], np.ndarray]
"""For a pressure from 0 to 1: how many units each group would keep before rounding; falls with the pressure."""


@dataclass(frozen=True, slots=True)
class SizeModel:
    """A sum of constants times products of sizes of axes, as a function of how many units each group has lost."""

    sizes: np.ndarray
    """Of each axis, shape (axes,)."""
    shrink: np.ndarray
    """What an axis loses with a unit of a group, shape (axes, groups)."""
    terms: np.ndarray
    """Numbers of the axes of each term, shape (terms, most axes of a term); −1: none."""
    constants: np.ndarray

    @classmethod
    def of(cls, sizes: Sequence[float], shrink: np.ndarray, terms: Sequence[tuple[float, Sequence[int]]]) -> SizeModel:
        """Of terms given as a constant with the numbers of its axes."""
        most = max((len(axes) for _, axes in terms), default=0)
        table = np.full((len(terms), max(most, 1)), -1, np.int64)
        for row, (_, axes) in enumerate(terms):
            table[row, : len(axes)] = axes
        return cls(np.array(sizes, np.float64), shrink, table, np.array([one for one, _ in terms], np.float64))

    def __call__(self, lost: np.ndarray) -> float:
        """The sum when the groups, in order, have lost that many units."""
        return float(self.at(self.sizes - self.shrink @ np.asarray(lost, np.float64)))

    def at(self, sizes: np.ndarray) -> np.ndarray:
        """The sums for sizes of shape (…, axes)."""
        ones = np.ones((*sizes.shape[:-1], 1))
        factors = np.concatenate([sizes, ones], axis=-1)[..., self.terms]
        return factors.prod(axis=-1) @ self.constants

    def steps(self, lost: np.ndarray, groups: np.ndarray, more: np.ndarray) -> np.ndarray:
        """The sums when single groups lose that many units more, each alone."""
        base = self.sizes - self.shrink @ np.asarray(lost, np.float64)
        return self.at(base[None, :] - more[:, None] * self.shrink[:, groups].T)


@dataclass(frozen=True, slots=True)
class Plan:
    """Units to keep in each group, and what that costs."""

    keep: np.ndarray
    before: float
    after: float

    @property
    def removed_share(self) -> float:
        """Share of the multiply-accumulates that goes away."""
        return 1 - self.after / self.before if self.before else 0.0


def lanes() -> int:
    """The number of channels to round to on this computer: 16 with AVX-512, else 8."""
    return WIDE if "avx512" in processor().instruction_sets else NARROW


def allowed(size: int, width: int, multiple: int, minimum: float, *, convolution: bool) -> list[int]:
    """How many units a group of that size may keep, ascending; always the full size last.

    Multiples of `multiple`, halved for small groups until four of them fit (64 channels: 16, 32: 8, 16: 4): a small
    group must stay prunable, and ONNX Runtime needs at least 4 for its blocked convolutions. Groups without a
    convolution need no more than 8. A unit of several channels (an attention head) counts as so many: its width.
    """
    step = multiple if convolution else min(multiple, NARROW)
    while step > 1 and size < 4 * step:
        step //= 2
    step = max(1, step // width) if width > 1 else step
    least = max(1, math.ceil(minimum * size))
    counts = [count for count in range(step, size, step) if count >= least]
    return [*counts, size]


def nearest(counts: Sequence[int], wanted: float) -> int:
    """The allowed count nearest to the wanted one; of two the larger."""
    return min(counts, key=lambda count: (abs(count - wanted), -count))


def fixed(counts: list[int], shares: Sequence[float]) -> list[int]:
    """What is left of the choices when layers of the group have shares of their own; the smallest share counts."""
    return [nearest(counts, counts[-1] * (1 - min(shares)))] if shares else counts


def find_plan(
    macs: SizeModel, sizes: Sequence[int], choices: Sequence[Sequence[int]], amount: float, wanted: Wanted
) -> Plan:
    """The keep counts whose MACs are nearest to the wanted share.

    Args: sizes of the groups; choices are the counts that each group may keep, ascending. After the search over the
    pressure single groups move by at most one step to come closer.
    """
    search = _Search(macs, sizes, choices)
    target = search.before * (1 - amount)
    best: np.ndarray | None = None
    least = math.inf
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if middle in {low, high} and best is not None:
            break
        keep = search.nearest(wanted(middle))
        after = search.after(keep)
        if _gap(after, target) < least:
            best, least = keep, _gap(after, target)
        low, high = (middle, high) if after > target else (low, middle)
    assert best is not None
    best = search.forced(search.refined(best, target), target + SLACK * search.before)
    return Plan(search.table[search.rows, best], search.before, search.after(best))


class _Search:
    """Choices as places in a table of counts."""

    def __init__(self, macs: SizeModel, sizes: Sequence[int], choices: Sequence[Sequence[int]]) -> None:
        self.macs = macs
        self.rows = np.arange(len(choices))
        self.last = np.array([len(counts) - 1 for counts in choices], np.int64)
        self.table = np.zeros((len(choices), int(self.last.max(initial=0)) + 1), np.int64)
        for row, counts in enumerate(choices):
            self.table[row, : len(counts)] = counts
        self.full = np.array(sizes, np.int64)
        beyond = np.arange(self.table.shape[1]) > self.last[:, None]
        # Largest counts first, so that of two that are equally near the larger is found.
        self.falling = np.where(beyond, np.inf, self.table)[:, ::-1]
        self.before = macs(np.zeros(len(choices)))

    def nearest(self, wanted: np.ndarray) -> np.ndarray:
        """Places of the counts nearest to the wanted ones."""
        return self.table.shape[1] - 1 - np.abs(self.falling - wanted[:, None]).argmin(axis=1)

    def lost(self, places: np.ndarray) -> np.ndarray:
        return self.full - self.table[self.rows, places]

    def after(self, places: np.ndarray) -> float:
        """What is left of the MACs."""
        return self.macs(self.lost(places))

    def trials(self, places: np.ndarray, moves: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Groups, new places and MACs of all single moves, group by group."""
        groups = np.repeat(self.rows, len(moves))
        new = places[groups] + np.tile(moves, len(self.rows))
        good = (new >= 0) & (new <= self.last[groups])
        groups, new = groups[good], new[good]
        more = self.table[groups, places[groups]] - self.table[groups, new]
        return groups, new, self.macs.steps(self.lost(places), groups, more)

    def refined(self, places: np.ndarray, target: float) -> np.ndarray:
        """Move groups by one step each, always the one that helps most, while it helps."""
        moved = np.zeros(len(self.rows), bool)
        while True:
            groups, new, after = self.trials(places, (-1, 1))
            gap, best = _gap(self.after(places), target), -1
            for number in np.flatnonzero(~moved[groups]):
                trial = _gap(float(after[number]), target)
                if trial < gap * 0.999:
                    gap, best = trial, int(number)
            if best < 0:
                return places
            moved[groups[best]] = True
            places = places.copy()
            places[groups[best]] = new[best]

    def forced(self, places: np.ndarray, limit: float) -> np.ndarray:
        """Take one more step in single groups while too much is left, each time the smallest one that helps."""
        while self.after(places) > limit:
            groups, new, after = self.trials(places, (-1,))
            if not len(groups):
                return places
            best = int(np.argmin([_gap(float(one), limit) for one in after]))
            places = places.copy()
            places[groups[best]] = new[best]
        return places


def uniform(sizes: Sequence[int], minimum: float) -> Wanted:
    """The same share of every group."""
    whole = np.array(sizes, np.float64)
    return lambda pressure: whole * (1 - pressure * (1 - minimum))


def overall(scores: Sequence[np.ndarray]) -> Wanted:
    """One threshold for all units; each group's scores are divided by their mean first."""
    together = np.concatenate([scaled(one) for one in scores]) if len(scores) else np.zeros(1)
    starts = np.cumsum([0, *[len(one) for one in scores]])[:-1]
    everything = np.sort(together)

    def wanted(pressure: float) -> np.ndarray:
        above = together > quantile(everything, pressure)
        return np.add.reduceat(above, starts, dtype=np.int64).astype(np.float64)

    return wanted


def quantile(ascending: np.ndarray, share: float) -> np.floating:
    """np.quantile of numbers in order, to the last bit: a search asks for many, and most of its time is for checks."""
    place = (len(ascending) - 1) * np.float64(share)
    below = int(place)
    if ascending.dtype != np.float64 or below >= len(ascending) - 1:
        return np.quantile(ascending, share)
    low, high = ascending[below], ascending[below + 1]
    part, step = place - below, high - low
    return low + step * part if part < 0.5 else high - step * (1 - part)


def scaled(scores: np.ndarray) -> np.ndarray:
    """Scores of one group in a form that compares with other groups."""
    mean = scores.mean()
    return scores / mean if mean > 0 else scores


def weakest(scores: np.ndarray, keep: int) -> np.ndarray:
    """Numbers of the units to remove so that the `keep` most important stay; ascending."""
    return np.sort(np.argsort(scores, kind="stable")[: len(scores) - keep])


def _gap(after: float, target: float) -> float:
    """How far a plan is from the target; removing too little counts double."""
    gap = after - target
    return 2 * gap if gap > 0 else -gap
