"""From the advice in a message to what a click can do about it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compress_studio.gui.forms.wording import plain, value_text
from compress_studio.gui.stepwords import SETTING, STEP_ID, value_of
from compress_studio.spec.registry import StepRegistry
from compress_studio.spec.step import Group, StepSpec


@dataclass(frozen=True, slots=True)
class Fix:
    """One button below a message."""

    label: str
    step: str = ""
    """The step to append; empty: a parameter is set."""
    name: str = ""
    value: Any = None
    review: bool = False
    """Opens the dialog of weights."""


def fixes_for(text: str, spec: StepSpec | None, values: Mapping[str, Any], steps: StepRegistry) -> list[Fix]:
    """What the advice of a message proposes and a click can do: append a step that trains, set a parameter.

    Other steps that are named are alternatives; appended they would do harm.
    """
    found: list[Fix] = []
    for name in dict.fromkeys(STEP_ID.findall(text)):
        if name in steps and (spec is None or name != spec.id) and steps.get(name).group is Group.TRAIN:
            found.append(Fix(f"Append {short_title(steps.get(name))}", step=name))
    for one, word in SETTING.findall(text):
        field = None if spec is None else spec.params.field_named(one)
        value = None if field is None else value_of(field, word)
        if field is not None and value is not None and value != plain(values.get(one, field.default)):
            found.append(Fix(f"Set {field.ui.label} to {value_text(field, value)}", name=one, value=value))
    return found


def short_title(spec: StepSpec) -> str:
    """What a button calls a step: "Distil" for "Distil from the original"."""
    return re.split(r" (?:from|on|to|in) ", spec.title, maxsplit=1)[0]
