"""Large weights are written and opened without copies, and nothing about the network changes by that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from compress_studio.base.errors import UserError
from compress_studio.graph import streamed
from compress_studio.graph.saving import load, save
from compress_studio.graph.session import open_session, run
from tests.toys import networks

KINDS = ("float32", "float16", "float64", "int8", "uint8", "int64", "bool")


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "LARGE", 16)
    monkeypatch.setattr(streamed, "ABOVE", 16)
    monkeypatch.setattr(streamed, "PIECE", 7)


def without_order(path: Path) -> onnx.ModelProto:
    proto = onnx.load(path)
    rows = sorted(proto.graph.initializer, key=lambda one: one.name)
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(rows)
    del proto.graph.value_info[:]
    return proto


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("make", [networks.residual_net, networks.transformer, networks.lstm_net, networks.if_net])
def test_a_streamed_file_is_the_network_that_protobuf_would_write(make: object, tmp_path: Path) -> None:
    model: ir.Model = make()  # pyright: ignore[reportCallIssue, reportUnknownVariableType]
    onnx.save(ir.to_proto(model), tmp_path / "plain.onnx")
    assert streamed.large_initializers(model)
    save(model, tmp_path / "streamed.onnx")
    one, two = without_order(tmp_path / "plain.onnx"), without_order(tmp_path / "streamed.onnx")
    for proto in (one, two):
        for tensor in proto.graph.initializer:
            array = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    one.ir_version = two.ir_version
    assert one.graph.initializer == two.graph.initializer
    assert one.graph.node == two.graph.node
    assert one.graph.input == two.graph.input
    assert one.graph.output == two.graph.output
    assert one.opset_import == two.opset_import


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_every_kind_come_back_as_they_were(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    array = (rng.integers(0, 2, (9, 5)) if kind == "bool" else rng.normal(0, 50, (9, 5))).astype(kind)
    weight = ir.Value(name="w", const_value=ir.Tensor(array.T, name="other"), shape=ir.Shape((5, 9)))
    node = ir.node("Identity", [weight], name="pass")
    node.outputs[0].name = "y"
    node.outputs[0].dtype, node.outputs[0].shape = ir.Tensor(array).dtype, ir.Shape((5, 9))
    graph = ir.Graph([], list(node.outputs), nodes=[node], initializers=[weight], opset_imports={"": 17}, name="g")
    save(ir.Model(graph, ir_version=8), tmp_path / "m.onnx")
    assert [one.name for one in graph.initializers.values()] == ["w"]
    assert np.array_equal(onnx.numpy_helper.to_array(onnx.load(tmp_path / "m.onnx").graph.initializer[0]), array.T)
    assert np.array_equal(run(open_session(tmp_path / "m.onnx"), {})["y"], array.T)


@pytest.mark.usefixtures("small_is_large")
def test_weights_in_a_second_file_end_up_in_the_one_file(tmp_path: Path) -> None:
    model = networks.mlp()
    feeds = {"x": np.random.default_rng(0).normal(size=(3, int(model.graph.inputs[0].shape[1]))).astype("float32")}  # pyright: ignore[reportOptionalSubscript, reportArgumentType]
    feeds = {model.graph.inputs[0].name or "": feeds["x"]}
    expected = run(open_session(model), feeds)
    ir.save(model, tmp_path / "two.onnx", external_data="two.data", size_threshold_bytes=0)
    again = load(tmp_path / "two.onnx")
    save(again, tmp_path / "one.onnx")
    (tmp_path / "two.data").unlink()
    for name, got in run(open_session(tmp_path / "one.onnx"), feeds).items():
        assert np.array_equal(got, expected[name])


@pytest.mark.usefixtures("small_is_large")
def test_a_session_reads_given_weights_where_they_are_and_the_network_is_as_before(tmp_path: Path) -> None:
    model = networks.residual_net()
    save(model, tmp_path / "m.onnx")
    before = {name: value.const_value for name, value in model.graph.initializers.items()}
    shape = [2 if not isinstance(one, int) else one for one in model.graph.inputs[0].shape or ()]
    feeds = {model.graph.inputs[0].name or "": np.random.default_rng(0).normal(size=shape).astype("float32")}
    got = run(open_session(model, optimize=False), feeds)
    assert {name: value.const_value for name, value in model.graph.initializers.items()} == before
    for name, one in run(open_session(tmp_path / "m.onnx", optimize=False), feeds).items():
        assert np.allclose(one, got[name], rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("small_is_large")
def test_a_network_that_is_not_valid_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    model = networks.mlp()
    next(iter(model.graph)).op_type = "NoSuchOperator"
    with pytest.raises(UserError, match="would not be valid"):
        save(model, tmp_path / "bad.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("small_is_large")
def test_a_weight_that_is_listed_as_an_input_too_is_streamed(tmp_path: Path) -> None:
    model = networks.mlp()
    weight = streamed.large_initializers(model)[0]
    model.graph.inputs.append(weight)
    save(model, tmp_path / "net.onnx")
    assert weight.name in {value.name for value in load(tmp_path / "net.onnx").graph.initializers.values()}
