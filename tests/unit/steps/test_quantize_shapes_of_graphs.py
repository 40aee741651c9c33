"""Static and dynamic quantization on graphs of unusual shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto

from compress_studio.base.errors import Refused
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import spec_of
from compress_studio.steps.quantize_dynamic import quantize_dynamic
from compress_studio.steps.quantize_static import quantize_static
from tests.toys.context import ToyContext, ToyData
from tests.toys.networks import Net
from tests.unit.steps.quantizing import Ran

IMAGE = {"x": ["N", 4, 8, 8]}


def joined() -> ir.Model:
    """The input is read by three convolutions, joined with itself."""
    net = Net()
    parts = [net.relu(net.conv("x", f"conv{number}", 4, 4)) for number in (1, 2)]
    wide = net.op("Concat", [*parts, "x"], "wide", axis=1)
    net.op("Concat", [net.conv(wide, "conv3", 4, 12), parts[0]], "y", axis=1)
    return net.model(IMAGE, {"y": ["N", 8, 8, 8]})


def inner_output() -> ir.Model:
    """A quantized tensor is itself an output, and another output follows."""
    net = Net()
    net.op("Relu", [net.conv("x", "conv1", 8, 4)], "middle")
    net.op("AveragePool", [net.conv("middle", "conv2", 8, 8)], "y", kernel_shape=[2, 2], strides=[2, 2])
    return net.model(IMAGE, {"middle": ["N", 8, 8, 8], "y": ["N", 8, 4, 4]})


def clipped() -> ir.Model:
    """Relu6, grouped and one-dimensional convolutions, no biases."""
    net = Net()
    net.constant("zero", 0.0)
    net.constant("six", 6.0)
    net.weight("w1", 8, 2, 3, 3)
    x = net.op("Conv", ["x", "w1"], "conv1.out", group=2, auto_pad="SAME_UPPER")
    x = net.op("Clip", [x, "zero", "six"], "relu6")
    net.constant("line", [0, 8, 64], np.int64)
    x = net.op("Reshape", [x, "line"], "flat")
    net.weight("w2", 4, 8, 5)
    x = net.op("Conv", [x, "w2"], "conv2.out", dilations=[2])
    net.op("ReduceMax", [x], "y", axes=[2], keepdims=0)
    return net.model(IMAGE, {"y": ["N", 4]})


def straight_to_output() -> ir.Model:
    """A residual sum and its activation at the very end."""
    net = Net()
    x = net.relu(net.conv("x", "conv1", 4, 4))
    net.op("Relu", [net.op("Add", [net.conv(x, "conv2", 4, 4), x], "sum")], "y")
    return net.model(IMAGE, {"y": ["N", 4, 8, 8]})


def shared_bias() -> ir.Model:
    """Two dense layers with one bias; the first output is also an output of the network."""
    net = Net()
    net.weight("a", 8, 16)
    net.weight("b", 8, 8)
    net.constant("bias", net.rng.standard_normal(8) * 0.1)
    net.op("Gemm", ["x", "a", "bias"], "first", transB=1)
    net.op("Gemm", ["first", "b", "bias"], "y", transB=1)
    return net.model({"x": ["N", 16]}, {"first": ["N", 8], "y": ["N", 8]})


def read_twice() -> ir.Model:
    """One product whose output two layers and a Softmax read."""
    net = Net()
    x = net.linear("x", "fc1", 12, 16)
    one, two = net.linear(x, "fc2", 6, 12), net.gemm(x, "fc3", 6, 12)
    net.op("Add", [net.op("Add", [one, two], "sum"), net.linear(net.op("Softmax", [x], "soft"), "fc4", 6, 12)], "y")
    return net.model({"x": ["N", 16]}, {"y": ["N", 6]})


GRAPHS: list[Callable[[], ir.Model]] = [joined, inner_output, clipped, straight_to_output, shared_bias, read_twice]


@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
def test_static_quantization_keeps_the_answers(tmp_path: Path, make: Callable[[], ir.Model]) -> None:
    ran = Ran(quantize_static, make(), tmp_path)
    assert ran.cosine() > 0.99
    assert ran.changed[0] == ran.changed[1]


@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
def test_dynamic_quantization_keeps_the_answers(tmp_path: Path, make: Callable[[], ir.Model]) -> None:
    ran = Ran(quantize_dynamic, make(), tmp_path, include_conv=True)
    assert ran.cosine() > 0.99
    assert ran.changed[0] == ran.changed[1]


def test_a_fixed_batch_size_is_respected(tmp_path: Path) -> None:
    net = Net()
    net.op("GlobalAveragePool", [net.conv("x", "conv1", 8, 4)], "y")
    model = net.model({"x": [5, 4, 8, 8]}, {"y": [5, 8, 1, 1]})
    rng = np.random.default_rng(0)
    data = ToyData({"x": rng.standard_normal((60, 4, 8, 8)).astype(np.float32)}, fixed_batch=5)
    ir.save(model, tmp_path / "net.onnx")
    ctx, spec = ToyContext(tmp_path, data), spec_of(quantize_static)
    spec.run(ctx, spec.params(), OnnxNet(tmp_path / "net.onnx"))
    assert ctx.changes == [(1, 1)]


@pytest.mark.parametrize("step", [quantize_static, quantize_dynamic])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_precisions_are_refused_with_the_reason(tmp_path: Path, step: object, kind: int) -> None:
    net = Net()
    net.constant("w", net.rng.standard_normal((8, 4)), np.float16 if kind == TensorProto.FLOAT16 else np.float64)
    net.op("Cast", ["x"], "x.other", to=kind)
    net.op("MatMul", ["x.other", "w"], "product")
    net.op("Cast", ["product"], "y", to=TensorProto.FLOAT)
    with pytest.raises(Refused, match="precision"):
        Ran(step, net.model({"x": ["N", 8]}, {"y": ["N", 4]}), tmp_path)
