"""Tiny networks with seeded weights and a free batch dimension, one for each kind of structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

IR_VERSION = 8
DEFAULT_OPSET = 17


class Net:
    """Collects nodes and initializers in the order in which they are said."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def op(self, kind: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Add a node named after its output; returns the output."""
        self.nodes.append(
            helper.make_node(
                kind, list(inputs), [output], name=output.removesuffix(".out"), domain=domain, **attributes
            )
        )
        return output

    def constant(self, name: str, array: Any, dtype: Any = np.float32) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def weight(self, name: str, *shape: int, gain: float = 1.0) -> str:
        """Normal weights whose spread keeps the activations in range."""
        fan_in = max(int(np.prod(shape[1:])), 1)
        return self.constant(name, self.rng.standard_normal(shape) * gain / np.sqrt(fan_in))

    def conv(self, x: str, name: str, out: int, into: int, kernel: int = 3, **attributes: Any) -> str:
        group = attributes.get("group", 1)
        weight = self.weight(f"{name}.weight", out, into // group, kernel, kernel, gain=1.4)
        bias = self.constant(f"{name}.bias", self.rng.standard_normal(out) * 0.1)
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.op("Conv", [x, weight, bias], f"{name}.out", kernel_shape=[kernel, kernel], **attributes)

    def norm(self, x: str, name: str, width: int) -> str:
        parts = {
            "weight": 1 + 0.2 * self.rng.standard_normal(width),
            "bias": 0.1 * self.rng.standard_normal(width),
            "running_mean": 0.1 * self.rng.standard_normal(width),
            "running_var": 0.5 + self.rng.random(width),
        }
        names = [self.constant(f"{name}.{key}", value) for key, value in parts.items()]
        return self.op("BatchNormalization", [x, *names], f"{name}.out")

    def gemm(self, x: str, name: str, out: int, into: int, output: str | None = None) -> str:
        weight = self.weight(f"{name}.weight", out, into)
        bias = self.constant(f"{name}.bias", self.rng.standard_normal(out) * 0.1)
        return self.op("Gemm", [x, weight, bias], output or f"{name}.out", transB=1)

    def linear(self, x: str, name: str, out: int, into: int) -> str:
        """MatMul and Add, as exporters write a dense layer of a sequence."""
        weight = self.constant(f"{name}.weight", self.rng.standard_normal((into, out)) / np.sqrt(into))
        bias = self.constant(f"{name}.bias", self.rng.standard_normal(out) * 0.1)
        product = self.op("MatMul", [x, weight], f"{name}.product")
        return self.op("Add", [product, bias], f"{name}.out")

    def relu(self, x: str) -> str:
        return self.op("Relu", [x], f"{x}.relu")

    def layer_norm(self, x: str, name: str, width: int) -> str:
        scale = self.constant(f"{name}.weight", 1 + 0.1 * self.rng.standard_normal(width))
        bias = self.constant(f"{name}.bias", 0.1 * self.rng.standard_normal(width))
        return self.op("LayerNormalization", [x, scale, bias], f"{name}.out", axis=-1)

    def model(
        self,
        inputs: dict[str, Sequence[int | str]],
        outputs: dict[str, Sequence[int | str]],
        *,
        integer: bool = False,
        opset: int = DEFAULT_OPSET,
    ) -> ir.Model:
        kind = TensorProto.INT64 if integer else TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "toy",
            [helper.make_tensor_value_info(name, kind, list(shape)) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in outputs.items()],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", opset)]
        opsets += [helper.make_opsetid(one, 1) for one in sorted({node.domain for node in self.nodes} - {""})]
        proto = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(proto, full_check=True)
        return ir.from_proto(proto)


def conv_net(seed: int = 0, *, opset: int = DEFAULT_OPSET) -> ir.Model:
    """x [N, 1, 8, 8] → y [N, 4]: two convolutions with pooling, then two dense layers."""
    net = Net(seed)
    x = net.relu(net.conv("x", "conv1", 8, 1))
    x = net.op("MaxPool", [x], "pool1", kernel_shape=[2, 2], strides=[2, 2])
    x = net.relu(net.conv(x, "conv2", 16, 8))
    x = net.op("MaxPool", [x], "pool2", kernel_shape=[2, 2], strides=[2, 2])
    x = net.relu(net.gemm(net.op("Flatten", [x], "flat"), "fc1", 32, 64))
    net.gemm(x, "fc2", 4, 32, "y")
    return net.model({"x": ["N", 1, 8, 8]}, {"y": ["N", 4]}, opset=opset)


def residual_net(seed: int = 0, *, opset: int = DEFAULT_OPSET) -> ir.Model:
    """x [N, 3, 8, 8] → y [N, 4]: batch norm, an identity shortcut, a projected shortcut, global pooling."""
    net = Net(seed)
    stem = net.relu(net.norm(net.conv("x", "stem.conv", 8, 3), "stem.bn", 8))
    x = net.relu(net.norm(net.conv(stem, "block1.conv1", 16, 8), "block1.bn1", 16))
    x = net.norm(net.conv(x, "block1.conv2", 8, 16), "block1.bn2", 8)
    one = net.relu(net.op("Add", [x, stem], "block1.sum"))
    x = net.relu(net.norm(net.conv(one, "block2.conv1", 16, 8, strides=[2, 2]), "block2.bn1", 16))
    x = net.norm(net.conv(x, "block2.conv2", 16, 16), "block2.bn2", 16)
    short = net.norm(net.conv(one, "block2.short", 16, 8, 1, strides=[2, 2], pads=[0] * 4), "block2.bn3", 16)
    two = net.relu(net.op("Add", [x, short], "block2.sum"))
    x = net.op("Flatten", [net.op("GlobalAveragePool", [two], "pool")], "flat")
    net.gemm(x, "fc", 4, 16, "y")
    return net.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 4]}, opset=opset)


