"""Simplifying changes the graph and never what it computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.graph import canonical, rewrite
from compress_studio.graph.costs import cost
from compress_studio.graph.samples import synthetic
from compress_studio.graph.saving import load, save
from compress_studio.graph.session import open_session, run
from compress_studio.spec.ports import OnnxNet
from compress_studio.steps.graph_optimize import GraphOptimizeParams, graph_optimize
from tests.toys import networks
from tests.toys.context import ToyContext


def simplified(tmp_path: Path, model: ir.Model, **params: bool) -> tuple[ToyContext, ir.Model]:
    """Run the step and compare on other samples than it uses."""
    ctx = ToyContext(tmp_path)
    source = OnnxNet(save(model, tmp_path / "source.onnx"))
    result = load(graph_optimize(ctx, GraphOptimizeParams(**params), source).path)
    feeds = synthetic(model, 5, 11)
    difference = canonical.largest_difference(run(open_session(model), feeds), run(open_session(result), feeds))
    assert difference < 1e-5
    assert len(ctx.changes) == 1
    return ctx, result


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


@pytest.mark.parametrize("name", networks.ALL)
def test_every_toy_network_keeps_its_outputs(tmp_path: Path, name: str) -> None:
    model = networks.ALL[name]()
    before = model.graph.num_nodes()
    _, result = simplified(tmp_path, model)
    assert result.graph.num_nodes() <= before
    assert [value.name for value in result.graph.outputs] == ["y"]


def test_batch_norms_become_part_of_the_convolutions(tmp_path: Path) -> None:
    ctx, result = simplified(tmp_path, networks.residual_net())
    assert "BatchNormalization" not in operators(result)
    assert ctx.facts["batch_norms_folded"] == 6
    assert ctx.changes == [(6, 7)]
    assert "stem.conv.weight" in result.graph.initializers


def test_batch_norms_stay_when_that_is_asked(tmp_path: Path) -> None:
    ctx, result = simplified(tmp_path, networks.residual_net(), batch_norm=False)
    assert operators(result).count("BatchNormalization") == 6
    assert ctx.changes == [(0, 7)]


@pytest.mark.parametrize("kind", ["Gemm", "MatMul", "MatMul and Add", "ConvTranspose", "Conv without bias", "1-D Conv"])
def test_batch_norms_are_folded_into_every_kind_of_layer(tmp_path: Path, kind: str) -> None:
    net = networks.Net(1)
    shape: list[int | str] = ["N", 6]
    if kind == "Gemm":
        x = net.gemm("x", "layer", 8, 6)
    elif kind == "MatMul":
        net.weight("layer.weight", 6, 8)
        x = net.op("MatMul", ["x", "layer.weight"], "layer.out")
    elif kind == "MatMul and Add":
        x = net.linear("x", "layer", 8, 6)
    elif kind == "ConvTranspose":
        shape = ["N", 6, 5, 5]
        net.weight("layer.weight", 6, 4, 3, 3)
        x = net.op("ConvTranspose", ["x", "layer.weight"], "layer.out", group=2)
    elif kind == "Conv without bias":
        shape = ["N", 6, 5, 5]
        net.weight("layer.weight", 8, 3, 3, 3)
        x = net.op("Conv", ["x", "layer.weight"], "layer.out", group=2)
    else:
        shape = ["N", 6, 9]
        net.weight("layer.weight", 8, 6, 3)
        x = net.op("Conv", ["x", "layer.weight"], "layer.out")
    net.op("Relu", [net.norm(x, "bn", 8)], "y")
    out: list[int | str] = {2: ["N", 8], 3: ["N", 8, 7], 4: ["N", 8, "H", "W"]}[len(shape)]
    ctx, result = simplified(tmp_path, net.model({"x": shape}, {"y": out}))
    assert ctx.facts["batch_norms_folded"] == 1
    assert "BatchNormalization" not in operators(result)


def test_a_batch_norm_that_cannot_be_folded_stays_with_its_reason(tmp_path: Path) -> None:
    net = networks.Net()
    x = net.norm(net.relu(net.conv("x", "conv", 8, 3)), "late", 8)
    shared = net.conv(x, "both", 8, 8)
    net.op("Add", [net.norm(shared, "one", 8), shared], "y")
    ctx, result = simplified(tmp_path, net.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 8, 8, 8]}))
    assert dict(ctx.skipped) == {
        "late": "it follows Relu, not a layer with weights",
        "one": "the layer before it is also read elsewhere",
    }
    assert operators(result).count("BatchNormalization") == 2


def test_a_shared_weight_keeps_its_batch_norm(tmp_path: Path) -> None:
    net = networks.Net()
    net.weight("w", 3, 3, 1, 1)
    one = net.norm(net.op("Conv", ["x", "w"], "first"), "bn", 3)
    net.op("Conv", [one, "w"], "y")
    ctx, _ = simplified(tmp_path, net.model({"x": ["N", 3, 4, 4]}, {"y": ["N", 3, 4, 4]}))
    assert ctx.skipped == [("bn", "the weights of the layer before it are shared")]


def test_what_does_not_depend_on_the_input_is_computed_in_advance(tmp_path: Path) -> None:
    net = networks.Net()
    net.constant("two", [2.0])
    net.constant("three", [3.0])
    net.op("Mul", ["x", net.op("Sqrt", [net.op("Add", ["two", "three"], "five")], "root")], "y")
    ctx, result = simplified(tmp_path, net.model({"x": ["N", 3]}, {"y": ["N", 3]}))
    assert operators(result) == ["Mul"]
    assert ctx.facts["constants_folded"] == 2


def test_nothing_is_computed_in_advance_that_makes_the_file_bigger(tmp_path: Path) -> None:
    net = networks.Net()
    net.constant("value", [1.5])
    net.constant("shape", [100, 100], np.int64)
    net.op("Add", ["x", net.op("Expand", ["value", "shape"], "wide")], "y")
    ctx, result = simplified(tmp_path, net.model({"x": ["N", 100, 100]}, {"y": ["N", 100, 100]}))
    assert ctx.facts["constants_folded"] == 0
    assert operators(result) == ["Expand", "Add"]


def test_weights_that_are_stored_small_stay_small(tmp_path: Path) -> None:
    model = networks.mlp()
    weight = model.graph.initializers["fc2.weight"]
    assert weight.const_value is not None
    half = rewrite.add_initializer(model, "half", weight.const_value.numpy().astype(np.float16))
    cast = ir.node("Cast", [half], attributes={"to": 1})
    cast.outputs[0].name = "full"
    weight.replace_all_uses_with(cast.outputs[0])
    model.graph.insert_before(model.graph[0], [cast])
    rewrite.remove_unused(model)
    _, result = simplified(tmp_path, model)
    assert cost(result, None).bytes_by_type["FLOAT16"] == 2 * 32 * 24


def test_a_tie_is_not_cut(tmp_path: Path) -> None:
    _, result = simplified(tmp_path, networks.tied_net())
    assert cost(result, None).parameters == 24


def test_nodes_that_do_nothing_go_away(tmp_path: Path) -> None:
    net = networks.Net()
    net.constant("zero", 0.0)
    net.constant("one", 1.0)
    net.constant("pads", [0, 0, 0, 0], np.int64)
    x = net.op("Dropout", ["x"], "dropped")
    x = net.op("Mul", ["one", net.op("Add", [x, "zero"], "a")], "b")
    x = net.op("Cast", [net.op("Pad", [x, "pads"], "c")], "d", to=1)
    x = net.op("Div", [net.op("Transpose", [x], "e", perm=[0, 1]), "one"], "f")
    net.op("Relu", [net.op("Identity", [x], "g")], "y")
    _, result = simplified(tmp_path, net.model({"x": ["N", 3]}, {"y": ["N", 3]}))
    assert operators(result) == ["Relu"]


def test_a_sum_with_zero_that_widens_its_input_stays(tmp_path: Path) -> None:
    net = networks.Net()
    net.constant("zero", np.zeros((1, 1, 1)))
    net.op("Relu", [net.op("Add", ["x", "zero"], "wide")], "y")
    _, result = simplified(tmp_path, net.model({"x": ["N", 3]}, {"y": [1, "N", 3]}))
    assert operators(result) == ["Add", "Relu"]


def test_equal_weights_are_stored_once(tmp_path: Path) -> None:
    net = networks.Net()
    array = net.rng.standard_normal((6, 6))
    net.constant("one", array)
    net.constant("two", array)
    net.op("MatMul", [net.relu(net.op("MatMul", ["x", "one"], "a")), "two"], "y")
    model = net.model({"x": ["N", 6]}, {"y": ["N", 6]})
    ctx, result = simplified(tmp_path, model)
    assert ctx.facts["weights_shared"] == 1
    assert cost(result, None).parameters == 36
    assert cost(simplified(tmp_path, model, share=False)[1], None).parameters == 72


def test_every_model_of_the_collection_keeps_its_outputs(assets: Path, tmp_path: Path) -> None:
    from compress_studio.artifacts.formats import open_onnx

    for path in sorted(assets.glob("models/*/*.onnx")):
        model = open_onnx(path)
        canonical.canonicalize(model)
        simplified(tmp_path, model)
