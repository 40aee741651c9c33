"""A network as a module that torch can export as a program: sizes stay numbers, tensors come by position."""

from __future__ import annotations

import inspect
import keyword
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir
import torch
from torch import Tensor, nn

from compress_studio.base.errors import Refused
from compress_studio.view.dtypes import HALVES
from compress_studio.view.hostvalues import FEW, HostValue, compute, is_setting
from compress_studio.view.initializers import named_initializers
from compress_studio.view.network import TorchView
from compress_studio.view.ops import Operator, Unsupported, find
from compress_studio.view.ops.exported import EXPORTED
from compress_studio.view.plan import NOTHING, Call, Compiler, Defined, Plan

HINT = "Export to ONNX instead, which holds every network."
FOUR_BITS = frozenset({ir.DataType.INT4, ir.DataType.UINT4})
TAKEN = frozenset(dir(nn.Module)) | {"torch", "training", "math"}


class ProgramCompiler(Compiler):
    """Knows the operators of the trainable view and those that only programs need."""

    hosts = False

    def operator(self, domain: str, name: str) -> Operator | None:
        """The operator of that name, or None when it is not known."""
        return EXPORTED.get(("" if domain == "ai.onnx" else domain, name)) or find(domain, name)

    def _call(self, node: ir.Node, attrs: dict[str, Any], captured: Sequence[ir.Value] = ()) -> Call | None:
        value = attrs.get("value")
        if node.op_type in {"Constant", "ConstantOfShape"} and isinstance(value, Tensor) and value.numel() <= FEW:
            # Read now: while a program is exported no tensor may be looked into.
            attrs["value"] = HostValue.of(value)
        return super()._call(node, attrs, captured)


@dataclass(frozen=True, slots=True)
class Packed:
    """How numbers of 4 bits were laid into bytes."""

    shape: tuple[int, ...]
    signed: bool

    def wide(self, stored: Tensor) -> Tensor:
        """The numbers, one in a byte, in their shape."""
        numbers = torch.stack((stored & 15, stored >> 4), -1).flatten()[: math.prod(self.shape)].reshape(self.shape)
        return (numbers.to(torch.int8) ^ 8) - 8 if self.signed else numbers


def packed(numbers: Tensor) -> Tensor:
    """Numbers of 4 bits two in a byte, the first one in the low half."""
    flat = (numbers.flatten().to(torch.int16) & 15).to(torch.uint8)
    if flat.numel() % 2:
        flat = torch.cat((flat, flat.new_zeros(1)))
    return flat[0::2] | (flat[1::2] << 4)


