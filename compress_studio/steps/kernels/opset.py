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


def raise_opset(model: ir.Model, minimum: int, what: str) -> ir.Model:
    """The network with standard operators of at least that version; the same object when it has them.

    Raises Refused when an operator has no form in the newer version.
    """
    if opset_of(model) >= minimum:
        return model
    import onnx
    import onnx_ir as ir

    from compress_studio.graph.saving import first_line

    try:
        newer = onnx.version_converter.convert_version(ir.to_proto(model), minimum)
    except Exception as error:
        raise Refused(
            f"{what} needs operators of version {minimum}, and this network of version {opset_of(model)} cannot be "
            f"converted: {first_line(error)}",
            f"Export the network again with opset {minimum} or later.",
        ) from error
    raised = ir.from_proto(newer)
    raised.metadata_props.update(model.metadata_props)
    return raised


def refuse_quantized(model: ir.Model) -> None:
    """Raise Refused when the network already computes with integers."""
    for node in model.graph:
        if node.op_type in QUANTIZED:
            raise Refused(
                f"This network is already quantized ({node.op_type} at {node.name or node.outputs[0].name}).",
                "Begin with the network in float32.",
            )
