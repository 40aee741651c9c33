"""Weight clustering: the best few values for many numbers, and which of them each number takes.

In one dimension the clusters of k-means are intervals, so that dynamic programming finds the exact optimum
(Wang and Song 2011, "Ckmeans.1d.dp"); here it runs on a histogram, with divide and conquer over the monotone
boundaries, and the means are then refined on the numbers themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BINS = 2048
REFINEMENTS = 3
PIECE = 1 << 22
SPARSE = 0.01
"""Share of exact zeros from which a layer counts as sparse and zero gets a place of its own."""


@dataclass(frozen=True, slots=True)
class Palette:
    """A few values and the number of the value at each place."""

    values: np.ndarray
    """float32, shape (k,), rising, k ≤ 256."""
    indices: np.ndarray
    """uint8, the shape of the numbers."""

    @property
    def array(self) -> np.ndarray:
        """The numbers as they are now."""
        return self.values[self.indices]

    @property
    def bits(self) -> int:
        """The bits that an index needs."""
        return max(1, (len(self.values) - 1).bit_length())


def cluster(
    array: np.ndarray, count: int, weights: np.ndarray | None = None, check: Callable[[], None] | None = None
) -> Palette:
    """At most count values that minimize Σ weight · (number − value)².

    Args: weights ≥ 0 have the shape of array, None counts every number once; check may raise to stop. When the array
    is sparse one value is exactly zero, and zeros keep it. Numbers must be finite.
    """
    numbers = np.ascontiguousarray(array, np.float32).ravel()
    mass = None if weights is None else np.ascontiguousarray(weights, np.float64).ravel()
    zeros = numbers == 0
    sparse = float(zeros.mean()) >= SPARSE
    if sparse:
        others = numbers[~zeros]
        values = _best_values(others, None if mass is None else mass[~zeros], count - 1, check)
        values = np.union1d(values, np.zeros(1, np.float32))
    else:
        values = _best_values(numbers, mass, count, check)
    for _ in range(REFINEMENTS):
        values = _refine(numbers, mass, values, keep_zero=sparse, check=check)
    return Palette(values, _nearest(numbers, values, check).reshape(array.shape))


def _best_values(
    numbers: np.ndarray, mass: np.ndarray | None, count: int, check: Callable[[], None] | None
) -> np.ndarray:
    points, sums = _histogram(numbers, mass)
    if len(points) <= count:
        return points.astype(np.float32)
    edges = optimal_intervals(points, sums, count, check)
    totals = np.add.reduceat(points * sums, edges[:-1])
    return (totals / np.add.reduceat(sums, edges[:-1])).astype(np.float32)


def _histogram(numbers: np.ndarray, mass: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Rising float64 points with their weights > 0: the distinct numbers when they are few, else means of bins."""
    if len(numbers) == 0:
        return np.zeros(0), np.zeros(0)
    if len(numbers) <= 1 << 20 and len(distinct := np.unique(numbers)) <= BINS:
        bins = np.searchsorted(distinct, numbers)
        sums = np.bincount(bins, mass, len(distinct)).astype(np.float64)
        return distinct[sums > 0].astype(np.float64), sums[sums > 0]
    low, high = float(numbers.min()), float(numbers.max())
    width = (high - low) / BINS or 1.0
    sums, totals = np.zeros(BINS), np.zeros(BINS)
    for first in range(0, len(numbers), PIECE):
        piece = numbers[first : first + PIECE].astype(np.float64)
        part = None if mass is None else mass[first : first + PIECE]
        bins = np.minimum(((piece - low) / width).astype(np.int64), BINS - 1)
        sums += np.bincount(bins, part, BINS)
        totals += np.bincount(bins, piece if part is None else piece * part, BINS)
    full = sums > 0
    return totals[full] / sums[full], sums[full]


