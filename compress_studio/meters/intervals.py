"""Uncertainty of measured numbers: 95 % intervals for shares, means and anything else that comes from samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
ROUNDS = 400
DRAWS = 8_000_000
"""Random draws up to which a mean is resampled; beyond, the normal approximation is as good."""


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson, 1927); (0, 1) when there is no sample."""
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    scale = 1 + Z * Z / n
    centre = (share + Z * Z / (2 * n)) / scale
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / scale
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return low, high


def paired_change(gained: int, lost: int, n: int) -> tuple[float, float, float]:
    """The change of a share between two judgements of the same n samples, with its 95 % interval.

    Adds half a sample to each kind, which keeps the interval honest when few samples changed (A. Agresti, Y. Min,
    2005).
    """
    more, less, total = gained + 0.5, lost + 0.5, n + 2
    centre = (more - less) / total
    half = Z * math.sqrt(more + less - (more - less) ** 2 / total) / total
    value = (gained - lost) / n
    return value, min(value, max(-1.0, centre - half)), max(value, min(1.0, centre + half))


def mean_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """The 95 % interval of a mean by the bootstrap over samples (B. Efron, 1979)."""
    import numpy as np

    n = len(values)
    if n < 2:
        return float(values.mean()), float(values.mean())
    if n * ROUNDS > DRAWS:
        half = Z * float(values.std(ddof=1)) / math.sqrt(n)
        return float(values.mean()) - half, float(values.mean()) + half
    return resampled(lambda index: float(values[index].mean()), n, np.random.default_rng([seed, 11]))


def median_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """The 95 % interval of a median by the bootstrap."""
    import numpy as np

    if len(values) < 2:
        return float(np.median(values)), float(np.median(values))
    draws = np.random.default_rng([seed, 13]).integers(0, len(values), (ROUNDS * 2, len(values)))
    return _ends(np.median(values[draws], axis=1))


def resampled(
    statistic: Callable[[np.ndarray], float | None], n: int, rng: np.random.Generator, rounds: int = ROUNDS
) -> tuple[float, float]:
    """The 95 % interval of any statistic of n samples: statistic(index) is called with resampled sample numbers.

    Rounds in which the statistic has no value (None) do not count.
    """
    import numpy as np

    found = [statistic(rng.integers(0, n, n)) for _ in range(rounds)]
    kept = np.asarray([one for one in found if one is not None], np.float64)
    if not len(kept):
        return -math.inf, math.inf
    return _ends(kept)


def _ends(values: np.ndarray) -> tuple[float, float]:
    import numpy as np

    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
