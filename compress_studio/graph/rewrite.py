"""Edits of a graph that keep the names of inputs and outputs and see into sub-graphs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir


def used_names(model: ir.Model) -> set[str]:
    """Every name of a value or node, sub-graphs included."""
    names: set[str] = set()
    for graph in model.graphs():
        names.update(value.name or "" for value in graph.inputs)
        names.update(graph.initializers)
        for node in graph:
            names.add(node.name or "")
            names.update(value.name or "" for value in node.outputs)
    return names


def fresh_name(model: ir.Model, stem: str, taken: set[str] | None = None) -> str:
    """A name that begins with stem and is used nowhere.

    Args: taken is the result of used_names for many names at once; the new name is added to it.
    """
    known = used_names(model) if taken is None else taken
    name, number = stem, 1
    while name in known:
        number += 1
        name = f"{stem}_{number}"
    known.add(name)
    return name


def add_initializer(model: ir.Model, stem: str, array: np.ndarray | ir.TensorProtocol) -> ir.Value:
    """A new initializer of the main graph, named stem or, where that is taken, with a number behind it."""
    import numpy as np
    import onnx_ir as ir

    name = fresh_name(model, stem)
    # np.asarray also turns numpy scalars, which are no arrays, into arrays without dimensions.
    tensor = ir.Tensor(np.asarray(array), name=name) if isinstance(array, np.ndarray | np.generic) else array
    value = ir.Value(
        name=name, shape=ir.Shape(tensor.shape.numpy()), type=ir.TensorType(tensor.dtype), const_value=tensor
    )
    model.graph.register_initializer(value)
    return value


def replace_uses(old: ir.Value, new: ir.Value, *, keep: Collection[ir.Node] = ()) -> None:
    """Let everybody who reads old read new, sub-graphs included, except the nodes to keep.

    Where old is an output of its graph, new takes its place and its name there, so that the interface of the network
    stays. Raises ValueError when new is itself an input, an initializer or another output there: put an Identity
    between.
    """
    for use in tuple(old.uses()):
        if use.node not in keep:
            use.node.replace_input_with(use.idx, new)
    graph = old.graph
    if graph is None or not old.is_graph_output():
        return
    if new.producer() is None or new.is_graph_output():
        raise ValueError(f"{new.name} cannot take the place of the output {old.name}")
    for position, output in enumerate(graph.outputs):
        if output is old:
            graph.outputs[position] = new
    name = old.name
    old.name = _free_in(graph, f"{name}_before")
    new.name = name
    new.shape = new.shape if new.shape is not None else old.shape
    new.type = new.type if new.type is not None else old.type


def insert_after(
    model: ir.Model,
    value: ir.Value,
    op: str,
    others: Sequence[ir.Value | None] = (),
    *,
    attributes: dict[str, Any] | None = None,
    domain: str = "",
    stem: str | None = None,
) -> ir.Value:
    """Put a node behind a value: everybody who read the value reads the node's output.

    Args: others are the inputs after the first; stem names the node and, numbered where taken, its output.
    Returns the new output, of the type and shape of value. Works for node outputs, graph inputs and initializers.
    """
    import onnx_ir as ir

    name = fresh_name(model, stem or f"{value.name}_{op.lower()}")
    output = ir.Value(name=name, shape=value.shape, type=value.type)
    node = ir.node(op, [value, *others], attributes=attributes or {}, domain=domain, name=name, outputs=[output])
    replace_uses(value, output, keep=(node,))
    producer = value.producer()
    graph = value.graph or model.graph
    if producer is not None:
        graph.insert_after(producer, [node])
    elif len(graph) > 0:
        graph.insert_before(graph[0], [node])
    else:
        graph.append(node)
    _after_producers(graph, node, others)
    return output


def remove_unused(model: ir.Model) -> int:
    """Remove nodes whose outputs nobody reads and initializers that nothing uses, sub-graphs included.

    Graph inputs stay. Returns how many nodes and initializers went away.
    """
    count = 0
    for graph in reversed(list(model.graphs())):
        for node in reversed(list(graph)):
            if all(not value.uses() and not value.is_graph_output() for value in node.outputs):
                graph.remove(node, safe=True)
                count += 1
    for graph in model.graphs():
        for name, value in list(graph.initializers.items()):
            if not value.uses() and not value.is_graph_output() and not value.is_graph_input():
                del graph.initializers[name]
                count += 1
    return count


def _free_in(graph: ir.Graph, stem: str) -> str:
    taken = {value.name for node in graph for value in node.outputs} | set(graph.initializers)
    taken.update(value.name for value in graph.inputs)
    name = stem
    while name in taken:
        name += "_"
    return name


def _after_producers(graph: ir.Graph, node: ir.Node, others: Sequence[ir.Value | None]) -> None:
    """Sort the graph when another input of a new node is computed later than the first."""
    late = [value.producer() for value in others if value is not None and value.producer() is not None]
    if any(producer is not None and producer.graph is graph for producer in late):
        graph.sort()
