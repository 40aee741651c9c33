"""The operator set that a compressed form needs, and what is already compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.base.errors import Refused

if TYPE_CHECKING:
    import onnx_ir as ir

QUANTIZED = frozenset(
    {"QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "MatMulInteger"}
    | {"DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits"}
)
"""Operators that only a quantized network has. DequantizeLinear alone is a way to store weights."""


def opset_of(model: ir.Model) -> int:
    """The version of the standard operators."""
    return model.opset_imports.get("", model.opset_imports.get("ai.onnx", 1)) or 1


def raise_opset(model: ir.Model, minimum: int, what: str) -> None:
    """Give a network, in place, standard operators of at least that version.

    Raises Refused when an operator has no form in the newer version.
    """
    from compress_studio.graph import canonical

    before = opset_of(model)
    if not canonical.raise_opset(model, minimum):
        raise Refused(
            f"{what} needs operators of version {minimum}, and this network of version {before} cannot be converted.",
            f"Export the network again with opset {minimum} or later.",
        )


def refuse_quantized(model: ir.Model) -> None:
    """Raise Refused when the network already computes with integers."""
    for node in model.graph:
        if node.op_type in QUANTIZED:
            raise Refused(
                f"This network is already quantized ({node.op_type} at {node.name or node.outputs[0].name}).",
                "Begin with the network in float32.",
            )
