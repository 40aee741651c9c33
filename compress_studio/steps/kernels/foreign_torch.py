"""Inside the process for code: a module of PyTorch that takes its inputs by position becomes ONNX."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (PyTorch's exporters come without complete type information.)

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.steps.kernels.foreign_child import LARGE, Entry, draw

if TYPE_CHECKING:
    import torch

FIRST = 2
"""Samples in the batch with which a module is recorded."""


def write_module(module: torch.nn.Module, entries: Sequence[Entry], target: Path) -> None:
    """Record a module with the free dimensions of its inputs, and write it.

    Where the exporter insists on numbers, sizes besides the batch that it fixed are an error: the network would be
    another one for other sizes.
    """
    import torch

    arrays = tuple(torch.from_numpy(draw(one, FIRST, {})) for one in entries)
    dims: dict[str, Any] = {}
    named = tuple(
        {
            axis: dims.setdefault(size, torch.export.Dim(size.lower()))
            for axis, size in enumerate(one.shape)
            if isinstance(size, str)
        }
        for one in entries
    )
    automatic = tuple(dict.fromkeys(one, torch.export.Dim.DYNAMIC) for one in named)
    problem: Exception | None = None
    for shapes in (named, automatic):
        try:
            with torch.no_grad():
                program = torch.export.export(module, arrays, dynamic_shapes=(shapes,), strict=False)
            break
        except Exception as error:  # noqa: BLE001 - the exporter raises many types for what it does not know
            problem = problem or error
    else:
        assert problem is not None
        raise problem
    written = torch.onnx.export(program, (), dynamo=True, verbose=False)
    assert written is not None
    size = sum(one.numel() * one.element_size() for one in module.state_dict().values())
    written.save(str(target), external_data=size > LARGE)
