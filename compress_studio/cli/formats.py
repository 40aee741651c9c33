"""The command `formats`: what can be opened and written, and what is missing to use it."""

from __future__ import annotations

import argparse
from typing import Any

from compress_studio.artifacts.converters import HUB, PACKAGES, command_for
from compress_studio.artifacts.formats import ONNX_KINDS
from compress_studio.artifacts.refusals import HINTS
from compress_studio.artifacts.sniffing import TORCH_PROGRAMS, Format
from compress_studio.cli.console import columns_of_stdout, say, table, write, write_json
from compress_studio.spec.output import OutputSpec

OPENS = "opens"
AS_THEY_ARE = ONNX_KINDS | TORCH_PROGRAMS
WEIGHTS = (Format.CHECKPOINT, Format.SAFETENSORS, Format.SHARDS)
CODE = "opens with the code of its network, once you allow that; `compress-studio info FILE` says how"
CONTAINERS = ("a ZIP archive or folder with one model inside", "opens like that model")
HUB_FOLDER = "a folder of Hugging Face (config.json and safetensors)"
REFUSED = (Format.ORT, Format.OPENVINO, Format.GGUF)


def command(options: argparse.Namespace) -> int:
    """List both directions."""
    from compress_studio.spec.runtime import load_runtime

    outputs = load_runtime().outputs
    for broken in outputs.broken:
        last = (broken.error.strip().splitlines() or ["unknown error"])[-1]
        say(f"warning: the plug-in {broken.name} of {broken.distribution} could not be loaded: {last}")
    inputs = _inputs()
    if options.json:
        write_json({"ok": True, "in": inputs, "out": [_output(one) for one in outputs]})
        return 0
    columns = columns_of_stdout()
    rows = [(row["title"], row["hint"] or OPENS) for row in inputs]
    write(table([("model files", "to use it"), *rows], left=(0, 1), columns=columns))
    shown = [(one.id, " ".join(one.suffixes), _state(one), one.summary) for one in outputs]
    write("")
    write(table([("written as", "ending", "to use it", "what it is"), *shown], left=(0, 1, 2, 3), columns=columns))
    write("\nWrite one: compress-studio export PROJECT|MODEL --out FILE")
    return 0


def _inputs() -> list[dict[str, Any]]:
    """What can be dropped, a row each: whether it opens here as it is, and else what is needed."""
    rows = [_input(one.name.lower(), str(one)) for one in Format if one in AS_THEY_ARE]
    rows += [_input(one.name.lower(), str(one), CODE, opens=True) for one in WEIGHTS]
    rows.append(_input("pickle", "a pickled network", "opens once you allow exactly that pickle to run", opens=True))
    rows.append(_input("folder_hub", HUB_FOLDER, _install(HUB[1])))
    rows += [_input(kind.name.lower(), str(kind), _install(needed)) for kind, (_, needed) in PACKAGES.items()]
    rows.append(_input("container", *CONTAINERS, opens=True))
    return [*rows, *(_input(one.name.lower(), str(one), HINTS[one].format(name="FILE")) for one in REFUSED)]


def _install(packages: tuple[str, ...]) -> str:
    command = command_for(packages)
    return f"run: {command}" if command else ""


def _input(name: str, title: str, hint: str = "", *, opens: bool = False) -> dict[str, Any]:
    return {"format": name, "title": title, "opens": opens or not hint, "hint": hint}


def _state(spec: OutputSpec) -> str:
    missing = spec.missing()
    return f"run: {missing[0].command}" if missing else "ready"


def _output(spec: OutputSpec) -> dict[str, Any]:
    fields = [
        {"name": one.name, "label": one.ui.label, "help": one.ui.help, "expects": one.expects()}
        for one in spec.params.fields()
    ]
    return {
        "id": spec.id,
        "title": spec.title,
        "endings": list(spec.suffixes),
        "summary": spec.summary,
        "ready": not spec.missing(),
        "missing": [{"package": one.module, "install": one.command} for one in spec.missing()],
        "options": fields,
    }
