"""A network as a torch module that computes what ONNX Runtime computes, with gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor, nn

from compress_studio.base.errors import BadInput
from compress_studio.graph.layers import set_array
from compress_studio.view.dtypes import to_array, to_tensor
from compress_studio.view.initializers import is_weight, named_initializers
from compress_studio.view.ops import State
from compress_studio.view.plan import NOTHING, Call, Compiler, Plan

Hook = Callable[[Tensor], Tensor]
Trainable = Callable[[str, ir.Value], bool]


class TorchView(nn.Module):
    """The graph of a network, run by torch node by node.

    Stored float tensors are parameters under their initializer names (view.weights); those in half precision are held
    as float32 and rounded when they are written back. A function in view.hooks[tensor name] replaces that tensor while
    the network runs. In training mode BatchNormalization uses the statistics of the batch and follows them.

    Operators that torch lacks (view.hosted) are computed by ONNX Runtime: outputs are exact, and no gradient goes
    through. Raises Unsupported naming the operators and nodes that cannot be computed that way either.
    """

    def __init__(self, model: ir.Model, trainable: Trainable | None = None) -> None:
        super().__init__()
        self.state = State()
        self.hooks: dict[str, list[Hook]] = {}
        self.weights: dict[str, nn.Parameter] = {}
        compiler = self._compiler(model)
        self._plan = compiler.compile()
        self.hosted: tuple[ir.Node, ...] = tuple(compiler.hosted)
        self._texts: list[tuple[int, np.ndarray]] = []
        """Slot and values of each stored tensor that holds text, which only ONNX Runtime reads."""
        self._stored: list[tuple[int, str]] = []
        """Slot and attribute name of each stored tensor."""
        self._keys: dict[str, str] = {}
        """Attribute name by initializer name."""
        self._store(model, compiler, trainable)
        self._names = {
            value.name: slot for value, slot in compiler.slots.items() if value.name and value not in compiler.nameless
        }
        self.input_names = [value.name or "" for value in model.graph.inputs]
        self.output_names = [value.name or "" for value in model.graph.outputs]
        self._defaults = {value.name for value in model.graph.initializers.values()}
        self._size = len(compiler.slots)
        self._watched: dict[int, list[Hook]] = {}
        self._moves = False
        self.eval()

    def _compiler(self, model: ir.Model) -> Compiler:
        return Compiler(model, self.state, self._inner)

    def _key(self, index: int, name: str) -> str:
        """The attribute that holds a stored tensor."""
        return f"stored{index}"

    def _store(self, model: ir.Model, compiler: Compiler, trainable: Trainable | None) -> None:
        for index, (name, value) in enumerate(named_initializers(model)):
            if value.const_value is None:
                raise BadInput(f"The stored tensor {name} has no values.", "Export the network again.")
            array = value.const_value.numpy()
            if array.dtype.kind in "OSU":
                self._texts.append((compiler.slot(value), array))
                continue
            tensor = to_tensor(array)
            key = self._key(index, name)
            wanted = is_weight(value, array) and (trainable is None or trainable(name, value))
            if wanted:
                parameter = nn.Parameter(tensor)
                self.register_parameter(key, parameter)
                self.weights[name] = parameter
            else:
                self.register_buffer(key, tensor)
            self._stored.append((compiler.slot(value), key))
            self._keys[name] = key

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next((one.device for one in self.parameters()), torch.device("cpu"))

    def has_tensor(self, name: str) -> bool:
        """Whether a tensor of that name exists, so that it can be hooked."""
        return name in self._names

    def tensors(self, inputs: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        """Arrays as tensors where the weights are; text stays as it is."""
        return {
            name: array if np.asarray(array).dtype.kind in "OSU" else to_tensor(array).to(self.device)  # type: ignore[misc]
            for name, array in inputs.items()
        }

    def freeze(self, names: Iterable[str]) -> None:
        """Let stored tensors stay as they are: they are weights no longer."""
        for name in names:
            weight = self.weights.pop(name, None)
            if weight is not None:
                weight.requires_grad_(False)

    def train(self, mode: bool = True) -> TorchView:
        """Switch between training and inference: only batch normalization differs."""
        super().train(mode)
        self.state.training = mode
        return self

    def forward(self, inputs: Mapping[str, Tensor], also: Sequence[str] = ()) -> dict[str, Tensor]:
        """Outputs by name, and the tensors named in also."""
        frame: list[Tensor | None] = [None] * self._size
        for slot, key in self._stored:
            # nn.Module keeps them in two dictionaries; attribute look-up would search both for each tensor
            frame[slot] = self._parameters[key] if key in self._parameters else self._buffers[key]
        for slot, text in self._texts:
            frame[slot] = text  # type: ignore[call-overload]
        for name, slot in zip(self.input_names, self._plan.inputs, strict=True):
            if name in inputs:
                frame[slot] = inputs[name]
            elif name not in self._defaults:
                raise BadInput(f"The network needs an input {name}.", "Give data that hold it.")
        seen: dict[str, Tensor] = {}
        self._watched = self._watch(also, seen)
        for slot in self._watched:
            if frame[slot] is not None:
                frame[slot] = self._hooked(slot, frame[slot])
        self._moves = self.device.type != "cpu"
        self.state.frame = frame
        try:
            results = self._run(self._plan)
        finally:
            self.state.frame = []
        return dict(zip(self.output_names, results, strict=True)) | seen

    def _watch(self, also: Sequence[str], seen: dict[str, Tensor]) -> dict[int, list[Hook]]:
        watched: dict[int, list[Hook]] = {}
        for name, functions in self.hooks.items():
            if functions and name in self._names:
                watched[self._names[name]] = list(functions)
        for name in also:

            def note(value: Tensor, name: str = name) -> Tensor:
                seen[name] = value
                return value

            watched.setdefault(self._names[name], []).append(note)
        return watched

    def _hooked(self, slot: int, value: Tensor | None) -> Tensor | None:
        for function in self._watched[slot]:
            if value is not None:
                value = function(value)
        return value

    def _inner(self, plan: Plan, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Run a sub-graph inside the running pass."""
        frame = self.state.frame
        for slot, value in zip(plan.inputs, inputs, strict=True):
            frame[slot] = value
        return self._run(plan)

    def _run(self, plan: Plan) -> list[Tensor]:
        frame, watched = self.state.frame, self._watched
        for call in plan.calls:
            values = [frame[slot] if slot != NOTHING else None for slot in call.ins]
            if self._moves:
                values = self._together(values, call.host)
            result = call.function(call.context, call.attrs, *values)
            if isinstance(result, Tensor):
                frame[call.outs[0]] = result
            else:
                for slot, value in zip(call.outs, result, strict=False):
                    frame[slot] = value
            if watched:
                for slot in call.outs:
                    if slot in watched:
                        frame[slot] = self._hooked(slot, frame[slot])
            for slot in call.frees:
                frame[slot] = None
        return [_present(frame[slot]) for slot in plan.outputs]

    def _together(self, values: list[Tensor | None], host: frozenset[int]) -> list[Tensor | None]:
        """Tensors that meet in an operator lie on one device; shapes and axes stay where they are."""
        device = self.device
        moved = [isinstance(one, Tensor) and index not in host for index, one in enumerate(values)]
        devices = {one.device.type for one, moves in zip(values, moved, strict=True) if moves and one is not None}
        if len(devices) < 2:
            return values
        return [one.to(device) if moves and one is not None else one for one, moves in zip(values, moved, strict=True)]

    def write_back(self, model: ir.Model) -> int:
        """Store the weights and running averages in a network by initializer name, in the type it stores them in.

        Returns how many stored tensors changed. Names that the other network lacks are left out.
        """
        changed = 0
        for name, value in named_initializers(model):
            if name not in self._keys or value.const_value is None:
                continue
            old = value.const_value.numpy()
            tensor = getattr(self, self._keys[name])
            if not tensor.is_floating_point() or tuple(old.shape) != tuple(tensor.shape):
                continue
            new = to_array(tensor, old.dtype)
            if new.tobytes() != np.ascontiguousarray(old).tobytes():
                set_array(value, new)
                changed += 1
        return changed


def _present(value: Tensor | None) -> Tensor:
    if value is None:
        raise RuntimeError("a graph output was not computed")
    return value


__all__ = ["Call", "TorchView"]
