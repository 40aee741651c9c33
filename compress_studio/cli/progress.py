"""Progress on stderr: one live line with the time left on a terminal, plain lines otherwise."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from typing import TextIO

from compress_studio.cli.console import cut, width_of
from compress_studio.engine.events import (
    MeasurementFailed,
    NodeCached,
    NodeDone,
    NodeFailed,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    Note,
    QuietBegan,
    RunEnded,
    RunEvent,
)
from compress_studio.engine.runstate import NodeResult, RunState, Stage

REDRAW_SECONDS = 0.1
REPEAT_SECONDS = 15.0
"""How often a long node is mentioned again where there is no live line."""
BAR = 24


class Progress:
    """A sink for the events of a run. Called from the thread of the run."""

    def __init__(self, titles: Mapping[str, str], stream: TextIO | None = None, live: bool | None = None) -> None:
        self._titles = titles
        self._stream = stream or sys.stderr
        self._live = _can_redraw(self._stream) if live is None else live
        self._lock = threading.Lock()
        self._state = RunState()
        self._drawn = 0.0
        self._mentioned = time.monotonic()
        self._width = 0
        self._quiet_until: float | None = None

    def __call__(self, event: RunEvent) -> None:
        """Take one event."""
        with self._lock:
            self._state = self._state.apply(event)
            if isinstance(event, QuietBegan):
                self._quiet_until = None if event.seconds is None else time.monotonic() + event.seconds
            line = self._line(event)
            if line:
                self._print(line)
            if self._live:
                self._redraw(last=isinstance(event, RunEnded))
            elif isinstance(event, NodeProgress):
                self._repeat(event)

    def close(self) -> None:
        """Take the live line away."""
        with self._lock:
            self._erase()

    def _line(self, event: RunEvent) -> str:
        """What stays on the screen for an event; empty for most."""
        match event:
            case NodeStarted(node=node, expected=expected):
                about = f", about {clock(expected)}" if expected is not None and expected >= 1 else ""
                return "" if self._live else f"{self._name(node)} …{about}"
            case NodeDone(node=node, seconds=seconds):
                return f"{self._name(node)}: done in {clock(seconds)}"
            case NodeCached(node=node):
                return f"{self._name(node)}: from the cache"
            case NodeFailed(node=node):
                return f"{self._name(node)}: failed"
            case NodeSkipped(node=node, why=why, text=text):
                return f"{self._name(node)}: {text or why}"
            case MeasurementFailed(node=node, meter=meter, failure=failure):
                return f"{self._name(node)}: {meter} not measured: {failure.message}"
            case QuietBegan(seconds=seconds):
                about = "" if seconds is None else f", about {clock(seconds)}"
                return "" if self._live else f"timing{about}; other work on this machine disturbs it"
            case Note(text=text, level="warning"):
                return f"note: {text}"
            case _:
                return ""

    def _repeat(self, event: NodeProgress) -> None:
        now = time.monotonic()
        if now - self._mentioned >= REPEAT_SECONDS:
            what = f"measuring {event.meter} " if event.meter else ""
            self._print(f"{self._name(event.node)}: {what}{_percent(event.fraction)}{_left(event.remaining)}")

    def _redraw(self, *, last: bool) -> None:
        now = time.monotonic()
        if last:
            self._erase()
        elif now - self._drawn >= REDRAW_SECONDS:
            self._drawn = now
            columns = shutil.get_terminal_size().columns
            text = cut(self._bar(min(BAR, columns // 5)), columns - 1)
            width = width_of(text)
            self._stream.write("\r" + text + " " * (self._width - width))
            self._stream.flush()
            self._width = width

    def _bar(self, bar: int) -> str:
        """The live line, with a bar of so many columns: of the whole run, or of the timing at its end."""
        state = self._state
        name, one = self._at_work()
        if state.quiet:
            left = None if self._quiet_until is None else self._quiet_until - time.monotonic()
            return f"{_blocks(max(one.measuring.values(), default=0.0), bar)}  timing{_left(left)}"
        text = _blocks(state.progress, bar)
        if name:
            what = f"measuring {', '.join(one.measuring)}" if one.measuring else one.note
            text += f"  {self._name(name)}" + (f": {what}" if what else "")
        return text + _left(state.remaining)

    def _at_work(self) -> tuple[str, NodeResult]:
        for name, one in self._state.nodes.items():
            if one.state is Stage.RUNNING or one.measuring:
                return name, one
        return "", NodeResult()

    def _name(self, node: str) -> str:
        title = self._titles.get(node, "")
        return f"{node} ({title})" if title else node

    def _print(self, line: str) -> None:
        self._erase()
        self._stream.write(f"{line}\n")
        self._stream.flush()
        self._mentioned = time.monotonic()

    def _erase(self) -> None:
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0


def _can_redraw(stream: TextIO) -> bool:
    """Whether a line can be written over: on a terminal that knows how to."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def clock(seconds: float) -> str:
    """A duration for people: "0.4 s", "12 s", "3 min 05 s", "2 h 10 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _blocks(fraction: float, bar: int) -> str:
    filled = round(bar * min(max(fraction, 0.0), 1.0))
    return f"{'█' * filled}{'░' * (bar - filled)} {_percent(fraction)}"


def _percent(fraction: float) -> str:
    return f"{100 * min(max(fraction, 0.0), 1.0):.0f} %"


def _left(seconds: float | None) -> str:
    return "" if seconds is None or seconds <= 0 else f", {clock(seconds)} left"
