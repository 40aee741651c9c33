"""The command `export`: the network of a node as a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from compress_studio.artifacts.artifact import MODEL_FILE
from compress_studio.base.errors import BadInput, UserError
from compress_studio.cli.building import opened
from compress_studio.cli.console import say, write, write_json
from compress_studio.cli.execution import check_ok, execute, loaded_runtime, opened_store, settings_of
from compress_studio.cli.table import size_text
from compress_studio.engine import delivery


def command(options: argparse.Namespace) -> int:
    """Run what is missing, write the file, open it again and compare it with what was made."""
    from compress_studio.engine.worker import Worker, default_options

    target = Path(options.out)
    if target.suffix.lower() != ".onnx" or target.is_dir():
        raise BadInput(f"{target} is not the name of an ONNX file.", "Choose a name that ends with .onnx.")
    runtime = loaded_runtime()
    project = opened(options.project, (), runtime.steps)
    last = project.pipeline.last()
    if last is None:
        raise BadInput(f"{options.project} has no nodes.", "Run a model with --out to make a project.")
    node = project.pipeline.node(options.node or last.id)
    delivery.check_writable(target.parent)
    with opened_store() as store:
        settings = settings_of(options, measure=False)
        ran = execute(project, runtime, store, settings, [node.id])
        check_ok(project, ran)
        result = ran.outcome.state.nodes[node.id]
        written = delivery.export(Path(result.path), target)
        with delivery.removed_on_error(written), Worker(default_options("look", nice=False)) as worker:
            if delivery.digest_of(written) != result.digest:
                raise UserError(f"{target} differs from the network that was measured.", "Check the disk, then retry.")
            worker.inspect(target, settings.runtime)
    count = sum(path.stat().st_size for path in written.values())
    if options.json:
        files = [str(path.absolute()) for path in written.values()]
        write_json({"ok": True, "node": node.id, "digest": result.digest, "files": files, "bytes": count})
    else:
        write(f"{target}: {node.id} ({node.step}), {size_text(count)}")
        for name, path in written.items():
            if name != MODEL_FILE:
                say(f"Keep {path.name} beside it: it holds the weights.")
    return 0
