"""Where labels stand beside dots so that they cover neither each other nor the dots; pure geometry in pixels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width, height."""
GAP = 4.0
OUTSIDE = 1e6


def place_labels(
    dots: Sequence[tuple[float, float, float]],
    sizes: Sequence[tuple[float, float]],
    area: tuple[float, float],
    taken: Sequence[Box] = (),
) -> list[tuple[float, float]]:
    """Upper left corners of labels: label i belongs to dot i, further dots have none but are avoided.

    dots: (x, y, radius). sizes: (width, height) of the labels. area: width and height of the drawing. taken: boxes that
    are avoided, too. Each label takes the place beside its dot that overlaps least with what is there already.
    """
    boxes = [*((x - r, y - r, 2 * r, 2 * r) for x, y, r in dots), *taken]
    placed: list[tuple[float, float]] = []
    for at, (width, height) in enumerate(sizes):
        x, y, r = dots[at]
        others = boxes[:at] + boxes[at + 1 :]
        best = least_covered(_candidates(x, y, r, width, height), (width, height), area, others)
        placed.append(best)
        boxes.append((*best, width, height))
    return placed


def least_covered(
    corners: Sequence[tuple[float, float]], size: tuple[float, float], area: tuple[float, float], taken: Sequence[Box]
) -> tuple[float, float]:
    """The corner at which a label covers least of what is there; of equal ones the first."""
    places = np.asarray(corners, np.float64)
    width, height = size
    left, top = places[:, 0, None], places[:, 1, None]
    cost = np.arange(len(corners), dtype=np.float64)
    outside = (left < 0) | (top < 0) | (left + width > area[0]) | (top + height > area[1])
    cost += OUTSIDE * outside[:, 0]
    if taken:
        boxes = np.asarray(taken, np.float64)
        across = np.minimum(left + width, boxes[:, 0] + boxes[:, 2]) - np.maximum(left, boxes[:, 0])
        down = np.minimum(top + height, boxes[:, 1] + boxes[:, 3]) - np.maximum(top, boxes[:, 1])
        cost += (np.maximum(across, 0.0) * np.maximum(down, 0.0)).sum(axis=1)
    return corners[int(cost.argmin())]


def along(points: Sequence[tuple[float, float]], every: float = 6.0) -> list[Box]:
    """Small boxes along a line through points, so that words can keep away from it."""
    found: list[Box] = []
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        count = max(1, min(200, math.ceil(math.hypot(to_x - x, to_y - y) / every)))
        for step in range(count + 1):
            share = step / count
            at = (x + share * (to_x - x), y + share * (to_y - y))
            found.append((at[0] - every / 2, at[1] - every / 2, every, every))
    return found


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
