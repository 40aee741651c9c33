"""Which stored tensors a gradient reaches from what training reads, and what stands in the way of the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import onnx_ir as ir

from compress_studio.view.initializers import named_initializers

WITHOUT_SLOPE = frozenset(
    {"ArgMax", "ArgMin", "Shape", "Size", "NonZero", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}
    | {"Not", "And", "Or", "Xor", "IsNaN", "IsInf", "Sign", "Floor", "Ceil", "Round", "Hardmax", "EyeLike"}
    | {"BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift", "ConstantOfShape", "RandomNormalLike"}
)
"""Operators whose result is the same for a small change of what they read."""
PLACES = frozenset({"TopK", "MaxPool", "Dropout", "Unique"})
"""Operators whose further outputs are places or masks."""
STEPPED = frozenset({int(ir.DataType.FLOAT), int(ir.DataType.FLOAT16), int(ir.DataType.DOUBLE)}) | {
    int(ir.DataType.BFLOAT16)
}
"""Types into which a cast hands a gradient on."""
FREE = "nothing that is trained depends on it"


def unreached(model: ir.Model, tensors: Iterable[str], hosted: Collection[ir.Node]) -> dict[str, str]:
    """Stored tensors that no gradient reaches, by initializer name, each with the reason as the end of a sentence.

    Args: tensors are those that the loss reads; hosted the nodes that hand no gradient on.
    """
    found = _backwards(model, tensors, hosted)
    return {name: _reason(value, hosted) for name, value in named_initializers(model) if value not in found}


def stops(node: ir.Node, hosted: Collection[ir.Node]) -> bool:
    """Whether no gradient goes through a node, whatever it reads."""
    if node in hosted or node.op_type in WITHOUT_SLOPE:
        return True
    return node.op_type == "Cast" and node.attributes.get_int("to", 1) not in STEPPED


def _backwards(model: ir.Model, tensors: Iterable[str], hosted: Collection[ir.Node]) -> set[ir.Value]:
    """Everything from which a path of slopes leads to one of the tensors."""
    wanted = set(tensors)
    waiting = [value for value in _values(model) if value.name in wanted]
    found: set[ir.Value] = set()
    while waiting:
        value = waiting.pop()
        if value in found:
            continue
        found.add(value)
        node = value.producer()
        if node is None or stops(node, hosted) or (node.op_type in PLACES and node.outputs[0] is not value):
            continue
        waiting += [one for one in node.inputs if one is not None]
        for graph in _bodies(node):
            waiting.extend(list(graph.outputs))
    return found


def _values(model: ir.Model) -> Iterator[ir.Value]:
    yield from model.graph.inputs
    yield from model.graph.initializers.values()
    for node in model.graph:
        yield from node.outputs


def _bodies(node: ir.Node) -> Iterator[ir.Graph]:
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            yield attribute.as_graph()


def _reason(value: ir.Value, hosted: Collection[ir.Node]) -> str:
    """What is in the way, found from the stored tensor on."""
    waiting, seen = [value], {value}
    steps: list[ir.Node] = []
    while waiting:
        for use in waiting.pop(0).uses():
            node = use.node
            if node in hosted:
                return f"what it gives goes through {named([node])}, which has no gradient here"
            if stops(node, hosted):
                steps.append(node)
                continue
            waiting += [one for one in node.outputs if one not in seen]
            seen.update(node.outputs)
    if steps:
        return f"what it gives goes through {named(steps[:1])} only, which has no slope"
    return FREE


def named(nodes: Sequence[ir.Node], most: int = 3) -> str:
    """Operators with their places, the first few."""
    words = [f"{node.op_type} ({node.name})" if node.name else node.op_type for node in nodes[:most]]
    more = f" and {len(nodes) - most} more" if len(nodes) > most else ""
    return ", ".join(words) + more
