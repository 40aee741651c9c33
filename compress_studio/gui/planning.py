"""The plan of a project with the results that are known already; done in the background, since files are hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compress_studio.engine.cache import Store
from compress_studio.engine.measuring import Measuring, Subject
from compress_studio.engine.plan import OUT, NodeState, Plan, make_plan
from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.settings import RunSettings
from compress_studio.project.pipeline import NodeId
from compress_studio.project.project import Project
from compress_studio.spec.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what the store remembers of its fresh nodes."""

    plan: Plan
    results: Mapping[NodeId, NodeResult]
    project: Project
    """What was planned."""


def plan_project(project: Project, runtime: Runtime, store: Store, settings: RunSettings) -> Planned:
    """Look at every node without computing anything. Raises UserError when data or device cannot be used."""
    plan = make_plan(project, runtime, store, settings)
    with store.remembering_files():
        data = runtime.data_digest(settings.data_of(project))
    measuring = Measuring(project, runtime.meters, store, settings, data)
    results: dict[NodeId, NodeResult] = {}
    for node, one in plan.nodes.items():
        if one.state is not NodeState.FRESH or OUT not in one.outputs:
            continue
        known = store.result(one.key)
        digest = one.outputs[OUT]
        source = project.pipeline.source_of(node)
        reference = plan.nodes[source].outputs.get(OUT, "") if source is not None else digest
        taken = measuring.remembered(Subject(node, digest, reference)) if reference else []
        results[node] = NodeResult(
            Stage.DONE,
            digest,
            str(store.blobs.path(digest)),
            {} if known is None else known.report,
            {one.meter: one.readings for one in taken},
            {one.meter: one.conditions for one in taken},
            0.0 if known is None else known.seconds,
            cached=True,
            progress=1.0,
        )
    return Planned(plan, results, project)
