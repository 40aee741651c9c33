"""Looking into PyTorch files without unpickling: opcodes are read, nothing is called."""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

MAX_PICKLE = 64 << 20
MAX_OPCODES = 5_000_000
DEEPEST = 24
"""Dictionaries and modules inside each other that are followed."""
TYPE_TAG = "torch.jit._pickle restore_type_tag"
HARMLESS = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_\w+|torch \w*Storage|torch Size|torch \w*int\d*|torch \w*float\d*"
    r"|torch device|torch\.storage \w+Storage|torch\.nn\.parameter (Parameter|Buffer)"
)
"""The names that a file of plain tensors calls."""
OF_PROGRAM = re.compile(r"__torch__\S* \w+|torch\.jit\._pickle (restore_type_tag|build_\w+)")
"""The names that a TorchScript program calls besides; they are resolved in its own code, not in Python."""


@dataclass(slots=True)
class PickleFacts:
    """What a pickle holds, as far as it can be told from outside."""

    calls: list[str] = field(default_factory=list[str])
    """Python objects that unpickling would import, "module name"."""
    tensors: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """Shapes of tensors by their names in nested dictionaries, lists and TorchScript modules."""
    types: dict[str, str] = field(default_factory=dict[str, str])
    """The type of a tensor by its name, as PyTorch calls its storage: "Float", "Long", …"""
    places: dict[str, str] = field(default_factory=dict[str, str])
    """Where the numbers of a tensor lie, by its name; shared weights have one place."""

    @property
    def foreign(self) -> list[str]:
        """The calls that a file of plain tensors does not make."""
        return [name for name in self.calls if not HARMLESS.fullmatch(name)]


@dataclass(slots=True)
class _Call:
    name: str
    arguments: Any = None
    state: Any = None


def read_checkpoint(path: Path) -> PickleFacts:
    """The facts of a PyTorch checkpoint in a zip archive; raises zipfile.BadZipFile for a damaged one."""
    with zipfile.ZipFile(path) as archive:
        entry = next(info for info in archive.infolist() if info.filename.rsplit("/", 1)[-1] == "data.pkl")
        with archive.open(entry) as stream:
            return scan(stream.read(MAX_PICKLE))


def unpacked_size(path: Path) -> int:
    """Bytes of a zip archive after unpacking, from its table of contents."""
    with zipfile.ZipFile(path) as archive:
        return sum(info.file_size for info in archive.infolist())


def scan(data: bytes) -> PickleFacts:
    """Follow the opcodes of a pickle with symbols in place of objects; a damaged end is left out."""
    facts = PickleFacts()
    top = _follow(data, facts)
    for name, value in _walk(top, ""):
        arguments = _tensor_arguments(value)
        if arguments is not None:
            facts.tensors[name] = tuple(int(size) for size in arguments[2])
            facts.types[name], place = _storage(arguments[0])
            facts.places[name] = f"{place}+{arguments[1]}"
    return facts


def _follow(data: bytes, facts: PickleFacts) -> Any:
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if opcode.name == "STOP" or count > MAX_OPCODES:
                break
            _apply(opcode.name, argument, stack, marks, memo, facts)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError):
        # A pickle that is broken or unlike those of PyTorch: what was understood so far is enough for a message.
        return stack[0] if stack else None
    return stack[-1] if stack else None


