"""Core ML packages, converted from the exported program by coremltools; run where Core ML exists, on macOS."""

from __future__ import annotations

import importlib
import platform
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from compress_studio.graph.samples import synthetic
from compress_studio.graph.saving import load
from compress_studio.outputs.kernels.comparing import Arrays, Reference, reference
from compress_studio.outputs.kernels.fixing import fixed, shape_notes, silent, size_notes
from compress_studio.outputs.kernels.mobile_files import cannot, line_of, verified
from compress_studio.outputs.kernels.torch_files import made
from compress_studio.outputs.kernels.unpacking import unpacked
from compress_studio.outputs.torch_params import TorchParams
from compress_studio.spec.output import Check, Written
from compress_studio.spec.ports import OnnxNet
from compress_studio.view.programs import arguments

if TYPE_CHECKING:
    from torch import Tensor

    from compress_studio.outputs.coreml_package import CoreMlParams
    from compress_studio.view.programs import TorchProgram


def write(params: CoreMlParams, network: OnnxNet, target: Path) -> Written:
    """An .mlpackage with fixed sizes, and with the names of the network."""
    with tempfile.TemporaryDirectory(prefix="cs-coreml-") as name:
        path = fixed(params, network.path, Path(name))
        program = made(TorchParams(), OnnxNet(unpacked(path, Path(name)), ""))
        model = load(path)
        names = [value.name or "" for value in model.graph.inputs]
        feeds = arguments(names, synthetic(model, params.batch, seed=0))
        shapes = shape_notes(path)
    try:
        with silent():
            tools: Any = importlib.import_module("coremltools")
            _converted(tools, params, program, feeds).save(str(target))
    except Exception as error:
        raise cannot("coremltools", error) from error
    return Written((target,), (*shapes, *size_notes([target], network.path)))


def _converted(tools: Any, params: CoreMlParams, program: TorchProgram, feeds: tuple[Tensor, ...]) -> Any:
    precision = tools.precision.FLOAT16 if params.half else tools.precision.FLOAT32
    options = {
        "compute_precision": precision,
        "convert_to": "mlprogram",
        "minimum_deployment_target": getattr(tools.target, params.target.value),
    }
    names = [tools.TensorType(name=name) for name in program.outputs]
    _without_aliases(program)
    try:
        return tools.convert(program.program.run_decompositions({}), outputs=names, **options)
    except NotImplementedError:
        # Its front end for TorchScript knows some operators as a whole that the one for programs lacks, such as
        # recurrent layers; a program would have these in a part for every step of time.
        traced = torch.jit.trace(program.program.module(), feeds, check_trace=False)
        inputs = [
            tools.TensorType(
                name=name, shape=tuple(feed.shape), dtype=np.float32 if feed.is_floating_point() else np.int32
            )
            for name, feed in zip(program.inputs, feeds, strict=True)
        ]
        return tools.convert(traced, inputs=inputs, outputs=names, **options)


def _without_aliases(program: TorchProgram) -> None:
    """Take out second names of tensors, which Core ML's converter does not know and nothing needs."""
    graph = program.program.graph_module.graph
    for node in list(graph.nodes):
        if node.target is torch.ops.aten.alias.default and all(user.op != "output" for user in node.users):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
    program.program.graph_module.recompile()


def verify(params: CoreMlParams, network: OnnxNet, target: Path) -> list[Check]:
    """The package read again, and run on macOS; elsewhere the row says that it was not."""
    name = "Opened again in Core ML"
    with tempfile.TemporaryDirectory(prefix="cs-coreml-") as folder:
        expected = reference(fixed(params, network.path, Path(folder)))
    expected = replace(expected, half=expected.half or params.half)
    try:
        with silent():
            tools: Any = importlib.import_module("coremltools")
            spec = tools.utils.load_spec(str(target))
            rows = [_described(spec, expected)]
            if not _runs_here() or not rows[0].ok:
                return rows
            opened = tools.models.MLModel(str(target))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
        return [Check(name, ok=False, detail=line_of(error))]
    inputs = [one.name for one in spec.description.input]
    wanted = [one.name for one in spec.description.output]

    def run(feed: Arrays) -> list[np.ndarray]:
        given = {key: one.astype(np.int32) if one.dtype.kind in "iu" else one for key, one in feed.items()}
        results = opened.predict(dict(zip(inputs, given.values(), strict=True)))
        return [np.asarray(results[each]) for each in wanted]

    return [*rows, *verified(name, expected, run)]


def _runs_here() -> bool:
    return platform.system() == "Darwin"


def _described(spec: Any, expected: Reference) -> Check:
    """Whether the package takes and gives what the network does, as far as its description tells."""
    name = "The package read again"
    taken = [(one.name, tuple(one.type.multiArrayType.shape)) for one in spec.description.input]
    sizes = [array.shape for array in expected.inputs[0].values()]
    if [shape for _, shape in taken] != sizes:
        return Check(name, ok=False, detail=f"it takes {taken} instead of {sizes}")
    given = [one.name for one in spec.description.output]
    if len(given) != len(expected.outputs[0]):
        return Check(name, ok=False, detail=f"it gives {len(given)} outputs instead of {len(expected.outputs[0])}")
    detail = f"{len(taken)} inputs and {len(given)} outputs, sizes as in the network"
    if not _runs_here():
        detail += "; not run: Core ML exists on macOS only, so its results were not compared"
    return Check(name, ok=True, detail=detail)
