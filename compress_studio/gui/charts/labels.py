"""Where labels stand beside dots so that they cover neither each other nor the dots; pure geometry in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width, height."""
GAP = 4.0
OUTSIDE = 1e6


def place_labels(
    dots: Sequence[tuple[float, float, float]], sizes: Sequence[tuple[float, float]], area: tuple[float, float]
) -> list[tuple[float, float]]:
    """Upper left corners of labels: label i belongs to dot i, further dots have none but are avoided.

    dots: (x, y, radius). sizes: (width, height) of the labels. area: width and height of the drawing.
    Each label takes the place beside its dot that overlaps least with what is there already.
    """
    taken: list[Box] = [(x - r, y - r, 2 * r, 2 * r) for x, y, r in dots]
    placed: list[tuple[float, float]] = []
    for at, (width, height) in enumerate(sizes):
        x, y, r = dots[at]
        candidates = _candidates(x, y, r, width, height)
        costs = [
            _cost((left, top, width, height), taken, at, area) + rank for rank, (left, top) in enumerate(candidates)
        ]
        best = candidates[costs.index(min(costs))]
        placed.append(best)
        taken.append((*best, width, height))
    return placed


def _candidates(x: float, y: float, r: float, width: float, height: float) -> list[tuple[float, float]]:
    right, left = x + r + GAP, x - r - GAP - width
    above, below, middle = y - r - GAP - height, y + r + GAP, y - height / 2
    slope = 0.7 * r
    return [
        (x + slope + GAP, y - slope - height),
        (right, middle),
        (x + slope + GAP, y + slope),
        (x - width / 2, above),
        (x - width / 2, below),
        (x - slope - GAP - width, y - slope - height),
        (left, middle),
        (x - slope - GAP - width, y + slope),
        (right, middle - 1.5 * height),
        (right, middle + 1.5 * height),
    ]


def _cost(box: Box, taken: Sequence[Box], own: int, area: tuple[float, float]) -> float:
    left, top, width, height = box
    cost = 0.0
    if left < 0 or top < 0 or left + width > area[0] or top + height > area[1]:
        cost += OUTSIDE
    for at, (other_left, other_top, other_width, other_height) in enumerate(taken):
        if at == own:
            continue
        across = min(left + width, other_left + other_width) - max(left, other_left)
        down = min(top + height, other_top + other_height) - max(top, other_top)
        if across > 0 and down > 0:
            cost += across * down
    return cost
