"""In the process that runs the user's code: which inputs the network takes, for which it runs, and what it gives."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (The network is the user's own code.)

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.base.errors import BadInput

if TYPE_CHECKING:
    import torch

CHECKS, SAMPLES, OUTPUTS = "checks.npz", "samples.npz", "outputs.npz"
BATCHES = (2, 3)
LENGTH = 16


def inputs(module: torch.nn.Module, count: int | None = None) -> list[str]:
    """The names of what forward must be given, or of the first ones that it can be given."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(module.forward).parameters.values()
    known = [one.name for one in parameters if one.kind in kinds]
    if count is not None:
        return (known or ["x"])[:count]
    names = [one.name for one in parameters if one.kind in kinds and one.default is inspect.Parameter.empty]
    return names or known[:1] or ["x"]


Runs = list[tuple[dict[str, Any], list[Any]]]
"""Inputs by name with the outputs that they give."""


def first_that_runs(
    module: torch.nn.Module, names: Sequence[str], layouts: Sequence[Any], request: Mapping[str, Any]
) -> tuple[dict[str, Any], Runs]:
    """The first layout for which the network runs, for two batch sizes where the batch is free."""
    problem: BaseException | None = None
    for layout in layouts:
        try:
            counts = BATCHES if any(isinstance(shape[0], str) for shape in layout["shapes"] if shape) else BATCHES[:1]
            return layout, [_run(module, _arrays(names, layout, count, request["sizes"])) for count in counts]
        except Exception as error:  # noqa: BLE001 - a network raises anything for inputs that it was not made for
            kind = any(word in str(error) for word in ("Long", "dtype", "scalar type", "Int"))
            problem = problem if problem is not None and kind else error
    shown = ", ".join(
        f"{name} {' × '.join(map(str, shape))}" for name, shape in zip(names, layouts[0]["shapes"], strict=False)
    )
    option = "+".join(
        f"{name}={'x'.join(map(str, shape))}" for name, shape in zip(names, layouts[0]["shapes"], strict=False)
    )
    raise BadInput(
        f"The network of {request['what']} does not run for {shown}: {line(problem)}.",
        f"Say the shape that it takes in the first step: --step source.model:…,dims={option} with other sizes.",
    )


def _arrays(names: Sequence[str], layout: Mapping[str, Any], count: int, sizes: Mapping[str, int]) -> dict[str, Any]:
    import numpy as np

    rng = np.random.default_rng(count)
    arrays: dict[str, Any] = {}
    for name, shape, dtype in zip(names, layout["shapes"], layout["dtypes"], strict=True):
        real = [
            size if isinstance(size, int) else sizes.get(size, count if axis == 0 else LENGTH)
            for axis, size in enumerate(shape)
        ]
        kind = {"FLOAT": np.float32, "INT64": np.int64}.get(dtype, np.float32)
        floating = kind is np.float32
        arrays[name] = rng.standard_normal(real).astype(kind) if floating else rng.integers(0, 2, real).astype(kind)
    return arrays


def _run(module: torch.nn.Module, arrays: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    import torch

    with torch.no_grad():
        return arrays, _flat(module(*(torch.from_numpy(one) for one in arrays.values())))


def _flat(result: Any) -> list[Any]:
    import torch
    from torch.utils import _pytree as pytree

    return [one.detach().numpy().copy() for one in pytree.tree_leaves(result) if isinstance(one, torch.Tensor)]


def of_examples(module: torch.nn.Module, examples: tuple[Any, ...]) -> tuple[dict[str, Any], Runs]:
    """The layout that example inputs of the code stand for: their first axes are a free batch where that runs."""
    import torch

    names = inputs(module, len(examples))
    with torch.no_grad():
        outputs = _flat(module(*examples))
    shapes = [["N", *one.shape[1:]] if one.ndim else [] for one in examples]
    dtypes = ["FLOAT" if one.is_floating_point() else "INT64" for one in examples]
    arrays = {name: one.detach().numpy() for name, one in zip(names, examples, strict=True)}
    return {"shapes": shapes, "dtypes": dtypes}, [(arrays, outputs)]


def write_checks(folder: Path, names: Sequence[str], runs: Runs) -> None:
    """Leave inputs and outputs of runs in the folder, to be compared with those of the converted network."""
    import numpy as np

    arrays: dict[str, Any] = {}
    for number, (inputs, outputs) in enumerate(runs):
        arrays |= {f"{number}/in/{place}": inputs[name] for place, name in enumerate(names)}
        arrays |= {f"{number}/out/{place}": one for place, one in enumerate(outputs)}
    np.savez(folder / CHECKS, allow_pickle=False, **arrays)


def answer_samples(folder: Path, module: torch.nn.Module, what: str) -> None:
    """Write down what the network gives for samples of the user, whose inputs are in order. Raises BadInput."""
    import numpy as np

    with np.load(folder / SAMPLES, allow_pickle=False) as rows:
        arrays = {str(place): rows[str(place)] for place in range(len(rows.files))}
    if not arrays:
        return
    try:
        _, outputs = _run(module, arrays)
    except Exception as error:
        raise BadInput(
            f"The network of {what} does not run on the samples of the data set: {line(error)}.",
            "Check that shapes and ranges of the data are what the network was made for.",
        ) from error
    np.savez(folder / OUTPUTS, allow_pickle=False, **{str(place): one for place, one in enumerate(outputs)})


def line(error: BaseException | None) -> str:
    """The first line of what an error says, else its type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[:1] or [type(error).__name__])[0].rstrip(".")[:300]
