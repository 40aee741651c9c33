"""Numbers of predictions as short texts."""

from __future__ import annotations


def percent(share: float) -> str:
    """ "42 %", with a digit more near the ends."""
    value = 100 * float(share)
    digits = 1 if (0 < value < 1 or 99 < value < 100) else 0
    return f"{value:.{digits}f} %"
