"""Numbers as people read them, the same everywhere in the window."""

from __future__ import annotations

import math

NOTHING = "–"
THIN = "\u202f"
"""Between digits and units, so that they stay together."""


def bytes_text(count: float | None) -> str:
    """ "1.23 MB", "197 kB", "12 B": decimal units, three digits."""
    if count is None:
        return NOTHING
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{_three(count / size)}{THIN}{unit}"
    return f"{count:.0f}{THIN}B"


def count_text(count: float | None) -> str:
    """ "307 k", "10.2 M", "412": three digits with a letter."""
    if count is None:
        return NOTHING
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(count) >= size:
            scale = 1e3 if unit == "k" else size
            return f"{_three(count / scale)}{THIN}{unit}"
    return f"{count:.0f}"


def grouped_text(count: float | None) -> str:
    """ "272 474": all digits, grouped."""
    return NOTHING if count is None else f"{count:,.0f}".replace(",", THIN)


def ms_text(value: float | None) -> str:
    """ "1.92 ms", "163 µs", "2.4 s", from milliseconds."""
    if value is None:
        return NOTHING
    if value >= 1000:
        return f"{_three(value / 1000)}{THIN}s"
    return f"{_three(value)}{THIN}ms" if value >= 0.9995 else f"{_three(value * 1000)}{THIN}µs"


def percent_text(share: float | None, digits: int = 1) -> str:
    """ "91.2 %" from 0.912."""
    return NOTHING if share is None else f"{100 * share:.{digits}f}{THIN}%"


def points_text(difference: float | None, digits: int = 1) -> str:
    """ "−0.9 pt" from −0.009: a difference of two shares."""
    if difference is None:
        return NOTHING
    value = round(100 * difference, digits)
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{abs(value):.{digits}f}{THIN}pt"


def factor_text(factor: float | None) -> str:
    """ "÷ 6.9" from 6.9, "× 1.2" from 0.83: how many times smaller or faster, or larger and slower."""
    if factor is None or not math.isfinite(factor) or factor <= 0:
        return NOTHING
    if round(factor, 2) < 1:
        return f"×{THIN}{_two(1 / factor)}"
    return f"÷{THIN}{_two(factor)}"


def seconds_text(seconds: float | None) -> str:
    """ "0:14", "12:03", "1:02:03": a duration."""
    if seconds is None:
        return NOTHING
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def number_text(value: float | None) -> str:
    """Any other number with three digits."""
    return NOTHING if value is None else _three(value)


def _three(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 6)}f}" if abs(value) < 999.5 else f"{value:,.0f}".replace(",", THIN)


def _two(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"
