"""Random small networks of the operators that channel removal has rules for, for property tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from tests.toys.networks import Net

SIDE = 6
LENGTH = 5


@dataclass(frozen=True)
class Image:
    """A tensor [N, channels, side, side]."""

    name: str
    channels: int
    side: int


class Grower:
    """Adds random operators to a network and remembers what can be read later."""

    def __init__(self, seed: int) -> None:
        self.net = Net(seed)
        self.rng = np.random.default_rng(seed + 1_000_003)
        self.count = 0

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def pick(self, *choices: int) -> int:
        return int(self.rng.choice(choices))

    def conv(self, x: Image) -> Image:
        out, kernel = self.pick(4, 6, 8), self.pick(1, 3)
        return Image(self.net.conv(x.name, self.name("conv"), out, x.channels, kernel), out, x.side)

    def depthwise(self, x: Image) -> Image:
        times = self.pick(1, 1, 2)
        y = self.net.conv(x.name, self.name("deep"), x.channels * times, x.channels, group=x.channels)
        return Image(y, x.channels * times, x.side)

    def grouped(self, x: Image) -> Image:
        if x.channels % 2:
            return self.conv(x)
        return Image(self.net.conv(x.name, self.name("grouped"), 8, x.channels, group=2), 8, x.side)

    def transposed(self, x: Image) -> Image:
        name = self.name("up")
        weight = self.net.weight(f"{name}.weight", x.channels, 6, 1, 1)
        return Image(self.net.op("ConvTranspose", [x.name, weight], f"{name}.out"), 6, x.side)

    def norm(self, x: Image) -> Image:
        return Image(self.net.norm(x.name, self.name("bn"), x.channels), x.channels, x.side)

    def instance(self, x: Image) -> Image:
        name = self.name("instance")
        scale = self.net.constant(f"{name}.scale", 1 + 0.1 * self.rng.standard_normal(x.channels))
        shift = self.net.constant(f"{name}.shift", self.rng.standard_normal(x.channels))
        return Image(self.net.op("InstanceNormalization", [x.name, scale, shift], name), x.channels, x.side)

    def activation(self, x: Image) -> Image:
        kind = str(self.rng.choice(["Relu", "HardSwish", "Sigmoid", "PRelu", "LeakyRelu", "Clip"]))
        more = []
        if kind == "PRelu":
            more = [self.net.constant(self.name("slope"), self.rng.random((x.channels, 1, 1)))]
        if kind == "Clip":
            more = [self.net.constant(self.name("low"), -0.5)]
        return Image(self.net.op(kind, [x.name, *more], self.name("act")), x.channels, x.side)

    def residual(self, x: Image) -> Image:
        y = self.net.conv(x.name, self.name("branch"), x.channels, x.channels)
        return Image(self.net.op("Add", [y, x.name], self.name("sum")), x.channels, x.side)

    def excite(self, x: Image) -> Image:
        pooled = self.net.op("GlobalAveragePool", [x.name], self.name("squeeze"))
        gate = self.net.conv(pooled, self.name("gate"), x.channels, x.channels, 1)
        gate = self.net.op("Sigmoid", [gate], self.name("gated"))
        return Image(self.net.op("Mul", [x.name, gate], self.name("excited")), x.channels, x.side)

    def dense(self, x: Image) -> Image:
        y = self.net.conv(x.name, self.name("grow"), 4, x.channels)
        return Image(self.net.op("Concat", [x.name, y], self.name("dense"), axis=1), x.channels + 4, x.side)

    def gated(self, x: Image) -> Image:
        y = self.net.conv(x.name, self.name("glu"), 8, x.channels, 1)
        names = [self.name("half"), self.name("half")]
        self.net.op("Split", [y], names[0], axis=1)
        self.net.nodes[-1].output.append(names[1])
        return Image(self.net.op("Mul", names, self.name("product")), 4, x.side)

    def sliced(self, x: Image) -> Image:
        low, high = 1, max(2, x.channels - 1)
        bounds = [self.net.constant(self.name("edge"), [one], np.int64) for one in (low, high, 1)]
        return Image(self.net.op("Slice", [x.name, *bounds], self.name("slice")), high - low, x.side)

    def shuffled(self, x: Image) -> Image:
        """Channels dealt out in another order by Reshape, Transpose, Reshape."""
        if x.channels % 2:
            return x
        half = x.channels // 2
        there = self.net.constant(self.name("there"), [0, 2, half, x.side, x.side], np.int64)
        back = self.net.constant(self.name("back"), [0, -1, x.side, x.side], np.int64)
        y = self.net.op("Reshape", [x.name, there], self.name("apart"))
        y = self.net.op("Transpose", [y], self.name("dealt"), perm=[0, 2, 1, 3, 4])
        return Image(self.net.op("Reshape", [y, back], self.name("together")), x.channels, x.side)

    def pooled(self, x: Image) -> Image:
        if x.side < 4:
            return x
        kind = str(self.rng.choice(["MaxPool", "AveragePool"]))
        y = self.net.op(kind, [x.name], self.name("pool"), kernel_shape=[2, 2], strides=[2, 2])
        return Image(y, x.channels, x.side // 2)

    def padded(self, x: Image) -> Image:
        pads = self.net.constant(self.name("pads"), [0, 0, 1, 1, 0, 0, 0, 0], np.int64)
        return Image(self.net.op("Pad", [x.name, pads], self.name("padded")), x.channels, x.side + 1)

    def resized(self, x: Image) -> Image:
        scales = self.net.constant(self.name("scales"), [1, 1, 2, 2])
        y = self.net.op("Resize", [x.name, "", scales], self.name("resized"), mode="nearest")
        return Image(y, x.channels, x.side * 2)

    def flat(self, x: Image) -> tuple[str, int]:
        """[N, features], by one of the ways in which exporters write it."""
        way = self.pick(0, 1, 2, 3)
        if way == 0:
            pooled = self.net.op("GlobalAveragePool", [x.name], self.name("gap"))
            return self.net.op("Flatten", [pooled], self.name("flat")), x.channels
        if way == 1:
            return self.net.op("Flatten", [x.name], self.name("flat")), x.channels * x.side**2
        if way == 2:
            return self.net.op("ReduceMean", [x.name], self.name("mean"), axes=[2, 3], keepdims=0), x.channels
        features = x.channels * x.side**2
        target = self.net.constant(
            self.name("target"), [[0, features], [-1, features], [0, -1]][self.pick(0, 1, 2)], np.int64
        )
        return self.net.op("Reshape", [x.name, target], self.name("flat")), features


def random_image_net(seed: int, depth: int = 6) -> ir.Model:
    """x [N, 3, 6, 6] → y [N, 3]: a chain of random blocks, then two dense layers."""
    grow = Grower(seed)
    blocks: list[Callable[[Image], Image]] = [
        grow.conv, grow.conv, grow.depthwise, grow.grouped, grow.transposed, grow.norm, grow.instance, grow.activation,
        grow.residual, grow.excite, grow.dense, grow.gated, grow.sliced, grow.shuffled, grow.pooled, grow.padded,
    ]  # fmt: skip
    x = grow.conv(Image("x", 3, SIDE))
    for _ in range(depth):
        x = blocks[int(grow.rng.integers(len(blocks)))](x)
        if grow.rng.random() < 0.3:
            x = grow.activation(x)
    if x.side < SIDE and grow.rng.random() < 0.3:
        x = grow.resized(x)
    flat, features = grow.flat(x)
    hidden = grow.net.relu(grow.net.gemm(flat, "fc1", 12, features))
    grow.net.gemm(grow.net.relu(grow.net.linear(hidden, "fc2", 10, 12)), "fc3", 3, 10, "y")
    return grow.net.model({"x": ["N", 3, SIDE, SIDE]}, {"y": ["N", 3]})


def random_sequence_net(seed: int, depth: int = 3) -> ir.Model:
    """x [N, 5, 8] → y [N, 3]: random attention, feed-forward and recurrent blocks with and without normalization."""
    grow = Grower(seed)
    width = 8
    x = grow.net.linear("x", "stem", width, width)
    for _ in range(depth):
        block = [_attention, _packed_attention, _feed_forward, _gated_feed_forward, _expanded][grow.pick(0, 1, 2, 3, 4)]
        y = block(grow, x, width)
        x = grow.net.op("Add", [x, y], grow.name("sum")) if grow.rng.random() < 0.7 else y
        if grow.rng.random() < 0.4:
            x = grow.net.layer_norm(x, grow.name("ln"), width)
    if grow.rng.random() < 0.4:
        x = _recurrent(grow, x, width)
    x = grow.net.op("ReduceMean", [x], "mean", axes=[1], keepdims=0)
    grow.net.gemm(x, "head", 3, width, "y")
    return grow.net.model({"x": ["N", LENGTH, width]}, {"y": ["N", 3]})


def _attention(grow: Grower, x: str, width: int) -> str:
    heads = grow.pick(2, 4)
    split = grow.net.constant(grow.name("split"), [0, 0, heads, width // heads], np.int64)
    parts = []
    for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        one = grow.net.op("Reshape", [grow.net.linear(x, grow.name("proj"), width, width), split], grow.name("apart"))
        parts.append(grow.net.op("Transpose", [one], grow.name("heads"), perm=order))
    return _mix(grow, parts, width)


def _packed_attention(grow: Grower, x: str, width: int) -> str:
    heads = grow.pick(2, 4)
    qkv = grow.net.linear(x, grow.name("qkv"), 3 * width, width)
    split = grow.net.constant(grow.name("split"), [0, 0, 3, heads, width // heads], np.int64)
    qkv = grow.net.op("Reshape", [qkv, split], grow.name("apart"))
    qkv = grow.net.op("Transpose", [qkv], grow.name("first"), perm=[2, 0, 3, 1, 4])
    parts = []
    for number in range(3):
        index = grow.net.constant(grow.name("number"), number, np.int64)
        parts.append(grow.net.op("Gather", [qkv, index], grow.name("part"), axis=0))
    parts[1] = grow.net.op("Transpose", [parts[1]], grow.name("turned"), perm=[0, 1, 3, 2])
    return _mix(grow, parts, width)


def _mix(grow: Grower, parts: list[str], width: int) -> str:
    shares = grow.net.op("Softmax", [grow.net.op("MatMul", parts[:2], grow.name("scores"))], grow.name("shares"))
    mixed = grow.net.op("MatMul", [shares, parts[2]], grow.name("mixed"))
    mixed = grow.net.op("Transpose", [mixed], grow.name("back"), perm=[0, 2, 1, 3])
    join = grow.net.constant(grow.name("join"), [0, 0, width], np.int64)
    return grow.net.linear(grow.net.op("Reshape", [mixed, join], grow.name("joined")), grow.name("out"), width, width)


def _feed_forward(grow: Grower, x: str, width: int) -> str:
    hidden = grow.net.relu(grow.net.linear(x, grow.name("up"), 12, width))
    return grow.net.linear(hidden, grow.name("down"), width, 12)


def _gated_feed_forward(grow: Grower, x: str, width: int) -> str:
    both = grow.net.linear(x, grow.name("gate"), 12, width)
    names = [grow.name("half"), grow.name("half")]
    sizes = grow.net.constant(grow.name("sizes"), [6, 6], np.int64)
    grow.net.op("Split", [both, sizes], names[0], axis=-1)
    grow.net.nodes[-1].output.append(names[1])
    gate = grow.net.op("Sigmoid", [names[0]], grow.name("open"))
    return grow.net.linear(grow.net.op("Mul", [gate, names[1]], grow.name("product")), grow.name("down"), width, 6)


def _expanded(grow: Grower, x: str, width: int) -> str:
    """A learned vector stretched to the batch by a computed shape, as position and class tokens are."""
    up = grow.net.linear(x, grow.name("wide"), 10, width)
    token = grow.net.constant(grow.name("token"), grow.rng.standard_normal((1, 1, 10)))
    shape = grow.net.op("Shape", [up], grow.name("shape"))
    stretched = grow.net.op("Expand", [token, shape], grow.name("stretched"))
    return grow.net.linear(grow.net.op("Mul", [up, stretched], grow.name("product")), grow.name("narrow"), width, 10)


def _recurrent(grow: Grower, x: str, width: int) -> str:
    name, wide = grow.name("gru"), grow.net.linear(x, grow.name("into"), 10, width)
    weights = [
        grow.net.constant(f"{name}.{key}", grow.rng.standard_normal(shape) * 0.3)
        for key, shape in {"W": (1, 3 * width, 10), "R": (1, 3 * width, width)}.items()
    ]
    turned = grow.net.op("Transpose", [wide], grow.name("by_time"), perm=[1, 0, 2])
    out = grow.net.op("GRU", [turned, *weights], f"{name}.out", hidden_size=width)
    axis = grow.net.constant(grow.name("axis"), [1], np.int64)
    out = grow.net.op("Squeeze", [out, axis], grow.name("squeezed"))
    return grow.net.op("Transpose", [out], grow.name("by_sample"), perm=[1, 0, 2])
