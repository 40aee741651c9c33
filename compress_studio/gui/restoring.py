"""Bringing a variant back into the pipeline."""

from __future__ import annotations

from dataclasses import replace

from compress_studio.engine.variants import Variant
from compress_studio.project.edits import Edit
from compress_studio.project.pipeline import SOURCE_STEP, Edge, Node, NodeId, Pipeline
from compress_studio.project.project import Project
from compress_studio.spec.registry import StepRegistry

BELOW = 150.0
"""Distance from the lowest node to a branch that is brought back, in units of the canvas."""
BESIDE = 220.0


def restore_edit(variant: Variant, steps: StepRegistry) -> Edit:
    """An edit that gives the nodes of a variant their parameters again.

    Where the line that leads to its node has been rebuilt since, the variant becomes a branch of its own, fed by the
    source that has the same parameters.
    """

    def edit(project: Project) -> Project:
        pipeline = project.pipeline
        if all(_same_place(pipeline, variant.recipe, node) for node in variant.recipe.nodes):
            wanted = {node.id: node for node in variant.recipe.nodes}
            nodes = tuple(
                replace(node, params=wanted[node.id].params, on=wanted[node.id].on) if node.id in wanted else node
                for node in pipeline.nodes
            )
            return replace(project, pipeline=Pipeline(nodes, pipeline.edges))
        return _as_branch(project, variant, steps)

    return edit


def _same_place(pipeline: Pipeline, recipe: Pipeline, node: Node) -> bool:
    if node.id not in pipeline or pipeline.node(node.id).step != node.step:
        return False
    return set(recipe.inputs_of(node.id).values()) == set(pipeline.inputs_of(node.id).values())


def _as_branch(project: Project, variant: Variant, steps: StepRegistry) -> Project:
    pipeline = project.pipeline
    lowest = max((node.pos[1] for node in pipeline.nodes), default=-BELOW)
    names: dict[NodeId, NodeId] = {}
    added: list[Node] = []
    for node in variant.recipe.order():
        same = next(
            (one for one in pipeline.nodes if node.step == SOURCE_STEP == one.step and one.params == node.params), None
        )
        if same is not None:
            names[node.id] = same.id
            continue
        names[node.id] = pipeline.fresh_id(node.step, also=names.values())
        version = steps.get(node.step).version if node.step in steps else node.version
        place = (BESIDE * (len(added) + 1), lowest + BELOW)
        added.append(replace(node, id=names[node.id], pos=place, version=version))
    new = {node.id for node in added}
    edges = [
        Edge(names[edge.src], edge.out, names[edge.dst], edge.inp)
        for edge in variant.recipe.edges
        if names[edge.dst] in new
    ]
    return replace(project, pipeline=Pipeline((*pipeline.nodes, *added), (*pipeline.edges, *edges)))
