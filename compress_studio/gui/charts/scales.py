"""Axes: where a value lies, and which values are written beside the axis and how."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from compress_studio.gui import words

Tick: TypeAlias = tuple[float, str]
"""Place on the axis and the words there."""
PIXELS_PER_TICK = 70.0
MOST_TRIED = 16
SMALLEST = 1e-12


class Form(StrEnum):
    """How the values of an axis are written."""

    FACTOR = "factor"
    BYTES = "bytes"
    COUNT = "count"
    MS = "ms"
    SHARE = "share"
    NUMBER = "number"


def text_of(form: Form, value: float | None) -> str:
    """A value in words, with its unit."""
    return _WORDS[form](value)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places on an axis and back."""

    form: Form
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value lies."""
        return math.log10(max(value, SMALLEST)) if self.log else value

    def value(self, place: float) -> float:
        """Which value lies there."""
        return 10.0**place if self.log else place

    def ticks(self, low: float, high: float, pixels: float) -> list[Tick]:
        """What is written between two places on an axis of that many pixels."""
        if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
            return []
        most = max(2, int(pixels / PIXELS_PER_TICK))
        values = self._values(low, high, most)
        while len(values) < 2 and most < MOST_TRIED:  # one word alone says nothing about a scale
            most *= 2
            values = self._values(low, high, most)
        return [(self.place(one), text) for one, text in zip(values, _tick_texts(self.form, values), strict=True)]

    def _values(self, low: float, high: float, most: int) -> list[float]:
        return _log_values(self, low, high, most) if self.log else _even_values(low, high, most)


def _log_values(scale: Scale, low: float, high: float, most: int) -> list[float]:
    """Powers of two for factors, 1-2-5 else; even steps where the axis spans less than a doubling."""
    first, last = scale.value(low), scale.value(high)
    if last / first < 2.2:
        return [one for one in _even_values(first, last, most) if one > 0]
    if scale.form is Form.FACTOR:
        powers = range(math.ceil(math.log2(first) - 1e-9), math.floor(math.log2(last) + 1e-9) + 1)
        every = max(1, math.ceil(len(powers) / most))
        return [2.0**power for power in powers if power % every == 0]
    decades = range(math.floor(low), math.floor(high) + 1)
    for parts in ((1, 2, 5), (1,)):
        found = [part * 10.0**decade for decade in decades for part in parts]
        found = [one for one in found if first <= one * (1 + 1e-9) and one * (1 - 1e-9) <= last]
        if len(found) <= most + 1:
            return found
    every = max(1, math.ceil(len(found) / most))
    return found[::every]


def _even_values(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next((part * size for part in (1.0, 2.0, 2.5, 5.0) if part * size >= rough), 10.0 * size)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(at * step, 12) for at in range(first, last + 1)]


def _tick_texts(form: Form, values: list[float]) -> list[str]:
    if form is Form.SHARE:
        digits = _digits([100 * one for one in values], 4)
        return [words.percent_text(one, digits) for one in values]
    if form is Form.NUMBER:
        digits = _digits(values, 6)
        return [f"{one:.{digits}f}" if digits < 6 else f"{one:.3g}" for one in values]
    if form is Form.FACTOR:
        return [f"÷{words.THIN}{one:g}" if one >= 1 else f"×{words.THIN}{1 / one:.3g}" for one in values]
    if form is Form.MS:
        largest = max(values, default=1.0)
        return [time_text(one, largest).replace(".0" + words.THIN, words.THIN) if one else "0" for one in values]
    return [_WORDS[form](one) if one else "0" for one in values]


def time_text(value: float, largest: float) -> str:
    """Milliseconds in the unit that suits the largest time beside it, so that a list of times has one unit."""
    for unit, size, below in (("µs", 1000.0, 1.0), ("ms", 1.0, 1000.0)):
        if largest < below:
            return f"{words.number_text(value * size)}{words.THIN}{unit}"
    return f"{words.number_text(value / 1000)}{words.THIN}s"


def _digits(values: list[float], most: int) -> int:
    """The fewest decimals that tell all values exactly."""
    exact = (digits for digits in range(most) if all(abs(one - round(one, digits)) < 1e-9 for one in values))
    return next(exact, most)


_WORDS: dict[Form, Callable[[float | None], str]] = {
    Form.FACTOR: words.factor_text,
    Form.BYTES: words.bytes_text,
    Form.COUNT: words.count_text,
    Form.MS: words.ms_text,
    Form.SHARE: words.percent_text,
    Form.NUMBER: words.number_text,
}
