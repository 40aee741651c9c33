"""From the words of `run` and `measure` to a project."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compress_studio.base.errors import BadInput
from compress_studio.base.paths import check_name
from compress_studio.project import edits, files
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.project.project import Project
from compress_studio.project.words import parse_change, parse_step, with_hint
from compress_studio.spec.data import DataRequest
from compress_studio.spec.registry import StepRegistry


def is_project(path: str) -> bool:
    """Whether a name is that of a project file."""
    return path.lower().endswith(files.SUFFIX)


def from_options(options: argparse.Namespace, steps: StepRegistry) -> Project:
    """The project that the arguments of `run` describe; raises BadInput for what does not fit together."""
    if is_project(options.subject):
        if options.source:
            raise BadInput("--source belongs to a model, not to a project.", "Use --set source1.KEY=VALUE.")
        if options.steps:
            raise BadInput("--step belongs to a model, not to a project.", "Use --set, or give the model file.")
        return _overridden(opened(options.subject, options.changes, steps), options)
    if options.changes:
        raise BadInput("--set belongs to a project, not to a model.", "Write the values in --step ID:KEY=VALUE.")
    if not options.steps:
        raise BadInput("There is nothing to do: no --step is given.", "See compress-studio steps for what there is.")
    return _overridden(from_model(options.subject, options.steps, steps, options.source), options)


def from_model(model: str, words: Sequence[str], steps: StepRegistry, opening: Sequence[str] = ()) -> Project:
    """A model with steps behind it, one after the other; opening says how the model itself is opened (--source)."""
    parsed = [parse_step(word, steps) for word in words]
    given = source_values(opening, steps)
    if parsed and parsed[0][0].id == SOURCE_STEP:
        # Written first it says how the model itself is opened, such as the sizes of free dimensions.
        given = {**parsed.pop(0)[1], **given}
    source = {**_with_absolute_code(given), files.SOURCE_PATH: existing(model)}
    project = edits.add_node(SOURCE_STEP, source, steps)(Project(title=Path(model).stem))
    for spec, values in parsed:
        if not spec.inputs:
            raise BadInput(f"{spec.id} opens a model and cannot follow another step.", "Write it as the first --step.")
        try:
            project = edits.append_step(spec.id, values, steps)(project)
        except BadInput as error:
            raise with_hint(error, spec.id) from None
    return project


def only_source(words: Sequence[str], steps: StepRegistry) -> None:
    """Raise BadInput for steps on a command that applies none; how a model is opened may be said as a step."""
    for word in words:
        spec, _ = parse_step(word, steps)
        if spec.id != SOURCE_STEP:
            raise BadInput(
                f"This command applies no steps, such as {spec.id}.", "Use compress-studio run with this step."
            )


def source_values(words: Sequence[str], steps: StepRegistry) -> dict[str, Any]:
    """The parameters of source.model that KEY=VALUE words name. Raises BadInput for what it does not know."""
    params = steps.get(SOURCE_STEP).params
    values: dict[str, Any] = {}
    for word in words:
        name, mark, text = word.partition("=")
        field = params.field_named(name.strip())
        if not mark or field is None or field.name == files.SOURCE_PATH:
            known = ", ".join(one.name for one in params.fields() if one.name != files.SOURCE_PATH)
            raise BadInput(f"--source {word}: a model is not opened with that.", f"It knows: {known}.")
        values[field.name] = field.parse(text)
    return values


def _with_absolute_code(given: Mapping[str, Any]) -> dict[str, Any]:
    """The file of the architecture as seen from the folder of the user, not from that of the model."""
    code, colon, function = str(given.get("architecture", "")).rpartition(":")
    file, function = (code, function) if code.endswith(".py") else (function, "")
    if file.endswith(".py") and Path(file).is_file():
        return {**given, "architecture": f"{Path(file).absolute()}{colon if function else ''}{function}"}
    return dict(given)


def opened(path: str, changes: Sequence[str], steps: StepRegistry) -> Project:
    """A project file with changed parameters."""
    project = files.load(Path(path), steps)
    for text in changes:
        node, key, value = parse_change(text, project, steps)
        try:
            project = edits.set_param(node, key, value, steps)(project)
        except BadInput as error:
            raise with_hint(error, project.pipeline.node(node).step) from None
    return project


def existing(path: str) -> str:
    """The absolute path of a file that is there, or of the one model in a folder; raises BadInput."""
    check_name(path)
    if not Path(path).exists():
        raise BadInput(f"{path} does not exist.", "Check the name of the file.")
    if Path(path).is_dir():
        from compress_studio.artifacts.containers import model_in

        path = str(model_in(Path(path)))
    return os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links


def data_request(path: str) -> DataRequest:
    """The data set of that name; raises BadInput when it is not there."""
    check_name(path)
    if not Path(path).exists():
        raise BadInput(f"{path} does not exist.", "Check the name of the data file or folder.")
    return DataRequest(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _overridden(project: Project, options: argparse.Namespace) -> Project:
    """What the command line says about data, seed and device wins."""
    if options.data is not None:
        project = edits.set_data(replace(data_request(options.data), seed=project.data.seed))(project)
    if options.seed is not None:
        project = edits.set_seed(options.seed)(project)
    if options.device is not None:
        project = edits.set_device(options.device)(project)
    return project
