"""Operators on integers, as programs for PyTorch compute them, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from compress_studio.outputs.torch_params import FUSED_INTEGERS, WITHOUT_TORCH
from compress_studio.view.definitions import UNWANTED
from compress_studio.view.ops import OPERATORS
from compress_studio.view.ops.exported import EXPORTED
from compress_studio.view.portable import PortableView, ProgramModule
from compress_studio.view.programs import arguments
from tests.unit.view.cases import Case, by_runtime

RNG = np.random.default_rng(11)
MICROSOFT = "com.microsoft"
EXACT = {"GatherBlockQuantized", "MatMulNBits", "MatMulInteger", "ConvInteger", "MatMulIntegerToFloat"}


def u8(*shape: int) -> np.ndarray:
    return RNG.integers(0, 255, shape).astype(np.uint8)


def s8(*shape: int) -> np.ndarray:
    return RNG.integers(-127, 127, shape).astype(np.int8)


def f(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def scale(value: float, *shape: int) -> np.ndarray:
    return (value * (0.5 + RNG.random(shape))).astype(np.float32)


def z(value: int, dtype: type = np.uint8) -> np.ndarray:
    return np.array(value, dtype)


def fused(op: str, inputs: list[np.ndarray | None], stored: list[int], note: str = "", **attrs: object) -> Case:
    return Case(op, inputs, attrs, domain=MICROSOFT, stored=stored, note=note)


ZEROS = np.zeros(5, np.int8)
CASES = [
    Case("QLinearConv",
         [u8(2, 3, 6, 6), scale(0.02), z(120), s8(5, 3, 3, 3), scale(0.01, 5), ZEROS, scale(0.1), z(128),
          RNG.integers(-900, 900, 5).astype(np.int32)],
         {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, stored=[1, 2, 3, 4, 5, 6, 7, 8]),
    Case("QLinearMatMul", [u8(4, 6), scale(0.02), z(120), s8(6, 5), scale(0.01), z(0, np.int8), scale(0.05), z(128)],
         stored=[1, 2, 3, 4, 5, 6, 7]),
    Case("MatMulInteger", [u8(4, 6), s8(6, 5), z(120), z(0, np.int8)], stored=[1, 2, 3]),
    Case("ConvInteger", [u8(2, 3, 6, 6), u8(4, 3, 3, 3), z(120), z(128)], stored=[1, 2, 3]),
    fused("QGemm",
          [u8(4, 6), scale(0.02), z(120), s8(5, 6), scale(0.01, 5), ZEROS, RNG.integers(-90, 90, 5).astype(np.int32),
           scale(0.05), z(128)], [1, 2, 3, 4, 5, 6, 7, 8], transB=1),
    fused("QGemm", [u8(4, 6), scale(0.02), z(120), s8(6, 5), scale(0.01), z(0, np.int8)], [1, 2, 3, 4, 5], "float"),
    fused("QLinearAdd", [u8(4, 6), scale(0.02), z(120), u8(4, 6), scale(0.03), z(100), scale(0.04), z(90)],
          [1, 2, 4, 5, 6, 7]),
    fused("QLinearMul", [u8(4, 6), scale(0.02), z(120), u8(4, 6), scale(0.03), z(100), scale(0.04), z(90)],
          [1, 2, 4, 5, 6, 7]),
    fused("QLinearConcat", [scale(0.03), z(110), u8(2, 3), scale(0.02), z(120), u8(2, 4), scale(0.04), z(128)],
          [0, 1, 3, 4, 6, 7], axis=1),
    fused("QLinearAveragePool", [u8(1, 3, 6, 6), scale(0.02), z(120), scale(0.02), z(120)], [1, 2, 3, 4],
          kernel_shape=[2, 2], strides=[2, 2]),
    fused("QLinearGlobalAveragePool", [u8(1, 3, 6, 6), scale(0.02), z(120), scale(0.02), z(120)], [1, 2, 3, 4]),
    fused("QLinearSigmoid", [u8(4, 6), scale(0.02), z(120), scale(0.004), z(0)], [1, 2, 3, 4]),
    fused("QLinearLeakyRelu", [u8(4, 6), scale(0.02), z(120), scale(0.02), z(60)], [1, 2, 3, 4], alpha=0.1),
    fused("QLinearSoftmax", [u8(4, 6), scale(0.02), z(120), scale(0.004), z(0)], [1, 2, 3, 4], axis=1, opset=13),
    fused("MatMulIntegerToFloat",
          [u8(4, 6), s8(6, 5), scale(0.02), scale(0.01, 5), z(120), ZEROS, f(5)], [1, 2, 3, 4, 5, 6]),
    fused("DynamicQuantizeMatMul", [f(4, 6), s8(6, 5), scale(0.01, 5), ZEROS, f(5)], [1, 2, 3, 4]),
    fused("MatMulNBits", [f(3, 32), u8(5, 2, 8), scale(0.1, 10)], [1, 2], bits=4, block_size=16, K=32, N=5),
    fused("MatMulNBits", [f(3, 32), u8(5, 2, 16), scale(0.1, 10), u8(5, 2)], [1, 2, 3],
          bits=8, block_size=16, K=32, N=5),
    fused("MatMulNBits", [f(3, 32), u8(5, 2, 8), scale(0.1, 10), None, RNG.integers(0, 2, 32).astype(np.int32)],
          [1, 2, 4], "reordered", bits=4, block_size=16, K=32, N=5),
    fused("GatherBlockQuantized", [u8(7, 32), np.array([[1, 3], [6, 0]]), scale(0.1, 7, 2)], [0, 2],
          bits=8, block_size=16, quantize_axis=1),
    fused("GatherBlockQuantized", [u8(7, 16), np.array([[1, 3], [6, 0]]), scale(0.1, 7, 2)], [0, 2], "halves",
          bits=4, block_size=16, quantize_axis=1),
    fused("DynamicQuantizeLSTM",
          [f(5, 2, 4), s8(1, 4, 12), s8(1, 3, 12), f(1, 24), None, None, None, None, scale(0.005, 1),
           np.zeros(1, np.int8), scale(0.005, 1), np.zeros(1, np.int8)], [1, 2, 3, 8, 9, 10, 11], hidden_size=3),
    fused("QAttention", [u8(2, 5, 8), s8(8, 24), f(24), scale(0.02), scale(0.01), None, z(120), z(0, np.int8)],
          [1, 2, 3, 4, 6, 7], num_heads=2),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_programs_compute_with_integers_as_onnx_runtime_does(case: Case) -> None:
    proto, feeds = case.model(), case.feeds()
    (right,) = by_runtime(proto, feeds)
    model = ir.from_proto(proto)
    model.graph.outputs[0].dtype = ir.DataType(_number(right))
    view = PortableView(model)
    with torch.no_grad():
        found = ProgramModule(view)(*arguments(view.input_names, feeds)).numpy()
    assert found.shape == right.shape
    if right.dtype.kind in "iu":
        gap = np.abs(found.astype(np.int64) - right.astype(np.int64))
        assert gap.max() <= (0 if case.op in EXACT else 1)
        assert gap.mean() < 0.05
    else:
        assert np.abs(found - right).max() <= (1e-5 if case.op in EXACT else 2e-2) * np.abs(right).max()


def _number(array: np.ndarray) -> int:
    return {"uint8": 2, "int8": 3, "int32": 6}.get(array.dtype.name, 1)


def test_what_is_said_to_have_no_form_in_torch_is_what_has_none() -> None:
    standard = {one.name: one for one in onnx.defs.get_all_schemas() if one.domain == ""}
    written = {name for name, one in standard.items() if one.has_function or one.has_context_dependent_function}
    known = {name for domain, name in [*OPERATORS, *EXPORTED] if domain == ""} | written - UNWANTED
    assert set(standard) - known <= WITHOUT_TORCH
    fused = {name for domain, name in [*OPERATORS, *EXPORTED] if domain == MICROSOFT}
    assert not WITHOUT_TORCH & (known | fused)
    assert fused >= FUSED_INTEGERS - known
