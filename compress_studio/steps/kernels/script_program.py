"""TorchScript that the exporter of TorchScript does not know: its graph is followed in Python and exported from there.

A traced or scripted attention holds fused operators and questions about the running program, for which ONNX has no
words. Here every node of the graph is done as PyTorch would do it, with the fused ones in plain operators, while
torch.export watches: branches are decided, loops with known ends are unrolled, and what is left is a program of plain
operators on tensors with free dimensions. The caller proves it equal to the TorchScript program.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false
# (The graphs of TorchScript come without type information.)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from compress_studio.steps.kernels.script_operators import PRIMITIVES, SKIPPED, call_operator
from compress_studio.steps.kernels.torch_inputs import Layout

LONGEST_LOOP = 4096
"""Turns of a loop that are unrolled."""
LARGE = 1_800_000_000


class Followed(torch.nn.Module):
    """A TorchScript program as a module whose forward follows its graph node by node.

    Its weights have the names that they have in the program; shared ones are shared.
    """

    def __init__(self, script: torch.jit.ScriptModule, defaults: Sequence[Any]) -> None:
        super().__init__()
        known: dict[Any, Any] = {}
        tree = _mirrored(script, known)
        for name, child in tree.named_children():
            self.add_module(name, child)
        for name, one in tree._parameters.items():  # pyright: ignore[reportPrivateUsage]
            self.register_parameter(name, one)
        for name, one in tree._buffers.items():  # pyright: ignore[reportPrivateUsage]
            self.register_buffer(name, one)
        self.__dict__["_program"] = script
        self.__dict__["_graph"] = script.inlined_graph
        self.__dict__["_defaults"] = tuple(defaults)

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs as a flat tuple."""
        from torch.utils import _pytree as pytree

        program: Any = self.__dict__["_program"]
        graph = self.__dict__["_graph"]
        given = [_Part(self, program), *tensors, *self.__dict__["_defaults"]]
        values = dict(zip((one.debugName() for one in graph.inputs()), given, strict=False))
        results = _run_block(graph, values)
        return tuple(one for one in pytree.tree_leaves(results) if isinstance(one, torch.Tensor))


class _Part:
    """A module inside the program: where its weights are here, and where its other attributes are there."""

    def __init__(self, mirror: torch.nn.Module, script: Any) -> None:
        self.mirror = mirror
        self.script = script

    def attribute(self, name: str) -> Any:
        mirror = self.mirror
        if name in mirror._parameters or name in mirror._buffers:  # pyright: ignore[reportPrivateUsage]
            return getattr(mirror, name)
        value = getattr(self.script, name)
        if isinstance(value, torch.jit.ScriptModule):
            return _Part(getattr(mirror, name), value)
        return value


def write_followed(
    script: torch.jit.ScriptModule,
    examples: Sequence[Any],
    names: tuple[Sequence[str], Sequence[str]],
    layout: Layout,
    target: Path,
) -> None:
    """Write a program as ONNX by following it for example inputs; names are those of inputs and of outputs.

    Examples that have no name are what else the program takes.

    Raises whatever torch.export and the exporter raise, also for operators and conditions that cannot be followed.
    """
    count = len(names[0])
    followed = Followed(script, examples[count:]).eval()
    with torch.no_grad():
        exported = _exported(followed, tuple(examples[:count]), layout)
    _note_layers(exported)
    program = torch.onnx.export(
        exported, (), dynamo=True, verbose=False, input_names=list(names[0]), output_names=list(names[1])
    )
    assert program is not None
    _name_dims(program.model, layout)
    weights = sum(one.numel() * one.element_size() for one in followed.state_dict().values())
    program.save(str(target), external_data=weights > LARGE)


def _exported(followed: Followed, examples: tuple[torch.Tensor, ...], layout: Layout) -> torch.export.ExportedProgram:
    dims: dict[str, Any] = {}
    named: list[dict[int, Any]] = []
    for shape in layout.shapes:
        axes = {axis: size for axis, size in enumerate(shape) if isinstance(size, str)}
        named.append({axis: dims.setdefault(size, torch.export.Dim(size.lower())) for axis, size in axes.items()})
    free = [dict.fromkeys(axes, torch.export.Dim.AUTO) for axes in named]
    failed: Exception | None = None
    for shapes in (named, free):
        try:
            return torch.export.export(followed, examples, dynamic_shapes=(tuple(shapes),), strict=False)
        except Exception as error:  # noqa: BLE001 - the exporter raises many types for what it does not know
            failed = failed or error
    assert failed is not None
    raise failed


