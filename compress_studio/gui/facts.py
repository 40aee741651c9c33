"""Facts of networks for the window: asked of a worker once, then remembered by content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from compress_studio import __version__
from compress_studio.engine.records import Failure

if TYPE_CHECKING:
    from compress_studio.gui.session import Session
    from compress_studio.project.pipeline import NodeId

INSPECT = "compress_studio.engine.work:inspect"


class Facts(QObject):
    """What is inside networks (see graph.facts.inspect): of the files of the user, and of results."""

    changed = Signal(str)
    """Name of the facts that arrived or failed: a digest, or a path."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._known: dict[str, Mapping[str, Any]] = {}
        self._failed: dict[str, Failure] = {}
        self._asked: set[str] = set()

    def of_node(self, node: NodeId) -> Mapping[str, Any] | None:
        """Facts of the newest network that a node gave; None while unknown, changed tells when they are there."""
        found = self._session.artifact_of(node)
        return None if found is None else self.of_file(found[0], found[1])

    def of_file(self, path: Path, digest: str = "") -> Mapping[str, Any] | None:
        """Facts of a file; with a digest they are remembered for ever. None while unknown."""
        name = digest or str(path)
        if name in self._known:
            return self._known[name]
        if name not in self._asked and name not in self._failed:
            self._ask(name, path, digest)
        return self._known.get(name)

    def failure(self, name: str) -> Failure | None:
        """Why the facts of that digest or path cannot be had."""
        return self._failed.get(name)

    def forget(self, name: str) -> None:
        """Ask again the next time: the file changed."""
        self._known.pop(name, None)
        self._failed.pop(name, None)

    def _ask(self, name: str, path: Path, digest: str) -> None:
        stored = self._session.store.fact(_key(digest)) if digest else None
        if stored is not None:
            self._known[name] = json.loads(stored)
            return
        self._asked.add(name)
        words = (self._session.settings.runtime, str(path))
        self._session.looks.ask(
            f"facts {name}",
            INSPECT,
            words,
            lambda facts: self._came(name, digest, facts),
            lambda why: self._lost(name, why),
        )

    def _came(self, name: str, digest: str, facts: Mapping[str, Any]) -> None:
        self._asked.discard(name)
        self._known[name] = facts
        if digest:
            self._session.store.remember_fact(_key(digest), json.dumps(facts))
        self.changed.emit(name)

    def _lost(self, name: str, failure: Failure) -> None:
        self._asked.discard(name)
        self._failed[name] = failure
        self.changed.emit(name)


def _key(digest: str) -> str:
    return f"inspect {__version__} {digest}"
