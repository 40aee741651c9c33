"""In the process that runs the user's code: the network becomes a program, exported or traced."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (PyTorch's exporters come without complete type information.)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.base.errors import BadInput
from compress_studio.steps.kernels.child_running import line

if TYPE_CHECKING:
    import torch

EXPORTED, TRACED = "program.pt2", "program.pt"


def export(
    folder: Path,
    module: torch.nn.Module,
    names: Sequence[str],
    arguments: tuple[Any, ...],
    layout: Mapping[str, Any],
    form: str,
) -> str:
    """Write the network as an exported program, or as TorchScript where that fails or is asked for."""
    import torch

    named, automatic, fewer = _free(names, layout)
    problem: BaseException | None = None
    if form == EXPORTED:
        for shapes in (named, automatic):
            try:
                return _save_exported(folder, module, arguments, shapes, layout)
            except Exception as error:  # noqa: BLE001 - the exporter raises many types for what it does not know
                problem = problem or error
    try:
        torch.jit.save(torch.jit.trace(module, arguments, check_trace=False), str(folder / TRACED))
        return TRACED
    except Exception as error:  # noqa: BLE001 - as above
        problem = problem or error
    for shapes in fewer:
        try:
            return _save_exported(folder, module, arguments, shapes, None)
        except Exception as error:  # noqa: BLE001 - as above
            problem = problem or error
    raise BadInput(
        f"PyTorch cannot export the network: {line(problem)}.",
        'Export it to ONNX where it was made: torch.onnx.export(net, (example_input,), "model.onnx", dynamo=True).',
    )


def _save_exported(
    folder: Path,
    module: torch.nn.Module,
    arguments: tuple[Any, ...],
    shapes: Any,
    layout: Mapping[str, Any] | None,
) -> str:
    """Write an exported program; raises ValueError when a dimension that should stay free in it is fixed."""
    import torch

    program = torch.export.export(module, arguments, dynamic_shapes=shapes, strict=False)
    if layout is not None:
        wanted = set(program.graph_signature.user_inputs)
        values = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in wanted]
        for value, shape in zip(values, layout["shapes"], strict=False):
            for size, free in zip(value.shape, shape, strict=False):
                if isinstance(free, str) and isinstance(size, int):
                    raise ValueError(f"{free} became {size}")
    torch.export.save(program, folder / EXPORTED)
    return EXPORTED


def _free(names: Sequence[str], layout: Mapping[str, Any]) -> tuple[Any, Any, list[Any]]:
    """Free dimensions by name, as they come, and the last resorts: only the batch, none."""
    import torch

    dims: dict[str, Any] = {}
    named: list[dict[int, Any]] = []
    for shape in layout["shapes"]:
        axes = {axis: size for axis, size in enumerate(shape) if isinstance(size, str)}
        named.append({axis: dims.setdefault(size, torch.export.Dim(size.lower())) for axis, size in axes.items()})
    automatic = tuple(dict.fromkeys(axes, torch.export.Dim.AUTO) for axes in named)
    batch = tuple({axis: one for axis, one in axes.items() if axis == 0} for axes in named)
    return tuple(named), automatic, [batch, None]