def _apply(
    name: str, argument: Any, stack: list[Any], marks: list[int], memo: dict[int, Any], facts: PickleFacts
) -> None:
    if name == "MARK":
        marks.append(len(stack))
    elif name in {"GLOBAL", "STACK_GLOBAL"}:
        if name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            argument = f"{module} {attribute}"
        facts.calls.append(str(argument))
        stack.append(_Call(str(argument)))
    elif name in {"BINPUT", "LONG_BINPUT", "PUT"}:
        memo[int(argument)] = stack[-1]
    elif name == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif name in {"BINGET", "LONG_BINGET", "GET"}:
        stack.append(memo[int(argument)])
    elif name in {"REDUCE", "NEWOBJ"}:
        arguments, function = stack.pop(), stack.pop()
        called = function.name if isinstance(function, _Call) else str(function)
        stack.append(_made(called, arguments))
    elif name == "BUILD":
        state = stack.pop()
        if isinstance(stack[-1], _Call):
            stack[-1].state = state
    elif name == "BINPERSID":
        stack.append(("storage", stack.pop()))
    elif name in {"SETITEM", "SETITEMS"}:
        items = _since_mark(stack, marks) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
        if isinstance(stack[-1], dict):
            target = cast("dict[str, Any]", stack[-1])
            target.update({str(key): value for key, value in zip(items[::2], items[1::2], strict=True)})
    elif name in {"APPEND", "APPENDS"}:
        items = _since_mark(stack, marks) if name == "APPENDS" else [stack.pop()]
        if isinstance(stack[-1], list):
            cast("list[Any]", stack[-1]).extend(items)
    elif name in {"TUPLE", "LIST", "DICT"}:
        items = _since_mark(stack, marks)
        pairs = zip(items[::2], items[1::2], strict=False)
        stack.append({"TUPLE": tuple(items), "LIST": items, "DICT": {str(k): v for k, v in pairs}}[name])
    elif name in {"TUPLE1", "TUPLE2", "TUPLE3"}:
        size = int(name[-1])
        items = stack[-size:]
        del stack[-size:]
        stack.append(tuple(items))
    elif name == "POP":
        stack.pop()
    elif name not in {"PROTO", "FRAME"}:
        empty: dict[str, Any] = {"EMPTY_DICT": _new_dict(), "EMPTY_LIST": [], "EMPTY_TUPLE": ()}
        stack.append(empty.get(name, argument))


def _since_mark(stack: list[Any], marks: list[int]) -> list[Any]:
    start = marks.pop()
    items = stack[start:]
    del stack[start:]
    return items


def _new_dict() -> dict[str, Any]:
    return {}


def _made(called: str, arguments: Any) -> Any:
    """What a call gives: a dictionary, its own argument where that is only given a type, else a symbol."""
    if called == "collections OrderedDict":
        return _new_dict()
    if called == TYPE_TAG and isinstance(arguments, tuple) and arguments:
        return cast("tuple[Any, ...]", arguments)[0]
    return _Call(called, arguments)


def _walk(value: Any, prefix: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    state: Any = value.state if isinstance(value, _Call) else None
    if isinstance(state, dict):
        value = cast("dict[str, Any]", state)
    if isinstance(value, list):
        value = {str(place): one for place, one in enumerate(cast("list[Any]", value))}
    if isinstance(value, dict) and depth < DEEPEST:
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _walk(inner, f"{prefix}.{key}" if prefix else key, depth + 1)
    else:
        yield prefix, value


def _tensor_arguments(value: Any) -> tuple[Any, ...] | None:
    """Storage, offset, shape and the rest of a call that makes a tensor; None for all else."""
    given: Any = value.arguments if isinstance(value, _Call) else None
    if not isinstance(value, _Call) or not isinstance(given, tuple):
        return None
    arguments = cast("tuple[Any, ...]", given)
    if "_rebuild_parameter" in value.name and arguments:
        return _tensor_arguments(arguments[0])
    if "_rebuild_tensor" in value.name and len(arguments) > 2 and isinstance(arguments[2], tuple):
        return arguments
    return None


def _storage(value: Any) -> tuple[str, str]:
    """Type and name of a storage: ("storage", ("storage", torch FloatStorage, "0", "cpu", 500))."""
    try:
        kind, name = value[1][1], value[1][2]
        return kind.name.split()[-1].removesuffix("Storage"), str(name)
    except (TypeError, IndexError, AttributeError):
        return "", ""
