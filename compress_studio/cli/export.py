"""The command `export`: the network of a node, or a model file, as a file in any format."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress_studio.artifacts.artifact import MODEL_FILE
from compress_studio.base.digest import Json
from compress_studio.base.errors import BadInput, UserError
from compress_studio.cli.building import from_model, is_project, only_source, opened
from compress_studio.cli.consent import allow
from compress_studio.cli.console import say, write, write_json
from compress_studio.cli.execution import RUNTIME, check_ok, execute, loaded_runtime, opened_store, settings_of
from compress_studio.cli.table import size_text
from compress_studio.engine import delivery
from compress_studio.engine.output import Delivered, OutputRequest, output_for, write_output
from compress_studio.engine.work import WorkSetting
from compress_studio.project.pipeline import Node
from compress_studio.project.project import Project
from compress_studio.spec.output import OutputSpec
from compress_studio.spec.registry import StepRegistry

ONNX = "onnx"


def command(options: argparse.Namespace) -> int:
    """Run what is missing, write the file, open it again and compare it with what was made."""
    target = Path(options.out)
    allow(options.allow_code)
    runtime = loaded_runtime()
    if target.is_dir() and target.suffix.lower() != ".mlpackage":
        raise BadInput(f"{target} is a folder, not the name of a file.", "Give the name of the file to write.")
    spec = output_for(runtime.outputs, target, options.format)
    params = _params(spec, options)
    spec.require()
    project = _project(options, runtime.steps)
    last = project.pipeline.last()
    if last is None:
        raise BadInput(f"{options.project} has no nodes.", "Run a model with --out to make a project.")
    node = project.pipeline.node(options.node or last.id)
    delivery.check_writable(target.parent)
    with opened_store() as store:
        ran = execute(project, runtime, store, settings_of(options, measure=False), [node.id])
        check_ok(project, ran)
        result = ran.outcome.state.nodes[node.id]
        network = Path(result.path)
        if spec.id == ONNX and not params and not delivery.in_two_files(network):
            return _copied(options, node, network, result.digest, target)
        made = _written(OutputRequest(target, spec.id, params, network, result.digest))
    return _told(options, node, result.digest, spec, made)


def _project(options: argparse.Namespace, steps: StepRegistry) -> Project:
    """The project, or one made of the model file and what is said about opening it."""
    if not is_project(options.project):
        only_source(options.steps, steps)
        return from_model(options.project, options.steps, steps, options.source)
    if options.steps or options.source:
        raise BadInput(
            "How a model is opened is part of a project.",
            "Use compress-studio run PROJECT --set source1.KEY=VALUE --out DIR.",
        )
    return opened(options.project, (), steps)


def _params(spec: OutputSpec, options: argparse.Namespace) -> dict[str, Json]:
    """What the command line chooses for the format; raises BadInput for what it does not know."""
    words = list(options.choices) + ([f"opset={options.opset}"] if options.opset is not None else [])
    values: dict[str, Any] = {}
    for word in words:
        name, mark, text = word.partition("=")
        field = spec.params.field_named(name.strip())
        if not mark or field is None:
            known = ", ".join(one.name for one in spec.params.fields()) or "it has none"
            raise BadInput(f"{spec.title} has no option {name.strip()}.", f"It knows: {known}.")
        values[field.name] = field.parse(text)
    spec.params.read(values)
    return {name: value for name, value in values.items() if value is not None}


def _copied(options: argparse.Namespace, node: Node, network: Path, digest: str, target: Path) -> int:
    """The stored network itself, bit by bit."""
    from compress_studio.engine.worker import Worker, default_options

    written = delivery.export(network, target)
    with delivery.removed_on_error(written), Worker(default_options("look", nice=False)) as worker:
        if delivery.digest_of(written) != digest:
            raise UserError(f"{target} differs from the network that was measured.", "Check the disk, then retry.")
        worker.inspect(target, RUNTIME)
    count = sum(path.stat().st_size for path in written.values())
    if options.json:
        files = [str(path.absolute()) for path in written.values()]
        write_json({"ok": True, "node": node.id, "digest": digest, "files": files, "bytes": count, "format": ONNX})
    else:
        write(f"{target}: {node.id} ({node.step}), {size_text(count)}")
        for name, path in written.items():
            if name != MODEL_FILE:
                say(f"Keep {path.name} beside it: it holds the weights.")
    return 0


def _written(request: OutputRequest) -> Delivered:
    from compress_studio.engine.worker import Worker, WorkFailed, default_options

    with Worker(default_options("export", nice=False)) as worker:

        def ask(function: str, *arguments: Any) -> Mapping[str, Any]:
            try:
                return worker.call(function, *arguments)
            except WorkFailed as failed:
                raise failed.failure.error() from None

        return write_output(request, WorkSetting(RUNTIME), ask)


def _told(options: argparse.Namespace, node: Node, digest: str, spec: OutputSpec, made: Delivered) -> int:
    count = sum(path.stat().st_size for path in made.files if path.is_file())
    if options.json:
        write_json(
            {
                "ok": True,
                "node": node.id,
                "digest": digest,
                "files": [str(path) for path in made.files],
                "bytes": count,
                "format": spec.id,
                "notes": list(made.notes),
                "checks": [dict(row) for row in made.checks],
            }
        )
        return 0
    write(f"{options.out}: {node.id} ({node.step}), {spec.title}, {size_text(count)}")
    for row in made.checks:
        write(f"  {row['name']}: {row['detail']}")
    for text in made.notes:
        say(f"note: {text}")
    for path in made.files[1:]:
        say(f"Keep {path.name} beside it: it holds the weights.")
    return 0
