"""What work says while it runs: messages to the other end, and the question whether to go on.

A work unit finds the channel of its process with current(); in a plain process it is a silent one, so the same
unit runs anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from compress_studio.base.errors import Cancelled


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is."""

    fraction: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a live curve."""

    series: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line for the log."""

    text: str


Message: TypeAlias = Progress | CurvePoint | Line


def _nobody(_message: Message) -> None:
    return None


@dataclass(slots=True)
class Channel:
    """One end: where messages go, and whether somebody asked to stop."""

    send: Callable[[Message], None] = _nobody
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise Cancelled when somebody asked to stop."""
        if self.stop.is_set():
            raise Cancelled


_current = Channel()


def current() -> Channel:
    """The channel of the work that this process does."""
    return _current


@contextmanager
def speaking(channel: Channel) -> Generator[None]:
    """Make a channel the one of this process while the block runs."""
    global _current  # noqa: PLW0603 - a worker process does one thing at a time, whatever thread it uses
    before, _current = _current, channel
    try:
        yield
    finally:
        _current = before
