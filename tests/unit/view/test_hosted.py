"""Operators that torch lacks: computed by ONNX Runtime inside a pass, with the layers before them frozen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from compress_studio.graph.saving import save
from compress_studio.view.compare import compare
from compress_studio.view.network import TorchView
from compress_studio.view.ops import Unsupported
from compress_studio.view.reach import unreached

OPSETS = '"": 17, "com.microsoft": 1, "ai.onnx.ml": 3'


def made(text: str, **weights: np.ndarray) -> ir.Model:
    """A network written as text, with stored tensors by name."""
    proto = onnx.parser.parse_model(f"<ir_version: 8, opset_import: [{OPSETS}]> " + text)
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    for number, node in enumerate(proto.graph.node):
        node.name = node.name or f"n{number}"
    return ir.from_proto(proto)


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def x(*shape: int) -> dict[str, np.ndarray]:
    return {"x": weights(*shape, seed=9)}


def same(model: ir.Model, folder: Path, inputs: dict[str, np.ndarray]) -> TorchView:
    """The view, once it says what ONNX Runtime says."""
    view = TorchView(model)
    assert compare(view, save(model, folder / "model.onnx"), inputs) < 1e-5
    return view


MIDDLE = """g (float[N,4] x) => (float[N,3] y) {
    h = MatMul(x, w1) k = com.microsoft.CDist<metric = "euclidean">(h, points) y = MatMul(k, w2) }"""


def middle() -> ir.Model:
    return made(MIDDLE, w1=weights(4, 5), points=weights(6, 5, seed=1), w2=weights(6, 3, seed=2))


def test_an_operator_in_the_middle_freezes_what_is_before_it_and_nothing_behind(tmp_path: Path) -> None:
    model = middle()
    view = same(model, tmp_path, x(7, 4))
    assert [node.op_type for node in view.hosted] == ["CDist"]
    blocked = unreached(model, ["y"], view.hosted)
    assert set(blocked) == {"w1", "points"}
    assert "CDist (n1)" in blocked["w1"]
    view.freeze(blocked)
    assert set(view.weights) == {"w2"}
    view(view.tensors(x(7, 4)))["y"].sum().backward()
    assert view.weights["w2"].grad is not None


def test_a_second_path_keeps_a_layer_trainable(tmp_path: Path) -> None:
    text = """g (float[N,4] x) => (float[N,6] y) {
        h = MatMul(x, w1) k = com.microsoft.CDist<metric = "euclidean">(h, points) y = Add(k, h) }"""
    model = made(text, w1=weights(4, 6), points=weights(6, 6, seed=1))
    view = same(model, tmp_path, x(7, 4))
    assert set(unreached(model, ["y"], view.hosted)) == {"points"}
    view(view.tensors(x(7, 4)))["y"].sum().backward()
    assert view.weights["w1"].grad is not None


def test_an_operator_at_the_beginning_freezes_nothing_and_one_at_the_end_everything(tmp_path: Path) -> None:
    begin = made(
        """g (float[N,4] x) => (float[N,3] y) {
        k = com.microsoft.CDist<metric = "euclidean">(x, p) y = MatMul(k, w) }""",
        p=weights(6, 4),
        w=weights(6, 3),
    )
    view = same(begin, tmp_path, x(7, 4))
    assert set(unreached(begin, ["y"], view.hosted)) == {"p"}
    end = made(
        """g (float[N,4] x) => (float[N,6] y) {
        h = MatMul(x, w) y = com.microsoft.CDist<metric = "euclidean">(h, p) }""",
        p=weights(6, 3),
        w=weights(4, 3),
    )
    view = same(end, tmp_path, x(7, 4))
    assert set(unreached(end, ["y"], view.hosted)) == {"p", "w"}


def test_settings_that_torch_lacks_are_computed_by_onnx_runtime(tmp_path: Path) -> None:
    text = 'g (float[1,1,4,4] x) => (float[1,1,2,2] y) { y = Resize<antialias=1, mode="linear">(x, , s) }'
    model = made(text, s=np.array([1, 1, 0.5, 0.5], np.float32))
    model.opset_imports[""] = 18
    view = same(model, tmp_path, x(1, 1, 4, 4))
    assert [node.op_type for node in view.hosted] == ["Resize"]


def test_half_precision_goes_in_and_out_of_onnx_runtime(tmp_path: Path) -> None:
    text = """g (float[N,4] x) => (float[N,6] y) {
        h = Cast<to = 10>(x) k = com.microsoft.BiasGelu(h, b) m = Cast<to = 1>(k)
        d = com.microsoft.CDist<metric = "euclidean">(m, p) y = Relu(d) }"""
    model = made(text, b=weights(4).astype(np.float16), p=weights(6, 4))
    with torch.no_grad():
        view = TorchView(model)
        assert view(view.tensors(x(2, 4)))["y"].dtype == torch.float32


def test_text_passes_between_operators_that_read_it(tmp_path: Path) -> None:
    text = """g (float[N,3] x) => (float[N,3] y, string[N] label) {
        y = MatMul(x, w) best = ArgMax<axis = 1, keepdims = 0>(y)
        label = ai.onnx.ml.LabelEncoder<keys_int64s = [0, 1, 2], values_strings = ["a", "b", "c"]>(best) }"""
    model = made(text, w=weights(3, 3))
    view = same(model, tmp_path, x(5, 3))
    found = view(view.tensors(x(5, 3)))
    assert found["label"].shape == (5,)
    assert set(view.weights) == {"w"}
    assert set(unreached(model, ["y"], view.hosted)) == set()


def test_places_rounding_and_comparisons_hand_no_gradient_on(tmp_path: Path) -> None:
    text = """g (float[N,4] x) => (float[N,4] y) {
        a = MatMul(x, w1) r = Round(a) b = MatMul(x, w2) y = Add(r, b) }"""
    model = made(text, w1=weights(4, 4), w2=weights(4, 4, seed=1))
    view = same(model, tmp_path, x(5, 4))
    blocked = unreached(model, ["y"], view.hosted)
    assert set(blocked) == {"w1"}
    assert "Round" in blocked["w1"]


def test_random_operators_are_refused_because_nothing_can_be_proved() -> None:
    model = made("g (float[N,4] x) => (float[N,4] y) { n = RandomNormalLike(x) y = Add(n, x) }")
    with pytest.raises(Unsupported, match=r"RandomNormalLike \(it draws random numbers.* at n0"):
        TorchView(model)


def test_an_operator_inside_of_a_branch_is_computed_there(tmp_path: Path) -> None:
    text = """g (float[N,4] x, bool c) => (float[N,6] y) {
        h = MatMul(x, w)
        y = If(c) <then_branch = one () => (r) { r = com.microsoft.CDist<metric = "euclidean">(h, p) },
                   else_branch = two () => (s) { s = MatMul(h, q) }> }"""
    model = made(text, w=weights(4, 5), p=weights(6, 5), q=weights(5, 6))
    for condition in (True, False):
        view = same(model, tmp_path, x(3, 4) | {"c": np.array(condition)})
    assert set(unreached(model, ["y"], view.hosted)) == {"p"}


def test_a_gradient_passes_straight_through_the_rounding_of_packed_weights(tmp_path: Path) -> None:
    text = """g (float[N,4] x) => (float[N,3] y) {
        h = MatMul(x, w) y = com.microsoft.MatMulNBits<K = 16, N = 3, bits = 8, block_size = 16, accuracy_level = 4>
            (h, packed, scales) }"""
    packed = np.random.default_rng(0).integers(0, 255, (3, 1, 16)).astype(np.uint8)
    model = made(text, w=weights(4, 16), packed=packed, scales=np.full(3, 0.01, np.float32))
    view = same(model, tmp_path, x(5, 4))
    assert set(view.weights) == {"w"}
    assert not unreached(model, ["y"], view.hosted).keys() & {"w"}
    view(view.tensors(x(5, 4)))["y"].sum().backward()
    table = torch.from_numpy((packed.reshape(3, 16).astype(np.float32) - 128) * 0.01)
    expected = torch.from_numpy(x(5, 4)["x"]).T @ torch.ones(5, 3) @ table
    assert view.weights["w"].grad is not None
    assert torch.allclose(view.weights["w"].grad, expected, atol=1e-4)
