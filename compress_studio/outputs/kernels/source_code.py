"""An exported program as the source of a Python module that needs only torch."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.fx import Node

from compress_studio.base.errors import Refused
from compress_studio.outputs.kernels import source_text
from compress_studio.view.portable import HINT
from compress_studio.view.programs import TorchProgram

SILENT = frozenset(
    {"_assert_tensor_metadata", "_assert_scalar", "_assert_async", "sym_constrain_range"}
    | {"sym_constrain_range_for_size"}
)
"""Checks of the exporter that compute nothing."""
DROPPED = frozenset({"device", "layout", "pin_memory"})
"""Arguments that would tie the source to a device."""
INFIX: Mapping[Any, str] = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.floordiv: "//", operator.mod: "%",
    operator.truediv: "/", operator.pow: "**", operator.eq: "==", operator.ne: "!=", operator.lt: "<",
    operator.le: "<=", operator.gt: ">", operator.ge: ">=",
}  # fmt: skip
CALLS: Mapping[Any, str] = {
    torch.sym_max: "max", torch.sym_min: "min", torch.sym_float: "float", torch.sym_int: "int",
    math.floor: "int", math.trunc: "int", math.ceil: "math.ceil", operator.neg: "-",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a module and the tensors that belong to it, by attribute name."""

    text: str
    tensors: Mapping[str, torch.Tensor]


def write_source(program: TorchProgram, title: str, described: Sequence[str]) -> Source:
    """The module of a program.

    Args: title heads its docstring; described are sentences about inputs and outputs.
    Raises Refused naming what plain torch calls cannot say.
    """
    exported = program.program
    graph = exported.graph
    live = _live(graph.output_node())
    held = _held(program)
    writer = _Writer(held)
    parameters: dict[str, torch.Tensor] = {}
    arguments = iter(program.inputs)
    for node in graph.nodes:
        if node.op == "placeholder":
            if node.name in held:
                if node in live:
                    parameters[held[node.name]] = _tensor(program, held[node.name])
            else:
                writer.names[node] = next(arguments)
    body = writer.body([node for node in graph.nodes if node in live and node.op == "call_function"], graph)
    results = graph.output_node().args[0]
    if not isinstance(results, list | tuple):
        results = (results,)
    returned = ", ".join(writer.text(one) for one in results)
    kind = "Tensor" if len(results) == 1 else f"tuple[{', '.join(['Tensor'] * len(results))}]"
    text = source_text.module(
        title=title,
        described=described,
        tensors={name: _made(tensor) for name, tensor in parameters.items()},
        learned=frozenset(exported.graph_signature.inputs_to_parameters.values()),
        inputs=program.inputs,
        body=body,
        returned=returned,
        kind=kind,
    )
    return Source(text, parameters)


def _live(output: Node) -> set[Node]:
    """Nodes that the outputs depend on."""
    live: set[Node] = set()
    waiting = [output]
    while waiting:
        node = waiting.pop()
        if node not in live:
            live.add(node)
            waiting += node.all_input_nodes
    return live


def _held(program: TorchProgram) -> dict[str, str]:
    """Attribute names of the stored tensors by the name of their placeholder."""
    signature = program.program.graph_signature
    return {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }


def _tensor(program: TorchProgram, name: str) -> torch.Tensor:
    exported = program.program
    found = exported.state_dict.get(name, exported.constants.get(name))
    if not isinstance(found, torch.Tensor):
        raise Refused(f"The program holds {name}, which is no tensor.", HINT)
    return found.detach().clone().contiguous()


def _made(tensor: torch.Tensor) -> str:
    """How an empty tensor of the same kind is made."""
    sizes = ", ".join(map(str, tensor.shape)) if tensor.dim() else "()"
    kind = "" if tensor.dtype == torch.float32 else f", dtype={tensor.dtype}"
    return f"torch.empty({sizes}{kind})"


@dataclass(slots=True)
class _Writer:
    """Gives values names; those that are no longer needed are taken up again, which frees their memory."""

    held: Mapping[str, str]
    names: dict[Node, str] = field(default_factory=dict[Node, str])
    free: list[str] = field(default_factory=list[str])
    count: int = 0

    def body(self, nodes: Sequence[Node], graph: Any) -> list[str]:
        """The lines of forward."""
        last: dict[Node, int] = {}
        for index, node in enumerate(nodes):
            for used in node.all_input_nodes:
                last[used] = index
        kept = set(graph.output_node().all_input_nodes)
        lines: list[str] = []
        for index, node in enumerate(nodes):
            text = self.call(node)
            done = [one for one in dict.fromkeys(node.all_input_nodes) if last[one] == index and one not in kept]
            self.free = [*(self.names[one] for one in done if _reusable(one) and one in self.names), *self.free]
            self.names[node] = self.fresh(node)
            lines.append(f"{self.names[node]} = {text}")
        return lines

    def fresh(self, node: Node) -> str:
        """A name for a new value."""
        if _reusable(node) and self.free:
            return self.free.pop(0)
        self.count += 1
        return f"v{self.count}"

    def call(self, node: Node) -> str:
        """One call as Python."""
        target: Any = node.target
        args = [self.text(one) for one in node.args]
        if isinstance(target, torch._ops.OpOverload):
            return self.operator(node, target, args)
        if target is operator.getitem:
            return f"{args[0]}[{args[1]}]"
        if target in INFIX:
            return f"({args[0]} {INFIX[target]} {args[1]})"
        if target in CALLS:
            return f"{CALLS[target]}({', '.join(args)})"
        raise Refused(f"The source of a module cannot say {getattr(target, '__name__', target)}.", HINT)

    def operator(self, node: Node, target: torch._ops.OpOverload, args: list[str]) -> str:
        """A call of one of torch's own operators."""
        space, name = target._schema.name.split("::")
        if name == "sym_size":
            return f"{args[0]}.size({args[1]})"
        if name == "sym_numel":
            return f"{args[0]}.numel()"
        if space != "aten":
            raise Refused(f"The source of a module cannot say {space}::{name}, which is not part of torch.", HINT)
        options = [f"{key}={self.text(one)}" for key, one in node.kwargs.items() if key not in DROPPED]
        return f"torch.ops.aten.{name}({', '.join([*args, *options])})"

    def text(self, value: Any) -> str:
        """An argument as Python."""
        if isinstance(value, Node):
            return f"self.{self.held[value.name]}" if value.name in self.held else self.names[value]
        if isinstance(value, list | tuple):
            return f"[{', '.join(self.text(one) for one in value)}]"
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        return repr(value)


def _reusable(node: Node) -> bool:
    return node.op == "call_function" and isinstance(node.meta.get("val"), torch.Tensor)
