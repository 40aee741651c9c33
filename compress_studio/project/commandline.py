"""A recipe as a command line, so that what was arranged in the window runs in a script and gives the same numbers."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping
from typing import Any

from compress_studio.base.errors import UserError
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, TEACHER, Node, Pipeline
from compress_studio.spec.data import DataRequest
from compress_studio.spec.params import Field
from compress_studio.spec.registry import StepRegistry

SAVE = "Save the project and run its file: compress-studio run PROJECT.cstudio."


def command_line(
    recipe: Pipeline,
    steps: StepRegistry,
    data: DataRequest | None = None,
    out: str = "",
    *,
    seed: int = 0,
    device: str = "auto",
    threads: int = 1,
) -> str:
    """The command that gives the last node of a recipe, with the same numbers.

    Raises UserError where the command line has no words for it: branches that meet, a teacher that is not the source,
    values that its separators cannot carry, or choices about the data.
    """
    data = data or DataRequest()
    if data.options or data.seed:
        raise UserError("What was chosen about the data cannot be written as one command.", SAVE)
    line = _line(recipe)
    source = line[0]
    words = ["compress-studio", "run", str(source.params.get(SOURCE_PATH, ""))]
    own = _values(source, steps, leave=SOURCE_PATH)
    if own:
        words += ["--step", f"{SOURCE_STEP}:{own}"]
    for node in line[1:]:
        if node.on:
            values = _values(node, steps)
            words += ["--step", f"{node.step}:{values}" if values else node.step]
    if data.path:
        words += ["--data", data.path]
    if seed:
        words += ["--seed", str(seed)]
    if device != "auto":
        words += ["--device", device]
    if threads != 1:
        words += ["--threads", str(threads)]
    if out:
        words += ["--out", out]
    return shlex.join(words)


def _line(recipe: Pipeline) -> list[Node]:
    """The nodes of a recipe one after the other; raises UserError when it is no line."""
    order = list(recipe.order())
    if not order or order[0].step != SOURCE_STEP:
        raise UserError("This result has no model at its beginning.", SAVE)
    for before, node in itertools.pairwise(order):
        inputs = recipe.inputs_of(node.id)
        main = [edge for name, edge in inputs.items() if name != TEACHER]
        if len(main) != 1 or main[0].src != before.id or main[0].out != NETWORK:
            raise UserError("A pipeline with branches cannot be written as one command.", SAVE)
        teacher = inputs.get(TEACHER)
        if teacher is not None and teacher.src != order[0].id:
            raise UserError(f"The teacher of {node.id} is not the model itself.", SAVE)
    return order


def _values(node: Node, steps: StepRegistry, leave: str = "") -> str:
    """key=value of everything that differs from its default."""
    spec = steps.get(node.step)
    parts: list[str] = []
    for one in spec.params.fields():
        value = node.params.get(one.name, one.default)
        if one.name == leave or value == _plain(one.default):
            continue
        text = _text(one, value)
        if "," in text or one.parse(text) != value:
            raise UserError(f"{one.ui.label} of {node.id} cannot be written in one word: {text}", SAVE)
        parts.append(f"{one.name}={text}")
    return ",".join(parts)


def _text(field: Field, value: Any) -> str:
    if value is None:
        return "auto"
    if field.kind == "bool":
        return "true" if value else "false"
    if isinstance(value, Mapping):
        rows: Mapping[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return "+".join(f"{name}:{number!r}" for name, number in rows.items())
    if isinstance(value, list | tuple):
        items: Any = value  # pyright: ignore[reportUnknownVariableType]
        return "+".join(str(one) for one in items)
    return repr(value) if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """A default as it lies in a project: enumerations as text, tuples as lists."""
    if isinstance(value, tuple):
        items: Any = value  # pyright: ignore[reportUnknownVariableType]
        return list(items)
    return str(value) if isinstance(value, str) else value
