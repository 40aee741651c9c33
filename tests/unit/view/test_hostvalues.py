"""Numbers that stay numbers while a network is exported: the same results as the operators on tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.reference
import pytest
import torch
from onnx import helper

from compress_studio.view.hostvalues import FEW, HostValue, compute

I64 = np.int64


def host(values: Any, dtype: Any = I64) -> HostValue:
    return HostValue.of(torch.from_numpy(np.array(values, dtype)))


def by_onnx(kind: str, inputs: list[np.ndarray], attrs: dict[str, Any], outputs: int) -> list[np.ndarray]:
    """What ONNX says."""
    names = [f"i{index}" for index in range(len(inputs))]
    node = helper.make_node(kind, names, [f"o{index}" for index in range(outputs)], **attrs)
    given = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in
             zip(names, inputs, strict=True)]  # fmt: skip
    graph = helper.make_graph([node], "one", given, [onnx.ValueInfoProto(name=name) for name in node.output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.reference.ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))


CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("Add", [[1, 2], [3]], {}),
    ("Sub", [[1, 2], 5], {}),
    ("Mul", [[4, -2], [3, 3]], {}),
    ("Div", [[7, -7, 9], [2, 2, -4]], {}),
    ("Mod", [[7, -7], [4, 4]], {}),
    ("Max", [[1, 5], [3, 3]], {}),
    ("Min", [[1, 5], [3, 3]], {}),
    ("Neg", [[1, -5]], {}),
    ("Abs", [[1, -5]], {}),
    ("Equal", [[1, 5], [1, 3]], {}),
    ("Less", [[1, 5], [3, 3]], {}),
    ("GreaterOrEqual", [[1, 5], [1, 9]], {}),
    ("Concat", [[1, 5], [3]], {"axis": 0}),
    ("Gather", [[9, 8, 7], 1], {"axis": 0}),
    ("Gather", [[9, 8, 7], [-1, 0]], {}),
    ("Gather", [[[1, 2], [3, 4]], [1]], {"axis": 1}),
    ("Slice", [[1, 2, 3, 4, 5], [1], [4]], {}),
    ("Slice", [[1, 2, 3, 4, 5], [-1], [-9], [0], [-2]], {}),
    ("Slice", [[1, 2, 3, 4, 5], [0], [2**31], [0], [2]], {}),
    ("Reshape", [[1, 2, 3, 4], [2, -1]], {}),
    ("Reshape", [[[1, 2], [3, 4]], [0, 2]], {}),
    ("Unsqueeze", [[1, 2], [0, 2]], {}),
    ("Squeeze", [[[1, 2]], [0]], {}),
    ("Transpose", [[[1, 2], [3, 4]]], {"perm": [1, 0]}),
    ("ReduceProd", [[2, 3, 4]], {"keepdims": 0}),
    ("ReduceMax", [[2, 9, 4]], {"keepdims": 1}),
    ("ReduceSum", [[2, 9, 4], [0]], {"keepdims": 0}),
    ("Expand", [[2], [3]], {}),
    ("Range", [2, 9, 3], {}),
    ("Identity", [[3, 4]], {}),
    ("ConstantOfShape", [[2, 2]], {}),
]


@pytest.mark.parametrize(("kind", "values", "attrs"), CASES, ids=[f"{one[0]}{n}" for n, one in enumerate(CASES)])
def test_numbers_are_computed_as_onnx_defines(kind: str, values: list[Any], attrs: dict[str, Any]) -> None:
    arrays = [np.array(one, I64) for one in values]
    (expected,) = by_onnx(kind, arrays, attrs, 1)
    found = compute(kind, attrs, [host(one) for one in values], 1)
    assert isinstance(found, HostValue)
    tensor = found.tensor()
    assert tensor.shape == expected.shape
    assert np.array_equal(tensor.numpy(), expected)
    assert tensor.numpy().dtype == expected.dtype


def test_where_and_split_take_their_sizes_along() -> None:
    picked = compute("Where", {}, [host([True, False], np.bool_), host([1, 2]), host([3, 4])], 1)
    assert isinstance(picked, HostValue)
    assert picked.tolist() == [1, 4]
    parts = compute("Split", {}, [host([1, 2, 3, 4]), host([1, 3])], 2)
    assert isinstance(parts, list)
    assert [one.tolist() for one in parts] == [[1], [2, 3, 4]]
    even = compute("Split", {}, [host([1, 2, 3, 4, 5])], 2)
    assert isinstance(even, list)
    assert [one.tolist() for one in even] == [[1, 2, 3], [4, 5]]


def test_the_shape_of_a_tensor_is_numbers() -> None:
    x = torch.zeros(2, 3, 4)
    found = compute("Shape", {"start": 1}, [x], 1)
    assert isinstance(found, HostValue)
    assert found.tolist() == [3, 4]
    size = compute("Size", {}, [x], 1)
    assert isinstance(size, HostValue)
    assert size.item() == 24


def test_numbers_and_tensors_together_are_left_to_the_tensors() -> None:
    assert compute("Add", {}, [host([1]), torch.ones(1)], 1) is None
    assert compute("Softmax", {}, [host([1])], 1) is None
    assert compute("Expand", {}, [host([2]), host([FEW + 1])], 1) is None


def test_casts_change_the_type_and_keep_what_is_whole() -> None:
    found = compute("Cast", {"to": 1}, [host([3, 4])], 1)
    assert isinstance(found, HostValue)
    assert found.tensor().dtype == torch.float32
    back = compute("Cast", {"to": 7}, [HostValue.of(torch.tensor([3.7, -3.7]))], 1)
    assert isinstance(back, HostValue)
    assert back.tolist() == [3, -3]


def test_a_stored_tensor_is_handed_on_as_it_is() -> None:
    tensor = torch.tensor([1, 2])
    assert HostValue.of(tensor).tensor() is tensor
