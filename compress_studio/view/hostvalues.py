"""Sizes, axes and other small numbers kept as Python numbers while a network is exported as a program.

Networks compute shapes with operators on small integer tensors (Shape, Gather, Concat, Reshape). A program that is
exported may not look into a tensor, but it may compute with sizes, known ones and free ones alike. What is computed
from sizes alone is therefore computed here, on arrays of Python numbers, and becomes a tensor only where it meets one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import SymInt, Tensor

from compress_studio.view.dtypes import TORCH

FEW = 64
"""Numbers up to which a stored tensor may hold settings."""
WHOLE = frozenset({torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool})


@dataclass(slots=True)
class HostValue:
    """A small array of numbers; sizes that are free are torch's symbols. Behaves as operators expect of a tensor."""

    array: np.ndarray
    """Of Python objects."""
    dtype: torch.dtype
    stored: Tensor | None = None
    """The stored tensor that holds the same."""

    @classmethod
    def of(cls, tensor: Tensor) -> HostValue:
        """The numbers of a real tensor."""
        numbers = tensor.reshape(-1).tolist()
        return cls(_objects(numbers, tuple(tensor.shape)), tensor.dtype, tensor)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def dim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    def numel(self) -> int:
        """The number of values."""
        return self.array.size

    def reshape(self, *shape: Any) -> HostValue:
        """The same numbers in another shape."""
        return HostValue(self.array.reshape(*shape), self.dtype)

    def tolist(self) -> Any:
        """Nested lists, or one number."""
        return self.array.tolist()

    def item(self) -> Any:
        """The only number."""
        return self.array.reshape(-1)[0] if self.array.size == 1 else self.array.item()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array.reshape(-1).tolist())

    def __getitem__(self, index: int) -> HostValue:
        return HostValue(_objects(self.array[index]), self.dtype)

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def tensor(self) -> Tensor:
        """The numbers as a tensor."""
        if self.stored is not None:
            return self.stored
        numbers = self.array.reshape(-1).tolist()
        if any(not isinstance(one, bool | int | float) for one in numbers):
            parts = [torch.scalar_tensor(one, dtype=self.dtype) for one in numbers]
            return torch.stack(parts).reshape(self.array.shape)
        return torch.tensor(self.array.tolist(), dtype=self.dtype).reshape(self.array.shape)


Value = Tensor | HostValue | None
Function = Callable[[Mapping[str, Any], list[Any]], Any]


def is_setting(array: np.ndarray) -> bool:
    """Whether a stored tensor is small enough to be a setting."""
    return array.size <= FEW and array.dtype.kind in "iubf"


def compute(
    kind: str, attrs: Mapping[str, Any], values: list[Value], outputs: int
) -> HostValue | list[HostValue] | None:
    """The result of an operator on numbers alone; None when it needs tensors, or is not one of these."""
    first = values[0] if values else None
    if kind in {"Shape", "Size"} and first is not None:
        return _measured(kind, attrs, first)
    if kind == "Constant":
        return _constant(attrs)
    present = [one for one in values if one is not None]
    if kind not in FUNCTIONS or not present or any(isinstance(one, Tensor) for one in present):
        return None
    hosts = [one for one in present if isinstance(one, HostValue)]
    if any(one.dtype not in WHOLE for one in hosts) and kind not in ON_FLOATS:
        return None
    arrays = [None if one is None else one.array for one in values if not isinstance(one, Tensor)]
    if kind == "Split":
        return _split(attrs, hosts[0], arrays, outputs)
    result = FUNCTIONS[kind](attrs, arrays)
    if result is None or np.size(result) > FEW:
        return None
    dtype = _dtype(kind, attrs, hosts)
    return HostValue(_objects(result), dtype)


