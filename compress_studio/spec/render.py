"""One declaration, many readers: a step as a text table, a help page and a JSON schema.

`python -m compress_studio.spec.render --write` writes the help pages of all installed built-in steps to
resources/help/steps; without --write it names the pages that are out of date and ends with 1.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, cast

from compress_studio.base.digest import Json
from compress_studio.base.paths import resource, write_text
from compress_studio.spec.params import Field
from compress_studio.spec.registry import StepRegistry, load_steps
from compress_studio.spec.step import StepSpec

WIDTH = 100
HEADINGS = ("parameter", "values", "default", "meaning")


def as_text(spec: StepSpec) -> str:
    """A page for a terminal: what the step is for, and its parameters."""
    lines = [f"{spec.id} · {spec.title}", "", *textwrap.wrap(spec.summary, WIDTH), *_traits(spec)]
    rows = [(one.name, values(one), shown(one.default), meaning(one)) for one in spec.params.fields()]
    if rows:
        lines += ["", *_columns([HEADINGS, *rows])]
    else:
        lines += ["", "It has no parameters."]
    if spec.help:
        lines += ["", *(part for block in spec.help.split("\n\n") for part in (*_paragraph(block), ""))]
    return "\n".join(lines).rstrip() + "\n"


def as_markdown(spec: StepSpec) -> str:
    """The help page of a step."""
    lines = [f"# {spec.title}", "", f"`{spec.id}` · {spec.group}", "", spec.summary, ""]
    if spec.help:
        lines += [spec.help, ""]
    fields = list(spec.params.fields())
    if fields:
        lines += ["## Parameters", "", "| name | label | values | default | meaning |", "|---|---|---|---|---|"]
        for one in fields:
            cells = (f"`{one.name}`", one.ui.label, values(one), shown(one.default), meaning(one))
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        lines.append("")
    traits = _traits(spec)
    if traits:
        lines += ["## Good to know", "", *(f"- {one}" for one in traits), ""]
    lines += ["## On the command line", "", f"    compress-studio run model.onnx --step {example(spec)}", ""]
    return "\n".join(lines)


def as_json(spec: StepSpec) -> dict[str, Json]:
    """Everything about a step as JSON."""
    return {
        "id": spec.id,
        "version": spec.version,
        "title": spec.title,
        "group": str(spec.group),
        "summary": spec.summary,
        "help": spec.help,
        "inputs": [{"name": port.name, "kind": str(port.kind), "optional": port.optional} for port in spec.inputs],
        "outputs": [{"name": port.name, "kind": str(port.kind)} for port in spec.outputs],
        "needs_data": spec.needs_data,
        "random": spec.random,
        "deterministic": spec.deterministic,
        "parameters": [_field_json(one) for one in spec.params.fields()],
        "schema": json_schema(spec),
    }


def json_schema(spec: StepSpec) -> dict[str, Json]:
    """The JSON schema (draft 2020-12) of the parameters of a step."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": spec.id,
        "description": spec.summary,
        "type": "object",
        "properties": {one.name: _property(one) for one in spec.params.fields()},
        "additionalProperties": False,
    }


def values(field: Field) -> str:
    """The values that a parameter may take, in short: "0 … 0.95", "l1, l2", "true, false"."""
    if field.kind == "choice":
        words = ", ".join(field.choices)
    elif field.kind == "bool":
        words = "true, false"
    elif field.kind == "map":
        span = f" {field.range.lo:g} … {field.range.hi:g}" if field.range is not None else ""
        words = f"name:number{span}, joined by +"
    elif field.range is not None:
        words = f"{field.range.lo:g} … {field.range.hi:g}"
    else:
        words = {"list": "names joined by +", "str": "text", "int": "whole number", "float": "number"}[field.kind]
    return f"{words}, auto" if field.optional else words


def shown(value: Any) -> str:
    """A value as it is written on the command line."""
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return "+".join(str(one) for one in cast("Sequence[object]", value)) or "none"
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        return "+".join(f"{name}:{shown(one)}" for name, one in sorted(entries.items())) or "none"
    return str(value) or "none"


def meaning(field: Field) -> str:
    """Help, unit and when it matters, in one line."""
    words = field.ui.help or f"{field.ui.label}."
    if field.ui.unit not in {"", "%"}:  # shares are written as shares, not per cent
        words += f" Unit: {field.ui.unit}."
    for name, allowed in field.ui.shown_when.items():
        words += f" Only with {name}={' or '.join(sorted(allowed))}."
    return words


