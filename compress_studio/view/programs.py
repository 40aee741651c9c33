"""A network as an exported torch program, with the sizes free that are free in the network."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import SymInt, Tensor
from torch.export import Dim, ExportedProgram

from compress_studio.base.errors import Refused, UserError
from compress_studio.view.ops import recurrent
from compress_studio.view.portable import HINT, PortableView, ProgramModule

TYPES = frozenset({"float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"})


@dataclass(frozen=True, slots=True)
class TorchProgram:
    """An exported program and what belongs to it."""

    program: ExportedProgram
    inputs: tuple[str, ...]
    """Names of its arguments, in order."""
    outputs: tuple[str, ...]
    free: Mapping[str, tuple[int, ...]]
    """Axes of its arguments whose size is free."""
    fixed: tuple[str, ...]
    """Sizes that are free in the network and not in the program, in words."""


def arguments(names: Sequence[str], feeds: Mapping[str, np.ndarray]) -> tuple[Tensor, ...]:
    """Inputs of a network as tensors by position, in their own types. Raises Refused for types that torch lacks."""
    tensors: list[Tensor] = []
    for name in names:
        array = np.array(feeds[name], order="C", copy=True)
        if array.dtype.name not in TYPES:
            raise Refused(f"The input {name} is of the type {array.dtype.name}, which torch lacks.", HINT)
        tensors.append(torch.from_numpy(array))
    return tuple(tensors)


def export_program(
    model: ir.Model,
    feeds: Mapping[str, np.ndarray],
    fixed_symbols: frozenset[str] = frozenset(),
    *,
    pack: bool = False,
) -> TorchProgram:
    """Export a network, seen with the given inputs.

    Args: fixed_symbols are names of free sizes that become those of the inputs; pack lays stored numbers of 4 bits two
    in a byte, which takes operators on bits to read.
    Raises Refused naming the operator or the reason when the network cannot be such a program.
    """
    view = PortableView(model, pack=pack)
    module = ProgramModule(view)
    given = arguments(view.input_names, feeds)
    wanted = {value.name or "": _free_axes(value, fixed_symbols) for value in model.graph.inputs}
    shapes = tuple(dict.fromkeys(wanted[name], Dim.AUTO) for name in view.input_names)
    try:
        with torch.no_grad(), _recurrent_layers_kept():
            program = torch.export.export(module, given, dynamic_shapes=shapes, strict=False)
    except UserError:
        raise
    except Exception as error:
        raise Refused(f"PyTorch cannot export this network: {_cause(error)}", HINT) from error
    _give_back_recurrent_layers(program)
    for node in program.graph.nodes:
        # Where in this program a call was made is nothing for its user.
        node.meta.pop("stack_trace", None)
    kept, fixed = _sizes(program, module.input_names, wanted, view.input_names, model)
    return TorchProgram(program, module.input_names, tuple(view.output_names), kept, fixed)


def _free_axes(value: ir.Value, fixed: frozenset[str]) -> tuple[int, ...]:
    if value.shape is None:
        raise Refused(f"The input {value.name} has no shape, so that nothing can be exported.", HINT)
    return tuple(
        axis
        for axis, size in enumerate(value.shape)
        if not isinstance(size, int) and (size.value or f"{value.name}_{axis}") not in fixed
    )


def _sizes(
    program: ExportedProgram,
    arguments_: Sequence[str],
    wanted: Mapping[str, tuple[int, ...]],
    names: Sequence[str],
    model: ir.Model,
) -> tuple[dict[str, tuple[int, ...]], tuple[str, ...]]:
    """Axes that stayed free, and in words those that did not."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    users = [nodes[name] for name in program.graph_signature.user_inputs if name in nodes]
    kept: dict[str, tuple[int, ...]] = {}
    fixed: list[str] = []
    shapes = {value.name: value.shape for value in model.graph.inputs}
    for argument, name, node in zip(arguments_, names, users, strict=True):
        sizes = node.meta["val"].shape
        kept[argument] = tuple(axis for axis in wanted[name] if isinstance(sizes[axis], SymInt))
        shape = shapes[name]
        for axis in set(wanted[name]) - set(kept[argument]):
            dim = None if shape is None else shape[axis]
            word = dim.value if isinstance(dim, ir.SymbolicDim) and dim.value else f"axis {axis}"
            fixed.append(f"{word} of {name} is {int(sizes[axis])}")
    return kept, tuple(fixed)


def _cause(error: BaseException) -> str:
    """The first line of what torch says, without advice for those who wrote the module."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0].strip()
    if type(error).__name__ == "GuardOnDataDependentSymNode":
        return "a size in it depends on the data."
    return f"{text[:200].rstrip('.')}."


@contextmanager
def _recurrent_layers_kept() -> Generator[None]:
    """Let torch's fused recurrent layers pass as one operator each.

    torch.export looks into them and fixes the number of time steps, which the operator itself does not need.
    """
    plain = dict(recurrent.FUSED)
    recurrent.PACKING.allowed = False
    recurrent.FUSED.update({kind: _stand_in(kind) for kind in plain})
    try:
        yield
    finally:
        recurrent.FUSED.update(plain)
        recurrent.PACKING.allowed = True


STAND_INS: dict[str, Any] = {}
TARGETS = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_tanh", "RNN relu": "rnn_relu"}


def _stand_in(kind: str) -> Any:
    """An operator with the shapes of a fused recurrent layer, taken out again once the program is made."""
    if kind not in STAND_INS:
        name = f"compress_studio::{TARGETS[kind]}_layer"
        states = "Tensor[] hx" if kind == "LSTM" else "Tensor hx"
        results = "(Tensor, Tensor, Tensor)" if kind == "LSTM" else "(Tensor, Tensor)"
        options = "bool biases, int layers, float dropout, bool train, bool both, bool first"
        torch.library.define(name, f"(Tensor x, {states}, Tensor[] weights, {options}) -> {results}")

        def shapes(x: Tensor, hx: Any, weights: list[Tensor], *options: Any) -> tuple[Tensor, ...]:
            state = hx[0] if isinstance(hx, list | tuple) else hx
            directions = 2 if options[4] else 1
            y = x.new_empty(x.shape[0], x.shape[1], directions * state.shape[-1])
            count = len(hx) if isinstance(hx, list | tuple) else 1
            return (y, *(torch.empty_like(state) for _ in range(count)))

        torch.library.register_fake(name)(shapes)
        STAND_INS[kind] = getattr(torch.ops.compress_studio, f"{TARGETS[kind]}_layer")

    return STAND_INS[kind]


def _give_back_recurrent_layers(program: ExportedProgram) -> None:
    real = {stand_in.default: getattr(torch.ops.aten, TARGETS[kind]).input for kind, stand_in in STAND_INS.items()}
    changed = False
    for node in program.graph.nodes:
        if node.op == "call_function" and node.target in real:
            node.target = real[node.target]
            changed = True
    if changed:
        program.graph_module.recompile()
