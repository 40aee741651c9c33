"""Choosing the smallest of many scores exactly, without holding a copy of all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

HALF_BITS = 16
BINS = 1 << HALF_BITS


def kth_smallest(scores: Sequence[np.ndarray], count: int) -> float:
    """The count-th smallest score (counting from 1) over several arrays of scores ≥ 0 in float32.

    The bit patterns of float32 numbers ≥ 0 are in the order of the numbers, so two passes of counting, one over the
    upper and one over the lower half of the pattern, find it; memory stays within one array. Infinity is allowed.
    """
    upper = np.zeros(BINS, np.int64)
    for one in scores:
        upper += np.bincount(_bits(one) >> HALF_BITS, minlength=BINS)
    below = np.cumsum(upper)
    high = int(np.searchsorted(below, count))
    rest = count - (int(below[high - 1]) if high else 0)
    lower = np.zeros(BINS, np.int64)
    for one in scores:
        bits = _bits(one)
        lower += np.bincount(bits[bits >> HALF_BITS == high] & (BINS - 1), minlength=BINS)
    low = int(np.searchsorted(np.cumsum(lower), rest))
    return float(np.array([high << HALF_BITS | low], np.uint32).view(np.float32)[0])


def smallest(scores: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Masks of exactly count scores, the smallest over all arrays; among equal ones the first.

    Args: scores are float32 arrays ≥ 0 of any shapes; count from 0 to the number of all scores.
    """
    if count <= 0:
        return [np.zeros(one.shape, bool) for one in scores]
    limit = np.float32(kth_smallest(scores, count))
    masks = [one < limit for one in scores]
    left = count - sum(int(mask.sum()) for mask in masks)
    for one, mask in zip(scores, masks, strict=True):
        equal = np.flatnonzero(one.ravel() == limit)[:left]
        mask.ravel()[equal] = True
        left -= len(equal)
    return masks


def smallest_per_row(scores: np.ndarray, share: float, axis: int) -> np.ndarray:
    """Mask of the smallest share of each row, rounded to whole numbers; never a whole row.

    Args: axis counts the rows; all other axes lie within a row. Among equal scores the first is taken.
    """
    rows = np.moveaxis(scores, axis, 0)
    flat = rows.reshape(len(rows), -1)
    width = flat.shape[1]
    count = min(round(share * width), width - 1)
    mask = np.zeros(flat.shape, bool)
    if count > 0:
        np.put_along_axis(mask, np.argsort(flat, axis=1, kind="stable")[:, :count], True, axis=1)
    return np.moveaxis(mask.reshape(rows.shape), 0, axis)


def _bits(scores: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(scores, np.float32).ravel().view(np.uint32)