class PortableView(TorchView):
    """Computes what TorchView computes, without looking into tensors while it runs.

    Weights have readable attribute names (names: attribute by initializer name); half precision is kept as it is
    stored and widened in the pass; so are numbers of 4 bits, which lie two in a byte where pack says so. Raises Refused
    naming what no program can hold.
    """

    def __init__(self, model: ir.Model, *, pack: bool = False) -> None:
        self.names: dict[str, str] = {}
        self._attributes: set[str] = set()
        try:
            super().__init__(model)
        except Unsupported as error:
            words = error.message.replace("Training does not know", "A PyTorch program cannot hold", 1)
            raise Refused(words, HINT) from None
        if self._texts:
            raise Refused("The network holds text, which PyTorch lacks.", HINT)
        self._settings: dict[int, HostValue] = {}
        self._narrow: set[int] = set()
        self._packed: dict[int, Packed] = {}
        self._outputs = [value.dtype for value in model.graph.outputs]
        slots = {key: slot for slot, key in self._stored}
        for name, value in named_initializers(model):
            assert value.const_value is not None
            key = self.names[name]
            tensor = getattr(self, key)
            half = HALVES.get(int(value.const_value.dtype))
            if half is not None:
                self._replace(key, tensor.detach().to(half))
                self._narrow.add(slots[key])
            elif pack and value.const_value.dtype in FOUR_BITS and tensor.numel() > FEW:
                self._packed[slots[key]] = Packed(tuple(tensor.shape), value.const_value.dtype == ir.DataType.INT4)
                self._replace(key, packed(tensor))
            elif is_setting(value.const_value.numpy()) and key not in self._parameters:
                self._settings[slots[key]] = HostValue.of(tensor)
        self.requires_grad_(False)

    def _replace(self, key: str, tensor: Tensor) -> None:
        if key in self._parameters:
            self._parameters[key] = nn.Parameter(tensor, requires_grad=False)
        else:
            self._buffers[key] = tensor

    def _compiler(self, model: ir.Model) -> Compiler:
        return ProgramCompiler(model, self.state, self._inner)

    def _key(self, index: int, name: str) -> str:
        key = identifier(name, self._attributes | TAKEN, f"tensor{index}")
        self._attributes.add(key)
        self.names[name] = key
        return key

    def positional(self, holder: nn.Module, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Outputs in the order of the network, from inputs in the order of the network, in the types of its file.

        Args: holder is the module with the stored tensors, whose parameters torch exchanges while it exports.
        """
        frame: list[Any] = [None] * self._size
        for slot, key in self._stored:
            tensor = getattr(holder, key)
            if slot in self._settings:
                setting = self._settings[slot]
                frame[slot] = HostValue(setting.array, setting.dtype, tensor)
            elif slot in self._packed:
                frame[slot] = self._packed[slot].wide(tensor)
            else:
                frame[slot] = tensor.float() if slot in self._narrow else tensor
        for slot, value in zip(self._plan.inputs, inputs, strict=True):
            frame[slot] = value.float() if value.dtype in {torch.float16, torch.bfloat16} else value
        self.state.frame = frame
        try:
            results = self._run(self._plan)
        finally:
            self.state.frame = []
        return tuple(_typed(_tensor(one), kind) for one, kind in zip(results, self._outputs, strict=True))

    def _run(self, plan: Plan) -> list[Any]:
        frame: list[Any] = self.state.frame
        for call in plan.calls:
            values = [frame[slot] if slot != NOTHING else None for slot in call.ins]
            result = _done(call, values)
            if isinstance(result, list | tuple):
                for slot, value in zip(call.outs, result, strict=False):
                    frame[slot] = value
            else:
                frame[call.outs[0]] = result
            for slot in call.frees:
                frame[slot] = None
        return [frame[slot] for slot in plan.outputs]


def _done(call: Call, values: Sequence[Any]) -> Any:
    """One node: on numbers where that is possible, else on tensors."""
    result = compute(call.kind, call.attrs, list(values), len(call.outs))
    if result is not None:
        return result
    if isinstance(call.function, Defined):
        return call.function(call.context, call.attrs, *values)
    taken = [
        value if index in call.host or (call.kind, index) == ("Pow", 1) else _tensor(value)
        for index, value in enumerate(values)
    ]
    undecided = call.kind != "If" and any(isinstance(taken[index], Tensor) for index in call.host if index < len(taken))
    if undecided:
        raise Refused(
            f"What {call.context.node or 'a node'} ({call.kind}) does depends on the data, which a PyTorch program"
            " cannot hold.",
            HINT,
        )
    return call.function(call.context, call.attrs, *taken)


def _tensor(value: Any) -> Any:
    return value.tensor() if isinstance(value, HostValue) else value


def _typed(tensor: Tensor, kind: ir.DataType | None) -> Tensor:
    half = None if kind is None else HALVES.get(int(kind))
    if half is not None:
        return tensor.to(half)
    narrow = {"INT32": torch.int32, "INT8": torch.int8, "UINT8": torch.uint8, "INT64": torch.int64, "BOOL": torch.bool}
    wanted = narrow.get(kind.name) if kind is not None else None
    return tensor if wanted is None or tensor.dtype == wanted else tensor.to(wanted)


def identifier(name: str, taken: Iterable[str], otherwise: str) -> str:
    """A Python name as close to a tensor's name as possible, unlike those that are taken."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    word = re.sub(r"__+", "_", word) or otherwise
    if word[0].isdigit() or keyword.iskeyword(word):
        word = f"t_{word}"
    used, number, unique = set(taken), 1, word
    while unique in used:
        number += 1
        unique = f"{word}_{number}"
    return unique


class ProgramModule(nn.Module):
    """What torch.export is given: the weights under readable names, and a forward with the names of the inputs.

    forward returns the only output, or a tuple of all of them.
    """

    def __init__(self, view: PortableView) -> None:
        super().__init__()
        for name, parameter in view.named_parameters():
            self.register_parameter(name, parameter)
        for name, buffer in view.named_buffers():
            self.register_buffer(name, buffer)
        names: list[str] = []
        for index, name in enumerate(view.input_names):
            names.append(identifier(name, {*names, *view.names.values(), *TAKEN}, f"input{index}"))
        self.input_names = tuple(names)

        def forward(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
            results = view.positional(self, inputs)
            return results[0] if len(results) == 1 else results

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind) for name in names]
        )
        self.forward = forward
        self.eval()
