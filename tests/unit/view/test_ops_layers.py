"""Convolutions, pools, normalizations, products and recurrent layers against ONNX Runtime and the reference."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.view.cases import Case, check

RNG = np.random.default_rng(1)


def r(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


X1, X2, X3 = r(2, 4, 9), r(2, 4, 7, 8), r(1, 2, 5, 6, 4)
W2 = r(6, 4, 3, 3)
PLANE = r(2, 3, 8, 9)

CONVOLUTIONS = [
    Case("Conv", [X1, r(5, 4, 3), r(5)], {"pads": [1, 2], "strides": [2]}),
    Case("Conv", [X2, W2, r(6)], {"pads": [1, 1, 1, 1]}),
    Case("Conv", [X2, W2], {"pads": [0, 1, 2, 0], "dilations": [2, 1]}, note="uneven pads"),
    *(Case("Conv", [X2, W2], {"auto_pad": pad, "strides": [2, 2]}) for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")),
    Case("Conv", [X2, r(4, 1, 3, 3)], {"group": 4}),
    Case("Conv", [X2, r(6, 2, 3, 3)], {"group": 2, "auto_pad": "SAME_UPPER"}),
    Case("Conv", [X3, r(3, 2, 2, 2, 2), r(3)], {"strides": [1, 2, 1]}),
    Case("ConvTranspose", [X1, r(4, 3, 3), r(3)], {"strides": [2], "output_padding": [1]}),
    Case("ConvTranspose", [X2, r(4, 5, 3, 3), r(5)], {"pads": [1, 0, 0, 2], "strides": [2, 3]}),
    Case("ConvTranspose", [X2, r(4, 2, 3, 3)], {"group": 2, "strides": [2, 2], "pads": [1, 1, 1, 1]}, reference=False),
    Case("ConvTranspose", [X2, r(4, 5, 3, 3)], {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("ConvTranspose", [X2, r(4, 5, 3, 3)], {"strides": [2, 2], "output_shape": [14, 17]}, reference=False),
    Case("ConvTranspose", [X2, r(4, 5, 2, 2)], {"dilations": [2, 2]}),
    Case("ConvTranspose", [X3, r(2, 3, 2, 2, 2)], {"strides": [2, 1, 2]}),
]
POOLS = [
    Case("MaxPool", [X1], {"kernel_shape": [3], "strides": [2], "pads": [1, 0]}),
    Case("MaxPool", [PLANE], {"kernel_shape": [3, 2], "strides": [2, 2]}),
    Case("MaxPool", [PLANE], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
    Case("MaxPool", [PLANE], {"kernel_shape": [2, 2], "dilations": [2, 3]}),
    Case("MaxPool", [PLANE], {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("MaxPool", [PLANE], {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"}, reference=False),
    Case(
        "MaxPool", [PLANE], {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1, 0, 0, 1]}, outputs=2, note="places"
    ),
    Case("MaxPool", [PLANE], {"kernel_shape": [2, 2], "storage_order": 1}, outputs=2, reference=False),
    Case("MaxPool", [X3], {"kernel_shape": [2, 2, 2]}),
    Case("AveragePool", [X1], {"kernel_shape": [3], "pads": [1, 1]}),
    Case("AveragePool", [PLANE], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    Case("AveragePool", [PLANE], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("AveragePool", [PLANE], {"kernel_shape": [3, 3], "pads": [0, 1, 1, 0], "count_include_pad": 1}, note="uneven"),
    Case("AveragePool", [PLANE], {"kernel_shape": [3, 3], "pads": [0, 1, 1, 0]}, note="uneven, not counted"),
    Case("AveragePool", [PLANE], {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("AveragePool", [PLANE], {"kernel_shape": [3, 3], "strides": [3, 3], "ceil_mode": 1}, opset=19),
    Case(
        "AveragePool",
        [PLANE],
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "pads": [1, 1, 1, 1], "count_include_pad": 1},
        opset=19,
        reference=False,
        note="ceil, counted",
    ),
    Case("AveragePool", [PLANE], {"kernel_shape": [2, 2], "dilations": [2, 2]}, opset=19),
    Case("LpPool", [PLANE], {"kernel_shape": [2, 2], "strides": [2, 2], "p": 3}, reference=False),
    *(Case("GlobalAveragePool", [array]) for array in (X1, X2, X3)),
    *(Case("GlobalMaxPool", [array], reference=False) for array in (X1, X2, X3)),
    Case("GlobalLpPool", [X2], {"p": 2}, reference=False),
]
SCALE, SHIFT = r(4), r(4)
NORMALIZATIONS = [
    Case("BatchNormalization", [X2, SCALE, SHIFT, r(4), np.abs(r(4)) + 0.1], {"epsilon": 1e-3}),
    Case(
        "BatchNormalization",
        [X1, SCALE, SHIFT, r(4), np.abs(r(4)) + 0.1],
        opset=9,
        stored=[1, 2, 3, 4],
        reference=False,
    ),
    Case("InstanceNormalization", [X2, SCALE, SHIFT], {"epsilon": 1e-3}),
    Case("LayerNormalization", [X2, r(8), r(8)]),
    Case("LayerNormalization", [X2, r(7, 8)], {"axis": 2, "epsilon": 1e-3}),
    Case("LayerNormalization", [X2, r(8), r(8)], outputs=3, note="all outputs"),
    Case("GroupNormalization", [X2, r(2), r(2)], {"num_groups": 2}, opset=18, reference=False),
    Case("GroupNormalization", [X2, SCALE, SHIFT], {"num_groups": 2}, opset=21),
    Case("RMSNormalization", [X2, r(8)], {"epsilon": 1e-3}, opset=23),
    Case("LRN", [X2], {"size": 3, "alpha": 0.02, "bias": 1.2}, reference=False),
    Case("LRN", [r(1, 7, 2, 2)], {"size": 5, "beta": 0.6}, reference=False),
    Case("MeanVarianceNormalization", [X2], tolerance=1e-4),
    Case("LpNormalization", [X2], {"axis": 1, "p": 1}, reference=False),
    Case("LpNormalization", [X2]),
    Case("SkipLayerNormalization", [X1, r(2, 4, 9), r(9), r(9), r(9)], domain="com.microsoft", reference=False),
    Case("SimplifiedLayerNormalization", [X1, r(9)], reference=False, note="simplified"),
]
A, B = r(3, 5), r(5, 4)
PRODUCTS = [
    Case("MatMul", [A, B]),
    Case("MatMul", [r(2, 1, 3, 5), r(6, 5, 4)], note="broadcast"),
    Case("MatMul", [r(5), B], note="vector"),
    Case("Gemm", [A, B, r(4)]),
    Case("Gemm", [A, r(4, 5), r(4)], {"transB": 1}),
    Case("Gemm", [r(5, 3), r(4, 5), r(3, 1)], {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}),
    Case("Gemm", [A, B], {"alpha": 2.0}),
    Case("Einsum", [r(2, 3, 4), r(2, 4, 5)], {"equation": "bij,bjk->bik"}),
    Case("Einsum", [r(2, 3, 4)], {"equation": "...i -> ..."}),
    Case("FusedMatMul", [r(2, 5, 3), r(2, 4, 5)], {"transA": 1, "transB": 1}, domain="com.microsoft", reference=False),
    Case("FusedConv", [X2, W2, r(6)], {"activation": "Relu"}, domain="com.microsoft", reference=False),
    Case("FusedGemm", [A, B, r(4)], {"activation": "Relu"}, domain="com.microsoft", reference=False),
]  # fmt: skip
STEPS, BATCH, FEATURES, HIDDEN = 5, 3, 4, 6


def recurrent(op: str, directions: int = 1, lengths: bool = False, state: bool = False, **attrs: object) -> Case:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    inputs: list[np.ndarray | None] = [
        r(STEPS, BATCH, FEATURES),
        r(directions, gates * HIDDEN, FEATURES) * 0.4,
        r(directions, gates * HIDDEN, HIDDEN) * 0.4,
        r(directions, 2 * gates * HIDDEN),
        np.array([5, 2, 4], np.int32) if lengths else None,
        r(directions, BATCH, HIDDEN) if state else None,
    ]
    if op == "LSTM":
        inputs.append(r(directions, BATCH, HIDDEN) if state else None)
        if attrs.pop("peepholes", False):
            inputs.append(r(directions, 3 * HIDDEN))
    words = [str(directions), "lengths" * lengths, "state" * state, *(f"{k}={v}" for k, v in attrs.items())]
    # the reference knows neither lengths nor two directions of every kind
    return Case(
        op,
        inputs,
        {"hidden_size": HIDDEN, **attrs},
        outputs=3 if op == "LSTM" else 2,
        reference=False,
        stored=[1, 2, 3],
        note=" ".join(word for word in words if word),
    )


RECURRENT = [
    *(recurrent(op) for op in ("LSTM", "GRU", "RNN")),
    *(recurrent(op, direction="reverse", state=True) for op in ("LSTM", "GRU", "RNN")),
    *(recurrent(op, 2, direction="bidirectional", state=True) for op in ("LSTM", "GRU", "RNN")),
    *(recurrent(op, 2, lengths=True, state=True, direction="bidirectional") for op in ("LSTM", "GRU", "RNN")),
    recurrent("LSTM", lengths=True, direction="reverse"),
    recurrent("GRU", linear_before_reset=1),
    recurrent("GRU", 2, lengths=True, direction="bidirectional", linear_before_reset=1),
    recurrent("RNN", activations=["Relu"]),
    recurrent("LSTM", peepholes=True, state=True),
    recurrent("LSTM", clip=0.3),
    recurrent("LSTM", activations=["HardSigmoid", "Softsign", "Tanh"]),
    recurrent("GRU", activations=["Sigmoid", "Relu"]),
]


@pytest.mark.parametrize("case", CONVOLUTIONS + POOLS, ids=str)
def test_convolutions_and_pools_agree(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", NORMALIZATIONS + PRODUCTS, ids=str)
def test_normalizations_and_products_agree(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", RECURRENT, ids=str)
def test_recurrent_layers_agree(case: Case) -> None:
    check(case)
