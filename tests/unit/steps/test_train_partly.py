"""Training of networks of which only a part can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import Refused
from compress_studio.graph.layers import set_array, weight_layers
from compress_studio.graph.saving import load
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.runtime import load_runtime
from compress_studio.steps.prune_weights import Criterion, PruneWeightsParams, prune_weights
from compress_studio.steps.train_distil import DistilParams, train_distil
from compress_studio.steps.train_finetune import FinetuneParams, train_finetune
from tests.toys.context import ToyContext, ToyData
from tests.toys.networks import Net
from tests.unit.steps.test_train import disturbed, labelled, stored

MICROSOFT = "com.microsoft"


def distances(*, last: bool = False) -> ir.Model:
    """x [N, 6] → y [N, 4]: a dense layer, distances to stored points, and a dense layer behind, or none."""
    net = Net()
    x = net.relu(net.gemm("x", "first", 8, 6))
    points = net.weight("points", 4 if last else 10, 8)
    x = net.op("CDist", [x, points], "y" if last else "distances", MICROSOFT, metric="euclidean")
    if not last:
        net.gemm(x, "second", 4, 10, "y")
    return net.model({"x": ["N", 6]}, {"y": ["N", 4]})


def test_layers_behind_the_operator_learn_and_those_before_it_are_named(tmp_path: Path) -> None:
    model = distances()
    teacher = stored(model, tmp_path, "teacher.onnx")
    ctx = ToyContext(tmp_path, ToyData.for_model(model, 240))
    damaged = stored(disturbed(distances()), tmp_path)
    result = train_distil(ctx, DistilParams(epochs=3, batch=16), damaged, teacher)
    before, after = load(damaged.path).graph.initializers, load(result.path).graph.initializers
    same = {name: np.array_equal(_array(before[name]), _array(after[name])) for name in before}
    assert same == {name: not name.startswith("second") for name in before}
    assert [layer for layer, _ in ctx.skipped] == ["first"]
    assert "CDist (distances)" in ctx.skipped[0][1]
    assert "not_trainable" in ctx.codes
    assert ctx.facts["operators_without_gradient"] == ["CDist"]
    assert ctx.facts["score_after"] < ctx.facts["score_before"]


def _array(value: ir.Value) -> np.ndarray:
    assert value.const_value is not None
    return value.const_value.numpy()


def test_finetuning_works_on_such_networks_too(tmp_path: Path) -> None:
    ctx = ToyContext(tmp_path, labelled(distances(), tmp_path))
    train_finetune(ctx, FinetuneParams(epochs=3, batch=16), stored(disturbed(distances()), tmp_path))
    assert [layer for layer, _ in ctx.skipped] == ["first"]


def test_a_network_in_which_nothing_can_learn_is_refused_with_the_reason(tmp_path: Path) -> None:
    model = distances(last=True)
    ctx = ToyContext(tmp_path, ToyData.for_model(model, 60))
    net = stored(model, tmp_path)
    with pytest.raises(Refused, match=r"No layer of this network can be trained.*CDist \(y\)"):
        train_distil(ctx, DistilParams(epochs=1), net, net)


def test_weights_without_a_gradient_are_not_pruned_by_gradients(tmp_path: Path) -> None:
    model = distances()
    ctx = ToyContext(tmp_path, ToyData.for_model(model, 60))
    params = PruneWeightsParams(criterion=Criterion.TAYLOR, sparsity=0.5)
    result = prune_weights(ctx, params, stored(model, tmp_path))
    after = load(result.path).graph.initializers
    assert np.count_nonzero(_array(after["first.weight"])) == _array(after["first.weight"]).size
    assert np.count_nonzero(_array(after["second.weight"])) < _array(after["second.weight"]).size
    assert ("first", "no gradient reaches it") in ctx.skipped


@pytest.mark.parametrize("form", ["quantize.dynamic", "quantize.static", "quantize.weights"])
def test_the_layers_left_in_float_are_trained_beside_integers(tmp_path: Path, form: str) -> None:
    net = Net()
    x = net.relu(net.gemm("x", "first", 16, 8))
    net.gemm(net.relu(net.gemm(x, "second", 16, 16)), "third", 4, 16, "y")
    model = net.model({"x": ["N", 8]}, {"y": ["N", 4]})
    teacher = stored(model, tmp_path, "teacher.onnx")
    layer = next(one for one in weight_layers(model) if one.name == "third")
    noise = np.random.default_rng(0).standard_normal(layer.array.shape).astype(np.float32)
    set_array(layer.weight, layer.array + 0.3 * noise)
    data = ToyData.for_model(model, 240)
    spec = load_runtime().steps.get(form)
    params = spec.params.read({"keep": ["third"]})
    mixed = spec.run(ToyContext(tmp_path, data), params, stored(model, tmp_path))
    ctx = ToyContext(tmp_path, data)
    result = train_distil(ctx, DistilParams(epochs=2, batch=16), OnnxNet(mixed.path), teacher)
    assert ctx.changes[0][0] == 1
    before, after = load(mixed.path).graph.initializers, load(result.path).graph.initializers
    changed = {name for name in before if not np.array_equal(_array(before[name]), _array(after[name]))}
    assert "third.weight" in changed
    assert not any(_array(before[name]).dtype.kind in "iu" for name in changed)


def detector() -> ir.Model:
    """x [1, 3, 8, 8] → the chosen boxes: convolutions, boxes and scores, and NonMaxSuppression."""
    net = Net()
    x = net.relu(net.conv("x", "stem", 8, 3))
    for name, width in (("boxes", 4), ("scores", 2)):
        y = net.conv(x, name, width, 8, 1)
        target = net.constant(f"{name}.shape", [1, width, 64], np.int64)
        net.op("Reshape", [y, target], f"{name}.rows")
    net.op("Transpose", ["boxes.rows"], "corners", perm=[0, 2, 1])
    scores = net.op("Sigmoid", ["scores.rows"], "chances")
    limits = [net.constant("most", 9, np.int64), net.constant("overlap", 0.5), net.constant("least", 0.3)]
    net.op("NonMaxSuppression", ["corners", scores, *limits], "chosen")
    columns = net.constant("columns", [0, 2], np.int64)
    places = net.op("Gather", ["chosen", columns], "places", axis=1)
    net.op("GatherND", ["corners", places], "y")
    return net.model({"x": [1, 3, 8, 8]}, {"y": ["M", 4]})


def test_detectors_learn_from_what_their_results_are_chosen_from(tmp_path: Path) -> None:
    teacher = stored(detector(), tmp_path, "teacher.onnx")
    data = ToyData(ToyData.for_model(detector(), 60).inputs)
    data.inputs = {"x": np.random.default_rng(0).standard_normal((60, 3, 8, 8)).astype(np.float32)}
    data.fixed_batch = 1
    ctx = ToyContext(tmp_path, data)
    train_distil(ctx, DistilParams(epochs=2, learning_rate=1e-2), stored(disturbed(detector()), tmp_path), teacher)
    assert ctx.facts["score_after"] < 0.7 * ctx.facts["score_before"]
    assert ctx.changes[0] == (3, 3)


def test_a_layer_before_an_integer_recurrent_one_learns(tmp_path: Path) -> None:
    net = Net()
    x = net.linear("x", "first", 16, 6)
    turned = net.op("Transpose", [x], "turned", perm=[1, 0, 2])
    parts = [net.weight("w", 1, 64, 16), net.weight("r", 1, 64, 16), net.constant("b", np.zeros((1, 128)))]
    net.op("LSTM", [turned, *parts], "states", hidden_size=16)
    net.op("ReduceMean", ["states"], "y", axes=[0, 1], keepdims=0)
    model = net.model({"x": ["N", 5, 6]}, {"y": ["N", 16]})
    teacher = stored(model, tmp_path, "teacher.onnx")
    layer = next(one for one in weight_layers(model) if one.name == "first")
    set_array(layer.weight, layer.array + 0.2 * np.random.default_rng(0).standard_normal((6, 16)).astype(np.float32))
    data = ToyData.for_model(model, 240)
    spec = load_runtime().steps.get("quantize.dynamic")
    mixed = spec.run(ToyContext(tmp_path, data), spec.params.read({"keep": ["first"]}), stored(model, tmp_path))
    assert any(node.op_type == "DynamicQuantizeLSTM" for node in load(mixed.path).graph)
    ctx = ToyContext(tmp_path, data)
    train_distil(ctx, DistilParams(epochs=4, batch=16, learning_rate=3e-3), OnnxNet(mixed.path), teacher)
    assert ctx.facts["score_after"] < 0.85 * ctx.facts["score_before"]
    assert not ctx.skipped
