"""Operators that move, pick, reduce, resize and make values, against ONNX Runtime and the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from tests.unit.view.cases import Case, check

RNG = np.random.default_rng(2)


def r(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def i(*values: Any) -> np.ndarray:
    return np.array(values, np.int64)


X = r(2, 3, 4)
IMAGE = r(1, 2, 4, 5)
REDUCTIONS = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"]
REDUCE = [
    *(Case(f"Reduce{name}", [X], {"axes": [0, 2]}, opset=11) for name in REDUCTIONS if name != "Sum"),
    *(Case(f"Reduce{name}", [X, i(1)], {"keepdims": 0}, opset=18) for name in REDUCTIONS),
    Case("ReduceSum", [X, i(0, -1)], opset=13),
    Case("ReduceSum", [X], {"axes": [1]}, opset=11),
    Case("ReduceSum", [X, i()], {"noop_with_empty_axes": 1}, opset=13),
    Case("ReduceSum", [X, i()], opset=13, stored=[1], note="empty axes"),
    Case("ReduceMean", [X], opset=18, note="all"),
    Case("ReduceLogSum", [np.abs(X), i(1)], opset=18),
    Case("ReduceSum", [np.arange(6).reshape(2, 3)], opset=13, note="whole"),
    Case("ReduceMax", [np.arange(6, dtype=np.int32).reshape(2, 3), i(0)], opset=18, note="whole"),
    *(Case(op, [X], {"axis": axis, "keepdims": axis % 2}) for op in ("ArgMax", "ArgMin") for axis in (0, 1, 2)),
    Case("ArgMax", [np.ones((2, 3), np.float32)], {"axis": 1, "select_last_index": 1}),
    Case("TopK", [X, i(2)], outputs=2),
    Case("TopK", [X, i(2)], {"axis": 1, "largest": 0}, outputs=2),
    Case("TopK", [X], {"k": 2}, opset=9, outputs=2, reference=False),
    Case("TopK", [np.array([[1, 3, 3, 2, 3]], np.float32), i(3)], outputs=2, note="ties"),
    *(Case("CumSum", [X, np.array(1)], {"exclusive": e, "reverse": v}) for e in (0, 1) for v in (0, 1)),
]
SHAPING = [
    Case("Reshape", [X, i(0, -1)]),
    Case("Reshape", [r(0, 3), i(0, 3)], {"allowzero": 1}),
    Case("Reshape", [X, i(4, 3, 2)], stored=[1], note="stored"),
    *(Case("Flatten", [X], {"axis": axis}) for axis in (0, 1, 2, -1)),
    Case("Transpose", [X]),
    Case("Transpose", [X], {"perm": [1, 0, 2]}, note="1 0 2"),
    Case("Squeeze", [r(1, 2, 1), i(0)]),
    Case("Squeeze", [r(1, 2, 1)], note="all"),
    Case("Squeeze", [r(1, 2, 1)], {"axes": [2]}, opset=11),
    Case("Unsqueeze", [X, i(0, -1)]),
    Case("Unsqueeze", [X], {"axes": [1, 4]}, opset=11),
    Case("Concat", [X, r(2, 1, 4)], {"axis": 1}),
    Case("Split", [X, i(1, 3)], {"axis": 2}, outputs=2),
    Case("Split", [X], {"axis": -1, "split": [1, 3]}, opset=11, outputs=2),
    Case("Split", [X], {"axis": 1, "num_outputs": 2}, opset=18, outputs=2),
    Case("Split", [X], {"axis": 2}, opset=13, outputs=2, note="even"),
    Case("Expand", [r(3, 1), i(2, 1, 4)]),
    Case("Tile", [X, i(2, 1, 3)]),
    Case("DepthToSpace", [r(1, 8, 2, 3)], {"blocksize": 2}),
    Case("DepthToSpace", [r(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"}),
    Case("SpaceToDepth", [r(1, 2, 4, 6)], {"blocksize": 2}),
    Case("ReverseSequence", [r(4, 3, 2), i(4, 2, 1)]),
    Case("ReverseSequence", [r(3, 4), i(4, 2, 1)], {"time_axis": 1, "batch_axis": 0}),
    Case("Identity", [X]),
]
PICKING = [
    Case("Slice", [X, i(1), i(3), i(-1)]),
    Case("Slice", [X, i(0, -3), i(1, 1000), i(0, 2), i(1, 2)], note="steps"),
    Case("Slice", [X, i(-1, 3), i(-1000, 0), i(1, 2), i(-1, -2)], note="backwards"),
    Case("Slice", [X, i(1), i(1)], note="empty"),
    Case("Slice", [X, i(1), i(-1000), i(2), i(-2)], note="backwards to the start"),
    Case("Slice", [X], {"starts": [1], "ends": [3], "axes": [1]}, opset=9, reference=False),
    *(Case("Gather", [X, i([0, -1], [1, 0])], {"axis": axis}) for axis in (0, 1, -1)),
    Case("Gather", [X, np.array(1)], {"axis": 1}, note="one"),
    Case("GatherElements", [X, np.zeros((2, 3, 2), np.int64) - 1], {"axis": 2}),
    Case("GatherND", [X, i([0, 1], [1, -1])]),
    Case("GatherND", [X, i([1], [0])], {"batch_dims": 1}),
    Case("ScatterElements", [X, i([[2], [0]]).reshape(2, 1, 1), r(2, 1, 1)], {"axis": 1}),
    Case("ScatterElements", [X, np.zeros((2, 1, 4), np.int64), r(2, 1, 4)], {"axis": 1, "reduction": "add"}, opset=18),
    Case("ScatterElements", [X, np.zeros((2, 1, 4), np.int64), r(2, 1, 4)], {"axis": 1, "reduction": "max"}, opset=18),
    Case("ScatterND", [X, i([0, 1], [1, -1]), r(2, 4)]),
    Case("ScatterND", [X, i([0, 1], [0, 1]), r(2, 4)], {"reduction": "add"}, opset=18),
    Case("ScatterND", [X, i([0, 1], [1, 2]), r(2, 4)], {"reduction": "mul"}, opset=18),
    Case("NonZero", [np.array([[1, 0, 2], [0, 0, 3]], np.float32)]),
    Case("Compress", [X, np.array([True, False, True])], {"axis": 1}),
    Case("OneHot", [i(0, 2, -1, 7), np.array(3), np.array([0.5, 2.0], np.float32)]),
    Case("OneHot", [i([0, 2], [1, 1]), np.array(3), np.array([0, 1], np.int64)], {"axis": 1}),
]
PADS = [
    *(Case("Pad", [IMAGE, i(0, 0, 1, 2, 0, 0, 2, 1)], {"mode": mode}) for mode in ("constant", "reflect", "edge")),
    Case("Pad", [IMAGE, i(0, 0, 1, 2, 0, 0, 2, 1)], {"mode": "wrap"}, opset=19),
    Case("Pad", [IMAGE, i(0, 0, 1, 1, 0, 0, -1, 0), np.array(2.5, np.float32)], note="value, cut", reference=False),
    Case("Pad", [IMAGE, i(1, 2), None, i(-1)], opset=18, note="axes"),
    Case("Pad", [IMAGE], {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 1.5}, opset=10, reference=False),
]
SCALES = np.array([1, 1, 2, 1.6], np.float32)
MODES = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
RESIZES = [
    *(
        Case("Resize", [IMAGE, None, SCALES], {"mode": mode, "coordinate_transformation_mode": where}, opset=13)
        for mode in ("nearest", "linear", "cubic")
        for where in MODES
    ),
    *(
        Case("Resize", [IMAGE, None, SCALES], {"nearest_mode": mode}, opset=13)
        for mode in ("floor", "ceil", "round_prefer_ceil")
    ),
    Case("Resize", [IMAGE, None, None, i(1, 2, 3, 9)], {"mode": "linear"}, opset=13, note="sizes"),
    Case("Resize", [IMAGE, None, None, i(9, 3)], {"mode": "linear", "axes": [3, 2]}, opset=18, note="axes"),
    Case("Resize", [IMAGE, None, SCALES * 0.5 + 0.5], {"mode": "cubic", "exclude_outside": 1}, opset=13),
    Case("Resize", [IMAGE, None, SCALES], {"mode": "cubic", "cubic_coeff_a": -0.5}, opset=13),
    Case(
        "Resize",
        [IMAGE, None, SCALES],
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"},
        opset=19,
    ),
    Case("Resize", [IMAGE, SCALES], {"mode": "nearest"}, opset=10, reference=False, note="the old form"),
    Case("Upsample", [IMAGE, SCALES], {"mode": "linear"}, opset=9, stored=[1], reference=False),
    Case("Upsample", [IMAGE], {"mode": "nearest", "scales": [1.0, 1.0, 2.0, 2.0]}, opset=7, reference=False),
    Case("GridSample", [IMAGE, np.tanh(r(1, 3, 3, 2))], {"align_corners": 1}, opset=16),
    Case("GridSample", [IMAGE, np.tanh(r(1, 3, 3, 2)) * 1.3], {"padding_mode": "border"}, opset=16),
    Case(
        "Resize",
        [IMAGE, np.array([0, 0, 0.2, 0.1, 1, 1, 0.7, 1.2], np.float32), None, i(1, 2, 3, 6)],
        {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 9.0},
        opset=13,
        note="crop",
    ),
]


def tensor(value: float, dtype: Any) -> Any:
    return numpy_helper.from_array(np.array([value], dtype))


MAKING = [
    Case("Shape", [X]),
    Case("Shape", [X], {"start": 1, "end": -1}),
    Case("Size", [X]),
    Case("ConstantOfShape", [i(2, 3)]),
    Case("ConstantOfShape", [i(2, 3)], {"value": tensor(7, np.int64)}, note="whole"),
    Case("Range", [np.array(1, np.int64), np.array(9, np.int64), np.array(2, np.int64)]),
    Case("Range", [np.array(1, np.float32), np.array(-1, np.float32), np.array(-0.5, np.float32)], note="fractions"),
    Case("EyeLike", [r(3, 4)], {"k": 1}),
    Case("EyeLike", [r(3, 4)], {"dtype": TensorProto.INT64}, note="whole"),
    Case("Trilu", [r(2, 4, 4), np.array(1)]),
    Case("Trilu", [r(4, 3)], {"upper": 0}),
    Case("Cast", [X * 5], {"to": TensorProto.INT32}),
    Case("Cast", [X], {"to": TensorProto.BOOL}),
    Case("Cast", [i(0, 3)], {"to": TensorProto.FLOAT}),
    Case("Cast", [X], {"to": TensorProto.FLOAT16}, tolerance=1e-6),
    Case("CastLike", [X * 5, i(1)], opset=17),
    Case("Constant", [], {"value_floats": [1.0, 2.0]}),
    Case("Constant", [], {"value_int": 3}),
    Case("QuantizeLinear", [X, np.array(0.1, np.float32), np.array(7, np.uint8)], stored=[1, 2]),
    Case("QuantizeLinear", [X, np.abs(r(3)) + 0.1, np.zeros(3, np.int8)], {"axis": 1}, stored=[1, 2]),
    Case("DequantizeLinear", [RNG.integers(-9, 9, (2, 3)).astype(np.int8), r(3)], {"axis": 1}, opset=19),
    Case(
        "DequantizeLinear", [np.array([3, 250], np.uint8), np.array(0.5, np.float32), np.array(9, np.uint8)], opset=19
    ),
]


@pytest.mark.parametrize("case", REDUCE, ids=str)
def test_reductions_agree(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", SHAPING + PICKING, ids=str)
def test_moving_and_picking_agree(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", PADS + RESIZES, ids=str)
def test_padding_and_resizing_agree(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", MAKING, ids=str)
def test_making_and_casting_agree(case: Case) -> None:
    check(case)