def depthwise_net(seed: int = 0) -> ir.Model:
    """x [N, 3, 8, 8] → y [N, 4]: depthwise and pointwise convolutions, squeeze and excite, HardSwish."""
    net = Net(seed)
    x = net.op("HardSwish", [net.conv("x", "stem", 16, 3)], "stem.act")
    x = net.relu(net.conv(x, "deep", 16, 16, group=16))
    squeezed = net.op("GlobalAveragePool", [x], "squeeze")
    squeezed = net.relu(net.conv(squeezed, "se.reduce", 8, 16, 1))
    gate = net.op("HardSigmoid", [net.conv(squeezed, "se.expand", 16, 8, 1)], "gate", alpha=1 / 6, beta=0.5)
    x = net.op("Mul", [x, gate], "excited")
    x = net.op("HardSwish", [net.conv(x, "point", 24, 16, 1)], "point.act")
    x = net.op("Flatten", [net.op("GlobalAveragePool", [x], "pool")], "flat")
    net.gemm(x, "fc", 4, 24, "y")
    return net.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 4]})


def mlp(seed: int = 0, *, opset: int = DEFAULT_OPSET) -> ir.Model:
    """x [N, 12] → y [N, 5]: a Gemm, a MatMul with Add, a Gemm."""
    net = Net(seed)
    x = net.relu(net.gemm("x", "fc1", 32, 12))
    x = net.relu(net.linear(x, "fc2", 24, 32))
    net.gemm(x, "fc3", 5, 24, "y")
    return net.model({"x": ["N", 12]}, {"y": ["N", 5]}, opset=opset)


