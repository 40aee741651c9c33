"""Who sees which sample. Calibration and training never see a test sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

MOST_CALIBRATION = 1024
CALIBRATION_SHARE = 0.2
FEWEST_CALIBRATION = 32
MOST_TEST = 50_000
"""Test samples that are taken from data without parts: an accuracy is then known within 0.4 points, and more would
only cost time and memory."""
ENOUGH_TEST = 30
"""Test samples below which a result says little."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Numbers of the samples of each part; calibrate and tune in a random order, so that the first k are fair."""

    calibrate: np.ndarray
    tune: np.ndarray
    test: np.ndarray


def divide(
    count: int, seed: int, *, test: float | None = None, calibrate: float | None = None, batch: int = 1
) -> Parts:
    """Divide one table: half of it is for tests (at most 50,000 samples, at least 30 where that leaves a third).

    Args: test and calibrate override the default with a share (below 1) or a number; batch is the network's fixed
    batch size, which every part should fill. Raises BadInput when there is not one full batch.
    """
    import numpy as np

    if count < batch:
        raise BadInput(
            f"The network takes exactly {batch} samples at a time, the data have {count}.", "Give more samples."
        )
    order = np.random.default_rng([seed, 0]).permutation(count)
    default = max(min(count - count // 2, MOST_TEST), min(ENOUGH_TEST, 2 * count // 3))
    wanted = default if test is None else _amount(test, count)
    wanted = min(max(wanted, batch, 1), count)
    pool = order[wanted:]
    chosen = order[:wanted]
    first = share(len(pool), calibrate, batch)
    return Parts(pool[:first], pool[first:], np.sort(chosen))


def work(count: int, seed: int, *, calibrate: float | None = None, batch: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Divide samples that are free for work, because tests have their own: (calibrate, tune)."""
    import numpy as np

    order = np.random.default_rng([seed, 1]).permutation(count)
    first = share(count, calibrate, batch)
    return order[:first], order[first:]


def share(pool: int, calibrate: float | None, batch: int) -> int:
    """How many of the pool calibrate: a fifth, at most 1,024, at least 32 where that leaves half."""
    if pool == 0:
        return 0
    default = min(MOST_CALIBRATION, max(int(pool * CALIBRATION_SHARE), min(FEWEST_CALIBRATION, -(-pool // 2))))
    wanted = default if calibrate is None else _amount(calibrate, pool)
    wanted = -(-max(wanted, 1) // batch) * batch
    return min(wanted, pool)


def _amount(value: float, count: int) -> int:
    return round(value * count) if value < 1 else int(value)
