"""Trying code on a file of weights before anything is opened: do the weights fit, and for which inputs does it run?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compress_studio.artifacts.codesource import CodeSource, source_of
from compress_studio.base.errors import BadInput, UserError
from compress_studio.base.paths import scratch_dir
from compress_studio.engine import consents
from compress_studio.engine.channel import current
from compress_studio.engine.work import WorkContext, WorkSetting
from compress_studio.inspection.archives import model_file
from compress_studio.spec.runtime import BUILT_IN
from compress_studio.steps.kernels import code_child, torch_inputs
from compress_studio.steps.kernels.code_opening import layouts_of, request_of
from compress_studio.steps.kernels.code_process import copy_code, run_code

SECONDS = 300
"""Longest trial: somebody is waiting for it, who can stop it at any time."""
CONSENT = "It was not run: nobody has allowed it yet."


def what_would_run(path: str, architecture: str = "", entry: str = "") -> dict[str, Any]:
    """What has to be allowed before a file of weights can be opened with this code; nothing is run.

    "needs" lists "digest", "what" (in words), "word" (for --allow-code) and "allowed"; "allowed" says whether all of
    them are; "imports" are the names that a pickle would import; "makes" says what makes the network.

    Raises BadInput for a file or code that cannot be used.
    """
    with model_file(Path(path)) as model:
        source = source_of(model, architecture, "", entry)
        needs = _needs(source)
        unpickled = source.checkpoint if source.unpickles else None
        return {
            "needs": needs,
            "allowed": all(one["allowed"] for one in needs),
            "imports": [] if unpickled is None else list(unpickled.foreign),
            "makes": source.what,
        }


def try_architecture(
    path: str,
    architecture: str,
    arguments: str = "",
    entry: str = "",
    dims: str = "",
    setting: WorkSetting | None = None,
) -> dict[str, Any]:
    """Make the network in a process of its own, compare its weights with those of the file, and run it once.

    The parameters are those of source.model; setting names the data set, whose samples tell the shape of the inputs
    when dims does not. Code and pickles that nobody has allowed are not run; "needs" then lists them (see
    what_would_run).

    Gives "ok", how many weights "fits", "rows" of what does not fit ("name", shapes in "network" and "file", "kind":
    missing, unexpected, different), what was "renamed", "inputs" ("name", and the "shape" that worked, as dims takes
    it; empty while unknown), "error" ("message", "hint") or None, "notes", and "needs".

    Raises Cancelled when somebody asked to stop; the process is then ended.
    """
    try:
        with scratch_dir() as folder, model_file(Path(path)) as model:
            return _try(folder, model, (architecture, arguments, entry, dims), setting)
    except UserError as error:
        return _answer(error=error)


def _try(folder: Path, path: Path, words: tuple[str, str, str, str], setting: WorkSetting | None) -> dict[str, Any]:
    architecture, arguments, entry, dims = words
    source = source_of(path, architecture, arguments, entry)
    needs = _needs(source)
    if not all(one["allowed"] for one in needs):
        return _answer(needs=needs, error=BadInput(CONSENT, "Look at what would run, and allow it if you trust it."))
    given = torch_inputs.parse_dims(dims)
    shapes = {name: shape for name, shape in given.items() if not torch_inputs.is_size(shape)}
    sizes = {name: shape[0] for name, shape in given.items() if name not in shapes}
    context = WorkContext(setting or WorkSetting(BUILT_IN), folder, current())
    lacking: list[BadInput] = []
    place = folder / "code"
    place.mkdir()
    if source.architecture is not None:
        copy_code(source.architecture, place)
    context.progress(0.1, f"Running {source.what}")
    request = request_of(source, code_child.TRIAL, sizes)
    answer = run_code(context, place, request, _asking(context, source, shapes, lacking), SECONDS)
    return _told(answer, lacking, needs)


def _asking(
    context: WorkContext, source: CodeSource, shapes: Mapping[str, Any], lacking: list[BadInput]
) -> Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]:
    """The layouts for the names of the inputs; none, with the reason in lacking, where nothing tells their shapes."""

    def ask(names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        try:
            return layouts_of(context, source, names, shapes)
        except BadInput as error:
            lacking.append(error)
            return []

    return ask


def _told(answer: Mapping[str, Any], lacking: Sequence[BadInput], needs: list[dict[str, Any]]) -> dict[str, Any]:
    problem = answer["problem"]
    error = BadInput(problem["message"], problem["hint"]) if problem else next(iter(lacking), None)
    complete = bool(answer["complete"])
    return {
        "ok": complete and error is None,
        "fits": int(answer["fits"]),
        "rows": list(answer["rows"]),
        "renamed": str(answer["renamed"]),
        "inputs": list(answer["inputs"]),
        "error": None if error is None or not complete else {"message": error.message, "hint": error.hint},
        "notes": list(answer["notes"]),
        "needs": needs,
    }


def _answer(error: UserError, needs: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {
        "ok": False,
        "fits": 0,
        "rows": [],
        "renamed": "",
        "inputs": [],
        "error": {"message": error.message, "hint": error.hint},
        "notes": [],
        "needs": list(needs),
    }


def _needs(source: CodeSource) -> list[dict[str, Any]]:
    return [
        {"digest": digest, "what": what, "word": word, "allowed": consents.given(digest)}
        for digest, what, word in source.needs()
    ]
