"""How long work will still take: from what the same took before, else from how far it is."""

from __future__ import annotations

import time
from collections.abc import Mapping

from compress_studio.base.digest import Json, digest_json
from compress_studio.engine.cache import Store

TOO_EARLY = 0.02
"""Below this share of the work its speed says nothing."""


class Clock:
    """The time of one piece of work."""

    def __init__(self, store: Store, step: str, params: str, size: int) -> None:
        self._store = store
        self._what = (step, params, size)
        self._begun = time.monotonic()
        self.expected = store.expected_seconds(step, params, size)
        """Seconds in all, as remembered; None when nothing like it was done before."""

    def remaining(self, fraction: float) -> float | None:
        """Seconds left at this share of the work, 0 to 1; None while nothing is known."""
        spent = time.monotonic() - self._begun
        if fraction >= 1:
            return 0.0
        by_speed = spent * (1 - fraction) / fraction if fraction > TOO_EARLY else None
        if self.expected is None or spent > self.expected:
            return by_speed
        remembered = self.expected - spent
        # The further the work is, the more its own speed counts.
        return remembered if by_speed is None else (1 - fraction) * remembered + fraction * by_speed

    def stop(self, seconds: float) -> None:
        """Remember how long it took."""
        self._store.remember_duration(*self._what, seconds)


class TimeLeft:
    """Expectations from the durations that a store remembers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def expected(self, step: str, params: Mapping[str, Json], size: int) -> float | None:
        """Seconds that a step will take on networks of that many bytes, as far as remembered."""
        return self._store.expected_seconds(step, digest_json(params), size)

    def start(self, step: str, params: Mapping[str, Json], size: int) -> Clock:
        """Begin to take the time of a step."""
        return Clock(self._store, step, digest_json(params), size)
