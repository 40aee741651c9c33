"""The command `run`: a model through steps, or a saved project; every result measured."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from compress_studio.artifacts.artifact import MODEL_FILE
from compress_studio.base.paths import write_text
from compress_studio.cli.building import from_options, is_project
from compress_studio.cli.consent import allow
from compress_studio.cli.console import columns_of_stdout, print_error, say, write, write_json
from compress_studio.cli.execution import Ran, execute, loaded_runtime, opened_store, settings_of
from compress_studio.cli.reporting import finished_report
from compress_studio.cli.table import report_text
from compress_studio.engine import delivery
from compress_studio.project import files
from compress_studio.project.project import Project

PROJECT_FILE = "project.cstudio"
REPORT_FILE = "report.json"


def command(options: argparse.Namespace) -> int:
    """Run, show the report, and write the results when a folder is given."""
    allow(options.allow_code)
    runtime = loaded_runtime()
    project = from_options(options, runtime.steps)
    folder = None if options.out is None else Path(options.out)
    if folder is not None:
        delivery.check_writable(folder)
    settings = settings_of(options)
    with opened_store() as store:
        ran = execute(project, runtime, store, settings)
        report, error = finished_report(project, ran, settings)
        if error is not None:
            _show_failure(report, error.node, project, as_json=options.json)
            print_error(error.message, error.hint, error.exit_code, as_json=False)
            return error.exit_code
        if folder is not None:
            _write(folder, project, ran, report)
    if options.json:
        write_json(report)
    else:
        write(report_text(report, columns_of_stdout()))
    _say_where(options, folder)
    return 0


def _write(folder: Path, project: Project, ran: Ran, report: dict[str, Any]) -> None:
    """model.onnx of the last node, the project and the report."""
    last = project.pipeline.last()
    assert last is not None
    model = Path(ran.outcome.state.nodes[last.id].path)
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    saved = files.dump(project, folder.absolute())
    delivery.deliver(
        folder,
        {
            **{name: delivery.copier(path) for name, path in delivery.artifact_files(model).items()},
            PROJECT_FILE: lambda path: write_text(path, saved),
            REPORT_FILE: lambda path: write_text(path, text),
        },
    )


def _show_failure(report: dict[str, Any], node: str, project: Project, *, as_json: bool) -> None:
    """What was reached before the failure; only the message when the model itself could not be opened."""
    if as_json:
        write_json(report)
    elif node not in {one.id for one in project.pipeline.sources()} and any(one["digest"] for one in report["nodes"]):
        write(report_text(report, columns_of_stdout()))


def _say_where(options: argparse.Namespace, folder: Path | None) -> None:
    if folder is not None:
        say(f"Written to {folder}: {MODEL_FILE}, {PROJECT_FILE}, {REPORT_FILE}")
        return
    if options.json:
        return
    if is_project(options.subject) and not options.changes:
        say(f"To get the model: compress-studio export {shlex.quote(options.subject)} --out small.onnx")
    else:
        words = [word for word in sys.argv[1:] if word != "--json"]
        say(f"To get the model: compress-studio {shlex.join(words)} --out small")
