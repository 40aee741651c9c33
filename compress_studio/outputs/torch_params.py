"""What the formats of PyTorch have in common: their parameters, and what they cannot carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.step import Verdict

FUSED_INTEGERS = frozenset(
    {"QLinearConv", "QLinearMatMul", "QGemm", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearGlobalAveragePool"}
    | {"QLinearAveragePool", "QLinearSigmoid", "QLinearSoftmax", "QLinearLeakyRelu", "DynamicQuantizeLSTM"}
    | {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QAttention", "QEmbedLayerNormalization"}
    | {"MatMulBnb4", "MatMulFpQ4", "GatherBlockQuantized"}
)
"""Operators of ONNX Runtime on integers that have no counterpart in PyTorch."""
INTEGERS = frozenset({"QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger"})
PACKED = frozenset({"INT4", "UINT4", "INT2", "UINT2"})
HALVES = frozenset({"FLOAT16", "BFLOAT16"})
SPARSE = 0.7
"""Share of weights that are not zero below which people expect a smaller file."""


class TorchParams(Params):
    """What can be chosen for a PyTorch file."""

    batch: Annotated[
        int | None,
        Range(1, 65536),
        Ui("Batch size", "Samples per run. Automatic: any number, where the network takes any number."),
    ] = None


def carries(facts: Mapping[str, Any], params: TorchParams) -> Verdict:
    """What of a network PyTorch holds: the numbers always, the speed of integers never."""
    operators = set(facts.get("operators", {}))
    integers = sorted(operators & FUSED_INTEGERS)
    if integers:
        return Verdict.no(
            f"PyTorch has no counterpart of {', '.join(integers)}, with which this network computes in integers.",
            "Export it to ONNX, or export the network before it was quantized.",
        )
    return Verdict(ok=True, reason=" ".join(cautions(facts)))


def cautions(facts: Mapping[str, Any]) -> Iterable[str]:
    """What becomes of compressed weights in PyTorch, in sentences."""
    operators = set(facts.get("operators", {}))
    types = set(facts.get("bytes_by_type", {}))
    if operators & INTEGERS:
        yield (
            "Its weights stay in 8 bits, but PyTorch computes with them in float32: the file is small, runs are not"
            " faster, and results may differ by single steps of rounding."
        )
    if "MatMulNBits" in operators:
        yield "Its packed weights stay packed and are widened at every run: the file is small, runs are slower."
    if types & PACKED:
        yield "PyTorch has no 4-bit numbers: weights of 4 bits take 8 in the file, twice as much as in ONNX."
    if types & HALVES:
        yield "Half precision is kept in the file; the network is computed in float32."
    total, nonzero = facts.get("parameters") or 0, facts.get("nonzero")
    if nonzero is not None and total and nonzero < SPARSE * total:
        yield f"{1 - nonzero / total:.0%} of its weights are zero, which PyTorch stores like all other numbers."
