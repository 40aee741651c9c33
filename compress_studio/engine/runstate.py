"""The reducer: what a run looks like after each event. The command line and the window share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from compress_studio.base.digest import Json
from compress_studio.engine.events import (
    MeasurementFailed,
    MeasurementTaken,
    NodeCached,
    NodeDone,
    NodeFailed,
    NodeProgress,
    NodeQueued,
    NodeSkipped,
    NodeStarted,
    Note,
    QuietBegan,
    QuietEnded,
    RunEnded,
    RunEvent,
    RunStarted,
    SeriesPoint,
)
from compress_studio.engine.records import Failure, JsonObject
from compress_studio.spec.meter import Reading


class Stage(StrEnum):
    """Where a node is in a run."""

    WAITING = "waiting"
    """Nothing has been said about it yet."""
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    """It waits for a node that failed."""
    CANCELLED = "cancelled"
    OFF = "off"
    """Switched off: it passes on what arrives."""


ENDED = frozenset({Stage.DONE, Stage.FAILED, Stage.BLOCKED, Stage.CANCELLED, Stage.OFF})
SKIPPED = {"off": Stage.OFF, "blocked": Stage.BLOCKED, "cancelled": Stage.CANCELLED}


@dataclass(frozen=True, slots=True)
class NodeResult:
    """All that is known of one node of a run."""

    state: Stage = Stage.WAITING
    digest: str = ""
    """Of the network that it gave, or passes on."""
    path: str = ""
    report: JsonObject = field(default_factory=dict[str, "Json"])
    """The StepReport as JSON."""
    readings: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict[str, "tuple[Reading, ...]"])
    """By meter."""
    conditions: Mapping[str, JsonObject] = field(default_factory=dict[str, "JsonObject"])
    """By meter: under which the readings hold."""
    seconds: float = 0.0
    cached: bool = False
    progress: float = 0.0
    note: str = ""
    remaining: float | None = None
    """Seconds left; before the start the seconds expected."""
    error: Failure | None = None
    waits_for: str = ""
    measuring: Mapping[str, float] = field(default_factory=dict[str, float])
    """Meters at work on it, with their progress."""
    meter_errors: Mapping[str, Failure] = field(default_factory=dict[str, "Failure"])
    series: Mapping[str, tuple[tuple[float, float], ...]] = field(
        default_factory=dict[str, "tuple[tuple[float, float], ...]"]
    )
    log: tuple[str, ...] = ()

    def reading(self, name: str) -> Reading | None:
        """The reading of that name, whichever meter took it."""
        return next((one for rows in self.readings.values() for one in rows if one.name == name), None)


@dataclass(frozen=True, slots=True)
class RunState:
    """All that is known of a run; immutable."""

    run: str = ""
    order: tuple[str, ...] = ()
    nodes: Mapping[str, NodeResult] = field(default_factory=dict[str, NodeResult])
    quiet: bool = False
    ended: bool = False
    ok: bool = False
    cancelled: bool = False
    seconds: float = 0.0
    failure: Failure | None = None
    log: tuple[str, ...] = ()

    def apply(self, event: RunEvent) -> RunState:
        """The state after an event. Events of other kinds than the known ones change nothing."""
        node = getattr(event, "node", "")
        if node:
            change = _ON_NODE.get(type(event))
            if change is None:
                return self
            old = self.nodes.get(node, NodeResult())
            return replace(self, nodes={**self.nodes, node: change(old, event)})
        change_run = _ON_RUN.get(type(event))
        return self if change_run is None else change_run(self, event)

    @property
    def progress(self) -> float:
        """The share of the nodes that is done, 0 to 1, the one at work counted by its own progress."""
        if not self.nodes:
            return 0.0
        return sum(1.0 if one.state in ENDED else one.progress for one in self.nodes.values()) / len(self.nodes)

    @property
    def remaining(self) -> float | None:
        """Seconds left in all; None while that is unknown for some node."""
        left = 0.0
        for one in self.nodes.values():
            if one.state in {Stage.QUEUED, Stage.RUNNING}:
                if one.remaining is None:
                    return None
                left += one.remaining
        return left


def _queued(old: NodeResult, event: NodeQueued) -> NodeResult:
    return old if old.state is not Stage.WAITING else replace(old, state=Stage.QUEUED, remaining=event.expected)


def _started(old: NodeResult, event: NodeStarted) -> NodeResult:
    return old if old.state in ENDED else replace(old, state=Stage.RUNNING, remaining=event.expected)


def _progress(old: NodeResult, event: NodeProgress) -> NodeResult:
    fraction = min(max(event.fraction, 0.0), 1.0)
    if event.meter:
        known = max(old.measuring.get(event.meter, 0.0), fraction)
        return replace(old, measuring={**old.measuring, event.meter: known})
    if old.state in ENDED:
        return old
    return replace(old, progress=max(old.progress, fraction), note=event.note or old.note, remaining=event.remaining)


def _point(old: NodeResult, event: SeriesPoint) -> NodeResult:
    points = (*old.series.get(event.series, ()), (event.x, event.y))
    return replace(old, series={**old.series, event.series: points})


def _done(old: NodeResult, event: NodeDone | NodeCached) -> NodeResult:
    return replace(
        old,
        state=Stage.DONE,
        digest=event.digest,
        path=event.path,
        report=event.report,
        seconds=event.seconds,
        cached=isinstance(event, NodeCached),
        progress=1.0,
        remaining=None,
        error=None,
        waits_for="",
    )


def _failed(old: NodeResult, event: NodeFailed) -> NodeResult:
    return replace(old, state=Stage.FAILED, error=event.failure, remaining=None)


def _skipped(old: NodeResult, event: NodeSkipped) -> NodeResult:
    state = SKIPPED.get(event.why, Stage.CANCELLED)
    waits = event.text if state is Stage.BLOCKED else ""
    return replace(old, state=state, waits_for=waits, digest=event.digest, path=event.path, remaining=None)


def _measured(old: NodeResult, event: MeasurementTaken) -> NodeResult:
    return replace(
        old,
        readings={**old.readings, event.meter: event.readings},
        conditions={**old.conditions, event.meter: event.conditions},
        measuring=_without(old.measuring, event.meter),
        meter_errors=_without(old.meter_errors, event.meter),
    )


def _not_measured(old: NodeResult, event: MeasurementFailed) -> NodeResult:
    errors = {**old.meter_errors, event.meter: event.failure}
    return replace(old, meter_errors=errors, measuring=_without(old.measuring, event.meter))


def _noted(old: NodeResult, event: Note) -> NodeResult:
    return replace(old, log=(*old.log, event.text))


def _begin(_old: RunState, event: RunStarted) -> RunState:
    return RunState(run=event.run, order=event.nodes, nodes={node: NodeResult() for node in event.nodes})


def _end(old: RunState, event: RunEnded) -> RunState:
    nodes = {
        name: one if one.state in ENDED else replace(one, state=Stage.CANCELLED, remaining=None)
        for name, one in old.nodes.items()
    }
    nodes = {name: replace(one, measuring={}) if one.measuring else one for name, one in nodes.items()}
    return replace(
        old,
        nodes=nodes,
        ended=True,
        quiet=False,
        ok=event.ok,
        cancelled=event.cancelled,
        seconds=event.seconds,
        failure=event.failure,
    )


def _quiet(old: RunState, event: RunEvent) -> RunState:
    return replace(old, quiet=isinstance(event, QuietBegan))


def _said(old: RunState, event: Note) -> RunState:
    return replace(old, log=(*old.log, event.text))


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


_ON_NODE: Mapping[type[RunEvent], Callable[[NodeResult, Any], NodeResult]] = {
    NodeQueued: _queued,
    NodeStarted: _started,
    NodeProgress: _progress,
    SeriesPoint: _point,
    NodeCached: _done,
    NodeDone: _done,
    NodeFailed: _failed,
    NodeSkipped: _skipped,
    MeasurementTaken: _measured,
    MeasurementFailed: _not_measured,
    Note: _noted,
}
_ON_RUN: Mapping[type[RunEvent], Callable[[RunState, Any], RunState]] = {
    RunStarted: _begin,
    RunEnded: _end,
    QuietBegan: _quiet,
    QuietEnded: _quiet,
    Note: _said,
}
