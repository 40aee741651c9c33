"""The step quantize.weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import Refused
from compress_studio.graph.layers import set_array, weight_layers
from compress_studio.steps.quantize_weights import quantize_weights
from tests.toys import networks
from tests.toys.networks import Net
from tests.unit.steps.quantizing import Ran, fused

WIDE = 64


def wide_net(**nodes: int) -> ir.Model:
    """Layers large enough that overheads do not matter."""
    net = Net()
    x = net.relu(net.conv("x", "conv1", WIDE, 3))
    x = net.op("Flatten", [net.op("GlobalAveragePool", [net.relu(net.conv(x, "conv2", WIDE, WIDE))], "pool")], "flat")
    x = net.relu(net.gemm(x, "fc1", 256, WIDE))
    net.gemm(net.relu(net.linear(x, "fc2", 128, 256)), "fc3", 10, 128, "y")
    return net.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 10]}, **nodes)


@pytest.mark.parametrize("bits", ["8", "4"])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("form", ["loading", "running"])
def test_the_file_shrinks_and_the_answers_stay(tmp_path: Path, bits: str, symmetric: bool, form: str) -> None:
    ran = Ran(quantize_weights, wide_net(), tmp_path, bits=bits, symmetric=symmetric, form=form)
    assert ran.changed == (5, 5)
    assert ran.ratio > (3.5 if bits == "8" else 5)
    assert ran.cosine() > (0.9995 if bits == "8" else 0.97)


@pytest.mark.parametrize("bits", ["8", "4"])
def test_the_runtime_folds_the_small_form_away(tmp_path: Path, bits: str) -> None:
    ran = Ran(quantize_weights, wide_net(), tmp_path, bits=bits)
    assert fused(ran.path, tmp_path) == fused(ran.source, tmp_path)


@pytest.mark.parametrize("name", list(networks.ALL))
@pytest.mark.parametrize("bits", ["8", "4"])
def test_every_kind_of_network_still_answers(tmp_path: Path, name: str, bits: str) -> None:
    if name in {"tied", "if"}:
        with pytest.raises(Refused, match="too small"):
            Ran(quantize_weights, networks.ALL[name](), tmp_path, bits=bits)
        return
    ran = Ran(quantize_weights, networks.ALL[name](), tmp_path, bits=bits)
    assert ran.cosine() > (0.999 if bits == "8" else 0.95)
    assert ran.changed[0] + len(ran.ctx.skipped) == ran.changed[1]


def test_what_is_stored_small_is_still_a_layer(tmp_path: Path) -> None:
    ran = Ran(quantize_weights, wide_net(), tmp_path)
    layers = weight_layers(ran.model)
    assert [layer.name for layer in layers] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert all(layer.through == ("Cast", "Mul") and layer.array.dtype == np.int8 for layer in layers)


def test_zeros_stay_zeros(tmp_path: Path) -> None:
    model = wide_net()
    value = model.graph.initializers["conv2.weight"]
    array = np.array(value.const_value.numpy())  # type: ignore[union-attr]
    array[np.abs(array) < np.median(np.abs(array))] = 0
    set_array(value, array)
    ran = Ran(quantize_weights, model, tmp_path, bits="4")
    stored = ran.model.graph.initializers["conv2.weight"].const_value
    assert stored is not None
    assert (stored.numpy().astype(int).reshape(-1)[array.reshape(-1) == 0] == 0).all()


def test_a_layer_to_keep_is_left_alone(tmp_path: Path) -> None:
    ran = Ran(quantize_weights, wide_net(), tmp_path, keep=["fc1"])
    assert ran.changed == (4, 5)
    assert ran.reason("fc1") == "kept in float as asked"
    assert ran.model.graph.initializers["fc1.weight"].dtype == ir.DataType.FLOAT


def test_weights_that_are_not_numbers_are_refused_by_name(tmp_path: Path) -> None:
    model = wide_net()
    set_array(model.graph.initializers["fc2.weight"], np.full((256, 128), np.nan, np.float32))
    with pytest.raises(Refused, match="fc2"):
        Ran(quantize_weights, model, tmp_path)


def test_all_zero_weights_are_no_problem(tmp_path: Path) -> None:
    model = wide_net()
    set_array(model.graph.initializers["fc2.weight"], np.zeros((256, 128), np.float32))
    for bits in ("8", "4"):
        assert np.isfinite(Ran(quantize_weights, model, tmp_path, bits=bits).answers()[1]["y"]).all()
        model = ir.load(tmp_path / "source.onnx")


def test_an_old_network_is_raised_to_the_operators_it_needs(tmp_path: Path) -> None:
    assert Ran(quantize_weights, wide_net(opset=11), tmp_path, bits="4").cosine() > 0.97


def test_quantizing_again_is_refused(tmp_path: Path) -> None:
    ran = Ran(quantize_weights, wide_net(), tmp_path)
    with pytest.raises(Refused, match="already stored"):
        Ran(quantize_weights, ran.model, tmp_path)
