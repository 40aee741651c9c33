"""A graph as a list of calls on numbered slots, prepared once so that a pass is one loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx_ir as ir
from torch import Tensor

from compress_studio.graph.shapes import element_types
from compress_studio.view.definitions import definition
from compress_studio.view.dtypes import to_tensor
from compress_studio.view.hosted import RANDOM, Hosted, Sloped
from compress_studio.view.ops import Context, Operator, State, Unsupported, find
from compress_studio.view.ops.integers import STRAIGHT
from compress_studio.view.ops.quantization import LIMITS

NOTHING = -1
LISTED = 8


@dataclass(slots=True)
class Call:
    """One node: what to call, where its tensors come from and go to, and which are not needed afterwards."""

    function: Callable[..., Any]
    context: Context
    attrs: Mapping[str, Any]
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    host: frozenset[int]
    frees: tuple[int, ...] = ()
    kind: str = ""
    """Name of the operator."""


@dataclass(slots=True)
class Plan:
    """The calls of one graph in order."""

    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    calls: list[Call] = field(default_factory=list[Call])


@dataclass(slots=True)
class Defined:
    """An operator as other operators."""

    run: Callable[[Plan, Sequence[Any]], list[Any]]
    plan: Plan
    outputs: tuple[int, ...]

    def __call__(self, ctx: Context, attrs: Mapping[str, Any], *values: Any) -> tuple[Any, ...]:
        """The outputs of the node; those that its definition does not make are nothing."""
        given = [*values, *[None] * (len(self.plan.inputs) - len(values))]
        results = dict(zip(self.outputs, self.run(self.plan, given), strict=True))
        return tuple(results.get(index) for index in range(ctx.outputs))


class Compiler:
    """Gives every tensor of a network a slot and turns its graphs into plans."""

    hosts = True
    """Operators that torch lacks are computed by ONNX Runtime, without gradients."""

    def __init__(self, model: ir.Model, state: State, run: Callable[[Plan, Sequence[Tensor]], list[Tensor]]) -> None:
        self.model = model
        self.state = state
        self.run = run
        self.slots: dict[ir.Value, int] = {}
        self.missing: dict[str, list[str]] = {}
        self.hosted: list[ir.Node] = []
        """Nodes that ONNX Runtime computes."""
        self._types: Mapping[str, ir.DataType] | None = None
        self.inner = False
        """Names within the definition of an operator mean nothing outside of it."""
        self.nameless: set[ir.Value] = set()

    def compile(self) -> Plan:
        """The plan of the whole network. Raises Unsupported naming every operator that the view lacks."""
        plan, _ = self._graph(self.model.graph, frozenset())
        if self.missing:
            raise Unsupported(_sentence(self.missing), "Steps that need no training still work on this network.")
        return plan

    def slot(self, value: ir.Value | None) -> int:
        """The slot of a tensor; an absent optional one has none."""
        if value is None:
            return NOTHING
        if self.inner:
            self.nameless.add(value)
        return self.slots.setdefault(value, len(self.slots))

    def operator(self, domain: str, name: str) -> Operator | None:
        """The operator of that name, or None when it is not known."""
        return find(domain, name)

    def _graph(self, graph: ir.Graph, around: frozenset[ir.Value]) -> tuple[Plan, set[ir.Value]]:
        """The plan of a graph and the tensors it reads from the graphs around it."""
        own: set[ir.Value] = set(graph.inputs) | set(graph.initializers.values())
        plan = Plan(tuple(self.slot(value) for value in graph.inputs))
        reads: list[set[ir.Value]] = []
        for node in graph:
            inner = around | own
            attrs, captured = self._attributes(node, frozenset(inner))
            call = self._call(node, attrs, sorted(captured, key=lambda value: value.name or ""))
            if call is not None:
                plan.calls.append(call)
                reads.append({value for value in node.inputs if value is not None} | captured)
            own |= set(node.outputs)
        plan.outputs = tuple(self.slot(value) for value in graph.outputs)
        if not self.missing:
            self._free(graph, plan, reads)
        used = set(graph.outputs).union(*reads)
        return plan, {value for value in used if value not in own}

    def _free(self, graph: ir.Graph, plan: Plan, reads: Sequence[set[ir.Value]]) -> None:
        """Note behind which call each tensor of this graph is no longer needed."""
        stored = {self.slot(value) for value in graph.initializers.values()}
        kept = set(plan.outputs) | set(plan.inputs) | stored
        last: dict[int, int] = {}
        own = {slot for call in plan.calls for slot in call.outs}
        for index, values in enumerate(reads):
            for value in values:
                slot = self.slot(value)
                if slot in own:
                    last[slot] = index
            for slot in plan.calls[index].outs:
                last.setdefault(slot, index)
        for slot, index in last.items():
            if slot not in kept and slot != NOTHING:
                plan.calls[index].frees += (slot,)

    def _call(self, node: ir.Node, attrs: dict[str, Any], captured: Sequence[ir.Value] = ()) -> Call | None:
        operator = self.operator(node.domain, node.op_type)
        reason = "" if operator is None else operator.refuses(attrs, len(node.inputs)) or attrs.get("", "")
        texts = self.hosts and any(value is not None and value.dtype == ir.DataType.STRING for value in node.inputs)
        outputs = max((index + 1 for index, value in enumerate(node.outputs) if value.name), default=1)
        context = Context(self._version(node), outputs, node.name or "", self.state, self.run)
        ins = tuple(self.slot(value) for value in node.inputs)
        outs = tuple(self.slot(value) for value in node.outputs[:outputs])
        defined = self._define(node) if operator is None and not captured and not texts else None
        if defined is not None:
            return Call(defined, context, {}, ins, outs, frozenset(range(len(ins))), kind=node.op_type)
        if operator is None or reason or texts:
            function = self._host(node, attrs, captured, reason)
            if function is None:
                return None
            ins += tuple(self.slot(value) for value in captured)
            return Call(function, context, {}, ins, outs, frozenset(range(len(ins))), kind=node.op_type)
        if node.op_type == "QuantizeLinear" and "limits" not in attrs:
            attrs |= _limits(node)
        if node.op_type == "GatherBlockQuantized":
            held = node.inputs[0]
            whole = held is not None and held.dtype == ir.DataType.UINT8
            attrs |= {"packed": whole and attrs.get("bits", 4) == 4, "bytes": whole}
        return Call(operator.function, context, attrs, ins, outs, operator.host, kind=node.op_type)

    def _define(self, node: ir.Node) -> Defined | None:
        """A node that ONNX defines by operators that are all known."""
        kinds = [None if value is None else self._kind(value) for value in node.inputs]
        found = definition(node, self._version(node), kinds)
        if found is None:
            return None
        missing, hosted, inner = self.missing, self.hosted, self.inner
        self.missing, self.hosted, self.inner = {}, [], True
        plan, _ = self._graph(found.function.graph, frozenset())
        known = not self.missing and not self.hosted
        self.missing, self.hosted, self.inner = missing, hosted, inner
        return Defined(self.run, plan, found.outputs) if known else None

    def _host(
        self, node: ir.Node, attrs: dict[str, Any], captured: Sequence[ir.Value], reason: str
    ) -> Hosted | Sloped | None:
        """A node that ONNX Runtime computes, or None, noted with the reason."""
        if node.op_type in RANDOM:
            reason = "it draws random numbers at every run, so that nothing can be proved"
        if not self.hosts or node.op_type in RANDOM:
            self._miss(node, reason)
            return None
        hosted = Hosted(self.model, node, captured, self._inferred())
        if not hosted.try_open():
            self._miss(node, reason)
            return None
        near = STRAIGHT.get((node.domain, node.op_type))
        if near is not None and not near.refuses(attrs, len(node.inputs)):
            return Sloped(hosted, near.function, attrs)
        self.hosted.append(node)
        return hosted

    def _kind(self, value: ir.Value) -> ir.DataType | None:
        return value.dtype or self._inferred().get(value.name or "")

    def _inferred(self) -> Mapping[str, ir.DataType]:
        """Element types by name, found once."""
        if self._types is None:
            try:
                self._types = element_types(self.model)
            except Exception:  # noqa: BLE001 - without inference, the types of the tensors that come tell
                self._types = {}
        return self._types

    def _version(self, node: ir.Node) -> int:
        versions = self.model.opset_imports
        domain = "" if node.domain == "ai.onnx" else node.domain
        return node.version or versions.get(domain, versions.get("ai.onnx", 1))

    def _miss(self, node: ir.Node, reason: str) -> None:
        word = f"{node.domain}.{node.op_type}" if node.domain not in {"", "ai.onnx"} else node.op_type
        self.missing.setdefault(f"{word} ({reason})" if reason else word, []).append(node.name or "unnamed")

    def _attributes(self, node: ir.Node, around: frozenset[ir.Value]) -> tuple[dict[str, Any], set[ir.Value]]:
        attrs: dict[str, Any] = {}
        captured: set[ir.Value] = set()
        for name, attribute in node.attributes.items():
            if attribute.type == ir.AttributeType.GRAPH:
                attrs[name], outside = self._graph(attribute.as_graph(), around)
                captured |= outside
            else:
                try:
                    attrs[name] = _plain(attribute)
                except TypeError as problem:
                    attrs[""] = f"{name}: {problem}"
        return attrs, captured


def _plain(attribute: ir.Attr) -> Any:
    """An attribute as plain values; a tensor as a tensor."""
    kind = attribute.type
    if kind == ir.AttributeType.TENSOR:
        return to_tensor(attribute.as_tensor().numpy())
    if kind in {ir.AttributeType.INTS, ir.AttributeType.FLOATS, ir.AttributeType.STRINGS}:
        return list(attribute.value)
    if kind in {ir.AttributeType.INT, ir.AttributeType.FLOAT, ir.AttributeType.STRING}:
        return attribute.value
    raise TypeError(f"attribute type {kind.name}")


def _limits(node: ir.Node) -> dict[str, tuple[int, int]]:
    """The range of integers of a quantization, by the type of its zero point."""
    zero = node.inputs[2] if len(node.inputs) > 2 else None
    if zero is not None and zero.dtype is not None and int(zero.dtype) in LIMITS:
        return {"limits": LIMITS[int(zero.dtype)]}
    return {}


def _sentence(missing: Mapping[str, Sequence[str]]) -> str:
    parts: list[str] = []
    for word, nodes in missing.items():
        more = f" and {len(nodes) - LISTED} more" if len(nodes) > LISTED else ""
        parts.append(f"{word} at {', '.join(nodes[:LISTED])}{more}")
    return "Training does not know these operators: " + "; ".join(parts) + "."


__all__ = ["NOTHING", "Call", "Compiler", "Operator", "Plan"]
