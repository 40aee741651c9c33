"""The arithmetic of low-rank factorization: two thin matrices for a thick one, and how thin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compress_studio.graph.statistics import Moments

DAMPING = 1e-4
"""Share of the weights' own second moment that is mixed into the one of the outputs, so that directions which the
calibration samples never used are ordered as the plain SVD orders them."""
MULTIPLES = ((32, 16), (16, 8), (8, 4))
"""Ranks from the first number are rounded to multiples of the second: what vector units like."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What the outputs of a layer are made of: orthonormal directions and the energy along each, falling."""

    directions: np.ndarray
    """Columns, shape (out, out), float64."""
    energies: np.ndarray
    """≥ 0, shape (out,)."""


def output_spectrum(matrix: np.ndarray, moments: Moments, *, centred: bool) -> Spectrum:
    """Principal components of a layer's outputs (Zhang 2016).

    Args: matrix is the weight as (out, fan in); moments are those of the outputs; centred leaves the mean out, for
    layers whose bias can hold it.
    """
    if centred:
        second = moments.covariance
    else:
        second = moments.second / max(moments.count, 1)
    own = matrix @ matrix.T
    scale = float(np.trace(second)) / max(float(np.trace(own)), 1e-300)
    return _spectrum(second + DAMPING * scale * own if scale > 0 else own)


def weight_spectrum(matrix: np.ndarray) -> Spectrum:
    """Left singular vectors and squared singular values of a weight (Denton 2014)."""
    return _spectrum(matrix @ matrix.T)


def _spectrum(symmetric: np.ndarray) -> Spectrum:
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    order = np.argsort(values)[::-1]
    return Spectrum(vectors[:, order], np.maximum(values[order], 0.0))


def factors(matrix: np.ndarray, spectrum: Spectrum, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """(rank, fan in) and (out, rank) whose product is the matrix projected on the strongest directions."""
    basis = spectrum.directions[:, :rank]
    return basis.T @ matrix, basis


def corrected_bias(spectrum: Spectrum, rank: int, bias: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The bias with which the mean of the outputs stays: P b + (I − P) ȳ."""
    basis = spectrum.directions[:, :rank]
    return basis @ (basis.T @ bias) + mean - basis @ (basis.T @ mean)


def spatial_factors(weight: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """A column of kernels (rank, in, height, 1) and a row (out, rank, 1, width) instead of (out, in, height, width).

    The best approximation in the Frobenius norm, by SVD of the weight as (in · height, out · width) (Jaderberg 2014).
    """
    out, into, height, width = weight.shape
    left, singular, right = np.linalg.svd(_spatial_matrix(weight), full_matrices=False)
    share = np.sqrt(singular[:rank])
    column = (left[:, :rank] * share).T.reshape(rank, into, height, 1)
    row = (right[:rank].T * share).reshape(out, width, rank).transpose(0, 2, 1)[:, :, None, :]
    return column, row


def spatial_energies(weight: np.ndarray) -> np.ndarray:
    """Squared singular values behind spatial_factors, falling."""
    return np.square(np.linalg.svd(_spatial_matrix(weight), compute_uv=False))


def _spatial_matrix(weight: np.ndarray) -> np.ndarray:
    out, into, height, width = weight.shape
    return weight.transpose(1, 2, 0, 3).reshape(into * height, out * width)


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


def grid(largest: int, multiple: int | None) -> list[int]:
    """The ranks up to largest that may be chosen: multiples, or None: coarser the larger they are."""
    if largest < 1:
        return []
    wanted = [rank for rank in range(1, largest + 1) if rank == rounded(rank, largest, multiple)]
    return wanted or [rounded(largest, largest, multiple)]


def rounded(rank: int, largest: int, multiple: int | None) -> int:
    """The rank on the grid of the multiple (None: what suits its size), never above largest."""
    step = multiple or next((grid for least, grid in MULTIPLES if rank >= least), 1)
    nearest = max(step, round(rank / step) * step)
    while nearest > largest and nearest > step:
        nearest -= step
    return nearest if nearest <= largest else min(rank, largest)
