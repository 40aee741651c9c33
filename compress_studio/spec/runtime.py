"""What the engine is handed instead of importing it: steps, meters, formats, data sets and the look at a file."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compress_studio.spec.data import DataRequest, DataSource, SampleShape
from compress_studio.spec.registry import MeterRegistry, OutputRegistry, Registry, StepRegistry

BUILT_IN = "compress_studio.steps.runtime:make_runtime"
"""Named, not imported: the engine, the command line and the window reach the steps through this only."""


def only_cpu() -> tuple[str, ...]:
    """The devices of a runtime that knows no others."""
    return ("cpu",)


def no_samples(request: DataRequest, inputs: Sequence[str]) -> Mapping[str, SampleShape]:
    """The samples of a runtime that cannot look at them without a network."""
    return {}


def no_outputs() -> OutputRegistry:
    """The output formats of a runtime that has none."""
    return Registry("output format")


@dataclass(frozen=True, slots=True)
class Runtime:
    """Making one imports no heavy package; calling open_data and inspect does, so both belong into a worker process."""

    steps: StepRegistry
    meters: MeterRegistry
    data_digest: Callable[[DataRequest], str]
    """Names the contents of a data set and the options; cheap, standard library only; raises BadInput."""
    open_data: Callable[[DataRequest, Path], DataSource]
    """open_data(request, network) joins a data set to the inputs of a network; raises BadInput."""
    inspect: Callable[[Path], Mapping[str, Any]]
    """The facts of any file a user may drop (see graph.facts); raises BadInput."""
    devices: Callable[[], tuple[str, ...]] = only_cpu
    """The classes of devices that work here, the fastest first; heavy, so it belongs into a worker process too."""
    sample_shapes: Callable[[DataRequest, Sequence[str]], Mapping[str, SampleShape]] = no_samples
    """sample_shapes(request, inputs) tells what would feed inputs of these names, before there is a network to join."""
    outputs: OutputRegistry = field(default_factory=no_outputs)
    """The formats in which a network can be written."""


def load_runtime(name: str = BUILT_IN) -> Runtime:
    """The runtime that "module:function" makes."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)()
