"""Values of parameters as people write them: shares in percent, choices in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compress_studio.base.errors import BadInput
from compress_studio.gui.words import THIN
from compress_studio.spec.params import Field, Range

WIDE = 5000.0
"""Above this ratio of its limits a range of whole numbers is laid out by magnitude."""

WORDS = {
    "l1": "L1 norm",
    "l2": "L2 norm",
    "bn": "Batch-norm scale",
    "taylor": "Taylor (loss)",
    "wanda": "Wanda (activations)",
    "fpgm": "Geometric median",
    "apoz": "Activation zeros",
    "pca": "PCA of outputs",
    "svd": "SVD of weights",
    "mse": "Least error",
    "minmax": "Min–max",
    "adamw": "AdamW",
    "adam": "Adam",
    "sgd": "SGD",
    "sgd_momentum": "SGD with momentum",
    "least_squares": "Least squares on data",
    "statistics": "Realign statistics",
    "kl": "Divergence (KL)",
    "layer": "Per layer",
    "energy": "By need",
    "channel": "Per channel",
    "tensor": "Per tensor",
}


def is_share(field: Field) -> bool:
    """Whether a number from 0 to 1 is shown in percent: it says so, or it is a share on a grid of hundredths."""
    span = field.range
    if field.kind not in {"float", "map"} or span is None or span.hi > 1.0:
        return False
    if field.ui.unit == "%":
        return True
    return not field.ui.unit and not span.log and span.lo >= 0.0 and span.step is not None


def choice_word(value: str) -> str:
    """What a choice is called."""
    return WORDS.get(value) or (value.replace("_", " ")[:1].upper() + value.replace("_", " ")[1:])


def value_text(field: Field, value: Any) -> str:
    """A value as it stands in its box."""
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "on" if value else "off"
    if field.kind == "choice":
        return choice_word(str(getattr(value, "value", value)))
    if field.kind == "list":
        return ", ".join(map(str, value)) or "none"
    if not isinstance(value, int | float):
        return str(value)
    if is_share(field):
        return f"{_short(100 * value)}{THIN}%"
    text = f"{value:d}" if isinstance(value, int) else _short(value)
    return f"{text}{THIN}{field.ui.unit}" if field.ui.unit else text


def read_text(field: Field, text: str) -> Any:
    """The value that somebody typed. Raises BadInput with what is expected.

    "42" and "42 %" are both 0.42 where a share is asked for; "0.42" as well where hundredths are the grid.
    """
    word = text.replace(THIN, "").replace(" ", "").replace(",", ".").replace("−", "-")
    if field.optional and word.lower() in {"", "auto", "none"}:
        return None
    percent = word.endswith("%")
    unit = field.ui.unit.replace(" ", "")
    if unit and word.lower().endswith(unit.lower()):
        word = word[: -len(unit)]
    word = word.removesuffix("%")
    try:
        number = float(word)
    except ValueError:
        raise BadInput(f"{field.ui.label} must be {expects(field)}.") from None
    if is_share(field):
        step = field.range.step if field.range is not None else None
        plain = not percent and 0 < abs(number) < 1 and step is not None and step >= 0.01
        number = number if plain else round(number / 100, 12)
    if not math.isfinite(number) or (field.range and not field.range.lo <= number <= field.range.hi):
        raise BadInput(f"{field.ui.label} must be {expects(field)}.")
    if field.kind == "int":
        if number != int(number):
            raise BadInput(f"{field.ui.label} must be {expects(field)}.")
        return int(number)
    return number


def expects(field: Field) -> str:
    """What a good value looks like, in the units of its box."""
    if field.range is None or field.kind not in {"float", "int", "map"}:
        return field.expects()
    low, high = (value_text(field, _typed(field, end)) for end in (field.range.lo, field.range.hi))
    kind = "a whole number from " if field.kind == "int" else "from "
    return f"{kind}{low} to {high}" + (", or auto" if field.optional else "")


def slider_range(field: Field) -> Range | None:
    """Where a slider puts the values: very wide ranges of whole numbers by magnitude."""
    span = field.range
    if span is None or span.log or field.kind != "int" or span.lo <= 0 or span.hi / span.lo < WIDE:
        return span
    return replace(span, log=True)


def typed(field: Field, number: float) -> float | int:
    """A number in the type of its field."""
    return _typed(field, number)


def is_default(field: Field, value: Any) -> bool:
    """Whether a value is what it would be if nobody had chosen it."""
    return plain(value) == plain(field.default)


def plain(value: Any) -> Any:
    """A value as a project holds it."""
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return getattr(value, "value", value)


def is_shown(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether a parameter matters with these values of the others."""
    return all(_word(values.get(name)) in allowed for name, allowed in field.ui.shown_when.items())


def _word(value: Any) -> str:
    value = plain(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(field: Field, number: float) -> float | int:
    return round(number) if field.kind == "int" else number


def _short(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"
    digits = 6 if abs(value) >= 1 else 4
    return f"{value:.{digits}g}" if abs(value) < 1e6 else f"{value:.0f}"
