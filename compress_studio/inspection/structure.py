"""The inside of a network as plain values: operators, what connects them, and groups to show them in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.base.errors import BadInput
from compress_studio.graph.layers import people_name
from compress_studio.graph.weights import Weight, find_weights, logical_size, zeros
from compress_studio.inspection import scopes
from compress_studio.inspection.stored import LARGEST_CONE, StoredLayer, cone, read_network, stored_layers

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

    from compress_studio.graph.shapes import Shapes

LONGEST_TEXT = 80
"""Characters of an attribute."""
TYPES = {"FLOAT": "float32", "DOUBLE": "float64"}
INPUT, OUTPUT = "Input", "Output"


def structure(path: str) -> dict[str, Any]:
    """Everything that a picture of a network shows, as plain values.

    Returns
    nodes: dicts with name (a short one for people), path (the full name in the file), op, domain, group (index),
    layer (its name among layers, or ""), bytes, parameters, bits, sparsity (None without weights), inputs and outputs
    (names of tensors), attributes (name, text), weights (dicts);
    edges: pairs of node numbers, once each;
    tensors: name → [type, shape] as texts, "N" where the batch is counted;
    groups: dicts with name, parent (index, −1 for the outermost, which is the first), kind, text, count;
    hidden: operators that only unpack weights and are not listed.

    Raises BadInput for a file that is not a usable network.
    """
    model = read_network(path)
    picture = _Picture(model)
    picture.add_inputs()
    picture.add_graph(model.graph, ())
    picture.add_outputs()
    groups, members = _groups(picture)
    for number, group in members.items():
        picture.nodes[number]["group"] = group
    return {
        "file": Path(path).name,
        "nodes": picture.nodes,
        "edges": sorted(picture.edges),
        "tensors": picture.tensors(),
        "groups": groups,
        "hidden": picture.hidden,
    }


@dataclass(slots=True)
class _Picture:
    """Collects nodes and edges of a network and its sub-graphs."""

    model: ir.Model
    nodes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    paths: list[scopes.Path] = field(default_factory=list[scopes.Path])
    edges: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    branches: set[scopes.Path] = field(default_factory=set[scopes.Path])
    hidden: int = 0
    _makers: dict[int, int] = field(default_factory=dict[int, int])
    _stored: set[int] = field(default_factory=set[int])
    """Values that are computed from stored tensors only."""
    _layers: dict[int, StoredLayer] = field(init=False)
    _weights: dict[int, Weight] = field(init=False)
    _own: dict[int, bool] = field(default_factory=dict[int, bool])
    _values: list[ir.Value] = field(default_factory=list["ir.Value"])

    def __post_init__(self) -> None:
        self._layers = {id(one.node): one for one in stored_layers(self.model)}
        self._weights = {id(one.value): one for one in find_weights(self.model)}

    def add_inputs(self) -> None:
        """The inputs of the network as nodes of their own."""
        for value in self.model.graph.inputs:
            if value.name not in self.model.graph.initializers:
                number = self._add({"name": value.name or "", "op": INPUT, "outputs": [value.name or ""]}, ())
                self._makers[id(value)] = number
                self._values.append(value)

    def add_outputs(self) -> None:
        """The outputs of the network as nodes of their own."""
        for value in self.model.graph.outputs:
            maker = self._makers.get(id(value))
            number = self._add({"name": value.name or "", "op": OUTPUT, "inputs": [value.name or ""]}, ())
            if maker is not None:
                self.edges.add((maker, number))

    def add_graph(self, graph: Iterable[ir.Node], inside: scopes.Path) -> None:
        """The nodes of a graph; those that only unpack weights are counted and left out."""
        for node in graph:
            if node.inputs and all(self._is_stored(value) for value in node.inputs) and not _has_graphs(node):
                self._stored.update(id(value) for value in node.outputs)
                self.hidden += 1
            else:
                self._add_node(node, inside)

    @property
    def kinds(self) -> set[str]:
        """Operator types, which say nothing as names."""
        return {str(node["op"]) for node in self.nodes}

    def tensors(self) -> dict[str, list[str]]:
        """Types and shapes of what nodes give."""
        shapes = _shapes(self.model)
        return {value.name or "": [_type(value, shapes), _shape(value, shapes)] for value in self._values}

    def _is_stored(self, value: ir.Value | None) -> bool:
        return value is None or id(value) in self._stored or (value.const_value is not None and not value.producer())

    def _add_node(self, node: ir.Node, inside: scopes.Path) -> None:
        layer = self._layers.get(id(node))
        full = layer.name if layer is not None else people_name(node)
        own = scopes.split_name(full.partition("#")[0], node.op_type) if layer is None or full != node.op_type else ()
        scope, label = self._scope(node, own, layer, inside)
        row: dict[str, Any] = {"name": label or node.op_type, "path": node.name or "", "op": node.op_type}
        row |= {"domain": "" if node.domain == "ai.onnx" else node.domain, "layer": layer.name if layer else ""}
        row["inputs"] = [value.name or "" if value is not None else "" for value in node.inputs]
        row["outputs"] = [value.name or "" for value in node.outputs]
        row["attributes"] = [[name, _text(attribute)] for name, attribute in node.attributes.items()]
        row |= self._sizes(node, layer)
        if _has_graphs(node):
            scope = (*scope, f"{node.op_type} {label}".strip())
            self._add_branches(node, scope)
        number = self._add(row, scope)
        self._own[number] = bool(own) and layer is not None
        for value in node.inputs:
            if value is not None and id(value) in self._makers:
                self.edges.add((self._makers[id(value)], number))
        self._join_branches(node, number)
        for value in node.outputs:
            self._makers[id(value)] = number
            self._values.append(value)

    def _scope(
        self, node: ir.Node, own: scopes.Path, layer: StoredLayer | None, inside: scopes.Path
    ) -> tuple[scopes.Path, str]:
        """The groups that a node is in and its short name; nameless nodes belong to the one before them."""
        label = own[-1] if own and layer is not None else ""
        if inside:
            return inside, label
        if own and (layer is not None or len(own) > 1 or "/" in (node.name or "")):
            return own, label
        makers = sorted({self._makers[id(value)] for value in node.inputs if id(value) in self._makers}, reverse=True)
        before = next((one for one in makers if self.paths[one]), None)
        if before is None:
            return (), label
        return self.paths[before][:-1] if self._own.get(before) else self.paths[before], label

    def _sizes(self, node: ir.Node, layer: StoredLayer | None) -> dict[str, Any]:
        rows = [
            row for at, value in enumerate(node.inputs) if value is not None for row in self._weight_rows(at, value)
        ]
        total = sum(row["count"] for row in rows)
        found: dict[str, Any] = {"weights": rows, "parameters": total, "bytes": sum(row["bytes"] for row in rows)}
        if layer is not None:
            none, count = layer.zeros
            found |= {"bits": layer.bits, "sparsity": none / max(count, 1)}
        elif rows:
            found |= {"bits": rows[0]["bits"], "sparsity": sum(row["zeros"] for row in rows) / max(total, 1)}
        else:
            found |= {"bits": None, "sparsity": None}
        return found

    def _weight_rows(self, at: int, value: ir.Value) -> list[dict[str, Any]]:
        """The stored tensors behind an input that are weights."""
        if not self._is_stored(value):
            return []
        rows: list[dict[str, Any]] = []
        initializers, between = cone(value)
        for one in initializers:
            weight, tensor = self._weights.get(id(one)), one.const_value
            if weight is None or tensor is None:
                continue
            count = logical_size(weight)
            row: dict[str, Any] = {"name": one.name or "", "input": at, "count": count, "zeros": zeros(weight)}
            row |= {"shape": "×".join(str(size) for size in tensor.shape.numpy()) or "1", "type": _kind(tensor.dtype)}
            row |= {"bytes": tensor.nbytes, "bits": round(8 * tensor.nbytes / max(count, 1), 2)}
            row["through"] = [each.op_type for each in between[:LARGEST_CONE]]
            rows.append(row)
        return rows

    def _add_branches(self, node: ir.Node, scope: scopes.Path) -> None:
        for name, attribute in node.attributes.items():
            for number, graph in enumerate(_graphs(attribute)):
                branch = (*scope, name.replace("_", " ") + (f" {number + 1}" if number else ""))
                self.branches.add(branch)
                for value in graph.inputs:
                    made = self._add({"name": value.name or "", "op": INPUT, "outputs": [value.name or ""]}, branch)
                    self._makers[id(value)] = made
                    self._values.append(value)
                self.add_graph(graph, branch)

    def _join_branches(self, node: ir.Node, number: int) -> None:
        """Results inside an operator flow to the operator itself."""
        for attribute in node.attributes.values():
            for graph in _graphs(attribute):
                for value in graph.outputs:
                    if id(value) in self._makers:
                        self.edges.add((self._makers[id(value)], number))

    def _add(self, row: dict[str, Any], path: scopes.Path) -> int:
        empty: dict[str, Any] = {"path": "", "domain": "", "layer": "", "inputs": [], "outputs": [], "attributes": []}
        empty |= {"weights": [], "parameters": 0, "bytes": 0, "bits": None, "sparsity": None, "group": 0}
        self.nodes.append(empty | row)
        self.paths.append(path)
        return len(self.nodes) - 1


def _groups(picture: _Picture) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """The groups as rows, and the group of every node."""
    ops = [str(node["op"]) for node in picture.nodes]
    ends = {number for number, op in enumerate(ops) if op in {INPUT, OUTPUT} and not picture.paths[number]}
    inner = [number for number in range(len(ops)) if number not in ends]
    root = scopes.group([picture.paths[one] for one in inner], [ops[one] for one in inner], frozenset(picture.branches))
    kinds = [ops[one] for one in inner]
    rows: list[dict[str, Any]] = []
    members: dict[int, int] = dict.fromkeys(ends, 0)
    todo = [(root, -1)]
    while todo:
        one, parent = todo.pop()
        here = len(rows)
        text = scopes.summary(one, kinds)
        rows.append(
            {
                "name": _part_name(one, picture, inner) or one.name,
                "parent": parent,
                "kind": one.kind,
                "text": text,
                "count": one.count(),
            }
        )
        members |= {inner[item]: here for item in one.items}
        todo += [(each, here) for each in reversed(one.groups)]
    return rows, members


def _part_name(one: scopes.Group, picture: _Picture, inner: list[int]) -> str:
    """The layers of a group that has no name of its own: "ln2 … f2"."""
    if one.kind != "part" or one.groups:
        return ""
    names = [row["name"] for row in (picture.nodes[inner[item]] for item in one.items) if row["layer"]]
    names = [name for name in dict.fromkeys(names) if name not in picture.kinds]
    return f"{names[0]} … {names[-1]}" if len(names) > 1 else names[0] if names else ""


def _shapes(model: ir.Model) -> Shapes | None:
    from compress_studio.graph.shapes import trace

    try:
        return trace(model)
    except BadInput:
        return None


def _shape(value: ir.Value, shapes: Shapes | None) -> str:
    size = shapes.of(value.name) if shapes is not None else None
    if size is not None and shapes is not None:
        batch = shapes.batch_axes.get(value.name or "", ())
        parts = ["N" if axis in batch and shapes.batch == each else str(each) for axis, each in enumerate(size)]
        return "×".join(parts) or "one number"
    if value.shape is None:
        return ""
    return "×".join(str(each) if isinstance(each, int) else str(each.value or "?") for each in value.shape)


def _type(value: ir.Value, shapes: Shapes | None) -> str:
    dtype = shapes.dtype(value.name) if shapes is not None else None
    return _kind(dtype or value.dtype)


def _kind(dtype: ir.DataType | None) -> str:
    return "" if dtype is None else TYPES.get(dtype.name, dtype.name.lower())


def _has_graphs(node: ir.Node) -> bool:
    return any(_graphs(attribute) for attribute in node.attributes.values())


def _graphs(attribute: ir.Attr) -> list[ir.Graph]:
    import onnx_ir as ir

    if attribute.type is ir.AttributeType.GRAPH:
        return [attribute.as_graph()]
    return list(attribute.as_graphs()) if attribute.type is ir.AttributeType.GRAPHS else []


def _text(attribute: ir.Attr) -> str:
    """An attribute in a few words."""
    import onnx_ir as ir

    graphs = _graphs(attribute)
    if graphs:
        return f"{sum(1 for graph in graphs for _ in graph)} operators"
    if attribute.type is ir.AttributeType.TENSOR:
        tensor = attribute.as_tensor()
        return f"{_kind(tensor.dtype)} {'×'.join(map(str, tensor.shape.numpy())) or 'number'}"
    value = attribute.value
    if isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, list | tuple):
        text = ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value[:LONGEST_TEXT])
    else:
        text = str(value)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
