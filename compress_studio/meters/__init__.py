"""The built-in meters, one module each; read through the entry-point group compress_studio.meters like any plug-in."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from compress_studio.spec.meter import MeterSpec

API = 1

MODULES = ("size", "accuracy", "agreement", "latency", "memory")
"""In the order of reports."""


def _declared() -> Iterator[MeterSpec]:
    for name in MODULES:
        module = importlib.import_module(f"{__name__}.{name}")
        yield from (one for one in vars(module).values() if isinstance(one, MeterSpec))


METERS: tuple[MeterSpec, ...] = tuple(_declared())