def optimal_intervals(
    points: np.ndarray, sums: np.ndarray, count: int, check: Callable[[], None] | None = None
) -> np.ndarray:
    """Boundaries 0 = e₀ < … < e_count = n of the intervals of rising points with the least weighted squared error."""
    size = len(points)
    centred = points - np.average(points, weights=sums)
    zero = np.zeros(1)
    weight = np.concatenate([zero, np.cumsum(sums)])
    first = np.concatenate([zero, np.cumsum(sums * centred)])
    second = np.concatenate([zero, np.cumsum(sums * centred**2)])

    def cost(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        total = first[end] - first[start]
        spread = second[end] - second[start] - total * total / np.maximum(weight[end] - weight[start], 1e-300)
        return np.maximum(spread, 0.0)

    ends = np.arange(size + 1)
    best = np.where(ends > 0, cost(np.zeros_like(ends), ends), 0.0)
    choices: list[np.ndarray] = []
    for clusters in range(2, count + 1):
        if check is not None:
            check()
        best, choice = _next_row(best, cost, clusters, size)
        choices.append(choice)
    edges = [size]
    for choice in reversed(choices):
        edges.append(int(choice[edges[-1]]))
    return np.array([0, *reversed(edges)])


def _next_row(
    before: np.ndarray, cost: Callable[[np.ndarray, np.ndarray], np.ndarray], clusters: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """One row of the dynamic program: best[j] = min over i of before[i] + cost(i, j), i from clusters − 1 to j − 1.

    The best i rises with j, so the ends are done level by level, each between its neighbours of the level above.
    """
    best = np.full(size + 1, np.inf)
    choice = np.zeros(size + 1, np.int64)
    done_low = np.full(size + 1, clusters - 1, np.int64)
    stride = 1 << size.bit_length()
    while stride >= 1:
        ends = np.arange(stride, size + 1, 2 * stride)
        ends = ends[ends >= clusters]
        if len(ends):
            left, right = ends - stride, ends + stride
            low = np.where(left >= clusters, choice[left], done_low[ends])
            inside = right <= size
            high = np.where(inside, choice[np.minimum(right, size)], ends - 1)
            high = np.minimum(high, ends - 1)
            low = np.maximum(np.minimum(low, high), clusters - 1)
            lengths = high - low + 1
            offsets = np.concatenate([[0], np.cumsum(lengths)])
            starts = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - low, lengths)
            values = before[starts] + cost(starts, np.repeat(ends, lengths))
            least = np.minimum.reduceat(values, offsets[:-1])
            hits = np.flatnonzero(values == np.repeat(least, lengths))
            best[ends] = least
            choice[ends] = starts[hits[np.searchsorted(hits, offsets[:-1])]]
        stride //= 2
    return best, choice


def _refine(
    numbers: np.ndarray,
    mass: np.ndarray | None,
    values: np.ndarray,
    *,
    keep_zero: bool,
    check: Callable[[], None] | None,
) -> np.ndarray:
    """One round of Lloyd's method on the numbers themselves."""
    indices = _nearest(numbers, values, check)
    sums, totals = np.zeros(len(values)), np.zeros(len(values))
    for first in range(0, len(numbers), PIECE):
        part = slice(first, first + PIECE)
        piece = numbers[part].astype(np.float64)
        share = None if mass is None else mass[part]
        sums += np.bincount(indices[part], share, len(values))
        totals += np.bincount(indices[part], piece if share is None else piece * share, len(values))
    moved = np.where(sums > 0, totals / np.where(sums > 0, sums, 1.0), values).astype(np.float32)
    if keep_zero:
        moved[values == 0] = 0
    return np.unique(moved)


def _nearest(numbers: np.ndarray, values: np.ndarray, check: Callable[[], None] | None) -> np.ndarray:
    limits = (values[1:].astype(np.float64) + values[:-1]) / 2
    indices = np.empty(len(numbers), np.uint8)
    for first in range(0, len(numbers), PIECE):
        if check is not None:
            check()
        indices[first : first + PIECE] = np.searchsorted(limits, numbers[first : first + PIECE])
    return indices
