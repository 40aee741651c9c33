"""What must be said about each node of a finished run: the verdicts, joined to the nodes they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compress_studio.engine.records import reading_to_json
from compress_studio.engine.runstate import NodeResult
from compress_studio.engine.settings import RunSettings
from compress_studio.engine.summary import ORIGINAL
from compress_studio.engine.verdicts import AS_IT_IS, judge, judge_step
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, NodeId
from compress_studio.project.project import Project

MEASURED = {"layers_changed": 1, "layers_total": 1}
"""Stands for the report of a model that was measured as it is: whether layers changed is not asked."""


def references_of(project: Project, nodes: tuple[NodeId, ...], settings: RunSettings) -> dict[NodeId, NodeId]:
    """What each node is compared with: the reference that was chosen, else the source of its line."""
    return {name: settings.reference or project.pipeline.source_of(name) or name for name in nodes}


def judged(
    project: Project,
    nodes: Mapping[NodeId, NodeResult],
    name: NodeId,
    reference: NodeId,
    goals: Mapping[str, float],
    data: Mapping[str, Any],
) -> list[dict[str, str]]:
    """What must be said about one node besides what its step said."""
    step, report = project.pipeline.node(name).step, nodes[name].report
    if step == SOURCE_STEP and name != reference:
        step, report = AS_IT_IS, MEASURED
    said: Any = nodes[name].report.get("warnings") or ()
    known = {one["code"] for one in said}
    own = readings_of(nodes[name], step)
    base = readings_of(nodes[reference], SOURCE_STEP) if reference in nodes else {}
    found = judge(report, own, base, step, goals, data)
    before = project.pipeline.inputs_of(name).get(NETWORK)
    if before is not None and before.src in nodes and before.src != reference:
        found += judge_step(own, readings_of(nodes[before.src], project.pipeline.node(before.src).step), step)
    return [caution.plain() for caution in found if caution.code not in known]


def readings_of(result: NodeResult, step: str) -> dict[str, dict[str, Any]]:
    """All readings of a node by name; the sizes of a source are those of the user's own file."""
    rows = {one.name: dict(reading_to_json(one)) for readings in result.readings.values() for one in readings}
    facts: Any = result.report.get("facts") or {}
    for name, fact in ORIGINAL.items():
        if step == SOURCE_STEP and fact in facts:
            rows[name] = {**rows.get(name, {}), "value": facts[fact]}
    return rows