def transformer(seed: int = 0) -> ir.Model:
    """ids int64 [N, L], 0 is padding, 32 words → y [N, 4]: embedding, one encoder layer with 2 heads, masked mean."""
    net = Net(seed)
    width, heads = 16, 2
    net.constant("embed.weight", net.rng.standard_normal((32, width)) * 0.5)
    x = net.op("Gather", ["embed.weight", "ids"], "embedded")
    net.constant("zero", 0, np.int64)
    pad = net.op("Equal", ["ids", "zero"], "padding")
    net.constant("low", -1e4)
    net.constant("none", 0.0)
    net.constant("axes.heads", [1, 2], np.int64)
    bias = net.op("Unsqueeze", [net.op("Where", [pad, "low", "none"], "mask.row"), "axes.heads"], "mask")
    net.constant("split", [0, 0, heads, width // heads], np.int64)
    net.constant("join", [0, 0, width], np.int64)
    parts = {}
    for name, order in {"q": [0, 2, 1, 3], "k": [0, 2, 3, 1], "v": [0, 2, 1, 3]}.items():
        split = net.op("Reshape", [net.linear(x, f"attn.{name}", width, width), "split"], f"attn.{name}.split")
        parts[name] = net.op("Transpose", [split], f"attn.{name}.heads", perm=order)
    net.constant("root", float(np.sqrt(width / heads)))
    scores = net.op("Div", [net.op("MatMul", [parts["q"], parts["k"]], "scores.raw"), "root"], "scores")
    shares = net.op("Softmax", [net.op("Add", [scores, bias], "scores.masked")], "shares", axis=-1)
    mixed = net.op("Transpose", [net.op("MatMul", [shares, parts["v"]], "mixed")], "mixed.back", perm=[0, 2, 1, 3])
    mixed = net.linear(net.op("Reshape", [mixed, "join"], "mixed.flat"), "attn.out", width, width)
    x = net.layer_norm(net.op("Add", [x, mixed], "sum1"), "norm1", width)
    hidden = net.relu(net.linear(x, "ffn.up", 32, width))
    x = net.layer_norm(net.op("Add", [x, net.linear(hidden, "ffn.down", width, 32)], "sum2"), "norm2", width)
    kept = net.op("Cast", [net.op("Not", [pad], "real")], "real.float", to=TensorProto.FLOAT)
    net.constant("axis.last", [2], np.int64)
    net.constant("axis.time", [1], np.int64)
    kept = net.op("Unsqueeze", [kept, "axis.last"], "weights")
    total = net.op("ReduceSum", [net.op("Mul", [x, kept], "kept"), "axis.time"], "total", keepdims=0)
    net.constant("one", 1.0)
    count = net.op("Max", [net.op("ReduceSum", [kept, "axis.time"], "count.raw", keepdims=0), "one"], "count")
    net.gemm(net.op("Div", [total, count], "mean"), "head", 4, width, "y")
    return net.model({"ids": ["N", "L"]}, {"y": ["N", 4]}, integer=True)


def lstm_net(seed: int = 0) -> ir.Model:
    """x [N, T, 6] → y [N, 4]: a bidirectional LSTM of 8 units, the mean over time, a dense layer."""
    net = Net(seed)
    units = 8
    net.constant("lstm.W", net.rng.standard_normal((2, 4 * units, 6)) / np.sqrt(6))
    net.constant("lstm.R", net.rng.standard_normal((2, 4 * units, units)) / np.sqrt(units))
    net.constant("lstm.B", net.rng.standard_normal((2, 8 * units)) * 0.1)
    x = net.op("Transpose", ["x"], "by.time", perm=[1, 0, 2])
    x = net.op("LSTM", [x, "lstm.W", "lstm.R", "lstm.B"], "lstm.out", hidden_size=units, direction="bidirectional")
    net.constant("shape", [0, 0, -1], np.int64)
    x = net.op("Reshape", [net.op("Transpose", [x], "by.sample", perm=[2, 0, 1, 3]), "shape"], "joined")
    x = net.op("ReduceMean", [x], "mean", axes=[1], keepdims=0)
    net.gemm(x, "fc", 4, 2 * units, "y")
    return net.model({"x": ["N", "T", 6]}, {"y": ["N", 4]})


def if_net(seed: int = 0) -> ir.Model:
    """x [N, 6] → y [N, 4]: a dense layer, then an If with weights in its branches; one branch reads an outer weight."""
    net = Net(seed)
    x = net.relu(net.gemm("x", "fc1", 8, 6))
    net.constant("outer.weight", net.rng.standard_normal((8, 4)))
    net.constant("threshold", 0.0)
    mean = net.op("ReduceMean", [x], "mean", keepdims=0)
    condition = net.op("Greater", [mean, "threshold"], "condition")
    inner = numpy_helper.from_array(net.rng.standard_normal((8, 4)).astype(np.float32), "inner.weight")
    result = helper.make_tensor_value_info
    yes = helper.make_graph(
        [helper.make_node("MatMul", [x, "outer.weight"], ["yes.out"], name="yes")],
        "then",
        [],
        [result("yes.out", TensorProto.FLOAT, ["N", 4])],
    )
    no = helper.make_graph(
        [helper.make_node("MatMul", [x, "inner.weight"], ["no.out"], name="no")],
        "else",
        [],
        [result("no.out", TensorProto.FLOAT, ["N", 4])],
        [inner],
    )
    net.op("If", [condition], "y", then_branch=yes, else_branch=no)
    return net.model({"x": ["N", 6]}, {"y": ["N", 4]})


def tied_net(seed: int = 0, *, opset: int = DEFAULT_OPSET) -> ir.Model:
    """x [N, 6] → y [N, 6]: an autoencoder whose decoder is the transposed weight of the encoder."""
    net = Net(seed)
    net.weight("tied.weight", 6, 4)
    code = net.relu(net.op("MatMul", ["x", "tied.weight"], "code"))
    back = net.op("Transpose", ["tied.weight"], "tied.back", perm=[1, 0])
    net.op("MatMul", [code, back], "y")
    return net.model({"x": ["N", 6]}, {"y": ["N", 6]}, opset=opset)


def fixed_length_net(length: int, seed: int = 0) -> ir.Model:
    """x [N, L, 4] → y [N, 4, 3], where L is free in the file but only one length fits the weight."""
    net = Net(seed)
    net.weight("mix.weight", length, 3)
    net.op("MatMul", [net.op("Transpose", ["x"], "turned", perm=[0, 2, 1]), "mix.weight"], "y")
    return net.model({"x": ["N", "L", 4]}, {"y": ["N", 4, 3]})


ALL = {
    "conv": conv_net,
    "residual": residual_net,
    "depthwise": depthwise_net,
    "mlp": mlp,
    "transformer": transformer,
    "lstm": lstm_net,
    "if": if_net,
    "tied": tied_net,
}
"""Every toy network by a short name, for parametrized tests."""
