"""Project files (.cstudio): one readable JSON text, written whole or not at all.

Parameters are stored in full and by name, so that another default in a later version changes no old project. Unknown
steps and unknown fields survive reading and writing. Paths of models and data are stored relative to the project
when they lie in its folder, so that a folder can be moved as a whole. Reading executes nothing.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pydantic

from compress_studio import __version__
from compress_studio.base.digest import Json
from compress_studio.base.errors import BadInput
from compress_studio.base.paths import write_text
from compress_studio.project.migrations import FORMAT, Raw, upgrade
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, Edge, Node, Pipeline
from compress_studio.project.project import DEFAULT_GOALS, DEFAULT_METERS, Goal, MeterUse, Project
from compress_studio.spec.data import DataRequest
from compress_studio.spec.registry import StepRegistry

SUFFIX = ".cstudio"
SOURCE_PATH = "path"
"""The parameter of source.model that names the user's file."""
LARGEST = 64 << 20
"""Bytes; a project is a few kilobytes, so anything above is something else."""


class _Row(pydantic.BaseModel):
    """Base of what a file holds: exact types, unknown fields kept."""

    model_config = pydantic.ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    def unknown(self) -> dict[str, Json]:
        return dict(self.model_extra or {})


class NodeRow(_Row):
    """One use of a step."""

    id: str = pydantic.Field(min_length=1, max_length=200, description="A readable name, unique in the file.")
    step: str = pydantic.Field(min_length=1, max_length=200, description="Id of the step.")
    version: int = pydantic.Field(default=1, description="Version of the step when the file was saved.")
    params: dict[str, Any] = pydantic.Field(default_factory=dict[str, Any], description="All values by name.")
    pos: list[float] = pydantic.Field(
        default=[0.0, 0.0], min_length=2, max_length=2, description="Place on the canvas."
    )
    on: bool = pydantic.Field(default=True, description="false: passes on what arrives.")
    measured: bool = pydantic.Field(default=True, description="false: the result is made, not measured.")


class EdgeRow(_Row):
    """An output of one node joined to an input of another."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    src: str = pydantic.Field(alias="from", description="Name of the node that gives.")
    out: str = pydantic.Field(default=NETWORK, description="Its output.")
    dst: str = pydantic.Field(alias="to", description="Name of the node that takes.")
    inp: str = pydantic.Field(default=NETWORK, alias="in", description="Its input.")


class DataRow(_Row):
    """The data set."""

    path: str = pydantic.Field(default="", description="File or folder; empty: synthetic inputs.")
    options: dict[str, Any] = pydantic.Field(default_factory=dict[str, Any], description="Overrides of data.toml.")
    seed: int = pydantic.Field(default=0, description="Of the split.")


class MeterRow(_Row):
    """One thing that is measured."""

    id: str
    params: dict[str, Any] = pydantic.Field(default_factory=dict[str, Any])


class GoalRow(_Row):
    """One budget."""

    metric: str = pydantic.Field(description="Name of a reading, or quality_drop.")
    limit: float = pydantic.Field(description="The most that is allowed.")


class ProjectRow(_Row):
    """A Compress Studio project, format 1."""

    format: int = pydantic.Field(description="Number of the file format.")
    app: str = pydantic.Field(default="", description="Version that saved the file.")
    title: str = ""
    seed: int = 0
    device: str = "auto"
    data: DataRow = pydantic.Field(default_factory=DataRow)
    meters: list[MeterRow] | None = pydantic.Field(default=None, description="What is measured; missing: the usual.")
    goals: list[GoalRow] | None = pydantic.Field(default=None, description="Budgets; missing: one point of quality.")
    nodes: list[NodeRow] = pydantic.Field(default_factory=list[NodeRow])
    edges: list[EdgeRow] = pydantic.Field(default_factory=list[EdgeRow])


def save(project: Project, path: Path) -> None:
    """Write a project file; the old file stays as it was when writing fails (OSError)."""
    write_text(path, dump(project, path.absolute().parent))


def load(path: Path, steps: StepRegistry | None = None) -> Project:
    """Read a project file; raises BadInput naming the file, the cause and what to do.

    With a registry, parameters of known steps are completed and renamed to today's names. Invalid ones are kept as
    they are: the plan names them, and the user can mend them.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadInput(f"{path.name} is too big to be a project file.", "Choose a .cstudio file.")
        text = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", "Check the name of the file.") from None
    return parse(text, path.absolute(), steps)


