"""The step quantize.static."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import BadInput, Cancelled, Refused
from compress_studio.graph.layers import set_array, weight_layers
from compress_studio.spec.data import Part
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import spec_of
from compress_studio.steps.quantize_static import quantize_static
from tests.toys import networks
from tests.toys.context import ToyContext, ToyData
from tests.toys.networks import Net
from tests.unit.steps.quantizing import Ran, fused
from tests.unit.steps.test_quantize_weights import wide_net


@pytest.mark.parametrize("ranges", ["minmax", "percentile", "entropy", "mse"])
def test_the_file_shrinks_and_the_answers_stay(tmp_path: Path, ranges: str) -> None:
    ran = Ran(quantize_static, wide_net(), tmp_path, ranges=ranges)
    assert ran.changed == (5, 5)
    assert ran.ratio > 3.4
    assert ran.cosine() > 0.99
    assert ran.data.asked
    assert set(ran.data.asked) == {Part.CALIBRATE}


def test_convolutions_sums_and_products_become_integer_kernels(tmp_path: Path) -> None:
    found = fused(Ran(quantize_static, networks.residual_net(), tmp_path).path, tmp_path)
    assert found["QLinearConv"] == 6
    assert found["QLinearAdd"] == 2
    assert found["QLinearGlobalAveragePool"] == 1
    assert found["QGemm"] == 1
    assert found["Conv"] == found["BatchNormalization"] == found["Gemm"] == 0


def test_dense_layers_become_integer_kernels(tmp_path: Path) -> None:
    found = fused(Ran(quantize_static, networks.mlp(), tmp_path).path, tmp_path)
    assert found["QGemm"] == 3
    assert found["Gemm"] == found["MatMul"] == found["FusedGemm"] == 0


def test_attention_keeps_its_sums_and_norms_in_float(tmp_path: Path) -> None:
    found = fused(Ran(quantize_static, networks.transformer(), tmp_path).path, tmp_path)
    assert found["MatMulIntegerToFloat"] == 6
    assert found["QGemm"] == 1
    assert found["QLinearAdd"] == 0


@pytest.mark.parametrize("name", list(networks.ALL))
def test_every_kind_of_network_still_answers(tmp_path: Path, name: str) -> None:
    if name == "tied":
        with pytest.raises(Refused, match="shared"):
            Ran(quantize_static, networks.ALL[name](), tmp_path)
        return
    ran = Ran(quantize_static, networks.ALL[name](), tmp_path)
    assert ran.cosine() > 0.99
    assert ran.changed[0] + len(ran.ctx.skipped) == ran.changed[1]


@pytest.mark.parametrize("make", [networks.conv_net, networks.residual_net, networks.mlp, networks.tied_net])
def test_old_operators_are_raised(tmp_path: Path, make: object) -> None:
    model = make(opset=11)  # type: ignore[operator]
    if make is networks.tied_net:
        with pytest.raises(Refused):
            Ran(quantize_static, model, tmp_path)
    else:
        assert Ran(quantize_static, model, tmp_path).cosine() > 0.99


def test_names_of_inputs_and_outputs_stay(tmp_path: Path) -> None:
    net = Net()
    net.conv("x", "conv1", 8, 3)
    net.op("Relu", ["conv1.out"], "y")
    ran = Ran(quantize_static, net.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 8, 8, 8]}), tmp_path)
    assert [value.name for value in ran.model.graph.outputs] == ["y"]
    assert ran.cosine() > 0.999


def test_recurrent_layers_are_sent_to_the_dynamic_step(tmp_path: Path) -> None:
    ran = Ran(quantize_static, networks.lstm_net(), tmp_path)
    assert "use quantize.dynamic" in ran.reason(
        "lstm.W.input" if "lstm.W.input" in dict(ran.ctx.skipped) else "lstm.input"
    )
    assert ran.changed[0] == 1


def test_a_network_of_lstms_only_is_refused(tmp_path: Path) -> None:
    net = Net()
    net.constant("W", net.rng.standard_normal((1, 32, 6)))
    net.constant("R", net.rng.standard_normal((1, 32, 8)))
    net.op("LSTM", ["x", "W", "R"], "y", hidden_size=8)
    model = net.model({"x": [5, "N", 6]}, {"y": [5, 1, "N", 8]})
    with pytest.raises(Refused, match=r"no static int8 kernel for LSTM: use quantize\.dynamic"):
        Ran(quantize_static, model, tmp_path, ToyData({"x": np.zeros((5, 3, 6), np.float32)}))


def test_a_quantized_network_is_refused(tmp_path: Path) -> None:
    ran = Ran(quantize_static, networks.conv_net(), tmp_path)
    with pytest.raises(Refused, match="already quantized"):
        Ran(quantize_static, ran.model, tmp_path)


def test_weights_that_are_not_numbers_are_refused_by_name(tmp_path: Path) -> None:
    model = networks.conv_net()
    set_array(model.graph.initializers["fc1.weight"], np.full((32, 64), np.inf, np.float32))
    with pytest.raises(Refused, match="fc1"):
        Ran(quantize_static, model, tmp_path)


def test_all_zero_weights_are_no_problem(tmp_path: Path) -> None:
    model = networks.conv_net()
    set_array(model.graph.initializers["conv2.weight"], np.zeros((16, 8, 3, 3), np.float32))
    answers = Ran(quantize_static, model, tmp_path).answers()[1]
    assert np.isfinite(answers["y"]).all()


def test_a_weight_used_twice_is_stored_once(tmp_path: Path) -> None:
    net = Net()
    x = net.relu(net.conv("x", "conv1", 8, 8))
    x = net.op("Conv", [x, "conv1.weight", "conv1.bias"], "again", pads=[1] * 4)
    net.op("GlobalAveragePool", [x], "y")
    ran = Ran(quantize_static, net.model({"x": ["N", 8, 8, 8]}, {"y": ["N", 8, 1, 1]}), tmp_path)
    assert ran.changed == (2, 2)
    assert fused(ran.path, tmp_path)["QLinearConv"] == 2
    assert ran.cosine() > 0.99


def test_a_layer_to_keep_stays_in_float(tmp_path: Path) -> None:
    ran = Ran(quantize_static, networks.conv_net(), tmp_path, keep=["conv2"])
    assert ran.reason("conv2") == "kept in float as asked"
    assert {layer.name for layer in weight_layers(ran.model) if layer.plain} == {"conv2"}


def test_an_unknown_layer_to_keep_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        Ran(quantize_static, networks.conv_net(), tmp_path, keep=["nowhere"])


def test_seven_bit_weights_stay_within_seven_bits(tmp_path: Path) -> None:
    ran = Ran(quantize_static, wide_net(), tmp_path, reduce_range=True)
    assert max(int(np.abs(layer.array.astype(int)).max()) for layer in weight_layers(ran.model)) == 63
    assert ran.ctx.facts["weight_bits"] == 7


def test_synthetic_data_are_warned_about(tmp_path: Path) -> None:
    data = ToyData.for_model(networks.conv_net())
    data.synthetic = True
    assert "synthetic_data" in Ran(quantize_static, networks.conv_net(), tmp_path, data).ctx.codes


def weak_net() -> ir.Model:
    """One layer whose large and small inputs matter alike: 8 bits cannot hold both."""
    net = Net()
    x = net.relu(net.gemm("x", "fc1", 32, 16))
    net.constant("spread", np.logspace(0, 5, 32))
    net.constant("narrow", 1 / np.logspace(0, 5, 32))
    scaled = net.op("Mul", [x, "spread"], "scaled")
    weight = net.constant("weak.weight", np.diag(1 / np.logspace(0, 5, 32)) + 0)
    x = net.relu(net.op("MatMul", [scaled, weight], "weak.out"))
    x = net.relu(net.gemm(x, "fc2", 32, 32))
    net.gemm(x, "fc3", 6, 32, "y")
    return net.model({"x": ["N", 16]}, {"y": ["N", 6]})


def test_the_weak_layer_is_spared(tmp_path: Path) -> None:
    without = Ran(quantize_static, weak_net(), tmp_path, keep_auto=False)
    assert "low_fidelity" in without.ctx.codes
    spared = Ran(quantize_static, weak_net(), tmp_path)
    assert "spared" in spared.reason("weak")
    assert spared.changed == (3, 4)
    assert spared.cosine() > max(0.98, without.cosine())
    assert "low_fidelity" not in spared.ctx.codes


def test_a_cancel_stops_the_calibration(tmp_path: Path) -> None:
    model = networks.conv_net()
    ir.save(model, tmp_path / "source.onnx")
    ctx = ToyContext(tmp_path, ToyData.for_model(model))
    ctx.cancel()
    spec = spec_of(quantize_static)
    with pytest.raises(Cancelled):
        spec.run(ctx, spec.params(), OnnxNet(tmp_path / "source.onnx"))
