"""Questions about the layers of a result and of its source, asked of a worker once and remembered by content."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

from compress_studio.engine.records import Failure
from compress_studio.gui.charts.layer_rows import LayerRow, read_row
from compress_studio.gui.charts.naming import node_labels

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

ROWS = "compress_studio.inspection.layers:layer_rows"
HISTOGRAMS = "compress_studio.inspection.weights:histograms"
BINS = 96
MOST = 64
"""Answers that are remembered."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Subject:
    """A result and the source that it is compared with."""

    node: str
    label: str
    group: str
    source: str
    """What the source is called."""
    path: str
    digest: str
    reference: str
    reference_digest: str
    outdated: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What the answers belong to."""
        return self.digest, self.reference_digest


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of the weights of one side."""

    count: int
    zeros: int
    low: float | None
    high: float | None
    std: float
    bits: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """The weights of a layer, before and after, in the same bins."""

    layer: str
    edges: tuple[float, ...]
    before: tuple[int, ...] | None
    after: tuple[int, ...] | None
    before_side: Side | None
    after_side: Side | None


class _Answers(Generic[T]):
    """Answers to one kind of question; the newest question is the one that is answered."""

    def __init__(self, session: Session, name: str, changed: Callable[[], None]) -> None:
        self._session, self._name, self._changed = session, name, changed
        self._known: OrderedDict[Hashable, T | Failure] = OrderedDict()
        self._pending: Hashable = None

    def get(
        self, key: Hashable, function: str, arguments: tuple[Any, ...], read: Callable[[Any], T]
    ) -> T | Failure | None:
        """The answer, why there is none, or None while the worker thinks."""
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        if key != self._pending:
            self._pending = key
            self._session.looks.ask(
                self._name,
                function,
                arguments,
                lambda answer: self._came(key, read(answer)),
                lambda why: self._came(key, why),
            )
        return None

    def _came(self, key: Hashable, answer: T | Failure) -> None:
        self._pending = None
        self._known[key] = answer
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        self._changed()


class LayerLooks(QObject):
    """What the charts of layers and weights ask; one for a session."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._rows = _Answers[tuple[LayerRow, ...]](session, "layers of a result", self.changed.emit)
        self._histograms = _Answers[Histogram](session, "weights of a layer", self.changed.emit)

    @classmethod
    def of(cls, session: Session) -> LayerLooks:
        """The one of a session, made when it is wanted for the first time."""
        return session.findChild(cls) or cls(session)

    def rows(self, subject: Subject) -> tuple[LayerRow, ...] | Failure | None:
        """The layers of a result beside those of its source; None while they are being looked at."""
        arguments = (subject.path, subject.reference)
        return self._rows.get(subject.key, ROWS, arguments, lambda rows: tuple(read_row(row) for row in rows))

    def histogram(self, subject: Subject, layer: str) -> Histogram | Failure | None:
        """The weights of a layer; None while they are being counted."""
        arguments = (subject.path, subject.reference, layer, BINS)
        return self._histograms.get((*subject.key, layer), HISTOGRAMS, arguments, _read_histogram)


def subject_of(session: Session) -> Subject | None:
    """The selected result with its source; the last result when none is selected. None: nothing is there yet."""
    pipeline = session.project.pipeline
    order = [node.id for node in pipeline.order()]
    for node in (session.current, *reversed(order)):
        if node is None:
            continue
        found = session.artifact_of(node)
        source = pipeline.source_of(node) or node
        base = session.artifact_of(source)
        if found is None or base is None:
            continue
        view = session.views[node]
        labels = node_labels(session.views)
        group = "" if view.spec is None else view.spec.group.value
        return Subject(
            node, labels[node], group, labels[source], str(found[0]), found[1], str(base[0]), base[1], view.outdated
        )
    return None


def _read_histogram(row: dict[str, Any]) -> Histogram:
    before, after = row["before"], row["after"]
    return Histogram(
        row["layer"],
        tuple(row["edges"]),
        None if before is None else tuple(before),
        None if after is None else tuple(after),
        _read_side(row["before_stats"]),
        _read_side(row["after_stats"]),
    )


def _read_side(row: dict[str, Any] | None) -> Side | None:
    if row is None:
        return None
    return Side(row["count"], row["zeros"], row["min"], row["max"], row["std"], row["bits"])
