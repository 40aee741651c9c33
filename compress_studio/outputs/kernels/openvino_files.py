"""OpenVINO's intermediate representation, written and run by its own package."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from compress_studio.base.errors import Refused
from compress_studio.graph.saving import load, save
from compress_studio.graph.session import open_session, run
from compress_studio.outputs.kernels.comparing import Arrays, Reference, judge, reference
from compress_studio.spec.output import Check, Written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compress_studio.outputs.openvino_ir import OpenVinoParams
    from compress_studio.spec.ports import OnnxNet

EXACT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
"""Computed as the file says. By itself OpenVINO rounds the inputs of layers with 8- or 4-bit weights to 8 bits, and
everything to bfloat16 on processors that are fast at it."""
FAR = 0.25
"""Difference relative to the largest output that no rounding to 8 bits or bfloat16 explains."""
SMALL = frozenset({ir.DataType.INT4, ir.DataType.UINT4, ir.DataType.INT8, ir.DataType.UINT8})
FLOATS = (ir.DataType.FLOAT16, ir.DataType.FLOAT)
PASSED = frozenset({"Cast", "Sub", "Mul", "Reshape", "Transpose"})
"""Operators between packed weights and the layer that multiplies with them."""


def write(params: OpenVinoParams, network: OnnxNet, target: Path) -> Written:
    """An .xml file and its weights in a .bin beside it."""
    openvino: Any = importlib.import_module("openvino")
    half = _half(params, network)
    with tempfile.TemporaryDirectory(prefix="cs-openvino-") as folder:
        path, widened = _readable(network.path, Path(folder))
        try:
            model = openvino.convert_model(str(path))
        except Exception as error:
            # OpenVINO raises its own types for what it cannot read.
            raise Refused(f"OpenVINO cannot read this network: {_line(error)}", "Export it to ONNX.") from error
        openvino.save_model(model, str(target), compress_to_fp16=half)
        del model
    notes: tuple[str, ...] = ()
    if widened:
        which = "The weights of 1 layer are" if widened == 1 else f"The weights of {widened} layers are"
        notes = (
            f"{which} stored in float32: OpenVINO multiplies wrongly with blocks of weights whose size is no power"
            " of two.",
        )
    return Written((target, target.with_suffix(".bin")), notes)


def _half(params: OpenVinoParams, network: OnnxNet) -> bool:
    return params.half if params.half is not None else holds_half(load(network.path))


def holds_half(model: ir.Model) -> bool:
    """Whether most weights are stored in half precision, so that storing the others so too loses nothing of note."""
    found = [value.const_value for graph in model.graphs() for value in graph.initializers.values()]
    size = {kind: sum(one.nbytes for one in found if one is not None and one.dtype == kind) for kind in FLOATS}
    return size[ir.DataType.FLOAT16] > size[ir.DataType.FLOAT] and not _packed(model)


def _packed(model: ir.Model) -> bool:
    """Whether weights take 8 bits or less; numbers in half precision are then their scales."""
    found = [value.const_value for graph in model.graphs() for value in graph.initializers.values()]
    return any(one is not None and one.dtype in SMALL and one.size > 1 for one in found)


def _readable(path: Path, folder: Path) -> tuple[Path, int]:
    """The network without blocks of weights that OpenVINO misreads, and how many layers that changed.

    Found with OpenVINO 2026.4 on processors: products with 4- and 8-bit weights in several blocks are wrong, at some
    batch sizes, when the size of a block is no power of two; so are 4-bit matrices with an odd side.
    """
    model = load(path)
    wrong = [value for value in model.graph.initializers.values() if _misread(value)]
    if not wrong:
        return path, 0
    for value in wrong:
        tensor = value.const_value
        assert tensor is not None
        value.const_value = ir.Tensor(tensor.numpy().astype(np.float32), name=value.name)
        value.dtype = ir.DataType.FLOAT
    return save(model, folder / "model.onnx", verify=False), len(wrong)


def _misread(value: ir.Value) -> bool:
    tensor = value.const_value
    if tensor is None or tensor.dtype not in SMALL or len(tensor.shape) not in {2, 3} or not _multiplied(value):
        return False
    shape = [int(size) for size in tensor.shape.numpy()]
    scale = _scale_shape(value)
    if len(shape) == 3 and scale is not None and len(scale) == 3:
        along = 1 if scale[1] == 1 < shape[1] else 2
        if shape[along - 1] > 1:
            return shape[along] < 4 or bool(shape[along] & (shape[along] - 1))
    return tensor.dtype.bitwidth == 4 and any(size % 2 for size in shape[-2:] if size > 1)


def _scale_shape(value: ir.Value) -> list[int] | None:
    """The shape of what packed weights are multiplied with, after a Cast and perhaps a zero point."""
    for node, place in value.uses():
        if node.op_type == "Mul":
            other = node.inputs[1 - place]
            maker = None if other is None else other.producer()
            origin = maker.inputs[0] if maker is not None and maker.op_type == "Cast" else other
            if origin is not None and origin.const_value is not None:
                return [int(size) for size in origin.const_value.shape.numpy()]
        elif node.op_type in {"Cast", "Sub"} and (found := _scale_shape(node.outputs[0])) is not None:
            return found
    return None


def _multiplied(value: ir.Value) -> bool:
    """Whether weights end in a dense layer, after a Cast which also takes them as float32."""
    for node, _ in value.uses():
        if node.op_type in {"MatMul", "Gemm"}:
            return True
        if node.op_type in PASSED and any(_multiplied(one) for one in node.outputs):
            return True
    return False


def verify(params: OpenVinoParams, network: OnnxNet, target: Path) -> list[Check]:
    """The file read again and run on the processor: exactly as it says, and with the settings that OpenVINO chooses."""
    openvino: Any = importlib.import_module("openvino")
    expected = reference(network.path)
    try:
        exact = _run(openvino, target, EXACT, expected)
        usual = _run(openvino, target, {}, expected)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
        return [Check("Opened again in OpenVINO", ok=False, detail=_line(error))]
    kept = replace(expected, half=expected.half or _half(params, network))
    return [
        Check("Opened again in OpenVINO", ok=True, detail=openvino.__version__),
        _rounded(network.path, kept, judge(kept, exact), exact),
        _usual(expected, usual),
    ]


def _usual(expected: Reference, found: Sequence[Arrays]) -> Check:
    """What people get who set nothing: OpenVINO's own rounding, in numbers; wrong only when it is no rounding."""
    row = judge(replace(expected, rounds=True), found)
    return replace(row, name="With the settings OpenVINO chooses", ok=row.ok or _largest(expected, found) <= FAR)


