"""How evenly the thread of the window runs: the gaps of a timer, and what the thread did in the long ones."""

from __future__ import annotations

import collections
import signal
import statistics
import time
from dataclasses import dataclass, field
from types import FrameType

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS = 16
LONG_MS = 40.0
"""A gap that is looked into."""
LOOK_S = 0.004
CALLS = 6
"""Innermost calls that are named."""


@dataclass(slots=True)
class Phase:
    """One part of a story, with the gaps of the timer in it."""

    name: str
    gaps: list[float] = field(default_factory=list[float])
    busy: list[float] = field(default_factory=list[float])
    """Milliseconds of processor time that the thread of the window took in each gap."""
    longest: list[tuple[float, float, str]] = field(default_factory=list[tuple[float, float, str]])
    """Gap, processor time, and where the thread was, of the long ones."""


class Beats(QObject):
    """Beats every 16 ms and notes how far apart the beats really were, by phase."""

    def __init__(self, *, blame: bool = False) -> None:
        super().__init__()
        self.phases: list[Phase] = []
        self._blame = blame
        self._seen: list[str] = []
        self._last = time.perf_counter()
        self._busy = time.thread_time()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._beat)

    def begin(self, name: str) -> None:
        """A phase begins."""
        self.phases.append(Phase(name))
        if not self._timer.isActive():
            self._last, self._busy = time.perf_counter(), time.thread_time()
            self._timer.start()
            if self._blame:
                signal.signal(signal.SIGALRM, self._look)
                signal.siginterrupt(signal.SIGALRM, False)
                signal.setitimer(signal.ITIMER_REAL, LOOK_S, LOOK_S)

    def stop(self) -> None:
        """End."""
        self._timer.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)

    def table(self) -> str:
        """All phases as text, and the long gaps with what the thread did in them."""
        rows = [f"{'phase':<34}{'beats':>7}{'median':>9}{'p99':>8}{'largest':>9}{'busiest':>9}"]
        every = Phase("all", [one for phase in self.phases for one in phase.gaps])
        every.busy = [one for phase in self.phases for one in phase.busy]
        for phase in [*self.phases, every]:
            if phase.gaps:
                gaps = sorted(phase.gaps)
                p99 = gaps[round(0.99 * (len(gaps) - 1))]
                rows.append(
                    f"{phase.name:<34}{len(gaps):>7}{statistics.median(gaps):>8.1f} {p99:>7.1f} {gaps[-1]:>8.1f} "
                    f"{max(phase.busy):>8.1f}"
                )
        for phase in self.phases:
            for gap, busy, where in sorted(phase.longest, reverse=True)[:3] if self._blame else []:
                rows.append(f"\n{phase.name}: {gap:.0f} ms, {busy:.0f} ms busy\n{where}")
        return "\n".join(rows)

    def _beat(self) -> None:
        now, busy = time.perf_counter(), time.thread_time()
        gap, worked = 1000 * (now - self._last), 1000 * (busy - self._busy)
        seen, self._seen = self._seen, []
        phase = self.phases[-1]
        phase.gaps.append(gap)
        phase.busy.append(worked)
        if gap > LONG_MS:
            counted = collections.Counter(seen).most_common(4)
            phase.longest.append((gap, worked, "\n".join(f"  {count} × {place}" for place, count in counted)))
        self._last, self._busy = now, busy

    def _look(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None and 1000 * (time.perf_counter() - self._last) > TICK_MS + 4:
            self._seen.append(_place(frame))


def _place(frame: FrameType) -> str:
    """The innermost calls."""
    calls: list[tuple[str, int, str]] = []
    at: FrameType | None = frame
    while at is not None and len(calls) < CALLS:
        calls.append((at.f_code.co_filename, at.f_lineno, at.f_code.co_name))
        at = at.f_back
    words = [f"{_short(file)}:{line} {name}" for file, line, name in calls]
    return " < ".join(words)


def _short(file: str) -> str:
    return file.rpartition("compress_studio/")[2].rpartition("site-packages/")[2]
