"""Bundled models with data, each one step away from a working pipeline."""

from __future__ import annotations

import json
from typing import Any

from compress_studio.base.errors import BadInput
from compress_studio.base.paths import resource
from compress_studio.project import edits
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.project.project import Project
from compress_studio.project.words import parse_step
from compress_studio.spec.data import DataRequest
from compress_studio.spec.registry import StepRegistry


def read_index() -> dict[str, dict[str, Any]]:
    """The samples by name, as resources/samples/index.json declares them."""
    rows = json.loads((resource("samples") / "index.json").read_text(encoding="utf-8"))["samples"]
    return {row["name"]: row for row in rows}


def sample_project(name: str, steps: StepRegistry) -> Project:
    """The project of a bundled sample: its model, its data and its steps. Raises BadInput for a name nobody has."""
    samples = read_index()
    if name not in samples:
        raise BadInput(f"There is no sample {name}.", f"The samples: {', '.join(samples)}.")
    sample = samples[name]
    folder = resource("samples")
    project = Project(title=sample["title"], data=DataRequest(str(folder / sample["data"])))
    project = edits.add_node(SOURCE_STEP, {SOURCE_PATH: str(folder / sample["model"])}, steps)(project)
    for word in sample["steps"]:
        spec, values = parse_step(word, steps)
        project = edits.append_step(spec.id, values, steps)(project)
    return project
