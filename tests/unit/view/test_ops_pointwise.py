"""Arithmetic, comparison, logic and activations against ONNX Runtime and the reference."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.view.cases import Case, check

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4)).astype(np.float32)
Y = RNG.standard_normal((3, 1)).astype(np.float32)
POSITIVE = np.abs(X) + 0.1
UNIT = np.clip(X * 0.3, -0.95, 0.95)
WHOLE = RNG.integers(-9, 9, (2, 3)).astype(np.int64)
OTHER = np.array([[2, -3, 4]], np.int64)
TRUTH = RNG.random((2, 3)) < 0.5
DOUBT = RNG.random((2, 3)) < 0.5
ODD = np.array([np.nan, np.inf, -np.inf, 1.5], np.float32)

CASES = [
    *(Case(op, [X]) for op in ("Abs", "Neg", "Exp", "Erf", "Floor", "Ceil", "Sign", "Sin", "Cos", "Tanh", "Sigmoid")),
    *(Case(op, [X]) for op in ("Relu", "Softplus", "Softsign", "Sinh", "Cosh", "Atan", "Asinh", "Tan", "HardSwish")),
    *(Case(op, [POSITIVE]) for op in ("Sqrt", "Log", "Reciprocal")),
    *(Case(op, [UNIT]) for op in ("Asin", "Acos", "Atanh")),
    Case("Acosh", [POSITIVE + 1]),
    Case("Round", [np.array([0.5, 1.5, -0.5, -2.5, 2.4], np.float32)]),
    *(Case(op, [X, Y]) for op in ("Add", "Sub", "Mul", "Div", "Greater", "Less", "GreaterOrEqual", "LessOrEqual")),
    *(Case(op, [WHOLE, OTHER], note="whole") for op in ("Add", "Sub", "Mul", "Div", "Mod", "Equal", "Less")),
    Case("Mod", [X, Y + 3], {"fmod": 1}),
    Case("Mod", [WHOLE, OTHER], {"fmod": 1}, note="whole fmod"),
    Case("Pow", [POSITIVE, np.array(2.0, np.float32)]),
    Case("Pow", [POSITIVE, np.array([0.5], np.float32)], stored=[1], note="stored"),
    Case("Pow", [POSITIVE, np.array([[2], [3], [1]], np.int64)], note="whole exponent"),
    *(Case(op, [TRUTH, DOUBT]) for op in ("And", "Or", "Xor")),
    Case("Not", [TRUTH]),
    Case("Equal", [TRUTH, DOUBT], note="truth"),
    *(Case(op, [X, Y, X * 2]) for op in ("Max", "Min", "Sum", "Mean")),
    Case("Max", [WHOLE, OTHER], note="whole"),
    Case("Where", [TRUTH, WHOLE, OTHER]),
    Case("IsNaN", [ODD]),
    Case("IsInf", [ODD]),
    Case("IsInf", [ODD], {"detect_negative": 0}),
    Case("Clip", [X], {"min": -0.5, "max": 0.5}, opset=6),
    Case("Clip", [X, np.array(-0.5, np.float32), None], note="low only"),
    Case("Clip", [X, None, np.array(0.5, np.float32)], note="high only"),
    Case("Clip", [X, np.array(-0.5, np.float32), np.array(0.5, np.float32)], stored=[1, 2], note="stored"),
    Case("Clip", [WHOLE, np.array(-2, np.int64), np.array(3, np.int64)], note="whole"),
    Case("BitShift", [np.array([1, 8], np.uint8), np.array([2, 1], np.uint8)], {"direction": "LEFT"}),
    Case("BitwiseAnd", [WHOLE, OTHER], opset=18),
    Case("Det", [X[:, :3, :3]]),
    Case("LeakyRelu", [X]),
    Case("LeakyRelu", [X], {"alpha": 0.3}),
    Case("PRelu", [X, Y], stored=[1]),
    Case("Elu", [X], {"alpha": 0.7}),
    Case("Celu", [X], {"alpha": 0.7}),
    Case("Selu", [X]),
    Case("Selu", [X], {"alpha": 1.2, "gamma": 0.9}),
    Case("HardSigmoid", [X]),
    Case("HardSigmoid", [X], {"alpha": 0.3, "beta": 0.4}),
    Case("ThresholdedRelu", [X], {"alpha": 0.3}),
    Case("Shrink", [X], {"lambd": 0.4, "bias": 0.1}),
    Case("Mish", [X], opset=18),
    Case("Gelu", [X], opset=20),
    Case("Gelu", [X], {"approximate": "tanh"}, opset=20),
    Case("Swish", [X], {"alpha": 0.8}, opset=24, runtime=False),
    Case("Dropout", [X], opset=12),
    *(
        Case(op, [X], {"axis": axis}, opset=11, reference=False)
        for op in ("Softmax", "LogSoftmax")
        for axis in (0, 1, 2)
    ),
    *(Case(op, [X], {"axis": axis}) for op in ("Softmax", "LogSoftmax", "Hardmax") for axis in (0, 1, -1)),
    Case("Hardmax", [X], opset=11, reference=False),
    Case("Gelu", [X], domain="com.microsoft", reference=False),
    Case("FastGelu", [X, X[0, 0]], domain="com.microsoft", reference=False),
    Case("BiasGelu", [X, X[0, 0]], domain="com.microsoft", reference=False),
    Case("QuickGelu", [X], domain="com.microsoft", reference=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pointwise_operators_agree(case: Case) -> None:
    check(case)
