"""The inside of a process that runs code of the user once: it makes a network and writes it down as a program.

Started as a script of its own interpreter with a folder as its only argument. It reads request.json there, writes the
names of inputs and waits for their shapes, and leaves a program (.pt2 or TorchScript), outputs to compare with, and
answer.json. It knows nothing of the studio's processes.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (The network is the user's own code; PyTorch's exporters come without complete type information.)

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
import threading
import time
import traceback
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.base.errors import BadInput, UserError

if TYPE_CHECKING:
    import torch

REQUEST, NAMES, LAYOUTS, ANSWER, CHECKS = "request.json", "names.json", "layouts.json", "answer.json", "checks.npz"
EXPORTED, TRACED = "program.pt2", "program.pt"
CODE = "code"
BATCHES = (2, 3)
LENGTH = 16
WAIT_SECONDS = 0.02
PR_SET_PDEATHSIG, SIGKILL = 1, 9


def main(folder: Path) -> int:
    """Do what request.json asks; the outcome is in answer.json."""
    request = json.loads((folder / REQUEST).read_text("utf-8"))
    _limit(request)
    threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    try:
        answer = _work(folder, request)
    except UserError as error:
        answer = {"message": error.message, "hint": error.hint}
    except BaseException as error:  # noqa: BLE001 - the user's code may raise anything; it is said in one sentence
        answer = {"message": f"{request['what']} failed: {_told(error, folder)}.", "hint": "Correct the code."}
        traceback.print_exc()
    _write(folder / ANSWER, answer)
    return 0


def _work(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    torch.set_num_threads(int(request["threads"]))
    notes: list[str] = []
    module, examples = _module(folder, request, notes)
    module = module.float().eval()
    names = _inputs(module)
    if examples is None:
        _write(folder / NAMES, {"names": names})
        layouts = _await(folder / LAYOUTS)["layouts"]
        layout, runs = _first_that_runs(module, names, layouts, request)
    else:
        names = names[: len(examples)]
        layout, runs = _of_examples(module, examples)
    _write_checks(folder, names, runs)
    arguments = tuple(torch.from_numpy(runs[0][0][name]) for name in names) if examples is None else examples
    form = _export(folder, module, names, arguments, layout, request["form"])
    return {"file": form, "names": names, "layout": layout, "notes": notes}


def _module(folder: Path, request: Mapping[str, Any], notes: list[str]) -> tuple[torch.nn.Module, Any]:
    """The network with its weights, and example inputs where the code gives them."""
    code = _code(folder, request)
    function = request["function"]
    if not function:
        return _unpickled(request, code), None
    make: Any = code
    for part in function.split("."):
        make = getattr(make, part, None)
        if make is None:
            raise BadInput(f"{request['what']}: there is no {function} in it.", "Correct the name of the function.")
    made = make(**request["arguments"])
    examples = None
    if isinstance(made, tuple) and len(made) == 2:
        made, examples = made
        examples = tuple(examples) if isinstance(examples, tuple | list) else (examples,)
    import torch

    if not isinstance(made, torch.nn.Module):
        raise BadInput(
            f"{request['what']} gave a {type(made).__name__}, not a torch.nn.Module.",
            "It should be: def make() -> torch.nn.Module.",
        )
    if request["weights"]:
        _fill(made, request, notes)
    return made, examples


def _code(folder: Path, request: Mapping[str, Any]) -> types.ModuleType | None:
    """The module with the code; a file is the copy whose digest was allowed."""
    name, file = request["module"], request["file"]
    if not name:
        return None
    if not file:
        return importlib.import_module(name)
    code = folder / CODE
    sys.path.insert(0, str(code))
    spec = importlib.util.spec_from_file_location(name, code / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


def _unpickled(request: Mapping[str, Any], code: types.ModuleType | None) -> torch.nn.Module:
    """The pickled network; classes of modules that cannot be imported are taken from the code."""
    import torch

    if code is not None:
        for name, value in vars(code).items():
            if not name.startswith("__"):
                setattr(sys.modules["__main__"], name, value)
        for module in request["wanted_modules"]:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
            if module not in sys.modules:
                sys.modules[module] = code
    try:
        found: Any = torch.load(request["weights"], map_location="cpu", weights_only=False)
    except (AttributeError, ModuleNotFoundError) as error:
        raise BadInput(
            f"{Path(request['weights']).name} needs code that cannot be imported: {error}.",
            "Give the file that holds its classes as the first step: --step source.model:architecture=FILE.py",
        ) from error
    for key in request["keys"]:
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    if not isinstance(found, torch.nn.Module):
        raise BadInput(f"{Path(request['weights']).name} holds a {type(found).__name__}, no network.", "")
    return found.module if isinstance(found, torch.nn.DataParallel) else found


def _fill(module: torch.nn.Module, request: Mapping[str, Any], notes: list[str]) -> None:
    """Copy the weights of the file into the network. Raises BadInput with both sides when they do not fit."""
    import numpy as np
    import torch

    from compress_studio.artifacts.checkpoints import look
    from compress_studio.artifacts.matching import match
    from compress_studio.artifacts.tensors import read
    from compress_studio.artifacts.weight_groups import choose, groups

    path = Path(request["weights"])
    group = choose(groups(look(path)), path.name, request["entry"])
    state = module.state_dict(keep_vars=True)
    tied: dict[int, list[str]] = {}
    for name, tensor in state.items():
        tied.setdefault(tensor.data_ptr(), []).append(name)
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
    shared = [names for names in tied.values() if len(names) > 1]
    found = match(wanted, group.shapes, shared)
    if not found.complete:
        raise BadInput(
            f"{path.name} does not fit the network of {request['what']}: {found.summary()}.",
            f"Correct the architecture or its arguments:\n{found.table()}",
        )
    with torch.no_grad():
        for name, there in found.pairs.items():
            array = np.array(read(group.tensors[there]))
            if array.dtype.byteorder not in "=|":
                array = array.astype(array.dtype.newbyteorder("="))
            state[name].copy_(torch.from_numpy(array).reshape(state[name].shape))
    if group.wrapping:
        notes.append(f"{group.wrapping} was taken off the names of the weights.")
    if found.renamed:
        notes.append(f"{found.renamed[:1].upper()}{found.renamed[1:]}.")
    if found.unexpected:
        listed = ", ".join(name for name, _ in found.unexpected[:5])
        notes.append(f"{len(found.unexpected)} tensors of the file are not used by the network: {listed}.")


def _inputs(module: torch.nn.Module) -> list[str]:
    """The names of what forward must be given."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(module.forward).parameters.values()
    names = [one.name for one in parameters if one.kind in kinds and one.default is inspect.Parameter.empty]
    return names or [one.name for one in parameters if one.kind in kinds][:1] or ["x"]


