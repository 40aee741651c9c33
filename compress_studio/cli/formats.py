"""The command `formats`: what can be opened and written, and what is missing to use it."""

from __future__ import annotations

import argparse
from typing import Any

from compress_studio.artifacts.formats import ONNX_KINDS
from compress_studio.artifacts.refusals import HINTS
from compress_studio.artifacts.sniffing import TORCH_PROGRAMS, Format
from compress_studio.cli.console import columns_of_stdout, say, table, write, write_json
from compress_studio.spec.output import OutputSpec

OPENED = ONNX_KINDS | TORCH_PROGRAMS
MODELS = (
    Format.TFLITE, Format.KERAS, Format.HDF5, Format.SAVED_MODEL, Format.TENSORFLOW, Format.ORT, Format.OPENVINO,
)  # fmt: skip
"""Kinds of models that are recognised and have to be converted before."""


def command(options: argparse.Namespace) -> int:
    """List both directions."""
    from compress_studio.spec.runtime import load_runtime

    outputs = load_runtime().outputs
    for broken in outputs.broken:
        last = (broken.error.strip().splitlines() or ["unknown error"])[-1]
        say(f"warning: the plug-in {broken.name} of {broken.distribution} could not be loaded: {last}")
    inputs = [*(one for one in Format if one in OPENED), *MODELS]
    if options.json:
        write_json({"ok": True, "in": [_input(one) for one in inputs], "out": [_output(one) for one in outputs]})
        return 0
    columns = columns_of_stdout()
    rows = [(str(one), "opens" if one in OPENED else _advice(one)) for one in inputs]
    write(table([("model files", "to use it"), *rows], left=(0, 1), columns=columns))
    shown = [(one.id, " ".join(one.suffixes), _state(one), one.summary) for one in outputs]
    write("")
    write(table([("written as", "ending", "to use it", "what it is"), *shown], left=(0, 1, 2, 3), columns=columns))
    write("\nWrite one: compress-studio export PROJECT|MODEL --out FILE")
    return 0


def _advice(kind: Format) -> str:
    return HINTS.get(kind, "").format(name="FILE")


def _state(spec: OutputSpec) -> str:
    missing = spec.missing()
    return f"run: {missing[0].command}" if missing else "ready"


def _input(kind: Format) -> dict[str, Any]:
    opens = kind in OPENED
    return {"format": kind.name.lower(), "title": str(kind), "opens": opens, "hint": "" if opens else _advice(kind)}


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
