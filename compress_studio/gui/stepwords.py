"""Messages of the engine in the words of the window: titles instead of ids of steps, settings as forms call them."""

from __future__ import annotations

import re
from typing import Any

from compress_studio.base.errors import BadInput
from compress_studio.gui.forms.wording import plain, value_text
from compress_studio.spec.params import Field
from compress_studio.spec.registry import StepRegistry
from compress_studio.spec.step import StepSpec

SETTING = re.compile(r"\b([a-z][a-z0-9_]*)=([A-Za-z0-9_.%]+)")
STEP_ID = re.compile(r"\b[a-z]+\.[a-z0-9_]+\b")
DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28}\b")
"""Of a digest its beginning is enough for people."""
COMMAND = re.compile(r"(compress-studio (?:[^.]|\.(?!\s|$))*)")
"""A command line inside a message, up to the end of its sentence: it is copied, so nothing in it is changed."""
FIRST_STEP = re.compile(r"(?:as|in) the first step: --step ([a-z]+\.[a-z0-9_]+):(?:…,)?([a-z][a-z0-9_]*)=")
"""Where the command line takes a setting of the model."""


def in_words(text: str, spec: StepSpec | None, steps: StepRegistry) -> str:
    """A message with titles of steps instead of their ids, and settings of a step as its form calls them."""

    def title(match: re.Match[str]) -> str:
        return f"“{steps.get(match[0]).title}”" if match[0] in steps else match[0]

    def setting(match: re.Match[str]) -> str:
        field = None if spec is None else spec.params.field_named(match[1])
        value = None if field is None else value_of(field, match[2])
        return match[0] if field is None or value is None else f"{field.ui.label}: {value_text(field, value)}"

    def place(match: re.Match[str]) -> str:
        field = steps.get(match[1]).params.field_named(match[2]) if match[1] in steps else None
        return match[0] if field is None else f"in the form of the model, under “{field.ui.label}”: "

    parts = COMMAND.split(FIRST_STEP.sub(place, DIGEST.sub("\\1…", text)))
    parts[::2] = [SETTING.sub(setting, STEP_ID.sub(title, part)) for part in parts[::2]]
    return "".join(parts)


def value_of(field: Field, word: str) -> Any:
    """The value that a word of a message means for a parameter; None when it means none: free text is an example."""
    word = word.rstrip(".")
    if field.kind == "str":
        return None
    if field.kind == "choice" and word not in field.choices:
        return None
    try:
        return plain(field.parse(word))
    except BadInput:
        return None
