"""Histograms without their zeros."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compress_studio.gui.charts.looks import Side


def counted(counts: Sequence[int] | None, edges: Sequence[float], side: Side | None) -> tuple[int, ...] | None:
    """The counts without the weights that are zero, which are told apart from the others."""
    if counts is None or side is None:
        return None
    at = min(bisect.bisect_right(edges, 0.0) - 1, len(counts) - 1)
    if at < 0 or side.zeros == 0:
        return tuple(counts)
    return (*counts[:at], max(0, counts[at] - side.zeros), *counts[at + 1 :])
