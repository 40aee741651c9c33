"""The step quantize.dynamic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compress_studio.base.errors import Refused
from compress_studio.graph.layers import set_array, weight_layers
from compress_studio.steps.graph_fp16 import graph_fp16
from compress_studio.steps.quantize_dynamic import quantize_dynamic
from tests.toys import networks
from tests.toys.networks import Net
from tests.unit.steps.quantizing import Ran, fused
from tests.unit.steps.test_quantize_weights import wide_net

QUANTIZABLE = ["conv", "residual", "depthwise", "mlp", "transformer", "lstm", "if"]


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("name", QUANTIZABLE)
def test_every_kind_of_network_still_answers(tmp_path: Path, name: str, per_channel: bool) -> None:
    ran = Ran(quantize_dynamic, networks.ALL[name](), tmp_path, per_channel=per_channel)
    assert ran.cosine() > 0.99
    assert ran.changed[0] + len(ran.ctx.skipped) == ran.changed[1]


def test_dense_layers_become_integer_kernels(tmp_path: Path) -> None:
    found = fused(Ran(quantize_dynamic, networks.transformer(), tmp_path).path, tmp_path)
    assert found["MatMulIntegerToFloat"] + found["DynamicQuantizeMatMul"] == 7


def test_an_input_that_several_layers_read_is_quantized_once(tmp_path: Path) -> None:
    ran = Ran(quantize_dynamic, networks.transformer(), tmp_path)
    assert [node.op_type for node in ran.model.graph].count("DynamicQuantizeLinear") == 5


def test_recurrent_layers_get_the_integer_kernel(tmp_path: Path) -> None:
    ran = Ran(quantize_dynamic, networks.lstm_net(), tmp_path)
    assert ran.changed[0] == ran.changed[1]
    assert fused(ran.path, tmp_path)["DynamicQuantizeLSTM"] == 1


def test_the_file_shrinks(tmp_path: Path) -> None:
    ran = Ran(quantize_dynamic, wide_net(), tmp_path, include_conv=True)
    assert ran.changed == (5, 5)
    assert ran.ratio > 3.4
    assert ran.cosine() > 0.99


def test_convolutions_are_left_out_with_the_reason(tmp_path: Path) -> None:
    ran = Ran(quantize_dynamic, wide_net(), tmp_path)
    assert "use quantize.static" in ran.reason("conv1")
    assert ran.changed == (3, 5)


def test_a_network_of_convolutions_is_sent_to_the_static_step(tmp_path: Path) -> None:
    net = Net()
    net.op("GlobalAveragePool", [net.conv("x", "conv1", 8, 3)], "y")
    with pytest.raises(Refused, match=r"use quantize\.static"):
        Ran(quantize_dynamic, net.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 8, 1, 1]}), tmp_path)


def test_a_quantized_network_is_refused(tmp_path: Path) -> None:
    ran = Ran(quantize_dynamic, networks.mlp(), tmp_path)
    with pytest.raises(Refused, match="already quantized"):
        Ran(quantize_dynamic, ran.model, tmp_path)


def test_weights_that_are_not_numbers_are_refused_by_name(tmp_path: Path) -> None:
    model = networks.mlp()
    set_array(model.graph.initializers["fc2.weight"], np.full((32, 24), np.nan, np.float32))
    with pytest.raises(Refused, match="fc2"):
        Ran(quantize_dynamic, model, tmp_path)


def test_all_zero_weights_are_no_problem(tmp_path: Path) -> None:
    model = networks.mlp()
    set_array(model.graph.initializers["fc2.weight"], np.zeros((32, 24), np.float32))
    assert np.isfinite(Ran(quantize_dynamic, model, tmp_path).answers()[1]["y"]).all()


def test_an_old_network_is_raised(tmp_path: Path) -> None:
    assert Ran(quantize_dynamic, networks.mlp(opset=9), tmp_path).cosine() > 0.99


def test_a_result_far_away_is_warned_about(tmp_path: Path) -> None:
    net = Net()
    spread = net.constant("spread", np.logspace(0, 6, 16))
    scaled = net.op("Mul", ["x", spread], "scaled")
    weight = net.constant("weak.weight", np.diag(1 / np.logspace(0, 6, 16)) + 0)
    net.op("MatMul", [scaled, weight], "y")
    ran = Ran(quantize_dynamic, net.model({"x": ["N", 16]}, {"y": ["N", 16]}), tmp_path)
    assert "low_fidelity" in ran.ctx.codes


def tied_gemms(*, same_way: bool) -> Any:
    """Two Gemm layers of one weight, the second reading it as the first does, or transposed."""
    net = Net()
    net.weight("tied", 32, 32)
    first = net.relu(net.op("Gemm", ["x", "tied"], "one", transB=1))
    net.op("Gemm", [first, "tied"], "y", transB=int(same_way))
    return net.model({"x": ["N", 32]}, {"y": ["N", 32]})


def test_a_weight_that_two_layers_read_differently_stays_in_float(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="reads them transposed"):
        Ran(quantize_dynamic, tied_gemms(same_way=False), tmp_path)
    assert Ran(quantize_dynamic, tied_gemms(same_way=True), tmp_path).cosine() > 0.99


def test_a_table_shared_with_the_output_layer_is_left_alone_in_half_precision_too(tmp_path: Path) -> None:
    net = Net()
    net.weight("table", 64, 32)
    net.op("Gemm", [net.op("Gather", ["table", "ids"], "embedded"), "table"], "tied", transB=1)
    net.gemm("tied", "fc", 8, 64, "y")
    half = Ran(graph_fp16, net.model({"ids": ["N"]}, {"y": ["N", 8]}, integer=True), tmp_path)
    after = Ran(quantize_dynamic, half.model, tmp_path, half.data)
    assert after.cosine() > 0.99
    assert "another kind" in after.reason("tied")


def test_a_weight_shared_with_a_layer_that_is_kept_stays_in_float(tmp_path: Path) -> None:
    model = tied_gemms(same_way=True)
    name = weight_layers(model)[1].name
    with pytest.raises(Refused, match=r"stays in float|kept in float"):
        Ran(quantize_dynamic, model, tmp_path, keep=[name])
