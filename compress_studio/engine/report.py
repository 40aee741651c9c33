"""The report of a run: what `--json` prints and report.json holds. Schema: resources/schemas/report-1.json."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress_studio import __version__
from compress_studio.base.processor import processor
from compress_studio.engine.keys import version_of
from compress_studio.engine.runstate import NodeResult, RunState
from compress_studio.engine.settings import RunSettings
from compress_studio.engine.summary import ORIGINAL
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import SOURCE_STEP, Node
from compress_studio.project.project import Project
from compress_studio.spec.meter import Reading

SCHEMA = 1
SIZES = ("parameters", "nonzero", "macs", "bytes", "zipped_bytes")
TIMES = ("median_ms", "p25_ms", "p75_ms")
LIBRARIES = ("numpy", "onnx", "onnx-ir", "onnxruntime", "torch")


@dataclass(frozen=True, slots=True)
class NodeError:
    """The first thing that went wrong in a run, in words."""

    message: str
    hint: str
    node: str
    """Empty when it concerns the whole run."""
    exit_code: int


def build_report(
    project: Project,
    state: RunState,
    settings: RunSettings,
    warnings: Mapping[str, Sequence[Mapping[str, str]]],
    references: Mapping[str, str],
    error: NodeError | None,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything about a run as JSON. warnings: by node, what the verdicts add to what the steps said;
    references: by node, what it is compared with; data: what data_row gave.
    """
    ordered = [project.pipeline.node(name) for name in state.order]
    nodes = [
        node_row(node, state.nodes[node.id], warnings.get(node.id, ()), references.get(node.id, "")) for node in ordered
    ]
    return {
        "schema": SCHEMA,
        "app": __version__,
        "ok": error is None and state.ok,
        "error": None if error is None else _error_row(error),
        "title": project.title,
        "source": {"path": str(nodes[0]["path"]) if nodes else "", "digest": nodes[0]["digest"] if nodes else ""},
        "data": dict(data),
        "environment": environment(),
        "seed": settings.seed_of(project),
        "device": settings.device_of(project),
        "threads": settings.threads,
        "goals": {goal.metric: goal.limit for goal in project.goals},
        "seconds": round(state.seconds, 3),
        "nodes": nodes,
    }


def node_row(node: Node, result: NodeResult, warnings: Sequence[Mapping[str, str]], reference: str) -> dict[str, Any]:
    """One node of the report."""
    report: Mapping[str, Any] = result.report
    facts: Mapping[str, Any] = report.get("facts", {})
    said = [dict(one) for one in report.get("warnings", [])]
    row: dict[str, Any] = {
        "id": node.id,
        "step": node.step,
        "params": dict(node.params),
        "state": str(result.state),
        "reference": reference,
        "digest": result.digest,
        "path": _path(node, result),
        **_sizes(node, result, facts),
        "layers_changed": int(report.get("layers_changed", 0)),
        "layers_total": int(report.get("layers_total", 0)),
        "skipped": [dict(one) for one in report.get("skipped", [])],
        "warnings": _unique([*said, *(dict(one) for one in warnings), *_unmeasured(result)]),
        "metrics": _metrics(result),
        "latency": _latency(result),
        "facts": dict(facts),
        "seconds": round(result.seconds, 3),
        "cached": result.cached,
        "error": None if result.error is None else {"message": result.error.message, "hint": result.error.hint},
    }
    return row


def data_row(project: Project, settings: RunSettings, described: Mapping[str, Any]) -> dict[str, Any]:
    """What the numbers were measured on."""
    data = settings.data_of(project)
    return {
        **described,
        "path": data.path,
        "options": dict(data.options),
        "seed": data.seed,
        "synthetic": bool(described.get("synthetic", not data.path)),
    }


def environment() -> dict[str, Any]:
    """The machine and the versions that the numbers hold for."""
    machine = processor()
    return {
        "cpu": machine.name,
        "cpu_flags": sorted(machine.flags),
        "processors": machine.count,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {library: version_of(library) for library in LIBRARIES},
    }


def _error_row(error: NodeError) -> dict[str, Any]:
    row = {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    return {**row, "node": error.node} if error.node else row


def _path(node: Node, result: NodeResult) -> str:
    if node.step == SOURCE_STEP:
        return str(Path(str(node.params.get(SOURCE_PATH, ""))))
    return result.path


def _sizes(node: Node, result: NodeResult, facts: Mapping[str, Any]) -> dict[str, int | None]:
    rows: dict[str, int | None] = {}
    for name in SIZES:
        reading = result.reading(name)
        value: Any = None if reading is None else reading.value
        if node.step == SOURCE_STEP and name in ORIGINAL:
            value = facts.get(ORIGINAL[name], value)
        rows[name] = int(value) if isinstance(value, int | float) and math.isfinite(value) else None
    return rows


def _metrics(result: NodeResult) -> dict[str, dict[str, Any]]:
    """All readings but sizes and times, by name: accuracy, agreement, and what plug-ins measure."""
    rows: dict[str, dict[str, Any]] = {}
    for meter, readings in result.readings.items():
        for one in readings:
            if meter in {"size", "latency"} or not math.isfinite(one.value):
                continue
            rows[one.name] = {"value": one.value, "low": one.low, "high": one.high, "n": one.n, "unit": one.unit}
    return rows


def _latency(result: NodeResult) -> dict[str, float | None] | None:
    readings = {one.name: one for one in result.readings.get("latency", ())}
    if not readings:
        return None
    ratio = readings.get("ratio")
    return {
        **{name: _value(readings.get(name)) for name in TIMES},
        "ratio": _value(ratio),
        "ratio_low": None if ratio is None else ratio.low,
        "ratio_high": None if ratio is None else ratio.high,
        "aa_ratio": None if ratio is None else _number(ratio.detail.get("aa_ratio")),
    }


def _value(reading: Reading | None) -> float | None:
    return None if reading is None or not math.isfinite(reading.value) else reading.value


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _unmeasured(result: NodeResult) -> list[dict[str, str]]:
    """A measurement that failed is a warning of its node."""
    return [
        {"code": "not_measured", "message": f"{meter}: {failure.message}"}
        for meter, failure in result.meter_errors.items()
    ]


def _unique(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    kept: list[dict[str, str]] = []
    for row in rows:
        if row not in kept:
            kept.append(row)
    return kept
