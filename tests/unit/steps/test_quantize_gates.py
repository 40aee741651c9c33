"""Static quantization of gates: Sigmoid, HardSigmoid, HardSwish, Swish and what they multiply."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.steps.kernels import conv_bias, qdq_gates
from compress_studio.steps.quantize_static import quantize_static
from tests.toys import networks
from tests.toys.context import ToyData
from tests.toys.networks import Net
from tests.unit.steps.quantizing import Ran, fused


def swish_net() -> ir.Model:
    """Three convolutions with x · sigmoid(x), one with LeakyRelu."""
    net, x = Net(), "x"
    for number, into in enumerate((3, 16, 16)):
        x = net.conv(x, f"conv{number}", 16, into)
        x = net.op("Mul", [x, net.op("Sigmoid", [x], f"gate{number}")], f"swish{number}")
    x = net.op("LeakyRelu", [net.conv(x, "conv3", 16, 16)], "leaky", alpha=0.1)
    net.op("GlobalAveragePool", [net.conv(x, "conv4", 4, 16)], "y")
    return net.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 4, 1, 1]})


def test_a_network_with_swish_computes_in_integers_throughout(tmp_path: Path) -> None:
    ran = Ran(quantize_static, swish_net(), tmp_path)
    found = fused(ran.path, tmp_path)
    assert (found["QLinearConv"], found["QLinearSigmoid"], found["QLinearMul"]) == (5, 3, 3)
    assert found["QLinearLeakyRelu"] == 1
    assert found["QuantizeLinear"] == 1
    assert ran.cosine() > 0.999


def test_hard_swish_and_squeeze_and_excite_compute_in_integers(tmp_path: Path) -> None:
    ran = Ran(quantize_static, networks.depthwise_net(), tmp_path)
    found = fused(ran.path, tmp_path)
    assert found["QLinearAdd"] >= 2
    assert found["QLinearMul"] >= 2
    assert found["Conv"] == 0
    assert ran.cosine() > 0.99


def test_hard_swish_is_as_exact_as_eight_bits_allow(tmp_path: Path) -> None:
    net = Net()
    x = net.op("HardSwish", [net.conv("x", "conv1", 8, 3, 1)], "act")
    net.conv(x, "conv2", 8, 8, 1)
    model = net.model({"x": ["N", 3, 4, 4]}, {"conv2.out": ["N", 8, 4, 4]})
    data = ToyData({"x": np.random.default_rng(0).standard_normal((200, 3, 4, 4)).astype(np.float32) * 3})
    ran = Ran(quantize_static, model, tmp_path, data)
    before, after = ran.answers()
    want, got = before["conv2.out"], after["conv2.out"]
    assert np.sqrt(np.mean((want - got) ** 2)) < 0.7 * np.ptp(want) / 255


@given(
    low=st.floats(-50, 0),
    high=st.floats(0.01, 50),
    alpha=st.sampled_from([1 / 6, 0.2, 0.5, 1.0]),
    beta=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_the_integers_of_the_input_tell_the_gate(low: float, high: float, alpha: float, beta: float) -> None:
    node = ir.node("HardSigmoid", [ir.Value(name="x")], attributes={"alpha": alpha, "beta": beta})
    quantizer = qdq_gates.fitted(low, high, node)
    line = qdq_gates.shifted(quantizer, node)
    integers = np.arange(256)
    restored = (integers - quantizer.zero) * quantizer.scale
    gate = np.clip((integers - line.zero) * line.scale, 0, 1)
    assert np.allclose(gate, np.clip(alpha * restored + beta, 0, 1), atol=1e-5)
    assert restored[0] <= low + quantizer.scale
    assert restored[-1] >= high - quantizer.scale


@pytest.mark.parametrize("shape", [(8, 1, 1), (1, 8, 1, 1)])
def test_an_added_number_per_channel_becomes_the_bias(tmp_path: Path, shape: tuple[int, ...]) -> None:
    net = Net()
    net.weight("w", 8, 3, 3, 3)
    net.constant("b", np.arange(8, dtype=np.float32).reshape(shape))
    x = net.op("Relu", [net.op("Add", ["b", net.op("Conv", ["x", "w"], "conv.out")], "sum")], "act")
    net.conv(x, "conv2", 4, 8)
    ran = Ran(quantize_static, net.model({"x": ["N", 3, 8, 8]}, {"conv2.out": ["N", 4, 6, 6]}), tmp_path)
    found = fused(ran.path, tmp_path)
    assert (found["QLinearConv"], found["Add"]) == (2, 0)
    assert ran.cosine() > 0.999


def test_an_added_map_stays_an_addition(tmp_path: Path) -> None:
    net = Net()
    net.weight("w", 8, 3, 3, 3)
    net.constant("b", np.ones((8, 6, 6)))
    net.op("Add", [net.op("Conv", ["x", "w"], "conv.out"), "b"], "y")
    model = net.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 8, 6, 6]})
    assert conv_bias.fold_biases(model) == 0


def test_expanded_gates_keep_the_names_of_outputs() -> None:
    net = Net()
    net.op("HardSwish", ["x"], "y")
    model = net.model({"x": ["N", 3]}, {"y": ["N", 3]})
    assert qdq_gates.expand(model) == 1
    proto = ir.to_proto(model)
    onnx.checker.check_model(proto)
    assert [one.name for one in proto.graph.output] == ["y"]
