"""Layers of a result beside those of its source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.graph.layers import set_array, weight_layers
from compress_studio.inspection.layers import layer_rows
from compress_studio.inspection.weights import histograms
from tests.toys import networks


def saved(model: ir.Model, path: Path) -> str:
    ir.save(model, path)
    return str(path)


def quantized(path: Path, *, per_channel: bool = False) -> str:
    """The convolutional toy with its first weight as 8-bit integers."""
    model = networks.conv_net()
    layer = weight_layers(model)[0]
    array = layer.array
    scale = np.abs(array).max(axis=(1, 2, 3) if per_channel else None) / 127
    spread = scale.reshape(-1, 1, 1, 1) if per_channel else scale
    set_array(layer.weight, np.round(array / spread).astype(np.int8))
    stored = ir.Value(name="scale", const_value=ir.tensor(scale.astype(np.float32), name="scale"))
    stored.shape, stored.type = ir.Shape(scale.shape), ir.TensorType(ir.DataType.FLOAT)
    model.graph.register_initializer(stored)
    node = ir.node("DequantizeLinear", [layer.weight, stored], attributes={"axis": 0}, name="dq")
    model.graph.insert_before(layer.node, [node])
    layer.node.replace_input_with(1, node.outputs[0])
    return saved(model, path)


def test_a_network_beside_itself_has_only_layers_that_are_the_same(tmp_path: Path) -> None:
    path = saved(networks.residual_net(), tmp_path / "a.onnx")

    rows = layer_rows(path, path)

    assert rows
    assert {row["state"] for row in rows} == {"same"}
    assert all(row["bytes_before"] == row["bytes_after"] > 0 for row in rows)
    assert all(row["bits_after"] == 32 for row in rows)


def test_a_layer_with_other_numbers_in_the_same_shape_has_changed(tmp_path: Path) -> None:
    before = saved(networks.conv_net(), tmp_path / "a.onnx")
    model = networks.conv_net()
    layer = weight_layers(model)[0]
    array = layer.array.copy()
    array.ravel()[: array.size // 2] = 0
    set_array(layer.weight, array)

    rows = {row["name"]: row for row in layer_rows(saved(model, tmp_path / "b.onnx"), before)}

    assert rows[layer.name]["state"] == "changed"
    assert rows[layer.name]["sparsity_after"] == pytest.approx(0.5, abs=0.01)
    assert sum(row["state"] == "changed" for row in rows.values()) == 1


@pytest.mark.parametrize("per_channel", [False, True])
def test_integers_behind_a_dequantization_count_as_what_they_stand_for(tmp_path: Path, per_channel: bool) -> None:
    before = saved(networks.conv_net(), tmp_path / "a.onnx")
    after = quantized(tmp_path / "b.onnx", per_channel=per_channel)

    row = next(row for row in layer_rows(after, before) if row["state"] == "changed")
    found = histograms(after, before, row["name"], 32)

    assert (row["bits_before"], row["bits_after"]) == (32, 8)
    assert row["bytes_after"] < row["bytes_before"]
    assert sum(found["before"]) == sum(found["after"]) == found["after_stats"]["count"]
    assert found["after_stats"]["std"] == pytest.approx(found["before_stats"]["std"], rel=0.02)


def test_a_layer_that_was_split_keeps_its_row_with_the_names_of_its_parts(tmp_path: Path) -> None:
    before = saved(networks.mlp(), tmp_path / "a.onnx")
    model = networks.mlp()
    layer = weight_layers(model)[0]
    name, node = layer.name, layer.node
    first = ir.Value(name=f"{name}.a.weight", const_value=ir.tensor(np.ones((layer.array.shape[1], 2), np.float32)))
    first.shape, first.type = ir.Shape((layer.array.shape[1], 2)), ir.TensorType(ir.DataType.FLOAT)
    second = ir.Value(name=f"{name}.b.weight", const_value=ir.tensor(np.ones((layer.array.shape[0], 2), np.float32)))
    second.shape, second.type = ir.Shape((layer.array.shape[0], 2)), ir.TensorType(ir.DataType.FLOAT)
    model.graph.register_initializer(first)
    model.graph.register_initializer(second)
    thin = ir.node("MatMul", [node.inputs[0], first], name=f"{name}.a")
    thin.outputs[0].name = "thin"
    model.graph.insert_before(node, [thin])
    node.replace_input_with(0, thin.outputs[0])
    node.replace_input_with(1, second)

    rows = layer_rows(saved(model, tmp_path / "b.onnx"), before)

    row = next(row for row in rows if row["name"] == name)
    assert row["state"] == "changed"
    assert row["parts"] == [f"{name}.a", f"{name}.b"]
    assert not [row for row in rows if row["state"] in {"gone", "new"}]
    assert sum(histograms(str(tmp_path / "b.onnx"), before, f"{name}.a", 8)["after"]) == first.const_value.size  # type: ignore[union-attr]


def test_a_layer_that_is_gone_stands_where_it_was(tmp_path: Path) -> None:
    before = saved(networks.mlp(), tmp_path / "a.onnx")
    names = [row["name"] for row in layer_rows(before, before)]
    model = networks.mlp()
    middle = weight_layers(model)[1]
    bias = middle.node.outputs[0].uses()[0].node
    bias.outputs[0].replace_all_uses_with(middle.node.inputs[0])
    for node in (bias, middle.node):
        model.graph.remove(node, safe=True)
    for name in ("fc2.weight", "fc2.bias"):
        del model.graph.initializers[name]

    rows = layer_rows(saved(model, tmp_path / "b.onnx"), before)

    assert [row["name"] for row in rows] == names
    gone = [row for row in rows if row["state"] == "gone"]
    assert [row["name"] for row in gone] == [middle.name]
    assert gone[0]["bytes_after"] is None
    assert gone[0]["bytes_before"] > 0
    others = {row["state"] for row in rows if row["name"] != middle.name}
    assert others == {"same"}, "what cannot be measured in a network whose shapes do not fit is no change"


def test_weights_that_are_no_numbers_are_counted_apart(tmp_path: Path) -> None:
    model = networks.conv_net()
    layer = weight_layers(model)[0]
    array = layer.array.copy()
    array.ravel()[:3] = [np.nan, np.inf, -np.inf]
    set_array(layer.weight, array)
    path = saved(model, tmp_path / "a.onnx")

    found = histograms(path, path, layer.name, 16)

    assert found["after_stats"]["not_a_number"] == 3
    assert sum(found["after"]) == array.size - 3


def test_a_layer_of_zeros_only_has_a_histogram(tmp_path: Path) -> None:
    model = networks.conv_net()
    layer = weight_layers(model)[0]
    set_array(layer.weight, np.zeros_like(layer.array))
    path = saved(model, tmp_path / "a.onnx")

    found = histograms(path, path, layer.name, 16)

    assert found["edges"][0] < 0 < found["edges"][-1]
    assert found["after_stats"]["zeros"] == layer.array.size


def test_a_layer_that_nobody_has_is_refused_with_its_name(tmp_path: Path) -> None:
    path = saved(networks.conv_net(), tmp_path / "a.onnx")

    with pytest.raises(BadInput, match="no layer nowhere"):
        histograms(path, path, "nowhere")


def test_recurrent_and_tied_layers_are_listed(tmp_path: Path) -> None:
    lstm = saved(networks.lstm_net(), tmp_path / "a.onnx")
    tied = saved(networks.tied_net(), tmp_path / "b.onnx")

    assert any(row["op"] == "LSTM" and row["parameters_after"] > 0 for row in layer_rows(lstm, lstm))
    assert layer_rows(tied, tied)
