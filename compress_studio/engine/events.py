"""What a run tells: typed, frozen, and the same as JSON, so that a window, a terminal and a log read one thing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from compress_studio.base.digest import Json
from compress_studio.engine.records import Failure, JsonObject, reading_from_json, reading_to_json
from compress_studio.spec.meter import Reading


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Base of all events."""

    @property
    def kind(self) -> str:
        """The name of the class."""
        return type(self).__name__

    def to_json(self) -> JsonObject:
        """Plain JSON with the kind in it."""
        row: dict[str, Json] = {"kind": self.kind}
        for one in dataclasses.fields(self):
            row[one.name] = _plain(getattr(self, one.name))
        return row


def event_from_json(row: Mapping[str, Any]) -> RunEvent:
    """The event that to_json wrote. Raises ValueError for a kind that is not known."""
    kind = KINDS.get(row["kind"])
    if kind is None:
        raise ValueError(f"unknown event {row['kind']!r}")
    values = {name: value for name, value in row.items() if name != "kind"}
    return kind(**{name: _READ.get(name, _same)(value) for name, value in values.items()})


@dataclass(frozen=True, slots=True)
class RunStarted(RunEvent):
    """A run begins; everything known of the run before is over."""

    run: str
    nodes: tuple[str, ...]
    """Ids of the nodes that take part, in running order."""


@dataclass(frozen=True, slots=True)
class NodeQueued(RunEvent):
    """A node will have to be computed."""

    node: str
    expected: float | None = None
    """Seconds it took before on something like this, when known."""


@dataclass(frozen=True, slots=True)
class NodeStarted(RunEvent):
    """A node is being computed."""

    node: str
    key: str
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class NodeProgress(RunEvent):
    """How far a node is, 0 to 1."""

    node: str
    fraction: float
    note: str = ""
    remaining: float | None = None
    """Seconds left, estimated."""
    meter: str = ""
    """Set while this meter measures the node; the fraction is then that of the measurement."""


@dataclass(frozen=True, slots=True)
class SeriesPoint(RunEvent):
    """One point of a live curve."""

    node: str
    series: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class NodeCached(RunEvent):
    """The result was there already."""

    node: str
    key: str
    digest: str
    path: str
    report: JsonObject = field(default_factory=dict[str, "Json"])
    seconds: float = 0.0
    """What it took when it was computed."""


@dataclass(frozen=True, slots=True)
class NodeDone(RunEvent):
    """The result has been computed and kept."""

    node: str
    key: str
    digest: str
    path: str
    report: JsonObject = field(default_factory=dict[str, "Json"])
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeFailed(RunEvent):
    """The node gave no result; those below are blocked, others go on."""

    node: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class NodeSkipped(RunEvent):
    """The node was not computed."""

    node: str
    why: str
    """ "off", "blocked" or "cancelled"."""
    text: str = ""
    """For people: "waits for Remove channels"."""
    digest: str = ""
    """Of what a node that is off passes on."""
    path: str = ""


@dataclass(frozen=True, slots=True)
class MeasurementTaken(RunEvent):
    """Readings of one meter on the result of a node."""

    node: str
    meter: str
    digest: str
    readings: tuple[Reading, ...]
    conditions: JsonObject = field(default_factory=dict[str, "Json"])
    cached: bool = False


@dataclass(frozen=True, slots=True)
class MeasurementFailed(RunEvent):
    """A meter gave no readings for a node; the network itself is there."""

    node: str
    meter: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class QuietBegan(RunEvent):
    """A timing is being taken: nobody else should use the processor, and charts should not be repainted."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class QuietEnded(RunEvent):
    """The timing is over."""


@dataclass(frozen=True, slots=True)
class Note(RunEvent):
    """A line for the log, of a node or of the run."""

    text: str
    node: str = ""
    level: str = "info"
    """ "info" or "warning"."""


@dataclass(frozen=True, slots=True)
class RunEnded(RunEvent):
    """The run is over; nothing comes after this."""

    run: str
    ok: bool
    seconds: float
    cancelled: bool = False
    failure: Failure | None = None
    """Set when the run itself could not go on, such as on a full disk."""


EVENTS: tuple[type[RunEvent], ...] = (
    RunStarted,
    NodeQueued,
    NodeStarted,
    NodeProgress,
    SeriesPoint,
    NodeCached,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    MeasurementTaken,
    MeasurementFailed,
    QuietBegan,
    QuietEnded,
    Note,
    RunEnded,
)
KINDS: Mapping[str, type[RunEvent]] = {one.__name__: one for one in EVENTS}

Sink: TypeAlias = Callable[[RunEvent], None]


def _plain(value: Any) -> Json:
    if isinstance(value, Failure):
        return value.to_json()
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        return [reading_to_json(one) if isinstance(one, Reading) else one for one in items]
    return value


def _same(value: Any) -> Any:
    return value


def _failure(value: Any) -> Failure | None:
    return None if value is None else Failure.from_json(value)


def _readings(rows: Any) -> tuple[Reading, ...]:
    return tuple(reading_from_json(row) for row in rows)


_READ: dict[str, Callable[[Any], Any]] = {"failure": _failure, "readings": _readings, "nodes": tuple}
