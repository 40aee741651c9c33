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
from compress_studio.steps.kernels.child_exporting import export
from compress_studio.steps.kernels.child_isolation import FILES, NETWORK, isolate, limit, watch_parent
from compress_studio.steps.kernels.child_running import (
    SAMPLES,
    answer_samples,
    first_that_runs,
    inputs,
    line,
    of_examples,
    write_checks,
)
from compress_studio.steps.kernels.child_weights import fill, fitting

if TYPE_CHECKING:
    import torch

REQUEST, NAMES, LAYOUTS, ANSWER = "request.json", "names.json", "layouts.json", "answer.json"
MADE = "made.json"
CODE = "code"
TRIAL = "trial"
"""The form that asks only whether the weights fit and the network runs."""
WAIT_SECONDS = 0.02
NETWORK_ERRORS = frozenset({"URLError", "gaierror", "ConnectionError", "ConnectError", "MaxRetryError"})


def main(folder: Path) -> int:
    """Do what request.json asks; the outcome is in answer.json."""
    request = json.loads((folder / REQUEST).read_text("utf-8"))
    limit(request)
    parent = os.getppid()
    isolated = isolate(folder)
    threading.Thread(target=watch_parent, args=(parent, int(request["studio"])), daemon=True).start()
    try:
        answer = _work(folder, request)
    except UserError as error:
        answer = {"message": error.message, "hint": error.hint}
    except BaseException as error:  # noqa: BLE001 - the user's code may raise anything; it is said in one sentence
        answer = {"message": f"{request['what']} failed: {_told(error, folder)}.", "hint": _hint(error, isolated)}
        traceback.print_exc()
    _write(folder / ANSWER, {**answer, "isolated": isolated})
    return 0


def _work(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    if request.get("foreign"):
        from compress_studio.steps.kernels.foreign_child import convert

        return convert(folder, request)
    import torch

    torch.set_num_threads(int(request["threads"]))
    notes: list[str] = []
    module, examples = _made(folder, request)
    if request["form"] == TRIAL:
        return _tried(folder, request, module, examples)
    if _takes_weights(request):
        fill(module, request, notes)
    module = module.float().eval()
    names = inputs(module)
    if examples is None:
        _write(folder / NAMES, {"names": names})
        layouts = _told_layouts(folder)
        layout, runs = first_that_runs(module, names, layouts, request)
    else:
        names = inputs(module, len(examples))
        layout, runs = of_examples(module, examples)
    write_checks(folder, names, runs)
    arguments = tuple(torch.from_numpy(runs[0][0][name]) for name in names) if examples is None else examples
    form = export(folder, module, names, arguments, layout, request["form"])
    answer = {"file": form, "names": names, "layout": layout, "notes": notes}
    if request.get("has_data"):
        # The studio converts the program meanwhile, as only a converted network can be joined to data.
        _write(folder / MADE, answer)
        _await(folder / SAMPLES)
        answer_samples(folder, module, request["what"])
    return answer


def _tried(folder: Path, request: Mapping[str, Any], module: torch.nn.Module, examples: Any) -> dict[str, Any]:
    """How the weights of the file fit, and for which inputs the network runs; nothing is written down."""
    notes: list[str] = []
    answer: dict[str, Any] = {"complete": True, "fits": len(module.state_dict()), "rows": [], "renamed": ""}
    if _takes_weights(request):
        answer |= fitting(module, request)
        if answer["complete"]:
            fill(module, request, notes)
    module = module.float().eval()
    names = inputs(module, None if examples is None else len(examples))
    shapes: list[Any] = [None] * len(names)
    problem: UserError | None = None
    layouts: list[Any] = []
    if examples is None:
        _write(folder / NAMES, {"names": names})
        layouts = _told_layouts(folder)
    try:
        if answer["complete"] and layouts:
            shapes = first_that_runs(module, names, layouts, request)[0]["shapes"]
        elif answer["complete"] and examples is not None:
            shapes = of_examples(module, examples)[0]["shapes"]
    except UserError as error:
        problem = error
    rows = [{"name": name, "shape": "x".join(map(str, shape or ()))} for name, shape in zip(names, shapes, strict=True)]
    told = None if problem is None else {"message": problem.message, "hint": problem.hint}
    return {**answer, "inputs": rows, "ran": None not in shapes, "problem": told, "notes": notes}


def _takes_weights(request: Mapping[str, Any]) -> bool:
    """Whether weights of the file are put into a network that code makes; a pickled one has its own."""
    return bool(request["weights"] and request["function"])


def _made(folder: Path, request: Mapping[str, Any]) -> tuple[torch.nn.Module, Any]:
    """The network as code or pickle give it, and example inputs where the code gives them."""
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


def _write(path: Path, value: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value), "utf-8")
    part.replace(path)


def _await(path: Path) -> None:
    while not path.exists():
        time.sleep(WAIT_SECONDS)


def _told_layouts(folder: Path) -> list[Any]:
    """The layouts that the studio proposes for the names that were written down."""
    path = folder / LAYOUTS
    _await(path)
    return json.loads(path.read_text("utf-8"))["layouts"]


def _hint(error: BaseException, isolated: Sequence[str]) -> str:
    """What to do about an error, which may come from what the process is kept from."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or one.__context__
    if NETWORK in isolated and any(type(each).__name__ in NETWORK_ERRORS for each in chain):
        return "The code has no network here: let it load nothing, and give the file of weights instead."
    if FILES in isolated and any(isinstance(each, PermissionError) for each in chain):
        return "The code can write only into the folder that it starts in, and has no network."
    return "Correct the code."


def _told(error: BaseException, folder: Path) -> str:
    """Type, message and line of an error in the user's code."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if str(folder / CODE) in one.filename]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {line(error)}{where}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
