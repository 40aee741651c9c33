"""What is saved opens anywhere, small or large, and a bad result leaves no file behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import UserError
from compress_studio.graph import rewrite, saving
from compress_studio.graph.layers import weight_layers
from compress_studio.graph.samples import synthetic
from compress_studio.graph.session import open_session, run
from tests.toys import networks


def test_large_weights_go_to_a_second_file_and_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "EXTERNAL_ABOVE", 1000)
    model = networks.conv_net()
    feeds = synthetic(model, 2, 0)
    before = run(open_session(model), feeds)
    path = saving.save(model, tmp_path / "a" / "model.onnx")
    assert sorted(each.name for each in path.parent.iterdir()) == ["model.onnx", "model.onnx.data"]
    again = saving.load(path)
    np.testing.assert_array_equal(run(open_session(again), feeds)["y"], before["y"])
    rewrite.insert_after(again, again.graph.outputs[0], "Relu")
    second = saving.save(again, tmp_path / "b" / "model.onnx")
    np.testing.assert_array_equal(run(open_session(second), feeds)["y"], np.maximum(before["y"], 0))


def test_weights_from_a_second_file_are_brought_home_when_they_are_small(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    ir.save(networks.mlp(), tmp_path / "a" / "m.onnx", external_data="m.bin", size_threshold_bytes=0)
    path = saving.save(saving.load(tmp_path / "a" / "m.onnx"), tmp_path / "b" / "model.onnx")
    assert [each.name for each in path.parent.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("limit", [0, 10**9])
def test_an_invalid_result_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(saving, "EXTERNAL_ABOVE", limit)
    model = networks.mlp()
    next(iter(model.graph)).op_type = "NoSuchOperator"
    with pytest.raises(UserError, match="would not be valid"):
        saving.save(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_versions_stay_below_what_the_runtime_opens(tmp_path: Path) -> None:
    model = networks.mlp()
    model.ir_version = 14
    assert saving.load(saving.save(model, tmp_path / "model.onnx")).ir_version == saving.MAX_IR_VERSION


def test_stale_shapes_of_inner_tensors_are_not_saved(tmp_path: Path) -> None:
    model = networks.mlp()
    value = next(iter(model.graph)).outputs[0]
    value.shape, value.type = ir.Shape([7, 7]), ir.TensorType(ir.DataType.FLOAT)
    loaded = saving.load(saving.save(model, tmp_path / "model.onnx"))
    assert next(iter(loaded.graph)).outputs[0].shape is None


def test_weights_behind_arithmetic_on_constants_belong_to_their_layer() -> None:
    model = networks.mlp()
    weight = model.graph.initializers["fc2.weight"]
    scale = rewrite.add_initializer(model, "scale", np.full((1, 24), 2, np.float32))
    rewrite.insert_after(model, weight, "Mul", [scale])
    layer = weight_layers(model)[1]
    assert (layer.name, layer.key, layer.through, layer.plain) == ("fc2", "fc2.weight", ("Mul",), False)


def test_a_product_with_an_input_is_no_weight() -> None:
    model = networks.mlp()
    weight = model.graph.initializers["fc2.weight"]
    total = ir.node("ReduceMax", [model.graph.inputs[0]], attributes={"keepdims": 0})
    total.outputs[0].name = "total"
    model.graph.insert_before(model.graph[0], [total])
    rewrite.insert_after(model, weight, "Mul", [total.outputs[0]])
    assert [layer.name for layer in weight_layers(model)] == ["fc1", "fc3"]


@pytest.mark.parametrize("name", networks.ALL)
def test_every_layer_has_a_name_of_its_own_and_axes_that_fit(name: str) -> None:
    layers = weight_layers(networks.ALL[name]())
    assert len({layer.name for layer in layers}) == len(layers)
    for layer in layers:
        assert layer.plain is (layer.name != "tied#2")
        assert {layer.out_axis, layer.in_axis} <= set(range(layer.array.ndim))


@pytest.mark.parametrize("perm", [[1, 0], None])
def test_the_axes_of_a_transposed_weight_are_those_of_what_is_stored(perm: list[int] | None) -> None:
    model = networks.tied_net()
    turn = next(node for node in model.graph if node.op_type == "Transpose")
    if perm is None:
        turn.attributes.pop("perm")
    plain, turned = weight_layers(model)
    assert (plain.out_axis, plain.in_axis) == (1, 0)
    assert (turned.out_axis, turned.in_axis) == (0, 1)
