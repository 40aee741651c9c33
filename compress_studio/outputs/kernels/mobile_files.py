"""TensorFlow Lite, converted from the exported program by LiteRT's own packages and run by its interpreter."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.base.errors import Refused, UserError
from compress_studio.graph.samples import synthetic
from compress_studio.graph.saving import load
from compress_studio.outputs.kernels.comparing import Arrays, Reference, judge, reference
from compress_studio.outputs.kernels.fixing import fixed, shape_notes, silent, size_notes
from compress_studio.outputs.kernels.torch_files import made
from compress_studio.outputs.kernels.unpacking import unpacked
from compress_studio.outputs.torch_params import TorchParams
from compress_studio.spec.output import Check, Written
from compress_studio.spec.ports import OnnxNet
from compress_studio.view.programs import arguments

if TYPE_CHECKING:
    from compress_studio.outputs.tflite_file import TfliteParams

ARGUMENT, RESULT = "args_", "output_"
"""How LiteRT names the arguments and results of a program."""


def write_tflite(params: TfliteParams, network: OnnxNet, target: Path) -> Written:
    """A .tflite file with fixed sizes, its weights in 8 bits when asked for."""
    with tempfile.TemporaryDirectory(prefix="cs-tflite-") as name:
        folder = Path(name)
        path = fixed(params, network.path, folder)
        program = made(TorchParams(), OnnxNet(unpacked(path, folder), ""))
        model = load(path)
        names = [value.name or "" for value in model.graph.inputs]
        feeds = arguments(names, synthetic(model, params.batch, seed=0))
        try:
            with silent():
                litert: Any = importlib.import_module("litert_torch")
                litert.convert(program.program.module(), feeds).export(str(target))
                if params.int8:
                    _quantize(target)
        except Exception as error:
            raise cannot("LiteRT", error) from error
        shapes = shape_notes(path, [f"{ARGUMENT}{place}" for place in range(len(names))])
    wide = [name for name, one in zip(names, feeds, strict=True) if str(one.dtype) == "torch.int64"]
    types = (f"{' and '.join(wide)}: int64 in the network, int32 in the file.",) if wide else ()
    return Written((target,), (*shapes, *types, *size_notes([target], network.path)))


def _quantize(path: Path) -> None:
    """Weights in 8 bits with a scale per output, in place."""
    quantizer: Any = importlib.import_module("ai_edge_quantizer.quantizer")
    recipe: Any = importlib.import_module("ai_edge_quantizer.recipe")
    made_by = quantizer.Quantizer(str(path))
    made_by.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    result = made_by.quantize()
    path.unlink()
    result.export_model(str(path))


def verify_tflite(params: TfliteParams, network: OnnxNet, target: Path) -> list[Check]:
    """The file run by the interpreter of LiteRT."""
    with tempfile.TemporaryDirectory(prefix="cs-tflite-") as name:
        expected = reference(fixed(params, network.path, Path(name)))
    if params.int8:
        expected = replace(expected, rounds=True)
    name = "Opened again in LiteRT"
    try:
        with silent():
            interpreter: Any = importlib.import_module("ai_edge_litert.interpreter")
            runner = interpreter.Interpreter(model_path=str(target)).get_signature_runner()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
        return [Check(name, ok=False, detail=line_of(error))]
    wanted = runner.get_input_details()

    def run(feed: Arrays) -> list[np.ndarray]:
        given = {f"{ARGUMENT}{place}": array for place, array in enumerate(feed.values())}
        results = runner(**{key: one.astype(wanted[key]["dtype"]) for key, one in given.items() if key in wanted})
        return [results[f"{RESULT}{place}"] for place in range(len(expected.outputs[0]))]

    return verified(name, expected, run)


def verified(name: str, expected: Reference, run: Callable[[Arrays], Sequence[np.ndarray]]) -> list[Check]:
    """The rows for a file that run feeds with a batch."""
    found: list[Arrays] = []
    try:
        for feed in expected.inputs:
            found.append(dict(zip(expected.outputs[0], run(feed), strict=True)))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
        return [Check(name, ok=False, detail=line_of(error))]
    return [Check(name, ok=True, detail=f"{len(found)} batches"), judge(expected, found)]


def cannot(what: str, error: Exception) -> UserError:
    """The refusal in the words of a converter; the program's own errors pass."""
    if isinstance(error, UserError):
        return error
    return Refused(f"{what} cannot convert this network: {line_of(error).rstrip('.:')}.", "Export it to ONNX instead.")


def line_of(error: BaseException) -> str:
    """The line of an error that says most."""
    lines = [one.strip() for one in str(error).splitlines() if one.strip()]
    telling = [one for one in lines if not one.endswith("failed:")]
    return (telling or lines or [type(error).__name__])[0][:200]