Runs = list[tuple[dict[str, Any], list[Any]]]
"""Inputs by name with the outputs that they give."""


def _first_that_runs(
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
        f"The network of {request['what']} does not run for {shown}: {_line(problem)}.",
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


def _of_examples(module: torch.nn.Module, examples: tuple[Any, ...]) -> tuple[dict[str, Any], Runs]:
    """The layout that example inputs of the code stand for: their first axes are a free batch where that runs."""
    import torch

    names = _inputs(module)[: len(examples)]
    with torch.no_grad():
        outputs = _flat(module(*examples))
    shapes = [["N", *one.shape[1:]] if one.ndim else [] for one in examples]
    dtypes = ["FLOAT" if one.is_floating_point() else "INT64" for one in examples]
    arrays = {name: one.numpy() for name, one in zip(names, examples, strict=True)}
    return {"shapes": shapes, "dtypes": dtypes}, [(arrays, outputs)]


def _export(
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
        f"PyTorch cannot export the network: {_line(problem)}.",
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


def _write_checks(folder: Path, names: Sequence[str], runs: Runs) -> None:
    import numpy as np

    arrays: dict[str, Any] = {}
    for number, (inputs, outputs) in enumerate(runs):
        arrays |= {f"{number}/in/{place}": inputs[name] for place, name in enumerate(names)}
        arrays |= {f"{number}/out/{place}": one for place, one in enumerate(outputs)}
    np.savez(folder / CHECKS, allow_pickle=False, **arrays)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value), "utf-8")
    part.replace(path)


def _await(path: Path) -> Any:
    while not path.exists():
        time.sleep(WAIT_SECONDS)
    return json.loads(path.read_text("utf-8"))


def _told(error: BaseException, folder: Path) -> str:
    """Type, message and line of an error in the user's code."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if str(folder / CODE) in one.filename]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {_line(error)}{where}"


def _line(error: BaseException | None) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[:1] or [type(error).__name__])[0].rstrip(".")[:300]


def _limit(request: Mapping[str, Any]) -> None:
    """Limits of memory and time that the code cannot lift, as far as the system has them."""
    if sys.platform == "win32":
        return
    import resource

    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, int(request["cpu_seconds"]))]
    if sys.platform.startswith("linux") and request["memory_bytes"]:
        limits.append((resource.RLIMIT_AS, int(request["memory_bytes"])))
    for kind, limit in limits:
        _, hard = resource.getrlimit(kind)
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (value, value))
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(77)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
