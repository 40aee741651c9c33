"""What the picture asks of the worker process: structures, weights and differences, remembered by content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from compress_studio.engine.channel import Message, Progress
from compress_studio.engine.records import Failure
from compress_studio.gui.network.inside import Network
from compress_studio.gui.network.subject import Subject

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

STRUCTURE = "compress_studio.inspection.structure:structure"
WEIGHTS = "compress_studio.inspection.weights:histograms"
ERRORS = "compress_studio.inspection.errors:layer_errors"
KEPT = 6
"""Networks that are remembered."""
SAMPLES = 8
BINS = 64
Errors = Mapping[str, Mapping[str, float]]
"""By tensor: sqnr_db, cosine, relative."""


class Loading(QObject):
    """Asks once, remembers, and tells when something arrived."""

    structure_came = Signal(str)
    """Digest of a network whose structure arrived, or cannot be had."""
    weights_came = Signal(str, str)
    """Digest and layer."""
    errors_came = Signal()
    """Differences arrived, went on, or cannot be had."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._networks: dict[str, Network] = {}
        self._failures: dict[str, Failure] = {}
        self._weights: dict[tuple[str, str, str], Mapping[str, Any] | Failure] = {}
        self._errors: dict[tuple[str, ...], Errors | Failure] = {}
        self._opening = ""
        self._weighing: tuple[str, str, str] | None = None
        self._asking: tuple[str, ...] | None = None
        self.progress = ""
        """What the comparison is doing."""

    def network(self, subject: Subject) -> Network | None:
        """The structure of a network; asked for when it is not there."""
        digest = subject.digest
        if digest in self._networks:
            self._networks[digest] = self._networks.pop(digest)
        elif digest not in self._failures and digest != self._opening and subject.path is not None:
            self._opening = digest
            self._session.looks.ask(
                "network structure",
                STRUCTURE,
                (str(subject.path),),
                partial(self._structure_here, digest),
                partial(self._structure_lost, digest),
            )
        return self._networks.get(digest)

    def failure(self, digest: str) -> Failure | None:
        """Why a structure cannot be had."""
        return self._failures.get(digest)

    def weights(self, subject: Subject, layer: str) -> Mapping[str, Any] | Failure | None:
        """How the weights of a layer are distributed; asked for when it is not known."""
        key = (subject.digest, subject.source_digest, layer)
        known = self._weights.get(key)
        if known is None and key != self._weighing and subject.path is not None:
            self._weighing = key
            reference = str(subject.source_path or subject.path)
            self._session.looks.ask(
                "network weights",
                WEIGHTS,
                (str(subject.path), reference, layer, BINS),
                partial(self._weights_here, key),
                partial(self._weights_here, key),
            )
        return known

    def errors(self, subject: Subject) -> Errors | Failure | None:
        """How much tensors differ from those of the source; asked for when it is not known."""
        data = self._session.project.data
        key = (subject.digest, subject.source_digest, data.path, repr(sorted(data.options.items())), str(data.seed))
        known = self._errors.get(key)
        if known is None and self._asking != key and subject.path is not None and subject.source_path is not None:
            self._asking = key
            self.progress = "comparing with the source"
            source = str(subject.source_path)
            runtime = self._session.settings.runtime
            words = (runtime, data.path, dict(data.options), data.seed, source, str(subject.path), source, SAMPLES)
            self._session.looks.ask(
                "network errors",
                ERRORS,
                words,
                partial(self._errors_here, key),
                partial(self._errors_lost, key),
                partial(self._heard, key),
            )
        return known

    def stop_errors(self) -> None:
        """Nobody wants the comparison any more."""
        self._asking = None
        self._session.looks.drop("network errors")

    def _structure_here(self, digest: str, plain: Mapping[str, Any]) -> None:
        self._opening = ""
        self._networks[digest] = Network.read(digest, plain)
        for old in list(self._networks)[:-KEPT]:
            del self._networks[old]
        self.structure_came.emit(digest)

    def _structure_lost(self, digest: str, failure: Failure) -> None:
        self._opening = ""
        self._failures[digest] = failure
        self.structure_came.emit(digest)

    def _weights_here(self, key: tuple[str, str, str], found: Mapping[str, Any] | Failure) -> None:
        self._weighing = None
        self._weights[key] = found
        self.weights_came.emit(key[0], key[2])

    def _errors_here(self, key: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
        self._keep_errors(key, {row["tensor"]: row for row in rows})

    def _errors_lost(self, key: tuple[str, ...], failure: Failure) -> None:
        self._keep_errors(key, failure)

    def _keep_errors(self, key: tuple[str, ...], found: Errors | Failure) -> None:
        self._errors[key] = found
        self._asking = None
        self.progress = ""
        self.errors_came.emit()

    def _heard(self, key: tuple[str, ...], message: Message) -> None:
        """Called in another thread."""
        if isinstance(message, Progress):
            self._session.bridge.put(partial(self._show_progress, key, message.note))

    def _show_progress(self, key: tuple[str, ...], note: str) -> None:
        if self._asking == key:
            self.progress = note
            self.errors_came.emit()