def _note_layers(exported: torch.export.ExportedProgram) -> None:
    """Note at every operator the module whose weight it reads, by which layers are named; forward is one flat run."""
    names = exported.graph_signature.inputs_to_parameters
    for node in exported.graph.nodes:
        read = [names[one.name] for one in node.all_input_nodes if one.name in names]
        if read:
            parts = read[0].split(".")[:-1]
            paths = [".".join(parts[:count]) for count in range(len(parts) + 1)]
            node.meta["nn_module_stack"] = {path or "L__self__": (path, "torch.nn.Module") for path in paths}


def _name_dims(model: Any, layout: Layout) -> None:
    """Give free dimensions of inputs the names that the user knows; everywhere."""
    import onnx_ir as ir

    names: dict[str, str] = {}
    for value, shape in zip(model.graph.inputs, layout.shapes, strict=False):
        for size, wanted in zip(value.shape or (), shape, strict=False):
            if isinstance(size, ir.SymbolicDim) and size.value and isinstance(wanted, str):
                names[str(size.value)] = wanted
    for value in [*model.graph.inputs, *model.graph.outputs, *(one for node in model.graph for one in node.outputs)]:
        if value.shape is not None:
            value.shape = ir.Shape([_named(size, names) for size in value.shape])


def _named(size: Any, names: Mapping[str, str]) -> Any:
    import onnx_ir as ir

    known = isinstance(size, ir.SymbolicDim) and size.value is not None
    return names.get(str(size.value), str(size.value)) if known else size


def _mirrored(script: Any, known: dict[Any, Any]) -> torch.nn.Module:
    """The weights of a program in plain modules of the same names; the same tensor stays the same."""
    mirror = torch.nn.Module()
    for name, one in script.named_parameters(recurse=False):
        key = (one.data_ptr(), tuple(one.shape), one.stride())  # parts of one tensor may begin at the same place
        mirror.register_parameter(name, known.setdefault(key, torch.nn.Parameter(one.detach(), requires_grad=False)))
    for name, one in script.named_buffers(recurse=False):
        mirror.register_buffer(name, one.detach())
    for name, child in script.named_children():
        mirror.add_module(name, _mirrored(child, known))
    return mirror


def _run_block(block: Any, values: dict[str, Any]) -> list[Any]:
    for node in block.nodes():
        results = _run_node(node, values)
        for output, result in zip(node.outputs(), results, strict=True):
            values[output.debugName()] = result
    return [values[one.debugName()] for one in block.outputs()]


def _run_node(node: Any, values: dict[str, Any]) -> Sequence[Any]:
    kind = str(node.kind())
    if kind == "prim::Constant":
        output = node.output()
        return [output.toIValue()]
    if kind in SKIPPED:
        return [None] * node.outputsSize()
    given = [values[one.debugName()] for one in node.inputs()]
    if kind == "prim::GetAttr":
        return [given[0].attribute(str(node.s("name")))]
    if kind == "prim::If":
        branches = list(node.blocks())
        return _run_block(branches[0] if given[0] else branches[1], values)
    if kind == "prim::Loop":
        return _run_loop(node, given, values)
    if kind in {"prim::TupleUnpack", "prim::ListUnpack"}:
        return list(given[0])
    if kind in PRIMITIVES:
        return [PRIMITIVES[kind](node, *given)]
    result = call_operator(node, given)
    return [result] if node.outputsSize() == 1 else list(result) if node.outputsSize() else []


def _run_loop(node: Any, given: Sequence[Any], values: dict[str, Any]) -> Sequence[Any]:
    (block,) = node.blocks()
    (place, *carried_names) = (one.debugName() for one in block.inputs())
    turns, goes_on, carried = int(given[0]), bool(given[1]), list(given[2:])
    turn = 0
    while goes_on and turn < turns:
        if turn >= LONGEST_LOOP:
            raise ValueError(f"a loop of more than {LONGEST_LOOP} turns is not unrolled")
        values.update(zip((place, *carried_names), (turn, *carried), strict=True))
        again, *carried = _run_block(block, values)
        goes_on, turn = bool(again), turn + 1
    return carried
