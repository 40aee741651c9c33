"""Batch normalization put back behind convolutions and folded in again."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from compress_studio.graph.layers import set_array
from compress_studio.view.network import TorchView
from compress_studio.view.norms import BatchNorms, Channels, channel_statistics, find_places, teacher_channels

RNG = np.random.default_rng(0)


def network(*, channels: int = 6, seed: int = 0) -> ir.Model:
    """Two convolutions, a transposed one and a head, all with biases."""
    rng = np.random.default_rng(seed)
    text = """<ir_version: 8, opset_import: ["": 17]> g (float[N,3,8,8] x) => (float[N,4] y) {
        a = Conv<pads=[1,1,1,1]>(x, w1, b1) r = Relu(a)
        b = ConvTranspose<strides=[2,2]>(r, w2, b2) s = HardSwish(b)
        c = Conv(s, w3, b3) p = GlobalAveragePool(c) f = Flatten(p) y = Gemm(f, w4, b4) }"""
    proto = onnx.parser.parse_model(text)
    shapes = {
        "w1": (channels, 3, 3, 3), "b1": (channels,), "w2": (channels, 5, 2, 2), "b2": (5,),
        "w3": (7, 5, 3, 3), "b3": (7,), "w4": (7, 4), "b4": (4,),
    }  # fmt: skip
    for name, shape in shapes.items():
        array = rng.standard_normal(shape).astype(np.float32) * 0.5
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return ir.from_proto(proto)


def batches(count: int = 4) -> list[dict[str, np.ndarray]]:
    return [{"x": RNG.standard_normal((8, 3, 8, 8)).astype(np.float32) + 0.3} for _ in range(count)]


def inserted(model: ir.Model, view: TorchView) -> BatchNorms:
    places = find_places(model, view.weights)
    tensors = [place.tensor for place in places]
    return BatchNorms(view, places, channel_statistics(model, tensors, batches(), 1, lambda: None))


def output(view: TorchView, feed: dict[str, np.ndarray]) -> torch.Tensor:
    with torch.no_grad():
        return view(view.tensors(feed))["y"]


def test_convolutions_with_layers_behind_them_get_one() -> None:
    model = network()
    assert [place.tensor for place in find_places(model, TorchView(model).weights)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = Conv(x, w, b) n = BatchNormalization(a, b, b2, m, v) y = Conv(n, w, b)", "normalized, and shared"),
        ("a = Conv(x, w, b) r = Relu(a) n = BatchNormalization(r, s, b2, m, v) y = Conv(n, u, c)", "behind a Relu"),
        ("a = Conv(x, w) y = Conv(a, u, c)", "no bias"),
        ("y = Conv(x, w, b)", "an output"),
        ("a = Conv(x, w, b) y = GlobalAveragePool(a)", "the last layer"),
    ],
)
def test_others_get_none(text: str, why: str) -> None:
    head = '<ir_version: 8, opset_import: ["": 17]> g (float[N,3,8,8] x) => (y) { '
    proto = onnx.parser.parse_model(head + text + " }")
    for name in ("w", "u"):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), name))
    for name in ("b", "c", "b2", "s", "m", "v"):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(3, np.float32), name))
    model = ir.from_proto(proto)
    assert find_places(model, TorchView(model).weights) == [], why


def test_putting_it_in_changes_nothing() -> None:
    model = network()
    view = TorchView(model)
    feed = batches(1)[0]
    before = output(view, feed)
    inserted(model, view)
    assert torch.allclose(output(view, feed), before, atol=1e-5)


def test_folding_in_changes_nothing_even_after_training() -> None:
    model = network()
    view = TorchView(model)
    norms = inserted(model, view)
    optimizer = torch.optim.Adam([*view.parameters(), *norms.parameters()], lr=0.02)
    view.train()
    for feed in batches(6):
        optimizer.zero_grad()
        view(view.tensors(feed))["y"].square().sum().backward()
        optimizer.step()
    view.eval()
    feed = batches(1)[0]
    trained = output(view, feed)
    norms.fold()
    assert not view.hooks["a"]
    folded = output(view, feed)
    assert float((folded - trained).abs().max() / trained.abs().max()) <= 5e-6
    assert view.write_back(model) == 8
    fresh = output(TorchView(model), feed)
    assert torch.allclose(fresh, folded, atol=1e-6)


def test_taking_it_out_gives_the_network_back() -> None:
    model = network()
    view = TorchView(model)
    feed = batches(1)[0]
    before = output(view, feed)
    norms = inserted(model, view)
    norms.align({"a": Channels(np.zeros(6), np.ones(6))})
    assert not torch.allclose(output(view, feed), before, atol=1e-3)
    norms.remove()
    assert torch.equal(output(view, feed), before)


def test_a_pruned_network_gets_the_statistics_of_its_teacher() -> None:
    teacher, student = network(), network()
    kept = [0, 2, 3, 5]
    for name, axis in (("w1", 0), ("b1", 0), ("w2", 0)):
        value = student.graph.initializers[name]
        assert value.const_value is not None
        set_array(value, np.take(value.const_value.numpy(), kept, axis))
    view = TorchView(student)
    places = find_places(student, view.weights)
    tensors = [place.tensor for place in places]
    feeds = batches()
    theirs = channel_statistics(teacher, tensors, feeds, 1, lambda: None)
    found = teacher_channels(places, student, teacher, theirs)
    assert np.array_equal(found["a"].mean, theirs["a"].mean[kept])
    norms = BatchNorms(view, places, channel_statistics(student, tensors, feeds, 1, lambda: None))
    assert norms.align(found) == 3
    norms.measure(feeds, lambda: None)
    with torch.no_grad():
        b = torch.cat([view(view.tensors(feed), ["s"])["s"] for feed in feeds])
        goal = torch.cat([TorchView(teacher)({"x": torch.from_numpy(feed["x"])}, ["s"])["s"] for feed in feeds])
    assert torch.allclose(b.mean((0, 2, 3)), goal.mean((0, 2, 3)), atol=0.2)


def test_channels_that_cannot_be_told_apart_are_left_alone() -> None:
    teacher, student = network(), network()
    for model, size in ((teacher, 6), (student, 4)):
        set_array(model.graph.initializers["b1"], np.zeros(size, np.float32))
    places = find_places(student, {"w1", "b1"})
    theirs = {"a": Channels(np.zeros(6), np.ones(6))}
    assert teacher_channels(places, student, teacher, theirs) == {}
