"""The step graph.fp16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import Refused
from compress_studio.graph.layers import set_array, weight_layers
from compress_studio.steps import graph_fp16 as graph_fp16_module
from compress_studio.steps.graph_fp16 import graph_fp16
from compress_studio.steps.quantize_weights import quantize_weights
from tests.toys import networks
from tests.toys.networks import Net
from tests.unit.steps.quantizing import Ran, fused
from tests.unit.steps.test_quantize_weights import wide_net


def test_weights_take_half_the_file_and_the_same_time(tmp_path: Path) -> None:
    ran = Ran(graph_fp16, wide_net(), tmp_path)
    assert ran.changed == (5, 5)
    assert ran.ratio > 1.9
    assert ran.cosine() > 0.999999
    assert fused(ran.path, tmp_path) == fused(ran.source, tmp_path)


@pytest.mark.parametrize("mode", ["weights", "full"])
@pytest.mark.parametrize("name", list(networks.ALL))
def test_every_kind_of_network_still_answers(tmp_path: Path, name: str, mode: str) -> None:
    if (name, mode) == ("tied", "weights"):
        with pytest.raises(Refused, match="too small"):
            Ran(graph_fp16, networks.ALL[name](), tmp_path, mode=mode)
        return
    ran = Ran(graph_fp16, networks.ALL[name](), tmp_path, mode=mode)
    assert ran.cosine() > 0.9999
    before, after = ran.answers()
    assert {key: array.dtype for key, array in after.items()} == {key: array.dtype for key, array in before.items()}
    assert ran.changed[0] + len(ran.ctx.skipped) == ran.changed[1]


def test_full_half_precision_computes_in_half_precision(tmp_path: Path) -> None:
    ran = Ran(graph_fp16, networks.conv_net(), tmp_path, mode="full")
    assert all(layer.weight.dtype == ir.DataType.FLOAT16 and not layer.through for layer in weight_layers(ran.model))
    assert [node.op_type for node in ran.model.graph].count("Cast") == 2


def test_values_beyond_half_precision_stay_in_float(tmp_path: Path) -> None:
    model = wide_net()
    value = model.graph.initializers["conv1.weight"]
    large, tiny = (np.array(value.const_value.numpy()) for _ in range(2))  # type: ignore[union-attr]
    large[0, 0, 0, 0] = 1e5
    set_array(value, large)
    ran = Ran(graph_fp16, model, tmp_path)
    assert "65504" in ran.reason("conv1")
    model = wide_net()
    set_array(model.graph.initializers["conv1.weight"], tiny * np.float32(1e-9))
    assert "too small for half precision" in Ran(graph_fp16, model, tmp_path).reason("conv1")


def overflowing_net() -> ir.Model:
    """Activations near 1e6 between two layers."""
    net = Net()
    x = net.gemm("x", "fc1", 64, 16)
    net.constant("huge", 1e6)
    x = net.op("Mul", [x, "huge"], "raised")
    x = net.op("Div", [net.relu(x), "huge"], "lowered")
    net.gemm(x, "fc2", 4, 64, "y")
    return net.model({"x": ["N", 16]}, {"y": ["N", 4]})


def test_what_overflows_goes_back_to_float32(tmp_path: Path) -> None:
    ran = Ran(graph_fp16, overflowing_net(), tmp_path, mode="full")
    assert ran.cosine() > 0.999
    assert ran.changed == (2, 2)


def test_a_collapse_is_refused_with_its_cosine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_fp16_module, "GOOD_COSINE", 1.1)
    with pytest.raises(Refused, match=r"collapsed: cosine 1\.000"):
        Ran(graph_fp16, networks.conv_net(), tmp_path, mode="full")


def test_a_layer_or_operator_to_keep_stays_in_float32(tmp_path: Path) -> None:
    ran = Ran(graph_fp16, networks.conv_net(), tmp_path, mode="full", keep=["fc1", "MaxPool"])
    assert ran.changed == (3, 4)
    assert ran.model.graph.initializers["fc1.weight"].dtype == ir.DataType.FLOAT


def test_quantizing_after_half_precision_works(tmp_path: Path) -> None:
    ran = Ran(graph_fp16, wide_net(), tmp_path)
    again = Ran(quantize_weights, ran.model, tmp_path)
    assert again.changed == (5, 5)
    assert again.cosine() > 0.999


def test_half_precision_twice_is_refused(tmp_path: Path) -> None:
    ran = Ran(graph_fp16, wide_net(), tmp_path)
    with pytest.raises(Refused, match="already stored in half precision"):
        Ran(graph_fp16, ran.model, tmp_path)


def test_weights_that_are_not_numbers_are_refused_by_name(tmp_path: Path) -> None:
    for mode in ("weights", "full"):
        model = networks.conv_net()
        set_array(model.graph.initializers["fc1.weight"], np.full((32, 64), np.nan, np.float32))
        with pytest.raises(Refused, match="fc1"):
            Ran(graph_fp16, model, tmp_path, mode=mode)
