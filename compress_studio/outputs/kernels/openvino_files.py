"""OpenVINO's intermediate representation, written and run by its own package."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.base.errors import Refused
from compress_studio.outputs.kernels.comparing import Arrays, judge, reference
from compress_studio.spec.output import Check, Written

if TYPE_CHECKING:
    from compress_studio.outputs.openvino_ir import OpenVinoParams
    from compress_studio.spec.ports import OnnxNet


def write(params: OpenVinoParams, network: OnnxNet, target: Path) -> Written:
    """An .xml file and its weights in a .bin beside it."""
    openvino: Any = importlib.import_module("openvino")
    try:
        model = openvino.convert_model(str(network.path))
    except Exception as error:
        # OpenVINO raises its own types for what it cannot read.
        line = next((one.strip() for one in str(error).splitlines() if one.strip()), type(error).__name__)
        raise Refused(f"OpenVINO cannot read this network: {line[:200]}", "Export it to ONNX.") from error
    openvino.save_model(model, str(target), compress_to_fp16=params.half)
    return Written((target, target.with_suffix(".bin")))


def verify(params: OpenVinoParams, network: OnnxNet, target: Path) -> list[Check]:
    """The file read again and run on the processor in float32."""
    openvino: Any = importlib.import_module("openvino")
    expected = reference(network.path)
    found: list[Arrays] = []
    try:
        compiled = openvino.Core().compile_model(str(target), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for feed in expected.inputs:
            results = compiled({name: np.ascontiguousarray(array) for name, array in feed.items()})
            found.append({name: np.asarray(results[name]) for name in expected.outputs[0]})
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
        line = next((one.strip() for one in str(error).splitlines() if one.strip()), type(error).__name__)
        return [Check("Opened again in OpenVINO", ok=False, detail=line)]
    return [Check("Opened again in OpenVINO", ok=True, detail=openvino.__version__), judge(expected, found)]
