"""The view as a whole: coverage, hooks, sub-graphs, devices of weights, write-back, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from compress_studio.graph.saving import save
from compress_studio.view.compare import compare, computes_in_half, relative_difference
from compress_studio.view.network import TorchView
from compress_studio.view.ops import Unsupported
from tests.toys import networks
from tests.toys.context import ToyData

TOYS = ["conv_net", "residual_net", "depthwise_net", "mlp", "transformer", "lstm_net", "if_net", "tied_net"]


def made(text: str, **weights: np.ndarray) -> ir.Model:
    """A network written as text, with stored tensors by name."""
    proto = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]> ' + text)
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    return ir.from_proto(proto)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


@pytest.mark.parametrize("name", TOYS)
def test_the_view_computes_what_onnx_runtime_computes(name: str, tmp_path: Path) -> None:
    model = getattr(networks, name)()
    path = save(model, tmp_path / "model.onnx")
    data = ToyData.for_model(model, 5)
    view = TorchView(model)
    assert compare(view, path, data.inputs) < 1e-5
    outputs = view(view.tensors(data.inputs))
    torch.stack([out.float().square().sum() for out in outputs.values()]).sum().backward()
    assert any(weight.grad is not None and bool(weight.grad.abs().sum() > 0) for weight in view.weights.values())


def test_every_asset_is_computed_as_by_onnx_runtime(assets: Path) -> None:
    worst = {}
    for path in sorted((assets / "models").rglob("*.onnx")):
        model = ir.load(path)
        rng = np.random.default_rng(0)
        feeds = {}
        for value in model.graph.inputs:
            assert value.shape is not None
            assert value.dtype is not None
            shape = [size if isinstance(size, int) else (2, 29)[min(k, 1)] for k, size in enumerate(value.shape)]
            whole = not value.dtype.is_floating_point()
            array = rng.integers(1, 60, shape) if whole else rng.standard_normal(shape)
            feeds[value.name or ""] = array.astype(value.dtype.numpy())
        worst[path.name] = compare(TorchView(model), path, feeds)
    assert worst
    assert max(worst.values()) < 1e-4, worst


def test_a_hook_replaces_a_tensor_for_everybody_who_reads_it() -> None:
    model = made("g (float[N,2] x) => (float[N,2] y) { h = Relu(x) y = Add(h, h) }")
    view = TorchView(model)
    view.hooks["h"] = [lambda value: value * 3, lambda value: value + 1]
    assert view({"x": torch.ones(1, 2)}, ["h"])["y"].tolist() == [[8.0, 8.0]]
    view.hooks["h"] = []
    assert view({"x": torch.ones(1, 2)})["y"].tolist() == [[2.0, 2.0]]


def test_hooks_reach_inputs_and_weights() -> None:
    model = made("g (float[N,2] x) => (float[N,2] y) { y = Mul(x, w) }", w=ones(2) * 2)
    view = TorchView(model)
    view.hooks = {"x": [lambda value: value + 1], "w": [lambda value: value * 10]}
    assert view({"x": torch.ones(1, 2)})["y"].tolist() == [[40.0, 40.0]]


def test_tensors_inside_are_handed_out_on_request() -> None:
    model = made("g (float[N,2] x) => (float[N,2] y) { h = Neg(x) y = Relu(h) }")
    found = TorchView(model)({"x": torch.ones(1, 2)}, ["h"])
    assert found["h"].tolist() == [[-1.0, -1.0]]
    assert found["y"].tolist() == [[0.0, 0.0]]


def test_operators_that_are_missing_are_named_with_their_nodes() -> None:
    model = made(
        "g (float[N,2] x) => (float[N,2] y) { h = Relu(x) y = my.domain.Strange(h) }".replace("my.domain.", "")
    )
    node = model.graph[1]
    node.name, node.domain = "odd_one", "my.domain"
    with pytest.raises(Unsupported, match=r"my\.domain\.Strange at odd_one"):
        TorchView(model)


def test_limits_scales_masks_and_lone_constants_are_not_weights() -> None:
    text = """g (float[N,3] x) => (float[N,3] y) {
        a = Mul(x, w) b = Add(a, mask) c = Clip(b, low, high) d = Div(c, [root]) y = Add(d, bias) }""".replace(
        "[root]", "root"
    )
    scalar = np.array(2, np.float32)
    model = made(
        text,
        w=ones(3),
        mask=np.array([0, -np.inf, 0], np.float32),
        low=-scalar,
        high=scalar,
        root=ones(1),
        bias=ones(3),
    )
    assert set(TorchView(model).weights) == {"w", "bias"}


def test_a_shared_weight_is_one_parameter_with_the_gradient_of_both_uses() -> None:
    model = made(
        "g (float[N,2] x) => (float[N,2] y) { h = MatMul(x, w) y = MatMul(h, w) }", w=np.eye(2, dtype=np.float32)
    )
    view = TorchView(model)
    view({"x": torch.ones(1, 2)})["y"].sum().backward()
    assert torch.equal(view.weights["w"].grad, torch.full((2, 2), 2.0))  # type: ignore[arg-type]


def test_weights_go_back_by_name_in_the_type_they_are_stored_in() -> None:
    model = made(
        "g (float[N,2] x) => (float[N,2] y) { c = Cast<to=1>(w) h = MatMul(x, c) y = Add(h, b) }",
        w=ones(2, 2).astype(np.float16),
        b=ones(2),
    )
    view = TorchView(model)
    assert view.write_back(model) == 0
    with torch.no_grad():
        view.weights["w"].fill_(1 / 3)
    assert view.write_back(model) == 1
    stored = model.graph.initializers["w"].const_value
    assert stored is not None
    assert stored.numpy().dtype == np.float16
    assert stored.numpy()[0, 0] == np.float16(1 / 3)


def test_batch_statistics_are_followed_in_training_only() -> None:
    text = "g (float[N,2,H] x) => (y) { y = BatchNormalization<momentum=0.5>(x, s, b, m, v) }"
    model = made(text, s=ones(2), b=ones(2), m=ones(2) * 0, v=ones(2))
    view = TorchView(model)
    x = {"x": torch.full((4, 2, 3), 6.0)}
    view(x)
    assert view.write_back(model) == 0
    view.train()
    assert torch.allclose(view(x)["y"], torch.ones(4, 2, 3), atol=1e-2)
    assert view.write_back(model) == 2
    mean = model.graph.initializers["m"].const_value
    assert mean is not None
    assert mean.numpy().tolist() == [3.0, 3.0]


def test_gradients_pass_straight_through_quantization() -> None:
    text = (
        "g (float[N,2] x) => (float[N,2] y) { h = Mul(x, w) q = QuantizeLinear(h, s, z) y = DequantizeLinear(q, s, z) }"
    )
    model = made(text, w=ones(2), s=np.array(0.5, np.float32), z=np.array(0, np.uint8))
    view = TorchView(model)
    out = view({"x": torch.tensor([[0.7, 1e6]])})["y"]
    assert out.tolist() == [[0.5, 127.5]]
    out.sum().backward()
    assert view.weights["w"].grad.tolist() == pytest.approx([0.7, 0.0])  # type: ignore[union-attr]


def test_loops_carry_state_and_stack_what_each_round_adds(tmp_path: Path) -> None:
    text = """g (float[2] x, int64 n) => (float[2] y, float[R,2] all) {
        go = Constant<value = bool {1}>()
        y, all = Loop(n, go, x) <body = body (int64 i, bool c, float[2] s) => (bool d, float[2] t, float[2] u) {
            d = Identity(c) t = Mul(s, w) u = Add(t, x) }> }"""
    model = made(text, w=np.array([2, 3], np.float32))
    path = save(model, tmp_path / "loop.onnx")
    view = TorchView(model)
    assert compare(view, path, {"x": ones(2), "n": np.array(3)}) < 1e-6
    view(view.tensors({"x": ones(2), "n": np.array(3)}))["y"].sum().backward()
    assert view.weights["w"].grad.tolist() == [12.0, 27.0]  # type: ignore[union-attr]


def test_both_branches_of_an_if_may_use_the_same_names(tmp_path: Path) -> None:
    text = """g (float[2] x, bool c) => (float[2] y) {
        y = If(c) <then_branch = one () => (float[2] r) { h = Mul(x, w) r = Relu(h) },
                   else_branch = two () => (float[2] r) { h = Sub(x, w) r = Neg(h) }> }"""
    model = made(text, w=ones(2) * 3)
    path = save(model, tmp_path / "if.onnx")
    for condition in (True, False):
        assert compare(TorchView(model), path, {"x": ones(2), "c": np.array(condition)}) == 0


@pytest.mark.parametrize(
    ("found", "right", "expected"),
    [([1.0, 2.0], [1.0, 2.0], 0.0), ([1.0, 2.5], [1.0, 2.0], 0.25), ([0.5], [0.0], 0.5), ([np.nan], [np.nan], 0.0)],
)
def test_differences_are_relative_to_the_largest_value(found: list, right: list, expected: float) -> None:
    assert relative_difference(np.array(found), np.array(right)) == pytest.approx(expected)


def test_shapes_and_numbers_that_are_none_make_the_difference_infinite() -> None:
    assert relative_difference(ones(2), ones(3)) == np.inf
    assert relative_difference(np.array([1.0]), np.array([np.nan])) == np.inf
    assert relative_difference(np.array([np.nan]), np.array([1.0])) == np.inf


def test_computing_in_half_is_told_from_storing_in_half() -> None:
    stored = made(
        "g (float[N,2] x) => (float[N,2] y) { c = Cast<to=1>(w) y = Mul(x, c) }", w=ones(2).astype(np.float16)
    )
    computed = made("g (float[N,2] x) => (y) { h = Cast<to=10>(x) y = Mul(h, w) }", w=ones(2).astype(np.float16))
    assert not computes_in_half(stored)
    assert computes_in_half(computed)
    view = TorchView(computed)
    assert view({"x": torch.full((1, 2), 1 / 3)})["y"].tolist()[0][0] == np.float16(1 / 3)
