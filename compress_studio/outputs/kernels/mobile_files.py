"""TensorFlow Lite and Core ML, converted from the exported program by their own packages."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.base.errors import Refused
from compress_studio.graph.samples import synthetic
from compress_studio.graph.saving import load
from compress_studio.outputs.kernels.comparing import Arrays, Reference, judge, reference
from compress_studio.outputs.kernels.torch_files import made, notes
from compress_studio.outputs.torch_params import TorchParams
from compress_studio.spec.output import Check, Written
from compress_studio.view.programs import arguments

if TYPE_CHECKING:
    from compress_studio.spec.ports import OnnxNet


def write_tflite(params: TorchParams, network: OnnxNet, target: Path) -> Written:
    """A .tflite file with one batch size."""
    litert: Any = importlib.import_module("litert_torch")
    fixed = TorchParams(batch=params.batch or 1)
    program = made(fixed, network)
    model = load(network.path)
    names = [value.name or "" for value in model.graph.inputs]
    feeds = arguments(names, synthetic(model, fixed.batch or 1, seed=0))
    try:
        litert.convert(program.program.module(), feeds).export(str(target))
    except Exception as error:
        raise _cannot("LiteRT", error) from error
    return Written((target,), (*notes(program), f"The batch size is {fixed.batch}."))


def verify_tflite(params: TorchParams, network: OnnxNet, target: Path) -> list[Check]:
    """The file run by the interpreter of LiteRT."""
    expected = reference(network.path, params.batch or 1)

    def run(feed: Arrays) -> list[np.ndarray]:
        interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter(model_path=str(target))
        interpreter.allocate_tensors()
        for detail, array in zip(interpreter.get_input_details(), feed.values(), strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]

    return _verified("Opened again in LiteRT", expected, run)


def write_coreml(params: TorchParams, network: OnnxNet, target: Path) -> Written:
    """An .mlpackage with one batch size, computed in float32."""
    tools: Any = importlib.import_module("coremltools")
    fixed = TorchParams(batch=params.batch or 1)
    program = made(fixed, network)
    try:
        converted = tools.convert(
            program.program.run_decompositions({}), compute_precision=tools.precision.FLOAT32, convert_to="mlprogram"
        )
        converted.save(str(target))
    except Exception as error:
        raise _cannot("coremltools", error) from error
    return Written((target,), (*notes(program), f"The batch size is {fixed.batch}."))


def verify_coreml(params: TorchParams, network: OnnxNet, target: Path) -> list[Check]:
    """The package read again; run where Core ML exists, on macOS."""
    tools: Any = importlib.import_module("coremltools")
    name = "Opened again in Core ML"
    if sys.platform != "darwin":
        try:
            tools.utils.load_spec(str(target))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
            return [Check(name, ok=False, detail=str(error).splitlines()[0] if str(error) else type(error).__name__)]
        detail = "only read: Core ML runs on macOS alone, so that its outputs could not be compared"
        return [Check(name, ok=True, detail=detail)]
    expected = reference(network.path, params.batch or 1)
    opened = tools.models.MLModel(str(target))
    wanted = [one.name for one in opened.get_spec().description.output]

    def run(feed: Arrays) -> list[np.ndarray]:
        inputs = [one.name for one in opened.get_spec().description.input]
        results = opened.predict(dict(zip(inputs, feed.values(), strict=True)))
        return [np.asarray(results[each]) for each in wanted]

    return _verified(name, expected, run)


def _verified(name: str, expected: Reference, run: Any) -> list[Check]:
    found: list[Arrays] = []
    try:
        for feed in expected.inputs:
            found.append(dict(zip(expected.outputs[0], run(feed), strict=True)))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
        line = next((one.strip() for one in str(error).splitlines() if one.strip()), type(error).__name__)
        return [Check(name, ok=False, detail=line)]
    return [Check(name, ok=True, detail=f"{len(found)} batches"), judge(expected, found)]


def _cannot(what: str, error: Exception) -> Refused:
    line = next((one.strip() for one in str(error).splitlines() if one.strip()), type(error).__name__)
    return Refused(f"{what} cannot convert this network: {line[:200].rstrip('.')}.", "Export it to ONNX instead.")
