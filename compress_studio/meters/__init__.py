"""The built-in meters, one module each; read through the entry-point group compress_studio.meters like any plug-in."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator

from compress_studio.spec.meter import MeterSpec

API = 1

MODULES = ("size", "accuracy", "agreement", "latency", "memory")
"""In the order of reports."""


def _declared() -> Iterator[MeterSpec]:
    for name in MODULES:
        full = f"{__name__}.{name}"
        if importlib.util.find_spec(full) is not None:
            yield from (one for one in vars(importlib.import_module(full)).values() if isinstance(one, MeterSpec))


METERS: tuple[MeterSpec, ...] = tuple(_declared())
