"""How the weights of a network are stored, as far as its facts tell: what the other formats are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPARSE = 0.7
"""Share of weights that are not zero below which people expect a smaller file."""
PACKED = frozenset({"INT4", "UINT4", "INT2", "UINT2", "INT8", "UINT8"})


def holds_palettes(facts: Mapping[str, Any]) -> bool:
    """Whether weights are places in a palette: one Gather for each layer of bytes, and nothing that scales them."""
    layers = sum(row.get("dtype") == "UINT8" for row in facts.get("layers", ()))
    operators: Mapping[str, int] = facts.get("operators", {})
    scaled = {"DequantizeLinear", "MatMulNBits", "MatMulInteger", "ConvInteger", "QLinearConv", "QLinearMatMul"}
    if not layers or scaled & set(operators):
        return False
    halved = operators.get("Mod", 0) > 0  # two places in one byte
    return halved or (layers <= operators.get("Gather", 0) and operators.get("Sub", 0) < layers)


def packed_share(facts: Mapping[str, Any]) -> float:
    """The share of the bytes of all weights that are integers of 8 bits or less."""
    sizes: Mapping[str, int] = facts.get("bytes_by_type", {})
    total = sum(sizes.values())
    return sum(size for kind, size in sizes.items() if kind in PACKED) / total if total else 0.0


def zeros(facts: Mapping[str, Any]) -> float:
    """The share of weights that are zero, where it is so large that a smaller file is expected; otherwise 0."""
    total, nonzero = facts.get("parameters") or 0, facts.get("nonzero")
    return 0.0 if nonzero is None or not total or nonzero >= SPARSE * total else 1 - nonzero / total
