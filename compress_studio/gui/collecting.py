"""Which results become variants: those whose recipe is known for certain."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from compress_studio.engine.events import NodeCached, NodeDone, RunEvent
from compress_studio.engine.plan import OUT, NodeState, Plan
from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.variants import Variants, recipe_of
from compress_studio.project.pipeline import NodeId, Pipeline


@dataclass(frozen=True, slots=True)
class Told:
    """What a run said of a node: the key of its result, and the pipeline that it ran."""

    key: str
    digest: str
    pipeline: Pipeline


def told_by(events: list[RunEvent], pipeline: Pipeline) -> dict[NodeId, Told]:
    """Keys of results from the events of a run of this pipeline."""
    return {
        one.node: Told(one.key, one.digest, pipeline)
        for one in events
        if isinstance(one, NodeDone | NodeCached) and one.node in pipeline
    }


def collect(
    variants: Variants,
    pipeline: Pipeline,
    plan: Plan | None,
    results: Mapping[NodeId, NodeResult],
    told: Mapping[NodeId, Told],
    data: str,
) -> Variants:
    """The variants with the results that a plan or a run vouches for; the same object when nothing is new."""
    keys: dict[NodeId, tuple[str, Pipeline]] = {}
    for node, one in results.items():
        found = _vouched(node, one, pipeline, plan, told)
        if found is not None:
            keys[node] = found
    for node in (one.id for one in pipeline.order() if one.id in keys):
        key, recipe = keys[node]
        source = recipe.source_of(node) or node
        if source not in keys:
            continue
        variants = variants.with_result(key, recipe, node, results[node], keys[source][0], data, time.time())
    return variants


def _vouched(
    node: NodeId, one: NodeResult, pipeline: Pipeline, plan: Plan | None, told: Mapping[NodeId, Told]
) -> tuple[str, Pipeline] | None:
    """Key and pipeline of a result, when it is certain that they belong to it."""
    if one.state is not Stage.DONE or node not in pipeline:
        return None
    planned = None if plan is None else plan.nodes.get(node)
    if plan is not None and planned is not None and planned.state is NodeState.FRESH:
        same = planned.outputs.get(OUT) == one.digest and node in plan.pipeline
        if same and recipe_of(plan.pipeline, node) == recipe_of(pipeline, node):
            return planned.key, pipeline
    said = told.get(node)
    if said is not None and said.digest == one.digest:
        return said.key, said.pipeline
    return None


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
