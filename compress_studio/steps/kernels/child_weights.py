"""In the process that runs the user's code: which weights of a file fit the network, and putting them into it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (The network is the user's own code.)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.artifacts.matching import Match, match, text_of
from compress_studio.base.errors import BadInput

if TYPE_CHECKING:
    import torch

    from compress_studio.artifacts.weight_groups import Group


def fitting(module: torch.nn.Module, request: Mapping[str, Any]) -> dict[str, Any]:
    """How the weights of the file fit, as plain values.

    "complete", how many "fits", what was "renamed" in words, and "rows" of what does not fit: "name", shapes in the
    "network" and in the "file" (empty where it is not there), "kind" (missing, unexpected or different).
    """
    found, _ = _joined(module, request)
    rows = [
        *(_row("different", name, text_of(wanted), text_of(there)) for name, wanted, there in found.different),
        *(_row("missing", name, text_of(shape), "") for name, shape in found.missing),
        *(_row("unexpected", name, "", text_of(shape)) for name, shape in found.unexpected),
    ]
    return {"complete": found.complete, "fits": len(found.pairs), "rows": rows, "renamed": found.renamed}


def fill(module: torch.nn.Module, request: Mapping[str, Any], notes: list[str]) -> None:
    """Copy the weights of the file into the network. Raises BadInput with both sides when they do not fit."""
    import numpy as np
    import torch

    from compress_studio.artifacts.checkpoints import look
    from compress_studio.artifacts.tensors import read
    from compress_studio.artifacts.weight_groups import other_forms

    found, group = _joined(module, request)
    if not found.complete:
        forms = other_forms(look(Path(request["weights"])))
        raise BadInput(
            f"{Path(request['weights']).name} does not fit the network of {request['what']}: {found.summary()}.",
            f"{' '.join([*forms, 'Correct the architecture or its arguments:'])}\n{found.table()}",
        )
    state = module.state_dict(keep_vars=True)
    with torch.no_grad():
        for name, there in found.pairs.items():
            array = np.array(read(group.tensors[there]))
            if array.dtype.byteorder not in "=|":
                array = array.astype(array.dtype.newbyteorder("="))
            state[name].copy_(torch.from_numpy(array).reshape(state[name].shape))
    if group.wrapping:
        notes.append(f"The prefix {group.wrapping} was taken off the names of the weights.")
    if found.renamed:
        notes.append(f"{found.renamed}.")
    if found.unexpected:
        listed = ", ".join(name for name, _ in found.unexpected[:5])
        notes.append(f"{len(found.unexpected)} tensors of the file are not used by the network: {listed}.")


def _joined(module: torch.nn.Module, request: Mapping[str, Any]) -> tuple[Match, Group]:
    from compress_studio.artifacts.checkpoints import look
    from compress_studio.artifacts.weight_groups import choose, groups

    path = Path(request["weights"])
    group = choose(groups(look(path)), path.name, request["entry"])
    tied: dict[int, list[str]] = {}
    state = module.state_dict(keep_vars=True)
    for name, tensor in state.items():
        tied.setdefault(tensor.data_ptr(), []).append(name)
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
    shared = [names for names in tied.values() if len(names) > 1]
    return match(wanted, group.shapes, shared), group


def _row(kind: str, name: str, network: str, file: str) -> dict[str, str]:
    return {"name": name, "network": network, "file": file, "kind": kind}
