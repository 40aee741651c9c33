"""From older formats of the project file to the present one: one function per format number.

Format 1 is the first. A function for format n takes the parsed file of format n and gives one of format n + 1; it
never changes its argument. Renamed parameters of steps need no migration: see Params.renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from compress_studio.base.errors import BadInput

FORMAT = 1
Raw: TypeAlias = dict[str, Any]
MIGRATIONS: Mapping[int, Callable[[Raw], Raw]] = {}


def upgrade(raw: Raw, name: str, newest: int = FORMAT, steps: Mapping[int, Callable[[Raw], Raw]] = MIGRATIONS) -> Raw:
    """The parsed file in the present format; raises BadInput for a format from the future or none at all."""
    number = raw.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise BadInput(f"{name} is not a Compress Studio project: it has no format number.", "Choose another file.")
    if number > newest:
        raise BadInput(
            f"{name} was saved by a newer version (format {number}; this one reads up to {newest}).",
            "Update Compress Studio.",
        )
    while number < newest:
        raw = {**steps[number](raw), "format": number + 1}
        number += 1
    return raw
