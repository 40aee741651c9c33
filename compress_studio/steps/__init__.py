"""The built-in steps, one module each; read through the entry-point group compress_studio.steps like any plug-in."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from compress_studio.spec.step import SPEC_ATTRIBUTE, StepSpec

API = 1

MODULES = (
    "source_model",
    "graph_optimize",
    "graph_fp16",
    "prune_weights",
    "prune_channels",
    "factorize_lowrank",
    "cluster_weights",
    "quantize_static",
    "quantize_dynamic",
    "quantize_weights",
    "train_finetune",
    "train_distil",
)
"""In the order of the library."""


def _declared() -> Iterator[StepSpec]:
    for name in MODULES:
        full = f"{__name__}.{name}"
        module = importlib.import_module(full)
        for value in vars(module).values():
            spec = getattr(value, SPEC_ATTRIBUTE, None)
            if isinstance(spec, StepSpec) and getattr(value, "__module__", "") == full:
                yield spec


STEPS: tuple[StepSpec, ...] = tuple(_declared())
