"""The operators that the view knows: one small function each, found by domain and name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import SymInt, Tensor

from compress_studio.base.errors import Refused

Attrs = Mapping[str, Any]
Function = Callable[..., Any]
MICROSOFT = "com.microsoft"


class Unsupported(Refused):
    """The view lacks operators of this network. They are named with their nodes; nothing is guessed."""


@dataclass(slots=True)
class State:
    """What the functions of one view share while it runs."""

    training: bool = False
    """Batch normalization uses the statistics of the batch and updates its running averages."""
    frame: list[Tensor | None] = field(default_factory=list["Tensor | None"])
    """The tensors of the running pass by slot."""


@dataclass(slots=True)
class Context:
    """What an operator knows beside its attributes and tensors."""

    version: int
    """Version of the operator set of its domain: many operators changed their meaning."""
    outputs: int
    """How many outputs the node has, unnamed ones in between included."""
    node: str
    """Name of the node, for errors."""
    state: State
    run: Callable[[Any, Sequence[Tensor]], list[Tensor]]
    """Runs a sub-graph (an attribute of If and Loop) on its inputs."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its function and what it asks of its inputs."""

    function: Function
    host: frozenset[int]
    """Inputs that stay on the processor: shapes, axes, sizes."""
    refuses: Callable[[Attrs, int], str]
    """Why these attributes (with the number of inputs) cannot be computed, or an empty text."""


OPERATORS: dict[tuple[str, str], Operator] = {}


def op(
    *names: str,
    domain: str = "",
    host: Sequence[int] = (),
    refuses: Callable[[Attrs, int], str] = lambda attrs, inputs: "",
) -> Callable[[Function], Function]:
    """Register function(ctx, attrs, *tensors) under operator names; absent optional inputs arrive as None."""

    def register(function: Function) -> Function:
        for name in names:
            if (domain, name) in OPERATORS:
                raise ValueError(f"operator {domain}:{name} is registered twice")
            OPERATORS[domain, name] = Operator(function, frozenset(host), refuses)
        return function

    return register


def find(domain: str, name: str) -> Operator | None:
    """The operator of that name, or None when the view lacks it."""
    return OPERATORS.get(("" if domain == "ai.onnx" else domain, name))


def ints(value: Tensor | Sequence[int] | None) -> list[int]:
    """Whole numbers out of a tensor or an attribute; nothing gives an empty list."""
    if value is None:
        return []
    numbers: Sequence[Any] = value.reshape(-1).tolist() if isinstance(value, Tensor) else value
    return [_whole(number) for number in numbers]


def _whole(number: Any) -> Any:
    """A whole number; a size that is not known yet (while a program is exported) stays one."""
    return number if isinstance(number, SymInt) else int(number)


def axes_of(attrs: Attrs, given: Tensor | None) -> list[int] | None:
    """Axes from an input (newer operator sets) or an attribute (older ones); None when neither is there."""
    if given is not None:
        return ints(given)
    return ints(attrs["axes"]) if "axes" in attrs else None
