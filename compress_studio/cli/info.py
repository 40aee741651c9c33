"""The command `info`: what is in a model file. The file is opened in a child process."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from compress_studio.cli.building import existing
from compress_studio.cli.console import columns_of_stdout, table, write, write_json


def command(options: argparse.Namespace) -> int:
    """Look at the file and print its facts."""
    from compress_studio.engine.worker import Worker, default_options

    path = Path(existing(options.model))
    with Worker(default_options("look", nice=False)) as worker:
        facts: Mapping[str, Any] = worker.inspect(path)
    if options.json:
        write_json({"ok": True, **facts})
    else:
        write(facts_text(options.model, facts, columns_of_stdout()))
    return 0


def facts_text(name: str, facts: Mapping[str, Any], columns: int | None = None) -> str:
    """Facts as text: single values one below the other, then the tables."""
    plain = [(key, value) for key, value in facts.items() if key not in SENTENCES and not _is_table(value)]
    single = [(_heading(key), value_text(value)) for key, value in plain]
    width = max((len(key) for key, _ in single), default=0)
    parts = [name, *(f"  {key.ljust(width)}  {value}" for key, value in single if value)]
    for key, value in facts.items():
        if _is_table(value):
            rows = cast("Sequence[Mapping[str, Any]]", value)
            names = list(dict.fromkeys(column for row in rows for column in row))
            heading = [_heading(column) for column in names]
            cells = [heading, *([value_text(row.get(column)) for column in names] for row in rows)]
            left = [at for at, column in enumerate(names) if any(isinstance(row.get(column), str) for row in rows)]
            parts += ["", f"{_heading(key)}:", table(cells, left=left, columns=columns)]
    for key, heading in SENTENCES.items():
        if facts.get(key):
            parts += ["", f"{heading}:", *(f"  {text}" for text in cast("Sequence[str]", facts[key]))]
    return "\n".join(parts)


SENTENCES = {"remarks": "Remarks", "next": "What to do next"}
"""Facts that are whole sentences, each on a line of its own at the end."""
WORDS = {
    "nonzero": "not zero",
    "macs": "MACs per sample",
    "sizes": "sizes assumed",
    "layers_total": "layers with weights",
    "quantized": "quantized already",
    "ir_version": "IR version",
    "control_flow": "has If or Loop",
    "dtype": "type",
    "dims": "shape",
    "out_shape": "output shape",
}


def _heading(key: str) -> str:
    """A fact in the words of people."""
    return WORDS.get(key, key.replace("_", " "))


def value_text(value: Any) -> str:
    """A fact in a few words; empty for nothing."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value)
        return ", ".join(f"{key} {value_text(one) or '–'}" for key, one in pairs.items())
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        return " × ".join(map(str, items)) if all(isinstance(one, int) for one in items) else ", ".join(map(str, items))
    return str(value)


def _is_table(value: Any) -> bool:
    """Whether a fact is a list of rows."""
    rows = cast("Sequence[Any]", value) if isinstance(value, list) else []
    return bool(rows) and all(isinstance(one, Mapping) for one in rows)
