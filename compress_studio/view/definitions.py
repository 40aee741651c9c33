"""Operators that ONNX itself defines by others: their definition is run, with gradients, instead of the operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

if TYPE_CHECKING:
    import onnx

UNWANTED = frozenset({"Bernoulli", "DynamicQuantizeLinear"})
"""Random, and rounded in a way of its own by the runtime."""
LONGEST = 400
"""Nodes above which a definition is no help."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A node written with other operators."""

    function: ir.Function
    outputs: tuple[int, ...]
    """Which outputs of the node those of the function are."""


def definition(node: ir.Node, version: int, kinds: Sequence[ir.DataType | None]) -> Definition | None:
    """How ONNX writes a node with operators, its attributes filled in; None when it does not say.

    Args: version is that of the operator set; kinds are the element types of the inputs.
    """
    import onnx

    if node.domain not in {"", "ai.onnx"} or node.op_type in UNWANTED:
        return None
    try:
        schema = onnx.defs.get_schema(node.op_type, version, "")
        proto = _function(schema, ir.serde.serialize_node(node), version, node, kinds)
    except (onnx.defs.SchemaError, RuntimeError, ValueError):
        return None
    if proto is None or len(proto.node) > LONGEST:
        return None
    own = {one.name: one for one in ir.serde.serialize_node(node).attribute}
    defaults = {name: one.default_value for name, one in schema.attributes.items() if one.default_value.name}
    defaults |= {one.name: one for one in proto.attribute_proto}
    _fill(proto.node, defaults | own)
    made = {name for one in proto.node for name in one.output}
    outputs = tuple(index for index, name in enumerate(proto.output) if name in made)
    names = [proto.output[index] for index in outputs]
    del proto.output[:]
    proto.output.extend(names)
    function = ir.serde.deserialize_function(proto)
    given = [value is not None for value in node.inputs] + [False] * len(function.inputs)
    if any(value.uses() and not there for value, there in zip(function.inputs, given, strict=False)):
        return None
    versions = {one.domain: one.version for one in proto.opset_import}
    for inner in function.all_nodes():
        inner.version = versions.get(inner.domain, version)
    return Definition(function, outputs)


def _function(
    schema: Any, node: onnx.NodeProto, version: int, outer: ir.Node, kinds: Sequence[ir.DataType | None]
) -> onnx.FunctionProto | None:
    import onnx

    if schema.has_function:
        known = [one for one in schema.function_opset_versions if one <= version]
        found = schema.get_function_with_opset_version(max(known)) if known else b""
    elif schema.has_context_dependent_function and not _unknown(outer, kinds):
        known = [one for one in schema.context_dependent_function_opset_versions if one <= version]
        types = [_type(kind) for kind in kinds]
        found = (
            schema.get_context_dependent_function_with_opset_version(max(known), node.SerializeToString(), types)
            if known
            else b""
        )
    else:
        return None
    if not found:
        return None
    proto = onnx.FunctionProto()
    proto.ParseFromString(found)
    return proto


def _unknown(node: ir.Node, kinds: Sequence[ir.DataType | None]) -> bool:
    """Whether an input has a type that nobody knows."""
    return any(kind is None and value is not None for value, kind in zip(node.inputs, kinds, strict=True))


def _type(kind: ir.DataType | None) -> bytes:
    from onnx import helper

    return helper.make_tensor_type_proto(int(kind or ir.DataType.UNDEFINED), None).SerializeToString()


def _fill(nodes: Iterable[onnx.NodeProto], attributes: Mapping[str, onnx.AttributeProto]) -> None:
    """Put the attributes of the outer node where the definition refers to them."""
    for node in nodes:
        kept: list[onnx.AttributeProto] = []
        for attribute in node.attribute:
            if attribute.ref_attr_name:
                given = attributes.get(attribute.ref_attr_name)
                if given is not None:
                    named = type(given)()
                    named.CopyFrom(given)
                    named.name = attribute.name
                    kept.append(named)
                continue
            if attribute.HasField("g"):
                _fill(attribute.g.node, attributes)
            kept.append(attribute)
        del node.attribute[:]
        node.attribute.extend(kept)
