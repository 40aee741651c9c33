"""The command `measure`: models as they are, each against a reference."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from compress_studio.artifacts.openable import Way, openable
from compress_studio.cli.building import data_request, existing, from_model, only_source
from compress_studio.cli.consent import allow
from compress_studio.cli.console import columns_of_stdout, print_error, write, write_json
from compress_studio.cli.execution import execute, loaded_runtime, opened_store, settings_of
from compress_studio.cli.reporting import finished_report
from compress_studio.cli.table import report_text
from compress_studio.project import edits, files
from compress_studio.project.project import MeterUse, Project
from compress_studio.spec.runtime import Runtime

CODE = frozenset({"architecture", "arguments", "entry"})
"""Parameters of source.model that only weights have."""
TAKES_CODE = frozenset({Way.WEIGHTS, Way.CODE, Way.INSIDE})


def command(options: argparse.Namespace) -> int:
    """Open every model and apply every meter."""
    allow(options.allow_code)
    runtime = loaded_runtime()
    project = build(options, runtime)
    first = project.pipeline.order()[0].id
    settings = replace(settings_of(options), reference=first)
    with opened_store() as store:
        report, error = finished_report(project, execute(project, runtime, store, settings), settings)
    if error is not None:
        if options.json:
            write_json(report)
        print_error(error.message, error.hint, error.exit_code, as_json=False)
        return error.exit_code
    if options.json:
        write_json(report)
    else:
        write(report_text(report, columns_of_stdout()))
    return 0


def build(options: argparse.Namespace, runtime: Runtime) -> Project:
    """One pipeline per model; the reference is the first of them."""
    models = [existing(path) for path in options.models]
    if options.reference is not None:
        reference = existing(options.reference)
        models = [reference, *(path for path in models if path != reference)]
    only_source(options.steps, runtime.steps)
    given = from_model(models[0], options.steps, runtime.steps, options.source).pipeline.order()[0].params
    code = {name: value for name, value in given.items() if name in CODE}
    rest = {name: value for name, value in given.items() if name not in {*CODE, files.SOURCE_PATH}}
    project = Project(title="Measured")
    for path in models:
        # The code belongs to weights; a model beside them, such as the reference, has its own network.
        params = {**rest, **(code if openable(Path(path)).way in TAKES_CODE else {}), files.SOURCE_PATH: path}
        project = edits.add_node("source.model", params, runtime.steps)(project)
    project = edits.set_meters([MeterUse(spec.id) for spec in runtime.meters])(project)
    return project if options.data is None else edits.set_data(data_request(options.data))(project)
