"""The table of rules: what an operator does to the channels of its inputs and outputs.

A rule gets the graph under construction and one node. It joins axes that must shrink together, freezes what the
operator mixes, and notes what has to be adjusted. An operator without a rule freezes everything it touches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from compress_studio.graph.channels.links import Links, UnknownShapeError, layer_of

if TYPE_CHECKING:
    import onnx_ir as ir

Rule = Callable[[Links, "ir.Node"], None]
RULES: dict[str, Rule] = {}
STANDARD = frozenset({"", "ai.onnx"})
CONTRIB = "com.microsoft"
QUANTIZED = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"})


def rule(*operators: str) -> Callable[[Rule], Rule]:
    """Register a rule for operators; contrib operators are written "com.microsoft::Name"."""

    def register(function: Rule) -> Rule:
        for name in operators:
            RULES[name] = function
        return function

    return register


def apply_rule(links: Links, node: ir.Node) -> None:
    """Say what one node does to channels, or freeze what it touches with the reason."""
    name = node.op_type if node.domain in STANDARD else f"{node.domain}::{node.op_type}"
    if _is_quantized(node):
        links.freeze_node(node, "already quantized: prune before quantization")
        return
    known = RULES.get(name)
    if known is None or _has_subgraph(node):
        links.freeze_node(node, f"{layer_of(node)} has no rule for the removal of channels")
        return
    try:
        known(links, node)
    except UnknownShapeError:
        links.freeze_node(node, f"the shapes at {layer_of(node)} are not known")


def _is_quantized(node: ir.Node) -> bool:
    return node.op_type in QUANTIZED or node.op_type.startswith("QLinear") or node.op_type == "MatMulNBits"


def _has_subgraph(node: ir.Node) -> bool:
    return any(attribute.type.name in {"GRAPH", "GRAPHS"} for attribute in node.attributes.values())
