"""From weights and code to the network that the pipeline begins with: consent, a process of its own, proof."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.artifacts.codesource import CodeSource
from compress_studio.artifacts.families import likely_shape
from compress_studio.artifacts.sniffing import Format
from compress_studio.artifacts.torchfiles import Shape, TorchFacts
from compress_studio.artifacts.torchfiles import look as look_at_program
from compress_studio.artifacts.weight_groups import choose, groups, remarks
from compress_studio.base.errors import BadInput, ConsentNeeded
from compress_studio.engine import consents
from compress_studio.spec.step import StepContext
from compress_studio.steps.kernels import child_exporting, child_running, torch_inputs
from compress_studio.steps.kernels.code_process import copy_code, how_isolated, require_plain, run_code
from compress_studio.steps.kernels.proving import RealInputs, compare_on_samples, real_inputs
from compress_studio.steps.kernels.torch_import import TOLERANCE, difference
from compress_studio.steps.kernels.torch_opening import Apply, Opened, convert_exported, convert_script

if TYPE_CHECKING:
    import onnx_ir as ir


def require_consent(source: CodeSource) -> None:
    """Raise ConsentNeeded saying what would run and how to allow it, unless the user has allowed all of it."""
    lacking = [one for one in source.needs() if not consents.given(one[0])]
    if not lacking:
        return
    listed = " and ".join(f"{what} (digest {digest})" for digest, what, _ in lacking)
    words = " ".join(f"--allow-code {shlex.quote(word)}" for _, _, word in lacking)
    raise ConsentNeeded(
        f"{source.path.name} was not opened: that would run {listed}.",
        f"It would run in a process of its own, shut in as far as this system can, but able to read what you can read."
        f" If you trust it, add {words}",
    )


def open_with_code(ctx: StepContext, source: CodeSource, given: Mapping[str, Shape], apply: Apply) -> Opened:
    """The network of weights and code, with the sizes of free dimensions that were given.

    The code runs once in a process of its own, which leaves a program; that is looked at, converted and compared like
    the file of a stranger. Raises BadInput without consent, for code that fails and for weights that do not fit.
    """
    require_consent(source)
    folder = ctx.scratch / "code"
    folder.mkdir()
    if source.architecture is not None:
        copy_code(source.architecture, folder)
    ctx.progress(0.02, "running the code of the network")
    try:
        answer, opened, worst = _made(ctx, source, folder, given, apply, child_exporting.EXPORTED)
    except BadInput as first:
        if not (folder / child_exporting.EXPORTED).exists():
            raise
        # Made, but not convertible to ONNX in this form: the other form takes another way through PyTorch.
        ctx.note(f"As an exported program it cannot be converted ({first.message}): it is traced instead.")
        answer, opened, worst = _made(ctx, source, folder, given, apply, child_exporting.TRACED)
    _tell(ctx, source, answer, worst)
    return opened


def _made(
    ctx: StepContext, source: CodeSource, folder: Path, given: Mapping[str, Shape], apply: Apply, form: str
) -> tuple[dict[str, Any], Opened, float]:
    shapes = {name: shape for name, shape in given.items() if not torch_inputs.is_size(shape)}
    sizes = {name: shape for name, shape in given.items() if name not in shapes}
    request = request_of(source, form, {name: shape[0] for name, shape in sizes.items()})
    done: list[_Converted] = []

    def convert(made: Mapping[str, Any]) -> list[np.ndarray]:
        ctx.progress(0.08, "the network is made")
        one = _converted(ctx, source, folder, made, sizes, apply)
        done.append(one)
        names = [value.name or "" for value in one.opened[0].graph.inputs]
        return [] if one.real is None else [one.real.arrays[name] for name in names]

    give = convert if ctx.has_data else None
    answer = run_code(ctx, folder, request, lambda names: layouts_of(ctx, source, names, shapes), give=give)
    if give is None:
        convert(answer)
    (made,) = done
    if made.real is not None:
        compare_on_samples(
            ctx, made.path, made.real, lambda _: _outputs(folder / child_running.OUTPUTS), source.path.name
        )
    return answer, made.opened, made.difference


@dataclass(frozen=True, slots=True)
class _Converted:
    """A network that code made, as ONNX."""

    opened: Opened
    path: Path
    difference: float
    real: RealInputs | None
    """Samples on which the code has to say what its network gives."""


def _converted(
    ctx: StepContext,
    source: CodeSource,
    folder: Path,
    answer: Mapping[str, Any],
    sizes: Mapping[str, Shape],
    apply: Apply,
) -> _Converted:
    """Look at the program that the code left, convert it, and compare it on what the code ran itself."""
    names = [str(name) for name in answer["names"]]
    layout = [tuple(shape) for shape in answer["layout"]["shapes"]]
    program = folder / (
        child_exporting.EXPORTED if answer["file"] == child_exporting.EXPORTED else child_exporting.TRACED
    )
    kind = Format.PT2 if program.name == child_exporting.EXPORTED else Format.TORCHSCRIPT
    facts = look_at_program(require_plain(program), kind)
    try:
        if kind is Format.PT2:
            model, path, proved = convert_exported(ctx, program)
            _require_free(model, layout)
            _name_dims(model, layout)
        else:
            written = dict(zip(names, layout, strict=True))
            model, path, proved = convert_script(ctx, program, facts, written)
    except BadInput as error:
        # The program is a file of ours that nobody knows.
        raise BadInput(error.message.replace(program.name, source.path.name), error.hint) from error
    own = apply(model, sizes)
    worst = max(proved, _compared(path, folder / child_running.CHECKS, source))
    real = real_inputs(ctx, path)
    if real is not None and len(real.arrays) != len(names):
        ctx.warn("not_compared_on_data", "The conversion was compared on made-up inputs only: it has other inputs.")
        real = None
    return _Converted((model, own), path, worst, real)


def _outputs(path: Path) -> list[np.ndarray]:
    with np.load(require_plain(path), allow_pickle=False) as rows:
        return [rows[str(place)] for place in range(len(rows.files))]


def request_of(source: CodeSource, form: str, sizes: Mapping[str, int | str]) -> dict[str, Any]:
    """What the process is asked to make: plain values; form is the file that it leaves, or TRIAL for none."""
    code, checkpoint = source.architecture, source.checkpoint
    main = "" if code is None or code.folder is None else f"{code.module}.py"
    keys = next(iter(checkpoint.modules), ()) if checkpoint is not None else ()
    foreign = checkpoint.foreign if checkpoint is not None else ()
    return {
        "what": source.what,
        "weights": str(source.path.absolute()) if checkpoint is not None else "",
        "entry": source.entry,
        "keys": list(keys),
        "wanted_modules": sorted({name.rpartition(".")[0] for name in foreign} - {"", "__main__"}),
        "module": code.module if code is not None else "",
        "file": main,
        "function": code.function if code is not None else "",
        "arguments": dict(source.arguments),
        "sizes": dict(sizes),
        "form": form,
    }


def layouts_of(
    ctx: StepContext, source: CodeSource, names: Sequence[str], shapes: Mapping[str, Shape]
) -> list[dict[str, Any]]:
    """The inputs to try: as given, else as the samples of the data set suggest. Raises BadInput that asks for them."""
    facts = TorchFacts({}, 0)
    if shapes:
        named = shapes if len(names) > 1 or len(shapes) > 1 else {names[0]: next(iter(shapes.values()))}
        unknown = [name for name in named if name not in names]
        lacking = [name for name in names if name not in named]
        if unknown or lacking:
            raise BadInput(
                f"The network of {source.what} takes {', '.join(names)}; dims gives {', '.join(named)}.",
                f"Write dims={_option(source, names)}.",
            )
        found = torch_inputs.given_layouts(source.path.name, names, facts, named)
    else:
        found = list(torch_inputs.sample_layouts(names, ctx.sample_shapes(names)))
    if not found:
        raise BadInput(
            f"The network of {source.what} takes {', '.join(names)}, whose shape nothing tells.",
            f"Give it in the first step: dims={_option(source, names)} (N for a free batch), or a data set: --data.",
        )
    return [{"shapes": [list(shape) for shape in one.shapes], "dtypes": list(one.dtypes)} for one in found]


def _option(source: CodeSource, names: Sequence[str]) -> str:
    tensors: dict[str, Shape] = {}
    if source.checkpoint is not None and source.checkpoint.tensors:
        group = choose(groups(source.checkpoint), source.path.name, source.entry)
        tensors = {name: tuple(shape) for name, shape in group.shapes.items()}
    return "+".join(f"{name}={likely_shape(tensors) if place == 0 else 'NxAxB'}" for place, name in enumerate(names))


def _require_free(model: ir.Model, layout: Sequence[Shape]) -> None:
    """Raise BadInput when a dimension that should be free was recorded with one size, as unrolled loops are."""
    for value, shape in zip(model.graph.inputs, layout, strict=False):
        for size, wanted in zip(value.shape or (), shape, strict=False):
            if isinstance(wanted, str) and isinstance(size, int):
                raise BadInput(f"{wanted} of {value.name} became {size}", "Give a fixed size.")


def _name_dims(model: ir.Model, layout: Sequence[Shape]) -> None:
    """Give free dimensions the names that the user knows instead of those of the exporter."""
    import onnx_ir as ir

    names: dict[str, str] = {}
    for value, shape in zip(model.graph.inputs, layout, strict=False):
        for size, wanted in zip(value.shape or (), shape, strict=False):
            if isinstance(size, ir.SymbolicDim) and size.value and isinstance(wanted, str):
                names[str(size.value)] = wanted
    values = [*model.graph.inputs, *(one for node in model.graph for one in node.outputs)]
    for value in values:
        if value.shape is not None:
            value.shape = ir.Shape(
                [
                    names.get(str(size.value), str(size.value))
                    if isinstance(size, ir.SymbolicDim) and size.value
                    else size
                    for size in value.shape
                ]
            )


def _compared(path: Path, checks: Path, source: CodeSource) -> float:
    """The largest difference to the outputs that the code gave. Raises BadInput when it is above 1e-4."""
    from compress_studio.graph.session import open_session, run

    session = open_session(path, optimize=False)  # its optimizations keep several copies of all weights
    names = [one.name for one in session.get_inputs()]
    worst = 0.0
    with np.load(require_plain(checks), allow_pickle=False) as rows:
        for number in sorted({key.split("/")[0] for key in rows}):
            inputs = [rows[f"{number}/in/{place}"] for place in range(_count(rows, f"{number}/in/"))]
            arrays = dict(zip(names, inputs, strict=False))
            fixed = [one.shape for one in session.get_inputs()]
            if any(_unlike(array.shape, shape) for array, shape in zip(arrays.values(), fixed, strict=True)):
                continue
            expected = [rows[f"{number}/out/{place}"] for place in range(_count(rows, f"{number}/out/"))]
            got = list(run(session, arrays).values())
            if [one.shape for one in got] != [one.shape for one in expected]:
                raise BadInput(f"{source.path.name}: exported to ONNX its outputs have other shapes.", "")
            worst = max([worst, *(difference(one, two) for one, two in zip(expected, got, strict=True))])
    if not worst <= TOLERANCE:
        raise BadInput(
            f"{source.path.name}: exported to ONNX it gives other outputs than {source.what} in PyTorch (they differ by"
            f" {worst:.2g} of the largest output, {TOLERANCE:g} is allowed).",
            "Use a network without random numbers and branches in Python, in evaluation mode.",
        )
    return worst


def _count(rows: Any, start: str) -> int:
    return sum(1 for key in rows if key.startswith(start))


def _unlike(shape: tuple[int, ...], wanted: Sequence[Any]) -> bool:
    return len(shape) != len(wanted) or any(
        isinstance(two, int) and one != two for one, two in zip(shape, wanted, strict=True)
    )


def _tell(ctx: StepContext, source: CodeSource, answer: Mapping[str, Any], worst: float) -> None:
    checkpoint = source.checkpoint
    ctx.fact("converted_from", checkpoint.form if checkpoint is not None else "Python code")
    ctx.fact("conversion_difference", worst)
    ctx.fact("architecture", source.what)
    ctx.note(f"Made by {source.what}; outputs equal those of PyTorch within {worst:.1g} of the largest.")
    kept_from = [str(one) for one in answer["isolated"]]
    ctx.fact("isolated", list(kept_from))
    ctx.note(how_isolated(kept_from))
    for text in answer.get("notes", ()):
        ctx.note(str(text))
    if checkpoint is not None and checkpoint.tensors:
        found = groups(checkpoint)
        for text in remarks(checkpoint, found, choose(found, source.path.name, source.entry)):
            ctx.note(text)
    elif checkpoint is None:
        ctx.warn("no_weights", "The weights are those that the code makes itself; no file of weights was given.")
