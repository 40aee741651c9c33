"""Writing a network in another format: made and proved in a folder beside the target, then renamed into place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress_studio.base.errors import BadInput, UserError
from compress_studio.base.paths import flush
from compress_studio.engine import delivery
from compress_studio.engine.records import JsonObject
from compress_studio.engine.work import WorkSetting
from compress_studio.spec.output import OutputSpec
from compress_studio.spec.registry import OutputRegistry

RUN_OUTPUT = "compress_studio.engine.work:run_output"
Ask = Callable[..., Mapping[str, Any]]
"""ask(function, *arguments) calls a work unit in a worker process and raises what it raised."""


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """What is written, how, and where to."""

    target: Path
    output: str
    """Id of the format."""
    params: JsonObject
    network: Path
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A written and proved network."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]
    checks: tuple[Mapping[str, Any], ...]
    """Rows {"name", "ok", "detail"}; all are ok."""


def output_for(outputs: OutputRegistry, target: Path, wanted: str = "") -> OutputSpec:
    """The format of that id, or else the one that files with such a name have. Raises BadInput."""
    ending = target.suffix.lower()
    if wanted:
        spec = outputs.get(wanted)
        if ending not in spec.suffixes:
            raise BadInput(
                f"{target.name} is not the name of a file of the format {spec.id}.",
                f"Choose a name that ends with {spec.suffixes[0]}.",
            )
        return spec
    fitting = [one for one in outputs if ending in one.suffixes]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadInput(f"{ending} may be {' or '.join(one.id for one in fitting)}.", "Say which with --format.")
    endings = ", ".join(one.suffixes[0] for one in outputs)
    raise BadInput(f"{target.name} has no ending of a known format.", f"Choose one of {endings}.")


def write_output(request: OutputRequest, setting: WorkSetting, ask: Ask) -> Delivered:
    """Write, prove and put into place. Raises UserError, and leaves everything as it was, when a proof fails."""
    target = request.target.absolute()
    delivery.check_writable(target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".cs-", dir=target.parent, ignore_cleanup_errors=True) as folder:
        network = (str(request.network), request.digest)
        answer = ask(RUN_OUTPUT, setting, request.output, dict(request.params), network, folder, target.name)
        failed = [row for row in answer["checks"] if not row["ok"]]
        if failed:
            raise UserError(
                f"{target.name} was not written, because it failed a check. {failed[0]['name']}: no,"
                f" {failed[0]['detail']}.",
                "Export to ONNX instead, or report this with the model.",
            )
        files = tuple(_placed(Path(folder) / name, target.parent / name) for name in answer["files"])
    return Delivered(files, tuple(answer["notes"]), tuple(answer["checks"]))


def _placed(made: Path, target: Path) -> Path:
    try:
        flush(made)
        if target.is_dir():
            if not made.is_dir():
                raise UserError(f"{target} is a folder.", "Choose another name.")
            shutil.rmtree(target)
        made.replace(target)
    except OSError as error:
        raise UserError(
            f"The export cannot be put into place: {error.strerror or error}.", "Choose another name."
        ) from None
    return target