def _objects(values: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """An array of Python objects; numpy must not look into torch's symbols."""
    if isinstance(values, np.ndarray):
        return values if values.dtype == object else values.astype(object)
    if not isinstance(values, list):
        single = np.empty((), object)
        single[()] = values
        return single
    flat = _flat(values)
    array = np.empty(len(flat), object)
    for index, one in enumerate(flat):
        array[index] = one
    return array.reshape(shape if shape is not None else (len(flat),))


def _flat(values: list[Any]) -> list[Any]:
    return [each for one in values for each in (_flat(one) if isinstance(one, list) else [one])]


def _measured(kind: str, attrs: Mapping[str, Any], x: Tensor | HostValue) -> HostValue:
    sizes = list(x.shape)
    if kind == "Size":
        return HostValue(_objects(math.prod(sizes)), torch.int64)
    return HostValue(_objects(sizes[attrs.get("start", 0) : attrs.get("end")]), torch.int64)


def _constant(attrs: Mapping[str, Any]) -> HostValue | None:
    value = attrs.get("value")
    if isinstance(value, HostValue):
        return HostValue(value.array, value.dtype)
    for name, dtype in (("value_int", torch.int64), ("value_float", torch.float32)):
        if name in attrs:
            return HostValue(_objects(attrs[name]), dtype)
        if name + "s" in attrs:
            return HostValue(_objects(list(attrs[name + "s"])), dtype)
    return None


def _each(function: Callable[..., Any]) -> Function:
    """An operator that works number by number."""

    def apply(attrs: Mapping[str, Any], arrays: list[Any]) -> np.ndarray:
        result = arrays[0]
        if len(arrays) == 1:
            return np.asarray(np.frompyfunc(function, 1, 1)(result), object)
        for other in arrays[1:]:
            result = np.frompyfunc(function, 2, 1)(result, other)
        return np.asarray(result, object)

    return apply


def _divided(a: Any, b: Any) -> Any:
    """Whole numbers are divided towards zero; sizes are never negative."""
    if isinstance(a, float) or isinstance(b, float) or isinstance(a, torch.SymFloat) or isinstance(b, torch.SymFloat):
        return a / b
    if isinstance(a, SymInt) or isinstance(b, SymInt):
        return a // b
    return math.trunc(a / b) if abs(a) < 2**50 else (abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)


def _cast(attrs: Mapping[str, Any], arrays: list[Any]) -> np.ndarray | None:
    target = TORCH.get(attrs["to"])
    if target in WHOLE and target is not torch.bool:
        whole: Callable[[Any], Any] = lambda one: one if isinstance(one, SymInt) else torch.sym_int(one)  # noqa: E731
        return np.asarray(np.frompyfunc(whole, 1, 1)(arrays[0]), object)
    if target is torch.bool:
        return np.asarray(np.frompyfunc(bool, 1, 1)(arrays[0]), object)
    return np.asarray(np.frompyfunc(torch.sym_float, 1, 1)(arrays[0]), object)


def _numbers(array: Any) -> list[Any]:
    return [one if isinstance(one, SymInt) else int(one) for one in array.reshape(-1).tolist()]


def _axes(attrs: Mapping[str, Any], arrays: list[Any]) -> tuple[int, ...] | None:
    if len(arrays) > 1 and arrays[1] is not None:
        return tuple(int(one) for one in _numbers(arrays[1]))
    return tuple(attrs["axes"]) if "axes" in attrs else None


def _gather(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    return np.take(arrays[0], arrays[1].astype(np.int64), axis=attrs.get("axis", 0))


def _slice(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    given = [None if one is None else [int(each) for each in _numbers(one)] for one in arrays[1:]]
    starts, ends, axes, steps = [*given, *[None] * (4 - len(given))]
    starts, ends = starts or list(attrs.get("starts", ())), ends or list(attrs.get("ends", ()))
    axes = axes or list(attrs.get("axes", range(len(starts))))
    index = [slice(None)] * arrays[0].ndim
    for position, axis in enumerate(axes):
        step = steps[position] if steps else 1
        end: int | None = ends[position]
        if step < 0 and ends[position] < -arrays[0].shape[axis]:
            end = None
        index[axis] = slice(starts[position], end, step)
    return arrays[0][tuple(index)]


def _reshape(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    sizes = [int(one) for one in _numbers(arrays[1])]
    if not attrs.get("allowzero", 0):
        sizes = [arrays[0].shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    return arrays[0].reshape(sizes)


def _unsqueeze(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    return np.expand_dims(arrays[0], _axes(attrs, arrays) or ())


def _squeeze(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    return np.squeeze(arrays[0], _axes(attrs, arrays))


def _concat(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    return np.concatenate(arrays, axis=attrs.get("axis", 0))


def _filled(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    sizes = _numbers(arrays[0])
    if any(isinstance(one, SymInt) for one in sizes) or math.prod(sizes) > FEW:
        return None
    value = attrs.get("value")
    array = np.empty(sizes, object)
    array.fill(0.0 if value is None else value.reshape(-1)[0].item())
    return array


def _expanded(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    sizes = _numbers(arrays[1])
    if any(isinstance(one, SymInt) for one in sizes):
        return None
    return np.broadcast_to(arrays[0], np.broadcast_shapes(arrays[0].shape, tuple(sizes)))


def _range(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    numbers = [one.reshape(-1)[0] for one in arrays]
    if any(not isinstance(one, int) for one in numbers) or len(range(*numbers)) > FEW:
        return None
    return _objects(list(range(*numbers)))


def _reduced(function: Callable[[Any, Any], Any]) -> Function:
    def apply(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
        axes = _axes(attrs, arrays)
        if arrays[0].ndim > 1 and axes is not None and len(axes) < arrays[0].ndim:
            return None
        numbers = arrays[0].reshape(-1).tolist()
        total = numbers[0]
        for one in numbers[1:]:
            total = function(total, one)
        keep = attrs.get("keepdims", 1)
        return _objects([total], (1,) * arrays[0].ndim) if keep else _objects(total)

    return apply


def _split(attrs: Mapping[str, Any], x: HostValue, arrays: list[Any], outputs: int) -> list[HostValue] | None:
    given = arrays[1] if len(arrays) > 1 else None
    sizes = [int(one) for one in _numbers(given)] if given is not None else list(attrs.get("split", ()))
    if not sizes:
        part = math.ceil(x.array.shape[attrs.get("axis", 0)] / outputs)
        return [HostValue(one, x.dtype) for one in np.split(x.array, range(part, part * outputs, part))]
    return [HostValue(one, x.dtype) for one in np.split(x.array, np.cumsum(sizes)[:-1], attrs.get("axis", 0))]


def _dtype(kind: str, attrs: Mapping[str, Any], hosts: list[HostValue]) -> torch.dtype:
    if kind == "Cast":
        return TORCH[attrs["to"]]
    if kind in TRUTHS:
        return torch.bool
    if kind == "ConstantOfShape":
        value = attrs.get("value")
        return torch.float32 if value is None else value.dtype
    return hosts[1].dtype if kind == "Where" else hosts[0].dtype


TRUTHS = frozenset({"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Not", "And", "Or"})
ON_FLOATS = frozenset(
    {"Cast", "Div", "Mul", "Sub", "Add", "Floor", "Ceil", "Sqrt", "Concat", "Slice", "Gather", "Unsqueeze", "Squeeze"}
    | {"Identity", "Reshape", "Pow", "Neg", "Max", "Min"}
    | TRUTHS
)
"""Operators that may compute with fractions too: scales of Resize, the root of a width."""


def _identity(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    return arrays[0]


def _transposed(attrs: Mapping[str, Any], arrays: list[Any]) -> Any:
    return np.transpose(arrays[0], attrs.get("perm"))


FUNCTIONS: dict[str, Function] = {
    "Add": _each(lambda a, b: a + b),
    "Sub": _each(lambda a, b: a - b),
    "Mul": _each(lambda a, b: a * b),
    "Div": _each(_divided),
    "Mod": _each(lambda a, b: a % b),
    "Neg": _each(lambda a: -a),
    "Abs": _each(abs),
    "Max": _each(torch.sym_max),
    "Min": _each(torch.sym_min),
    "Pow": _each(lambda a, b: a**b),
    "Sqrt": _each(lambda a: torch.sym_sqrt(a) if isinstance(a, torch.SymFloat) else math.sqrt(a)),
    "Floor": _each(lambda a: torch.sym_float(math.floor(a))),
    "Ceil": _each(lambda a: torch.sym_float(math.ceil(a))),
    "Equal": _each(lambda a, b: bool(a == b)),
    "Less": _each(lambda a, b: bool(a < b)),
    "LessOrEqual": _each(lambda a, b: bool(a <= b)),
    "Greater": _each(lambda a, b: bool(a > b)),
    "GreaterOrEqual": _each(lambda a, b: bool(a >= b)),
    "Not": _each(lambda a: not a),
    "And": _each(lambda a, b: bool(a and b)),
    "Or": _each(lambda a, b: bool(a or b)),
    "Where": lambda attrs, arrays: np.frompyfunc(lambda c, a, b: a if c else b, 3, 1)(*arrays),
    "Cast": _cast,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Expand": _expanded,
    "Gather": _gather,
    "Identity": _identity,
    "Range": _range,
    "ReduceMax": _reduced(torch.sym_max),
    "ReduceMin": _reduced(torch.sym_min),
    "ReduceProd": _reduced(lambda a, b: a * b),
    "ReduceSum": _reduced(lambda a, b: a + b),
    "Reshape": _reshape,
    "Slice": _slice,
    "Split": _identity,
    "Squeeze": _squeeze,
    "Transpose": _transposed,
    "Unsqueeze": _unsqueeze,
}
