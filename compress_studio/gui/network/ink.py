"""What the colours of the picture mean: the kind of an operator, or a measure of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from compress_studio.gui import words
from compress_studio.gui.network.inside import INPUT, OUTPUT, Network
from compress_studio.gui.network.layout import Placed
from compress_studio.gui.theme.tokens import Tokens

STEPS = 8
"""Shades of a scale."""
NEUTRAL = 0
"""The colour of what has no value."""


class Measure(StrEnum):
    """What boxes are coloured by."""

    KIND = "kind"
    SIZE = "size"
    SPARSITY = "sparsity"
    BITS = "bits"
    ERROR = "error"


MEASURES = (
    (Measure.KIND, "Kind"),
    (Measure.SIZE, "Size"),
    (Measure.SPARSITY, "Sparsity"),
    (Measure.BITS, "Bits"),
    (Measure.ERROR, "Error"),
)
KINDS: tuple[tuple[str, int, str], ...] = (
    ("Convolution", 1, "Conv ConvTranspose ConvInteger QLinearConv DeformConv"),
    (
        "Matrix product",
        4,
        "Gemm MatMul MatMulInteger QLinearMatMul MatMulNBits Einsum Attention QGemm FusedMatMul MultiHeadAttention "
        "GroupQueryAttention DynamicQuantizeMatMul MatMulIntegerToFloat QAttention",
    ),
    ("Recurrent", 7, "LSTM GRU RNN DynamicQuantizeLSTM"),
    (
        "Normalization",
        3,
        "BatchNormalization LayerNormalization InstanceNormalization GroupNormalization LRN SkipLayerNormalization "
        "RMSNormalization SimplifiedLayerNormalization LpNormalization MeanVarianceNormalization",
    ),
    (
        "Activation",
        2,
        "Relu LeakyRelu PRelu Sigmoid Tanh HardSwish HardSigmoid Gelu Softmax Clip Elu Erf Selu Softplus LogSoftmax "
        "Mish Celu Swish FastGelu QuickGelu Hardmax ThresholdedRelu",
    ),
    (
        "Pooling",
        6,
        "MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool ReduceMean ReduceMax ReduceMin ReduceSum "
        "ReduceProd ReduceL2 ReduceSumSquare Resize Upsample TopK ArgMax",
    ),
    ("Quantization", 5, "QuantizeLinear DequantizeLinear DynamicQuantizeLinear"),
)
"""(name, colour among the series, operators)."""
KIND_OF = {op: number for number, (_, _, ops) in enumerate(KINDS, 1) for op in ops.split()}


@dataclass(frozen=True, slots=True)
class Swatch:
    """One entry of the legend."""

    color: str
    """ "#rrggbb"."""
    label: str


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours of the boxes of a layout."""

    measure: Measure
    colors: tuple[str, ...]
    of: np.ndarray
    """(boxes,) index into colors; NEUTRAL: no value."""
    legend: tuple[Swatch, ...]
    scale: tuple[str, str] | None = None
    """The ends of a scale in words; None: the legend names each colour."""
    texts: Mapping[int, str] | None = None
    """Values of nodes in words, for the second line of boxes; None: names stand there."""


def ink(placed: Placed, measure: Measure, tokens: Tokens, errors: Mapping[str, float] | None = None) -> Ink:
    """The colours of a layout. errors: signal to noise in dB by name of tensor, for Measure.ERROR."""
    if measure is Measure.KIND:
        return _kinds(placed, tokens)
    values = node_values(placed.network, measure, errors or {})
    boxes = np.full(len(placed.refs), np.nan)
    for box in range(placed.opened, len(placed.refs)):
        ref = int(placed.refs[box])
        nodes = placed.network.inside(ref) if placed.is_group[box] else [ref]
        boxes[box] = _joined(placed.network, nodes, values, measure)
    low, high = _range(boxes, measure)
    known = np.isfinite(boxes)
    shade = np.zeros(len(boxes), np.int64)
    share = (boxes[known] - low) / max(high - low, 1e-9)
    shade[known] = 1 + np.clip(np.floor(share * STEPS), 0, STEPS - 1).astype(np.int64)
    colors = (tokens.faint, *_ramp(measure, tokens))
    legend = (
        *(Swatch(color, "") for color in colors[1:]),
        Swatch(mix(tokens.card, tokens.faint, 0.3), _without(measure)),
    )
    ends = (value_text(low, measure), value_text(high, measure))
    texts = {node: value_text(value, measure) for node, value in enumerate(values) if math.isfinite(value)}
    return Ink(measure, colors, shade, legend, ends if known.any() else ("", ""), texts)