def _rounded(path: Path, expected: Reference, row: Check, found: Sequence[Arrays]) -> Check:
    """A network of integers that differs more than usual may differ as much as ONNX Runtime does from itself.

    Long chains of rounded layers carry single steps on; the runtime's own fused kernels, compared with the operators of
    the file one by one, say how far.
    """
    if row.ok or not expected.rounds:
        return row
    session = open_session(path)
    own = _largest(expected, [run(session, feed) for feed in expected.inputs])
    if _largest(expected, found) > own:
        return row
    return replace(row, ok=True, detail=f"{row.detail}; ONNX Runtime's own two ways to compute it differ by {own:.1e}")


def _largest(expected: Reference, found: Sequence[Mapping[str, np.ndarray]]) -> float:
    """The largest difference, relative to the largest output."""
    gaps = [0.0]
    for right, mine in zip(expected.outputs, found, strict=True):
        for name, value in right.items():
            if value.shape != mine[name].shape:
                return float("inf")
            scale = float(np.abs(value.astype(np.float64)).max(initial=0.0)) or 1.0
            gap = float(np.abs(mine[name].astype(np.float64) - value).max(initial=0.0)) / scale
            gaps.append(gap if np.isfinite(gap) else float("inf"))
    return max(gaps)


def _run(openvino: Any, target: Path, settings: Mapping[str, str], expected: Reference) -> list[Arrays]:
    compiled = openvino.Core().compile_model(str(target), "CPU", dict(settings))
    found: list[Arrays] = []
    for feed in expected.inputs:
        results = compiled({name: np.ascontiguousarray(array) for name, array in feed.items()})
        found.append({name: np.asarray(results[name]) for name in expected.outputs[0]})
    return found


def _line(error: BaseException) -> str:
    """The first line of what OpenVINO says that means something to people."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    plain = [line for line in lines if not line.startswith(("Exception from", "Check '", "While validating"))]
    return (plain or lines or [type(error).__name__])[0][:200]
