"""The bar at the bottom: what is there already, when the project was saved, what the work takes of the machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStatusBar, QToolButton, QWidget

from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.theme.tokens import METRICS

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

SAMPLE_MS = 2000
WRONG = frozenset({Shown.FAILED, Shown.INVALID})


@dataclass(frozen=True, slots=True)
class Usage:
    """What this program and its workers take."""

    memory: float
    """Bytes."""
    total: float
    processor: float
    """Share of all processors, 0 to 1."""


@dataclass(frozen=True, slots=True)
class StatusState:
    """Everything the bar shows."""

    doing: str = "Ready"
    cached: int = 0
    steps: int = 0
    saved: str = ""
    """ "Saved 23:04", "Not saved yet", or empty."""
    problems: int = 0
    usage: Usage | None = None

    @property
    def left(self) -> str:
        """The text on the left."""
        parts = [self.doing]
        if self.steps:
            parts.append(f"{self.cached} of {self.steps} step{'s' if self.steps > 1 else ''} cached")
        return " · ".join([*parts, *([self.saved] if self.saved else [])])

    @property
    def right(self) -> str:
        """The text on the right."""
        if self.usage is None:
            return ""
        used, total = self.usage.memory / 1e9, self.usage.total / 1e9
        return f"RAM {used:.1f} / {total:.0f} GB · CPU {100 * self.usage.processor:.0f} %"


def count_steps(views: Mapping[str, NodeView]) -> tuple[int, int]:
    """How many nodes have their result, and how many there are that are switched on."""
    on = [view for view in views.values() if view.state is not Shown.OFF]
    return sum(view.state in {Shown.FRESH, Shown.MEASURING} for view in on), len(on)


def count_problems(views: Mapping[str, NodeView]) -> int:
    """How many nodes failed or cannot run."""
    return sum(view.state in WRONG for view in views.values())


class StatusBar(QStatusBar):
    """The status bar of the window."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setSizeGripEnabled(False)
        self._session = commands.session
        self._commands = commands
        self._left = QLabel(self)
        self._left.setObjectName("status_left")
        self._left.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._problems = QToolButton(self)
        self._problems.setObjectName("status_problems")
        self._problems.setAutoRaise(True)
        self._problems.setAccessibleName("Problems")
        self._problems.setToolTip("Show what is wrong and what to do about it")
        self._problems.setStyleSheet("QToolButton { border: none; background: transparent; padding: 0 6px; }")
        self._problems.clicked.connect(commands.show_problems)
        self._right = QLabel(self)
        self._right.setObjectName("status_right")
        self._right.setToolTip("Memory and processor time that this program and its workers take now")
        for label in (self._left, self._right):
            label.setProperty("tone", "muted")
        inner = QWidget(self)
        layout = QHBoxLayout(inner)
        layout.setContentsMargins(METRICS.pad, 0, METRICS.pad, 0)
        layout.setSpacing(METRICS.gap)
        layout.addWidget(self._left, 1)
        layout.addWidget(self._problems)
        layout.addWidget(self._right)
        self.addWidget(inner, 1)
        self._usage: Usage | None = None
        self._sampler = Sampler()
        self._timer = QTimer(self)
        self._timer.setInterval(SAMPLE_MS)
        self._timer.timeout.connect(self._sample)
        for signal in (self._session.views_changed, self._session.history_changed, self._session.project_opened):
            signal.connect(self.refresh)
        self._session.run_changed.connect(self.refresh)
        self._session.quiet_changed.connect(self._hush)
        self.state: StatusState | None = None
        self.refresh()

    def begin_sampling(self) -> None:
        """Look at memory and processor every two seconds, from now on."""
        self._timer.start()
        self._sample()

    def refresh(self, *_: object) -> None:
        """Show what the session is now."""
        session = self._session
        cached, steps = count_steps(session.views)
        doing = "Stopping" if session.stopping else "Measuring" if session.run_state.quiet else "Ready"
        if doing == "Ready" and session.running:
            doing = "Running"
        saved = saved_words(session.path, dirty=session.dirty)
        problems = count_problems(session.views) + (session.plan_failure is not None)
        self.show_state(StatusState(doing, cached, steps, saved if steps else "", problems, self._usage))

    def show_state(self, state: StatusState) -> None:
        """Show a state."""
        if state == self.state:
            return
        self.state = state
        self._left.setText(state.left)
        self._right.setText(state.right)
        self._problems.setVisible(state.problems > 0)
        self._problems.setText(f"{state.problems} problem{'s' if state.problems != 1 else ''}")

    def _sample(self) -> None:
        if not self._session.run_state.quiet and self.isVisible():
            self._session.light.submit("usage", self._sampler.take, self._came)

    def _came(self, usage: Usage) -> None:
        self._usage = usage
        self.refresh()

    def _hush(self, quiet: bool) -> None:
        if quiet:
            self._timer.stop()
        elif self._usage is not None:
            self._timer.start()


class Sampler:
    """Asks the system what this process and those it started take."""

    def __init__(self) -> None:
        self._before: tuple[float, float] | None = None

    def take(self) -> Usage:
        """Memory now, and processor time since the last look."""
        import psutil

        own = psutil.Process()
        memory, spent = 0.0, 0.0
        for process in (own, *own.children(recursive=True)):
            try:
                with process.oneshot():
                    memory += process.memory_info().rss
                    times: Any = process.cpu_times()
                    spent += times.user + times.system
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                # It ended between the list and the look.
                continue
        now = time.monotonic()
        share = 0.0
        if self._before is not None and now > self._before[0]:
            share = (spent - self._before[1]) / (now - self._before[0]) / (psutil.cpu_count() or 1)
        self._before = (now, spent)
        return Usage(memory, float(psutil.virtual_memory().total), min(max(share, 0.0), 1.0))


def saved_words(path: Path | None, *, dirty: bool) -> str:
    """When the project was saved."""
    if path is None:
        return "project not saved yet"
    try:
        when = time.strftime("%H:%M", time.localtime(path.stat().st_mtime))
    except OSError:
        return "the project file is gone"
    return f"project saved {when}{', changed since' if dirty else ''}"
