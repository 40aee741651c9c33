"""Which results are beaten by no other one."""

from __future__ import annotations

import math
from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]], *, less_x: bool = False, less_y: bool = False) -> list[int]:
    """Places of the points that no other point beats, from small x to large x.

    One beats another when it is at least as good in both and better in one. less_x, less_y: less is better there.
    Of equal points the first is kept; points that are not finite never count.
    """
    signs = (-1.0 if less_x else 1.0, -1.0 if less_y else 1.0)
    finite = [at for at, (x, y) in enumerate(points) if math.isfinite(x) and math.isfinite(y)]
    ranked = sorted(finite, key=lambda at: (-signs[0] * points[at][0], -signs[1] * points[at][1], at))
    kept: list[int] = []
    best = -math.inf
    for at in ranked:
        y = signs[1] * points[at][1]
        if y > best:
            kept.append(at)
            best = y
    return sorted(kept, key=lambda at: points[at][0])
