"""Which results become variants, and with which recipe: only what a run or a plan says of its own project."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from compress_studio.engine.events import MeasurementTaken, NodeCached, NodeDone, RunEnded, RunEvent, RunStarted
from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.variants import Variants, variant_id
from compress_studio.gui.planning import Planned
from compress_studio.project.pipeline import NodeId, Pipeline
from compress_studio.project.project import Project


@dataclass(slots=True)
class Told:
    """What one run works on, and the keys of the results that it told."""

    project: Project
    keys: dict[NodeId, str] = field(default_factory=dict[NodeId, str])


class Hearing:
    """Knows which run is speaking and what it was started with, also when another project is open by then."""

    def __init__(self) -> None:
        self._runs: dict[str, Told] = {}
        self._gone: set[str] = set()
        self._speaking = ""

    def begun(self, run: str, project: Project) -> None:
        """A run of this project was started."""
        self._runs[run] = Told(project)

    def part(self) -> None:
        """Another project is open: nobody listens to the runs of now any more."""
        self._gone |= self._runs.keys()
        self._runs.clear()

    def told(self, run: str) -> Told | None:
        """What is known of a run."""
        return self._runs.get(run)

    def hear(self, event: RunEvent, now: Project) -> bool:
        """Take in what is said; False when it is no concern of the open project.

        now: the project that a run works on which nobody announced.
        """
        if isinstance(event, RunStarted):
            self._speaking = event.run
            if event.run not in self._gone:
                self._runs.setdefault(event.run, Told(now))
        if self._speaking in self._gone:
            if isinstance(event, RunEnded):
                self._gone.discard(self._speaking)
                self._speaking = ""
            return False
        told = self._runs.get(self._speaking)
        if told is not None and isinstance(event, NodeDone | NodeCached):
            told.keys[event.node] = event.key
        if isinstance(event, RunStarted):
            # Runs follow one another, so what the ones before worked on is of no use any more.
            for name in list(self._runs)[: list(self._runs).index(event.run)]:
                del self._runs[name]
        return True


def collect_told(
    variants: Variants, told: Told | None, events: Iterable[RunEvent], results: Mapping[NodeId, NodeResult]
) -> Variants:
    """The variants with what a run has just measured; the same object when nothing is new."""
    if told is None:
        return variants
    nodes = {one.node for one in events if isinstance(one, MeasurementTaken)}
    return _with_all(variants, told.project, told.keys, {node: results[node] for node in nodes if node in results})


def collect_planned(variants: Variants, planned: Planned, removed: Collection[str] = ()) -> Variants:
    """The variants with what the store remembers, but not those that the user removed; the same when nothing is new."""
    keys, data = planned.plan.keys, planned.project.data
    results = {
        node: one
        for node, one in planned.results.items()
        if node in keys and variant_id(keys[node], data) not in removed
    }
    return _with_all(variants, planned.project, keys, results)


def _with_all(
    variants: Variants, project: Project, keys: Mapping[NodeId, str], results: Mapping[NodeId, NodeResult]
) -> Variants:
    for node in (one.id for one in project.pipeline.order() if one.id in results and one.id in keys):
        source = project.pipeline.source_of(node) or node
        if results[node].state is Stage.DONE and source in keys:
            variants = variants.with_result(keys[node], project, node, results[node], keys[source], time.time())
    return variants


def unchanged(before: Pipeline, after: Pipeline) -> frozenset[NodeId]:
    """The nodes that still do the same on the same: they, and all they depend on, differ at most in their place."""
    if before is after:
        return frozenset(node.id for node in after)
    same: set[NodeId] = set()
    old = {node.id: replace(node, pos=(0.0, 0.0)) for node in before}
    for node in after.order():
        inputs = after.inputs_of(node.id)
        if (
            old.get(node.id) == replace(node, pos=(0.0, 0.0))
            and inputs == before.inputs_of(node.id)
            and all(edge.src in same for edge in inputs.values())
        ):
            same.add(node.id)
    return frozenset(same)


def unchanged_nodes(before: Project, now: Project) -> frozenset[NodeId]:
    """The nodes of a project that still do the same, on the same data, with the same seed and device."""
    if (before.data, before.seed, before.device) != (now.data, now.seed, now.device):
        return frozenset()
    return unchanged(before.pipeline, now.pipeline)


def matters(before: Project, after: Project) -> bool:
    """Whether a change can change results; moving nodes cannot."""
    if (before.data, before.meters, before.goals, before.seed, before.device) != (
        after.data,
        after.meters,
        after.goals,
        after.seed,
        after.device,
    ):
        return True
    old = [replace(node, pos=(0.0, 0.0)) for node in before.pipeline.nodes]
    new = [replace(node, pos=(0.0, 0.0)) for node in after.pipeline.nodes]
    return old != new or set(before.pipeline.edges) != set(after.pipeline.edges)
