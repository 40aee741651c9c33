"""Steps and parameters as they are written on the command line."""

from __future__ import annotations

import difflib
from typing import Any

from compress_studio.base.errors import BadInput
from compress_studio.project.project import Project
from compress_studio.spec.registry import StepRegistry
from compress_studio.spec.step import StepSpec


def parse_step(text: str, steps: StepRegistry) -> tuple[StepSpec, dict[str, Any]]:
    """The step and the values that "prune.channels:amount=50%,criterion=l2" stands for.

    Values that are lists are joined by +. Raises BadInput naming near matches for what does not exist.
    """
    name, _, rest = text.partition(":")
    spec = steps.get(name.strip())
    values: dict[str, Any] = {}
    for word in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = word.partition("=")
        if not equals:
            raise BadInput(f"{word} in --step {text} has no value.", f"Write {spec.id}:{key}=VALUE.")
        key = key.strip()
        if key in values:
            raise BadInput(f"{key} is given twice in --step {text}.", "Remove one of them.")
        values[key] = parse_value(spec, key, value)
    return spec, values


def parse_change(text: str, project: Project, steps: StepRegistry) -> tuple[str, str, Any]:
    """Node, parameter and value that "prune1.amount=0.3" stands for; raises BadInput for what does not exist."""
    place, equals, value = text.partition("=")
    node, dot, key = place.strip().partition(".")
    if not equals or not dot or not key:
        raise BadInput(f"--set {text} is not understood.", "Write --set NODE.KEY=VALUE, such as prune1.amount=0.3.")
    step = project.pipeline.node(node).step
    return node, key, parse_value(steps.get(step), key, value)


def parse_value(spec: StepSpec, key: str, text: str) -> Any:
    """The value of a parameter of a step; raises BadInput with what is expected."""
    field = spec.params.field_named(spec.params.renamed.get(key, key))
    if field is None:
        names = [one.name for one in spec.params.fields()]
        near = difflib.get_close_matches(key, names, n=3, cutoff=0.4)
        known = f"Its parameters: {', '.join(names) or 'none'}."
        hint = f"Did you mean {' or '.join(near)}? {known}" if near else known
        raise BadInput(f"{spec.id} has no parameter {key}.", hint)
    try:
        return field.parse(text)
    except BadInput as error:
        raise with_hint(error, spec.id) from None


def with_hint(error: BadInput, step: str) -> BadInput:
    """The same error; without a hint of its own it leads to the parameters of the step."""
    return BadInput(error.message, error.hint or f"See compress-studio steps {step}.")
