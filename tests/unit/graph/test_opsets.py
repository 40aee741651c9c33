"""Networks converted to other versions of the operators without their weights being read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.graph.canonical import raise_opset
from compress_studio.graph.opsets import SMALL, version_converted, weights_as_inputs
from compress_studio.graph.samples import synthetic
from compress_studio.graph.session import open_session, run
from tests.toys import networks


def wide() -> ir.Model:
    """A network with weights above the limit."""
    net = networks.Net(0)
    weight = net.weight("wide", 64, 64)
    net.op("MatMul", ["x", weight], "y")
    return net.model({"x": ["N", 64]}, {"y": ["N", 64]})


def test_large_weights_are_inputs_only_while_a_tool_looks_at_them() -> None:
    model = wide()
    before = [value.name for value in model.graph.inputs]
    assert all(one.const_value and one.const_value.size > SMALL for one in model.graph.initializers.values())
    with weights_as_inputs(model) as proto:
        assert len(proto.graph.input) == 2
        assert not proto.graph.initializer
    assert [value.name for value in model.graph.inputs] == before
    assert len(model.graph.initializers) == 1
    assert not next(iter(model.graph.initializers.values())).is_graph_input()


@pytest.mark.parametrize("wanted", [13, 15, 20, 24])
def test_a_converted_network_shares_its_weights_and_answers_the_same(wanted: int) -> None:
    model = wide()
    converted = version_converted(model, wanted)
    assert converted.opset_imports[""] == wanted
    held = next(iter(converted.graph.initializers.values())).const_value
    assert held is next(iter(model.graph.initializers.values())).const_value
    feed = synthetic(model, 3, 0)
    found, right = run(open_session(converted), feed)["y"], run(open_session(model), feed)["y"]
    assert np.array_equal(found, right)


def test_weights_in_a_second_file_stay_there_while_the_opset_is_raised(tmp_path: Path) -> None:
    ir.save(wide(), tmp_path / "net.onnx", external_data="net.onnx.data")
    model = ir.load(tmp_path / "net.onnx")
    assert raise_opset(model, 21)
    assert isinstance(next(iter(model.graph.initializers.values())).const_value, ir.ExternalTensor)