def example(spec: StepSpec) -> str:
    """The step with its first parameter, as it is written on the command line."""
    first = next(iter(spec.params.fields()), None)
    if first is None or shown(first.default) in {"none", "auto"}:
        return spec.id
    return f"{spec.id}:{first.name}={shown(first.default)}"


def pages(steps: StepRegistry) -> dict[str, str]:
    """The help pages of the built-in steps: file name to text."""
    return {f"{spec.id}.md": as_markdown(spec) for spec in steps if steps.origins[spec.id] == "built in"}


def stale(steps: StepRegistry, folder: Path) -> list[str]:
    """Names of help pages that are missing, differ from their declaration, or have lost their step."""
    wanted = pages(steps)
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def main(argv: Sequence[str]) -> int:
    """Write the help pages, or say which are stale; returns the exit code."""
    steps = load_steps()
    folder = resource("help") / "steps"
    for broken in steps.broken:
        sys.stderr.write(f"{broken.name} could not be loaded:\n{broken.error}\n")
    if steps.broken:
        return 1
    old = stale(steps, folder)
    if "--write" in argv:
        wanted = pages(steps)
        for name in old:
            if name in wanted:
                write_text(folder / name, wanted[name])
            else:
                (folder / name).unlink()
        sys.stdout.write(f"{len(old)} of {len(wanted)} help pages written\n")
        return 0
    sys.stdout.write("".join(f"stale: {name}\n" for name in old))
    return 1 if old else 0


def _traits(spec: StepSpec) -> list[str]:
    facts = (
        (spec.needs_data, "Its result depends on the data set; without one it uses synthetic inputs and says so."),
        (spec.random, "It draws random numbers; the seed is part of the result."),
        (not spec.deterministic, "Two runs may differ in the last digits."),
        (spec.uses_device, "It runs on the chosen device."),
    )
    return [text for holds, text in facts if holds]


def _field_json(field: Field) -> dict[str, Json]:
    row: dict[str, Json] = {
        "name": field.name,
        "kind": field.kind,
        "label": field.ui.label,
        "help": field.ui.help,
        "unit": field.ui.unit,
        "default": plain(field.default),
        "optional": field.optional,
        "advanced": field.ui.advanced,
        "per_layer": field.ui.per_layer,
        "shown_when": {name: list[Json](sorted(allowed)) for name, allowed in field.ui.shown_when.items()},
    }
    if field.choices:
        row["choices"] = list(field.choices)
    if field.range is not None:
        span = field.range
        row["range"] = {"lo": span.lo, "hi": span.hi, "step": span.step, "log": span.log}
    return row


def plain(value: Any) -> Json:
    """A default as JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [plain(one) for one in cast("Sequence[object]", value)]
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in sorted(cast("Mapping[str, object]", value).items())}
    return value


def _property(field: Field) -> dict[str, Json]:
    kinds = {
        "float": "number",
        "int": "integer",
        "bool": "boolean",
        "choice": "string",
        "str": "string",
        "map": "object",
    }
    row: dict[str, Json] = {"title": field.ui.label, "description": meaning(field), "default": plain(field.default)}
    kind = kinds.get(field.kind, "array")
    row["type"] = [kind, "null"] if field.optional else kind
    if field.kind == "list":
        row["items"] = {"type": "string"}
    if field.choices:
        row["enum"] = [*field.choices, None] if field.optional else list(field.choices)
    if field.kind == "map":
        number: dict[str, Json] = {"type": "number"}
        if field.range is not None:
            number |= {"minimum": field.range.lo, "maximum": field.range.hi}
        row["additionalProperties"] = number
    elif field.range is not None:
        row["minimum"], row["maximum"] = field.range.lo, field.range.hi
    return row


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows lined up; the last column is wrapped."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    indent = sum(widths) + 2 * len(widths)
    lines: list[str] = []
    for row in rows:
        begin = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + "  "
        text = textwrap.wrap(row[-1], max(WIDTH - indent, 30)) or [""]
        lines += [(begin + text[0]).rstrip(), *(" " * indent + more for more in text[1:])]
    return lines


def _paragraph(block: str) -> list[str]:
    """Running text is wrapped; lists, tables and code keep their lines."""
    if re.match(r"[-*+] |\d+\. |\||#|```|    ", block):
        return block.splitlines()
    return textwrap.wrap(block, WIDTH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
