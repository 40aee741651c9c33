"""What the engine and the command line are handed: the built-in and installed steps and meters, data and facts.

Making it imports no network library; its functions do, so they are called in worker processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress_studio.spec.data import DataRequest, DataSource, SampleShape
from compress_studio.spec.registry import load_meters, load_outputs, load_steps
from compress_studio.spec.runtime import Runtime


def make_runtime() -> Runtime:
    """The runtime of the program."""
    return Runtime(load_steps(), load_meters(), data_digest, open_data, inspect, devices, sample_shapes, load_outputs())


def data_digest(request: DataRequest) -> str:
    """Name the contents of a data set; standard library only. Raises BadInput."""
    from compress_studio.data.identity import data_digest as digest

    return digest(request)


def open_data(request: DataRequest, network: Path) -> DataSource:
    """Join a data set to the inputs of a network. Raises BadInput."""
    from compress_studio.data.opening import open_data as opened

    return opened(request, network)


def sample_shapes(request: DataRequest, inputs: Sequence[str]) -> Mapping[str, SampleShape]:
    """What would feed inputs of these names. Raises BadInput."""
    from compress_studio.data.shapes import sample_shapes as look

    return look(request, inputs)


def inspect(path: Path) -> Mapping[str, Any]:
    """The facts of any file. Raises BadInput."""
    from compress_studio.graph.facts import inspect as look

    return look(path)


def devices() -> tuple[str, ...]:
    """The classes of devices on which PyTorch works here, the fastest first; the processor always does."""
    import torch

    found: list[str] = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.xpu.is_available():
        found.append("xpu")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")
