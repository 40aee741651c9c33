"""From a PyTorch program to the network that the pipeline begins with, saying what was chosen on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.artifacts import torchfiles
from compress_studio.artifacts.formats import open_onnx
from compress_studio.artifacts.sniffing import Format
from compress_studio.artifacts.torchfiles import Shape, TorchFacts
from compress_studio.base.errors import BadInput
from compress_studio.spec.step import StepContext
from compress_studio.steps.kernels import torch_inputs
from compress_studio.steps.kernels.torch_import import Exported, Script, prove
from compress_studio.steps.kernels.torch_inputs import Layout

if TYPE_CHECKING:
    import onnx_ir as ir

Opened = tuple["ir.Model", dict[str, int]]
Apply = Callable[["ir.Model", Mapping[str, Shape]], dict[str, int]]
"""Writes given shapes into a network, returns the sizes of free dimensions."""
WRITTEN = "converted"
TYPE_WORDS = ("Long", "dtype", "scalar type", "integer", "Int")
"""Words of a complaint about the type of an input, which says less than one about its shape."""


def open_program(ctx: StepContext, path: Path, kind: Format, given: Mapping[str, Shape], apply: Apply) -> Opened:
    """Convert a program to ONNX and prove it equal; the network, with the sizes of free dimensions that were given.

    Raises BadInput for what is unsafe, cannot be exported, or computes something else as ONNX.
    """
    facts = torchfiles.look(path, kind)
    ctx.progress(0.02, "converting from PyTorch")
    if kind is Format.PT2:
        opened, difference = _exported(ctx, path, given, apply)
    else:
        opened, difference = _script(ctx, path, facts, given, apply)
    ctx.fact("converted_from", kind.value)
    ctx.fact("conversion_difference", difference)
    ctx.note(f"Converted from {kind.value}; outputs equal those of PyTorch within {difference:.1g} of the largest.")
    return opened


def convert_exported(ctx: StepContext, path: Path) -> tuple[ir.Model, Path, float]:
    """An exported program that was looked at, as ONNX: the network, its file, and the difference to PyTorch."""
    program = Exported(path)
    target = _target(ctx, 0)
    call = program.convert(target)
    model = open_onnx(target)
    return model, target, prove(model, target, call, {}, path.name)


def convert_script(
    ctx: StepContext, path: Path, facts: TorchFacts, shapes: Mapping[str, Shape]
) -> tuple[ir.Model, Path, float]:
    """The same for a TorchScript program with inputs of these shapes."""
    program = Script(path)
    names = program.inputs
    failed: BadInput | None = None
    for number, layout in enumerate(torch_inputs.given_layouts(path.name, names, facts, shapes)):
        for follow in _ways(program):
            target = _target(ctx, 2 * number + follow + 1)
            try:
                call = program.convert(layout, target, {}, follow=follow)
                model = open_onnx(target)
                return model, target, prove(model, target, call, {}, path.name)
            except BadInput as error:
                failed = failed or error
    assert failed is not None
    raise _explained(program, failed)


def _exported(ctx: StepContext, path: Path, given: Mapping[str, Shape], apply: Apply) -> tuple[Opened, float]:
    program = Exported(path)
    ctx.progress(0.05, "loaded")
    target = _target(ctx, 0)
    call = program.convert(target)
    ctx.progress(0.15, "exported to ONNX")
    model = open_onnx(target)
    sizes = apply(model, given)
    return (model, sizes), prove(model, target, call, sizes, path.name, ctx)


def _script(
    ctx: StepContext, path: Path, facts: TorchFacts, given: Mapping[str, Shape], apply: Apply
) -> tuple[Opened, float]:
    program = Script(path)
    ctx.progress(0.05, "loaded")
    names = program.inputs
    layouts, chosen_by = _layouts(ctx, path.name, names, facts, given)
    rest = {name: shape for name, shape in given.items() if name not in names}
    opened, difference, layout = _first_that_runs(ctx, program, layouts, rest, apply)
    if chosen_by:
        ctx.fact("input_shape", layout.text(names))
        ctx.warn(
            "input_shape_proposed",
            f"The shape of the input was taken from {chosen_by}: {layout.text(names)}. For another shape give"
            f" source.model:dims={layout.option(names)} with other sizes as the first step.",
        )
    return opened, difference


def _layouts(
    ctx: StepContext, file: str, names: Sequence[str], facts: TorchFacts, given: Mapping[str, Shape]
) -> tuple[Iterable[Layout], str]:
    """The layouts to try, in order, and where they come from; empty when the user gave them."""
    if torch_inputs.holds_shape(given):
        _require_inputs(names, given)
        return torch_inputs.given_layouts(file, names, facts, given), ""
    if facts.inputs and len(facts.inputs) == len(names):
        return torch_inputs.traced_layouts(facts), "the examples with which the program was traced"
    try:
        layouts = list(torch_inputs.sample_layouts(names, ctx.sample_shapes(names)))
    except BadInput as error:
        asking = torch_inputs.asking(file, names, facts)
        raise BadInput(f"{asking.message} The data do not tell it either: {error.message}", asking.hint) from error
    if not layouts:
        raise torch_inputs.asking(file, names, facts)
    return layouts, "the data set"


def _first_that_runs(
    ctx: StepContext, program: Script, layouts: Iterable[Layout], rest: Mapping[str, Shape], apply: Apply
) -> tuple[Opened, float, Layout]:
    """Convert for the first layout for which the program runs and computes the same; raises BadInput for none."""
    failed: list[BadInput] = []
    known = {name: size for name, shape in rest.items() for size in shape if isinstance(size, int)}
    for number, layout in enumerate(layouts):
        for follow in _ways(program):
            ctx.check()
            target = _target(ctx, 2 * number + follow)
            try:
                call = program.convert(layout, target, known, follow=follow)
                model = open_onnx(target)
                sizes = apply(model, rest)
                return (model, sizes), prove(model, target, call, sizes, program.name, ctx), layout
            except BadInput as error:
                failed.append(error)
    telling = [error for error in failed if not any(word in error.message for word in TYPE_WORDS)]
    raise _explained(program, (telling or failed)[0])


def _ways(program: Script) -> tuple[bool, ...]:
    """Whether to follow the graph: only when the exporter of TorchScript fails, or is known to for fused operators."""
    from compress_studio.steps.kernels.script_operators import FUSED

    graph = program.module.inlined_graph
    return (True,) if any(graph.findAllNodes(kind, True) for kind in FUSED) else (False, True)


def _explained(program: Script, error: BadInput) -> BadInput:
    """An error, or what lies behind it: that PyTorch quantized the program."""
    found = re.search(r"quantized::\w+", str(program.module.inlined_graph))
    if found is None:
        return error
    return BadInput(
        f"{program.name} is a program that PyTorch quantized ({found[0]}), which cannot be converted to ONNX.",
        "Give the float network from which it was made; quantize.static and quantize.dynamic make it int8 here.",
    )


def _require_inputs(names: Sequence[str], given: Mapping[str, Shape]) -> None:
    for name, shape in given.items():
        if name not in names and not torch_inputs.is_size(shape):
            raise BadInput(
                f"There is no input {name} in this program (known: {', '.join(names)}).", "Correct the name."
            )


def _target(ctx: StepContext, number: int) -> Path:
    """A place for the ONNX file of one try, in a folder of its own as its weights may lie beside it."""
    folder = ctx.scratch / f"{WRITTEN}{number}"
    folder.mkdir()
    return folder / "model.onnx"
