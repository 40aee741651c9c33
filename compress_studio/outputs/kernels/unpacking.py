"""Weights unpacked: what a format cannot store small becomes plain numbers, for which its converter is made."""

from __future__ import annotations

from pathlib import Path

import onnx_ir as ir

from compress_studio.graph.saving import load, save
from compress_studio.graph.session import open_session, run

UNPACKING = frozenset(
    {"Cast", "DequantizeLinear", "Sub", "Mul", "Add", "Div", "Mod", "Gather", "GatherElements", "Reshape", "Transpose"}
    | {"Concat", "Slice", "Squeeze", "Unsqueeze", "Expand", "Flatten", "BitShift", "BitwiseAnd", "Where"}
)
"""Operators that steps and exporters put between stored numbers and the layer that uses them."""


def unpacked(path: Path, folder: Path) -> Path:
    """The network with weights as the numbers that the layers see; the same path when they are stored so already.

    ONNX Runtime itself computes the numbers, so that they are those of the network, bit by bit.
    """
    model = load(path)
    nodes, wanted = _constant(model.graph)
    if not wanted:
        return path
    part = _alone(model, nodes, wanted)
    values = run(open_session(part), {})
    for value in wanted:
        name = value.name or ""
        made = ir.Value(name=f"{name}_unpacked", const_value=ir.Tensor(values[name], name=f"{name}_unpacked"))
        made.dtype, made.shape = value.dtype or ir.DataType.from_numpy(values[name].dtype), ir.Shape(values[name].shape)
        model.graph.register_initializer(made)
        for user, place in value.uses():
            if user not in nodes:
                user.replace_input_with(place, made)
    model.graph.remove(reversed(nodes), safe=True)
    for name, value in list(model.graph.initializers.items()):
        if not value.uses() and not value.is_graph_output() and not value.is_graph_input():
            del model.graph.initializers[name]
    return save(model, folder / "unpacked.onnx", verify=False)


def _constant(graph: ir.Graph) -> tuple[list[ir.Node], list[ir.Value]]:
    """Nodes that only unpack initializers, and those of their results that other nodes take."""
    inputs = set(graph.inputs)
    nodes: list[ir.Node] = []
    known: set[ir.Node] = set()

    def fixed(value: ir.Value | None) -> bool:
        if value is None:
            return True
        return value.producer() in known or (value.is_initializer() and value not in inputs)

    for node in graph:
        if node.op_type in UNPACKING and node.domain in {"", "ai.onnx"} and all(map(fixed, node.inputs)):
            nodes.append(node)
            known.add(node)
    outputs = [one for node in nodes for one in node.outputs]
    wanted = [one for one in outputs if any(user not in known for user, _ in one.uses())]
    if any(one.is_graph_output() for one in outputs):
        return [], []
    return nodes, wanted


def _alone(model: ir.Model, nodes: list[ir.Node], wanted: list[ir.Value]) -> ir.Model:
    """The unpacking as a network without inputs."""
    clone = model.clone()
    kept = {one.name for one in wanted}
    names = {one.name for node in nodes for one in node.outputs}
    results = [one for node in clone.graph for one in node.outputs if one.name in kept]
    clone.graph.outputs[:] = results
    rest = [node for node in clone.graph if not any(one.name in names for one in node.outputs)]
    clone.graph.remove(reversed(rest), safe=False)
    clone.graph.inputs[:] = []
    used = {one for node in clone.graph for one in node.inputs}
    for name, value in list(clone.graph.initializers.items()):
        if value not in used:
            del clone.graph.initializers[name]
    return clone
