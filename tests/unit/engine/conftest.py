"""A runner of toys, and a record of what really ran."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from compress_studio.base.digest import Json
from compress_studio.engine.cache import Store
from compress_studio.engine.events import RunEvent
from compress_studio.engine.runner import Outcome, Runner
from compress_studio.engine.settings import RunSettings
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.project.project import MeterUse, Project
from tests.toys import steps as toys

PATIENCE = 60.0


def chain(*nodes: Node, meters: tuple[str, ...] = (), more: tuple[Edge, ...] = ()) -> Project:
    """Nodes in a line, each fed by the one before."""
    edges = tuple(Edge(a.id, "network", b.id, "network") for a, b in itertools.pairwise(nodes))
    return Project(Pipeline(nodes, edges + more), meters=tuple(MeterUse(one) for one in meters))


class Bench:
    """Runs projects of toys and keeps what was told."""

    def __init__(self, folder: Path, journal: Path) -> None:
        self.folder = folder
        self.journal = journal
        self.file = folder / "numbers.txt"
        self.file.write_text("1 2 3")
        self.store = Store(folder / "cache")
        self.settings = RunSettings(runtime=toys.RUNTIME, compute_threads=1)
        self.runner = Runner(self.store, self.settings)
        self.events: list[RunEvent] = []

    def source(self) -> Node:
        """The node that opens the file."""
        return self.node("s", "source.model", path=str(self.file))

    def node(self, name: str, step: str, **params: Json) -> Node:
        """A node with parameters."""
        return Node(name, step, params)

    def run(self, project: Project, targets: tuple[str, ...] | None = None) -> Outcome:
        """Run to the end."""
        self.events.clear()
        outcome = self.runner.start(project, targets, self.events.append).wait(PATIENCE)
        assert outcome is not None, "the run did not end"
        return outcome

    def again(self, **changes: object) -> None:
        """A new store and runner on the same folder, as after a restart."""
        self.close()
        self.store = Store(self.folder / "cache")
        self.settings = RunSettings(**{"runtime": toys.RUNTIME, "compute_threads": 1, **changes})  # type: ignore[arg-type]
        self.runner = Runner(self.store, self.settings)

    def ran(self) -> list[str]:
        """The steps and meters that really ran since the last call."""
        words = [line.split()[0] for line in self.journal.read_text().splitlines()] if self.journal.exists() else []
        self.journal.unlink(missing_ok=True)
        return words

    def kinds(self, node: str = "") -> list[str]:
        """The kinds of the events, of one node."""
        return [event.kind for event in self.events if not node or getattr(event, "node", "") == node]

    def numbers(self, outcome: Outcome, node: str) -> list[float]:
        """The result of a node."""
        return toys.numbers(Path(outcome.state.nodes[node].path))

    def close(self) -> None:
        """End everything."""
        self.runner.close()
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    journal = tmp_path / "journal.txt"
    monkeypatch.setenv(toys.JOURNAL, str(journal))
    made = Bench(tmp_path, journal)
    yield made
    made.close()
