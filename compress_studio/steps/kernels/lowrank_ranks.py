"""How thin the two layers of a factorization are; pure numbers, shared by the step and its preview."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MULTIPLES = ((32, 16), (16, 8), (8, 4))
"""Ranks from the first number are rounded to multiples of the second: what vector units like."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What choosing the rank of one layer needs."""

    energies: np.ndarray
    """Energy of each component, falling."""
    per_rank: int
    """Parameters that one rank costs."""
    whole: int
    """Parameters of the layer as it is."""
    largest: int
    """The largest rank that still saves parameters and operations; 0: none."""


def equal_ranks(budgets: Sequence[Budget], ratio: float) -> list[int]:
    """The same share of parameters in each layer."""
    return [min(max(1, int(ratio * one.whole / one.per_rank)), one.largest) for one in budgets]


def energy_ranks(budgets: Sequence[Budget], ratio: float, multiple: int | None = None) -> list[int]:
    """Ranks with at most ratio of all parameters and the least loss: the product of the shares of energy is largest.

    The ranks lie on the grid of the multiple, see grid, so that nothing is lost by rounding afterwards. What a step
    on the grid is worth is the gain of the logarithm of the layer's share of energy per parameter (Zhang 2016, rank
    selection); the dearest are taken while there is room. A layer that is best left whole gets 0.
    """
    curves = [_curve(one, multiple) for one in budgets]
    places = [0] * len(curves)
    room = ratio * sum(one.whole for one in budgets) - sum(curve[0][0] for curve in curves)
    steps = [
        ((after[1] - before[1]) / (after[0] - before[0]), -number, -place, after[0] - before[0])
        for number, curve in enumerate(curves)
        for place, (before, after) in enumerate(pairwise(curve))
    ]
    for _, number, place, cost in sorted(steps, reverse=True):
        if places[-number] == -place and cost <= room:
            places[-number] += 1
            room -= cost
    return [curve[place][2] for curve, place in zip(curves, places, strict=True)]


def _curve(budget: Budget, multiple: int | None) -> list[tuple[int, float, int]]:
    """Parameters, logarithm of the share of energy, and rank (0: whole) of what a layer can be.

    Only the points on the upper hull, on which each step is worth less per parameter than the one before.
    """
    sums = np.cumsum(budget.energies)
    total = max(float(sums[-1]), 1e-300) if len(sums) else 1.0
    points = [
        (rank * budget.per_rank, math.log(max(float(sums[rank - 1]) / total, 1e-300)), rank)
        for rank in grid(budget.largest, multiple)
    ]
    hull: list[tuple[int, float, int]] = []
    for point in [*points, (budget.whole, 0.0, 0)]:
        while len(hull) > 1 and _rise(hull[-2], hull[-1]) <= _rise(hull[-2], point):
            hull.pop()
        hull.append(point)
    return hull


def _rise(one: tuple[int, float, int], two: tuple[int, float, int]) -> float:
    return (two[1] - one[1]) / (two[0] - one[0])


@functools.lru_cache(maxsize=4096)
def grid(largest: int, multiple: int | None) -> tuple[int, ...]:
    """The ranks up to largest that may be chosen: multiples, or None: coarser the larger they are."""
    if largest < 1:
        return ()
    wanted = [rank for rank in range(1, largest + 1) if rank == rounded(rank, largest, multiple)]
    return tuple(wanted or [rounded(largest, largest, multiple)])


def rounded(rank: int, largest: int, multiple: int | None) -> int:
    """The rank on the grid of the multiple (None: what suits its size), never above largest."""
    step = multiple or next((grid for least, grid in MULTIPLES if rank >= least), 1)
    nearest = max(step, round(rank / step) * step)
    while nearest > largest and nearest > step:
        nearest -= step
    return nearest if nearest <= largest else min(rank, largest)


def choose_ranks(
    budgets: Sequence[Budget],
    own: Sequence[float | None],
    ratio: float,
    multiple: int | None,
    least: float,
    *,
    by_energy: bool,
) -> list[tuple[int, str]]:
    """The rank of each layer, or 0 with the reason why it stays whole.

    Args: own are the ratios of single layers, None for those that share out the common ratio; least is the number of
    parameters that two layers must save to be worth their loss, where nobody asked for them by name.
    """
    shared = [budget for budget, one in zip(budgets, own, strict=True) if one is None]
    common = iter(energy_ranks(shared, ratio, multiple) if by_energy else equal_ranks(shared, ratio))
    found: list[tuple[int, str]] = []
    for budget, one in zip(budgets, own, strict=True):
        rank = next(common) if one is None else equal_ranks([budget], one)[0]
        final = rounded(rank, budget.largest, multiple) if rank and budget.largest else 0
        if budget.largest < 1:
            found.append((0, "is so thin that two layers would have more parameters or operations"))
        elif not final:
            found.append((0, "needs nearly all of its directions, so that it is better left whole"))
        elif one is None and budget.whole - final * budget.per_rank < least:
            found.append((0, "holds too small a part of the weights to be worth the loss"))
        else:
            found.append((final, ""))
    return found
