"""What the data set of the project says about itself: asked of a worker when there is a network to join it to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from compress_studio import __version__
from compress_studio.base.digest import canonical_json
from compress_studio.engine.records import Failure

if TYPE_CHECKING:
    from compress_studio.gui.session import Session
    from compress_studio.spec.data import DataRequest

DESCRIBE = "compress_studio.engine.work:describe"
SAMPLES = "compress_studio.inspection.samples:look"


@dataclass(frozen=True, slots=True)
class _Subject:
    """A data set and the network it is joined to."""

    path: str
    options: str
    seed: int
    network: Path
    network_digest: str

    def words(self, runtime: str) -> tuple[str, str, str, int, str]:
        return runtime, self.path, self.options, self.seed, str(self.network)


class DataLook(QObject):
    """Keeps `session.data_facts` true, and holds the samples and the failure for the data card."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._subject: _Subject | None = None
        self.busy = False
        """The data are being looked at."""
        self.failure: Failure | None = None
        """Why the data cannot be used."""
        self.samples: Mapping[str, Any] = {}
        """See inspection.samples.look; empty while unknown."""
        session.project_changed.connect(self.refresh)
        session.results_changed.connect(self.refresh)
        session.plan_changed.connect(self.refresh)
        self.refresh()

    @property
    def waiting(self) -> bool:
        """There are data, but no network yet to join them to."""
        return self._subject is None and bool(self._session.project.data.path)

    def refresh(self, *_: object) -> None:
        """Ask again when data, options or network are others than before."""
        subject = self._now()
        if subject == self._subject:
            return
        self._subject = subject
        self.failure, self.samples = None, {}
        self._session.looks.drop("data samples")
        self._session.looks.drop("data")
        self._session.set_data_facts({})
        self.busy = subject is not None
        if subject is not None:
            self._ask(subject)
        self.changed.emit()

    def again(self) -> None:
        """Look at the data once more: the files may have changed."""
        self._subject = None
        self.refresh()

    def try_options(self, request: DataRequest, then: Any, failed: Any) -> bool:
        """Ask what the data would say with other options; False when there is no network yet."""
        subject = self._subject
        if subject is None:
            return False
        words = (self._session.settings.runtime, request.path, _options(request), request.seed, str(subject.network))
        self._session.looks.ask("data options", DESCRIBE, words, then, failed)
        return True

    def _now(self) -> _Subject | None:
        session = self._session
        sources = session.project.pipeline.sources()
        found = session.artifact_of(sources[0].id) if sources else None
        if found is None:
            return None
        request = session.settings.data_of(session.project)
        return _Subject(request.path, _options(request), request.seed, found[0], found[1])

    def _ask(self, subject: _Subject) -> None:
        """First what is remembered under the digest of the data, in the background; then the worker."""
        session = self._session
        request = session.settings.data_of(session.project)

        def remembered() -> tuple[str, str | None]:
            with session.store.remembering_files():
                digest = session.runtime.data_digest(request)
            name = f"describe {__version__} {digest} {subject.network_digest}"
            return name, session.store.fact(name)

        session.light.submit("data", remembered, lambda found: self._found(subject, *found), self._failed(subject))

    def _found(self, subject: _Subject, name: str, stored: str | None) -> None:
        if subject != self._subject:
            return
        if stored is not None:
            self._came(subject, "", json.loads(stored))
            return
        words = subject.words(self._session.settings.runtime)
        self._session.looks.ask(
            "data", DESCRIBE, words, lambda facts: self._came(subject, name, facts), self._failed(subject)
        )

    def _came(self, subject: _Subject, name: str, facts: Mapping[str, Any]) -> None:
        if subject != self._subject:
            return
        self.busy = False
        if name:
            self._session.store.remember_fact(name, json.dumps(facts))
        self._session.set_data_facts(facts)
        if subject.path:
            words = subject.words(self._session.settings.runtime)
            self._session.looks.ask("data samples", SAMPLES, words, lambda found: self._sampled(subject, found))
        self.changed.emit()

    def _sampled(self, subject: _Subject, samples: Mapping[str, Any]) -> None:
        if subject == self._subject:
            self.samples = samples
            self.changed.emit()

    def _failed(self, subject: _Subject) -> Any:
        def failed(failure: Failure) -> None:
            if subject == self._subject:
                self.busy, self.failure = False, failure
                self.changed.emit()

        return failed


def _options(request: DataRequest) -> str:
    return canonical_json(dict(request.options)).decode()