def dump(project: Project, folder: Path) -> str:
    """The text of a project file that will lie in folder."""
    raw: dict[str, Any] = {
        "format": FORMAT,
        "app": __version__,
        "title": project.title,
        "seed": project.seed,
        "device": project.device,
        "data": {
            "path": _stored(project.data.path, folder),
            "options": dict(project.data.options),
            "seed": project.data.seed,
        },
        "meters": [{"id": one.id, "params": dict(one.params)} for one in project.meters],
        "goals": [{"metric": one.metric, "limit": one.limit} for one in project.goals],
        "nodes": [_node_raw(node, folder) for node in project.pipeline.nodes],
        "edges": [
            {"from": edge.src, "out": edge.out, "to": edge.dst, "in": edge.inp} for edge in project.pipeline.edges
        ],
        **{name: value for name, value in project.extra.items() if name not in ProjectRow.model_fields},
    }
    return json.dumps(raw, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parse(text: bytes, path: Path, steps: StepRegistry | None = None) -> Project:
    """The project that the bytes of a file at path stand for; raises BadInput."""
    raw = upgrade(_json(text, path.name), path.name)
    try:
        row = ProjectRow.model_validate(raw)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{path.name} is damaged: {place}: {first['msg'][:1].lower()}{first['msg'][1:]}.",
            "Restore an older copy of the file, or mend this field in a text editor.",
        ) from None
    folder = path.parent
    try:
        pipeline = Pipeline(
            tuple(_completed(_node(one, folder), steps) for one in row.nodes),
            tuple(Edge(one.src, one.out, one.dst, one.inp) for one in row.edges),
        )
    except BadInput as error:
        raise BadInput(f"{path.name} is damaged: {error.message}", error.hint) from None
    return Project(
        pipeline=pipeline,
        data=DataRequest(_found(row.data.path, folder), row.data.options, row.data.seed),
        meters=DEFAULT_METERS if row.meters is None else tuple(MeterUse(one.id, one.params) for one in row.meters),
        goals=DEFAULT_GOALS if row.goals is None else tuple(Goal(one.metric, one.limit) for one in row.goals),
        title=row.title,
        seed=row.seed,
        device=row.device,
        extra=row.unknown(),
    )


def completed(project: Project, steps: StepRegistry) -> Project:
    """The project with the parameters of all known steps in full, under today's names."""
    nodes = tuple(_completed(node, steps) for node in project.pipeline.nodes)
    return replace(project, pipeline=Pipeline(nodes, project.pipeline.edges))


def _json(text: bytes, name: str) -> Raw:
    try:
        raw = json.loads(text.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
        json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeError:
        raise BadInput(f"{name} is not a text file.", "Choose a .cstudio file.") from None
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{name} is not a complete project file: {error.msg} (line {error.lineno}).",
            "Restore an older copy of the file.",
        ) from None
    except (RecursionError, ValueError) as error:
        cause = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadInput(f"{name} is not a project file: {cause}.", "Restore an older copy of the file.") from None
    if not isinstance(raw, dict):
        raise BadInput(f"{name} is not a project file.", "Choose a .cstudio file.")
    return raw  # pyright: ignore[reportUnknownVariableType] - checked against ProjectRow next


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word} is too large")
    return value


def _node(row: NodeRow, folder: Path) -> Node:
    params: dict[str, Json] = dict(row.params)
    where = params.get(SOURCE_PATH)
    if row.step == SOURCE_STEP and isinstance(where, str):
        params[SOURCE_PATH] = _found(where, folder)
    pos = (row.pos[0], row.pos[1])
    return Node(row.id, row.step, params, pos, row.on, row.measured, row.version, row.unknown())


def _node_raw(node: Node, folder: Path) -> dict[str, Json]:
    params = dict(node.params)
    where = params.get(SOURCE_PATH)
    if node.step == SOURCE_STEP and isinstance(where, str):
        params[SOURCE_PATH] = _stored(where, folder)
    return {
        "id": node.id,
        "step": node.step,
        "version": node.version,
        "params": params,
        "pos": list(node.pos),
        "on": node.on,
        "measured": node.measured,
        **{name: value for name, value in node.extra.items() if name not in NodeRow.model_fields},
    }


def _completed(node: Node, steps: StepRegistry | None) -> Node:
    if steps is None or node.step not in steps:
        return node
    spec = steps.get(node.step)
    try:
        params: Mapping[str, Json] = spec.params.read(node.params).plain()
    except BadInput:
        return node
    return replace(node, params=params, version=spec.version)


def _stored(where: str, folder: Path) -> str:
    """Relative with forward slashes when it lies in the folder of the project, else absolute."""
    if not where:
        return ""
    path = Path(os.path.abspath(where))  # noqa: PTH100 - resolve() would follow links out of the folder
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return str(path)


def _found(where: str, folder: Path) -> str:
    """The absolute path; a file that moved together with the project is found beside it."""
    if not where:
        return ""
    path = folder / where
    beside = folder / Path(where.replace("\\", "/")).name
    if not path.exists() and beside.exists():
        path = beside
    return os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links out of the folder
