"""Ranges of activations for static quantization, from one pass over calibration data with bounded memory.

Histograms have a fixed number of bins between −R and R; when a value lies outside, R doubles and pairs of bins merge,
so that one pass is enough and the memory is bins × tensors, whatever the number of samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph import statistics

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.spec.data import Batch

BINS = 8192
NOTHING = 1e-30
"""Values below count as zero."""
LEVELS = 256
KL_BINS = 2048
KL_STEP = 16
FIRST_THRESHOLD = 128
CANDIDATES = 48


class Histogram:
    """How often the values of one tensor were seen."""

    def __init__(self, bins: int = BINS) -> None:
        self.counts = np.zeros(bins, np.int64)
        self.reach = 0.0
        """R; a power of two."""
        self.low, self.high = math.inf, -math.inf
        """Exact extremes of the finite values."""

    def add(self, array: np.ndarray) -> None:
        """Count the values of one batch; values that are not finite are left out."""
        flat = array.reshape(-1)
        if not flat.size:
            return
        low, high = float(flat.min()), float(flat.max())
        if not math.isfinite(low) or not math.isfinite(high):
            flat = flat[np.isfinite(flat)]
            if not flat.size:
                return
            low, high = float(flat.min()), float(flat.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._widen(max(-low, high))
        half = len(self.counts) // 2
        if self.reach == 0:
            self.counts[half] += flat.size
            return
        places = (flat.astype(np.float32, copy=False) * np.float32(half / self.reach)).astype(np.int32)
        # Casting rounds towards zero, so that numbers just below zero would share the bin of those just above.
        places -= (flat < 0).view(np.int8)
        np.clip(places, -half, half - 1, out=places)
        places += half
        self.counts += np.bincount(places, minlength=len(self.counts))

    def centres(self) -> np.ndarray:
        """The middle of every bin."""
        half = len(self.counts) // 2
        return (np.arange(-half, half) + 0.5) * (self.reach / half)

    def _widen(self, needed: float) -> None:
        if needed <= max(self.reach, NOTHING):
            return
        target = 2.0 ** math.ceil(math.log2(needed))
        if self.reach == 0:
            self.reach = target
            return
        while self.reach < target:
            pairs = self.counts.reshape(-1, 2).sum(axis=1)
            quarter = len(pairs) // 2
            self.counts = np.zeros_like(self.counts)
            self.counts[quarter : quarter + len(pairs)] = pairs
            self.reach *= 2


def find(
    model: ir.Model,
    tensors: Sequence[str],
    batches: Iterable[Batch],
    method: str,
    percentile: float = 99.999,
    threads: int = 1,
    check: Callable[[], None] | None = None,
) -> dict[str, tuple[float, float]]:
    """The range (low, high) of every tensor; tensors that held no finite value are left out.

    Args: method is "minmax", "percentile", "entropy" or "mse"; percentile counts only for the method of that name.
    """
    if method == "minmax":
        found = statistics.extremes(model, tensors, batches, threads, check)
        return {name: both for name, both in found.items() if math.isfinite(both[0]) and math.isfinite(both[1])}
    histograms = {name: Histogram() for name in tensors}

    def visit(values: dict[str, np.ndarray]) -> None:
        for name, array in values.items():
            histograms[name].add(array)

    statistics.stream(model, tensors, batches, visit, threads, check)
    choose = {"entropy": entropy, "mse": least_error, "percentile": lambda one: central(one, percentile)}[method]
    return {name: choose(one) for name, one in histograms.items() if one.low <= one.high}


def central(histogram: Histogram, percentile: float) -> tuple[float, float]:
    """The range that holds that percentage of the values, the rest cut off evenly at both ends."""
    total = histogram.counts.sum()
    share = np.cumsum(histogram.counts) / total
    outside = (1 - percentile / 100) / 2
    centres, width = histogram.centres(), histogram.reach / (len(histogram.counts) // 2)
    low = float(centres[np.searchsorted(share, outside, side="right")] - width / 2)
    high = float(centres[min(np.searchsorted(share, 1 - outside), len(centres) - 1)] + width / 2)
    return _within(histogram, low, high)


def least_error(histogram: Histogram) -> tuple[float, float]:
    """The range whose 256 levels give the smallest expected squared error, clipping included."""
    used = np.flatnonzero(histogram.counts)
    centres, counts = histogram.centres()[used], histogram.counts[used].astype(np.float64)
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)

    def error(bottom: float, top: float) -> float:
        scale = (top - bottom) / (LEVELS - 1)
        if scale <= 0:
            return float((counts * centres**2).sum())
        zero = np.rint(-bottom / scale)
        steps = np.clip(np.rint(centres / scale) + zero, 0, LEVELS - 1)
        return float((counts * ((steps - zero) * scale - centres) ** 2).sum())

    shrinks = np.linspace(1.0, 1 / CANDIDATES, CANDIDATES)
    both = min(shrinks, key=lambda share: error(low * share, high * share))
    low, high = low * both, high * both
    nearby = np.linspace(1.0, 0.5, CANDIDATES // 2)
    low *= min(nearby, key=lambda share: error(low * share, high))
    high *= min(nearby, key=lambda share: error(low, high * share))
    return float(low), float(high)


def entropy(histogram: Histogram) -> tuple[float, float]:
    """The threshold on |x| whose clipped and quantized histogram is closest by KL divergence (Migacz 2017)."""
    half = len(histogram.counts) // 2
    sizes = histogram.counts[half:] + histogram.counts[:half][::-1]
    signed = histogram.low < 0
    larger, smaller = max(-histogram.low, histogram.high), max(min(-histogram.low, histogram.high), 0.0)
    # The levels that fall on the longer side: half of them when both sides are alike, all when there is one side.
    levels = round(LEVELS * larger / (larger + smaller)) if larger > 0 else LEVELS
    counts = sizes.reshape(KL_BINS, -1).sum(axis=1).astype(np.float64)
    # Zeros after a Relu say nothing about where to clip, and would hide everything else.
    counts[0] = 0 if not signed else counts[0]
    last = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else 1
    if last <= levels:
        return _within(histogram, -histogram.reach, histogram.reach)
    ends = [*range(max(levels, FIRST_THRESHOLD), last, KL_STEP), last]
    best = min(ends, key=lambda end: _divergence(counts, end, levels))
    limit = best * histogram.reach / KL_BINS
    return _within(histogram, -limit, limit)


def _divergence(counts: np.ndarray, end: int, levels: int) -> float:
    """KL(P ‖ Q): P clips at end, Q also has only so many levels."""
    kept = counts[:end].copy()
    reference = kept.copy()
    reference[-1] += counts[end:].sum()
    edges = (np.arange(levels) * end) // levels
    sums = np.add.reduceat(kept, edges)
    filled = np.add.reduceat((kept > 0).astype(np.float64), edges)
    spread = np.repeat(sums / np.maximum(filled, 1), np.diff(np.append(edges, end))) * (kept > 0)
    p, q = reference / reference.sum(), spread / max(spread.sum(), 1.0)
    both = (p > 0) & (q > 0)
    missing = p[(p > 0) & (q == 0)].sum()
    return float((p[both] * np.log(p[both] / q[both])).sum() + missing * 20)


def _within(histogram: Histogram, low: float, high: float) -> tuple[float, float]:
    """A range cut to the exact extremes."""
    return max(low, histogram.low), min(high, histogram.high)