def kind_of(op: str) -> int:
    """Number of the kind of an operator, counted from 1; 0: any other."""
    return KIND_OF.get(op, 0)


def node_values(network: Network, measure: Measure, errors: Mapping[str, float]) -> list[float]:
    """A measure for each node; not a number where it has none. Sizes are logarithms of bytes."""
    found: list[float] = []
    for node in network.nodes:
        value: float | None = None
        if measure is Measure.ERROR:
            known = [errors[name] for name in node["outputs"] if name in errors]
            value = min(known) if known else None
        elif measure is Measure.SIZE:
            value = math.log10(node["bytes"]) if node["bytes"] else None
        else:
            value = node[measure.value]
        found.append(math.nan if value is None else float(value))
    return found


def value_text(value: float, measure: Measure) -> str:
    """A value in words."""
    if measure is Measure.SIZE:
        return words.bytes_text(10**value)
    if measure is Measure.SPARSITY:
        return words.percent_text(value, 0 if value >= 0.1 or value == 0 else 1)
    if measure is Measure.BITS:
        return f"{words.number_text(value) if value % 1 else int(value)}{words.THIN}bit"
    return f"{value:.0f}{words.THIN}dB" if value < EXACT_DB else "equal"


EXACT_DB = 200.0
"""Signal to noise from which two tensors count as equal."""


def mix(one: str, other: str, share: float) -> str:
    """A colour between two, share 0 to 1 of the other one."""
    parts = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def _kinds(placed: Placed, tokens: Tokens) -> Ink:
    colors = (tokens.faint, *(tokens.series[at] for _, at, _ in KINDS), tokens.accent)
    of = np.zeros(len(placed.refs), np.int64)
    seen: set[int] = set()
    for box in range(placed.opened, len(placed.refs)):
        if placed.is_group[box]:
            continue
        op = placed.network.nodes[int(placed.refs[box])]["op"]
        of[box] = len(KINDS) + 1 if op in {INPUT, OUTPUT} else kind_of(op)
    for node in placed.network.nodes:
        seen.add(kind_of(node["op"]))
    legend = [Swatch(tokens.series[at], name) for number, (name, at, _) in enumerate(KINDS, 1) if number in seen]
    return Ink(Measure.KIND, colors, of, (*legend, Swatch(tokens.faint, "Other")))


def _joined(network: Network, nodes: Sequence[int], values: Sequence[float], measure: Measure) -> float:
    """The value of a closed group: bytes added up, the worst error, the mean of others by parameters."""
    known = [node for node in nodes if math.isfinite(values[node])]
    if not known:
        return math.nan
    if measure is Measure.SIZE:
        return math.log10(sum(10 ** values[node] for node in known))
    if measure is Measure.ERROR:
        return min(values[node] for node in known)
    weights = [max(network.nodes[node]["parameters"], 1) for node in known]
    return sum(values[node] * weight for node, weight in zip(known, weights, strict=True)) / sum(weights)


def _range(values: np.ndarray, measure: Measure) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if measure is Measure.SPARSITY:
        return 0.0, 1.0
    if measure is Measure.BITS:
        return 0.0, max(32.0, float(known.max(initial=0.0)))
    if measure is Measure.ERROR:
        return 0.0, 60.0
    return (float(known.min()), max(float(known.max()), float(known.min()) + 0.5)) if len(known) else (0.0, 1.0)


def _ramp(measure: Measure, tokens: Tokens) -> list[str]:
    shares = [step / (STEPS - 1) for step in range(STEPS)]
    if measure is Measure.ERROR:
        return [
            mix(tokens.bad, tokens.warn, 2 * share) if share < 0.5 else mix(tokens.warn, tokens.good, 2 * share - 1)
            for share in shares
        ]
    weak = mix(tokens.card, tokens.accent, 0.12)
    return [mix(weak, tokens.accent, share) for share in shares]


def _without(measure: Measure) -> str:
    return "not compared" if measure is Measure.ERROR else "no weights"
