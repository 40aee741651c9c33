"""Looking into PyTorch files without unpickling: opcodes are read, nothing is called."""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

MAX_PICKLE = 64 << 20
MAX_OPCODES = 5_000_000
DEEPEST = 64
"""Dictionaries and modules inside each other that are followed."""
MAX_OBJECTS = 1_000_000
"""Objects that are looked at: a small pickle can name one list in itself again and again."""
TYPE_TAG = "torch.jit._pickle restore_type_tag"
UNKNOWN_NAME = "a name that is made while unpickling"
MODULE_STATE = frozenset({"_parameters", "_buffers", "_modules"})
"""What every torch.nn.Module keeps its tensors and parts in."""
HARMLESS = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_\w+|torch \w*Storage|torch Size|torch \w*int\d*|torch \w*float\d*"
    r"|torch device|torch\.storage \w+Storage|torch\.nn\.parameter (Parameter|Buffer)"
    r"|(__builtin__|builtins) (set|complex)|_codecs encode"
    r"|torch per_(tensor|channel)_\w+|torch\.serialization _get_layout"
)
"""The names that a file of plain tensors calls."""
OF_PROGRAM = re.compile(r"__torch__\S* \w+|torch\.jit\._pickle (restore_type_tag|build_\w+)")
"""The names that a TorchScript program calls besides; they are resolved in its own code, not in Python."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """How the integers of a quantized tensor become numbers: (integer - zero) * scale."""

    scale: float | StoredTensor
    """One, or one per index of the axis."""
    zero: float | StoredTensor
    axis: int = 0


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as a pickle describes it; sizes, strides and offset count elements."""

    path: tuple[str, ...]
    """Keys of the dictionaries, lists and modules in which it lies, from outside to inside."""
    shape: tuple[int, ...]
    type: str
    """The type as PyTorch calls its storage ("Float", "Half", …), or its own name for newer types."""
    storage: str
    """The key of the storage that holds its numbers."""
    offset: int
    strides: tuple[int, ...]
    view: int = 0
    """Elements of the storage before the part that a legacy file calls a view."""
    scaled: Scaled | None = None


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
    stored: list[StoredTensor] = field(default_factory=list[StoredTensor])
    """Every tensor, in the order of the file."""
    sparse: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    """Keys of the sparse tensors, whose numbers are not looked for."""
    modules: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    """Whole pickled networks: the class, "module name", by its keys; parts of a network are not listed."""
    value: Any = None
    """The pickled object itself with symbols in place of what would be called."""

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
    return scan_stream(io.BytesIO(data))


def scan_stream(stream: IO[bytes]) -> PickleFacts:
    """The same for a pickle that begins where the stream stands; the stream then stands behind it."""
    facts = PickleFacts()
    facts.value = _follow(stream, facts)
    for path, value in _walk(facts.value, facts):
        if isinstance(value, _Call) and "_rebuild_sparse" in value.name:
            facts.sparse.append(path)
        tensor = _stored_tensor(path, value)
        if tensor is not None:
            name = ".".join(path)
            facts.stored.append(tensor)
            facts.tensors[name] = tensor.shape
            facts.types[name] = tensor.type
            facts.places[name] = f"{tensor.storage}+{tensor.offset}"
    return facts


def _follow(stream: IO[bytes], facts: PickleFacts) -> Any:
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    understood = True
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name == "STOP" or count > MAX_OPCODES:
                break
            if not understood:
                _note_import(opcode.name, argument, facts)
                continue
            try:
                _apply(opcode.name, argument, stack, marks, memo, facts)
            except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError):
                # A pickle unlike those of PyTorch: from here on only what it would import is listed.
                understood = False
                _note_import(opcode.name, argument, facts)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        # A pickle that is broken: what was understood so far is enough for a message.
        understood = False
    return stack[-1 if understood else 0] if stack else None


def _note_import(name: str, argument: Any, facts: PickleFacts) -> None:
    if name in {"GLOBAL", "INST"}:
        facts.calls.append(str(argument))
    elif name == "STACK_GLOBAL" or name.startswith("EXT"):
        facts.calls.append(UNKNOWN_NAME)


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
    elif name in {"INST", "OBJ"}:
        items = _since_mark(stack, marks)
        called = str(argument) if name == "INST" else str(getattr(items.pop(0), "name", UNKNOWN_NAME))
        facts.calls.append(called)
        stack.append(_Call(called, tuple(items)))
    elif name.startswith("EXT"):
        facts.calls.append(UNKNOWN_NAME)
        stack.append(_Call(UNKNOWN_NAME))
    elif name in {"BINPUT", "LONG_BINPUT", "PUT"}:
        memo[int(argument)] = stack[-1]
    elif name == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif name in {"BINGET", "LONG_BINGET", "GET"}:
        stack.append(memo[int(argument)])
    elif name in {"REDUCE", "NEWOBJ", "NEWOBJ_EX"}:
        if name == "NEWOBJ_EX":
            stack.pop()
        arguments, function = stack.pop(), stack.pop()
        called = function.name if isinstance(function, _Call) else str(function)
        stack.append(_made(called, arguments))
    elif name == "BUILD":
        state = stack.pop()
        if isinstance(stack[-1], _Call):
            stack[-1].state = state
    elif name == "BINPERSID":
        key: Any = stack.pop()
        whole = isinstance(key, tuple) and cast("tuple[Any, ...]", key)[:1] == ("module",)
        # An old file keeps the source of every class beside its name.
        stack.append(cast("tuple[Any, ...]", key)[1] if whole else ("storage", key))
    elif name == "POP_MARK":
        _since_mark(stack, marks)
    elif name == "DUP":
        stack.append(stack[-1])
    elif name in {"ADDITEMS", "FROZENSET"}:
        items = _since_mark(stack, marks)
        if name == "FROZENSET":
            stack.append(items)
        else:
            stack[-1].extend(items)
    elif name in {"NEWTRUE", "NEWFALSE"}:
        stack.append(name == "NEWTRUE")
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
        empty: dict[str, Any] = {"EMPTY_DICT": _new_dict(), "EMPTY_LIST": [], "EMPTY_SET": [], "EMPTY_TUPLE": ()}
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


def _walk(top: Any, facts: PickleFacts) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value inside, with its keys; notes whole networks on the way."""
    waiting: list[tuple[tuple[str, ...], Any, bool]] = [((), top, False)]
    for _ in range(MAX_OBJECTS):
        if not waiting:
            return
        path, value, inside = waiting.pop()
        state: Any = value.state if isinstance(value, _Call) else None
        if isinstance(state, dict):
            if state.keys() >= MODULE_STATE and not inside:
                facts.modules[path] = value.name
                inside = True
            value = cast("dict[str, Any]", state)
        if isinstance(value, list) or (isinstance(value, tuple) and value[:1] != ("storage",)):
            value = {str(place): one for place, one in enumerate(cast("list[Any]", value))}
        if isinstance(value, dict) and len(path) < DEEPEST:
            items = cast("dict[str, Any]", value).items()
            waiting.extend(((*path, str(key)), inner, inside) for key, inner in reversed(items))
        else:
            yield path, value


def storages(value: Any) -> Iterator[tuple[str, str]]:
    """Key and type of every storage that the value of a pickle names."""
    waiting: list[Any] = [value]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, _Call):
            waiting += [one.arguments, one.state]
        elif isinstance(one, dict):
            waiting += cast("dict[str, Any]", one).values()
        elif isinstance(one, list | tuple):
            items = cast("tuple[Any, ...]", one)
            kind, key, _ = _storage(items) if items[:1] == ("storage",) else ("", "", 0)
            if kind:
                yield key, kind
            waiting += items


def with_scales(stored: Sequence[StoredTensor]) -> Iterator[StoredTensor]:
    """Tensors with those that hold the scales of quantized ones."""
    for one in stored:
        yield one
        parts = (one.scaled.scale, one.scaled.zero) if one.scaled is not None else ()
        yield from (part for part in parts if isinstance(part, StoredTensor))


def references(facts: PickleFacts) -> Iterator[tuple[tuple[str, ...], str]]:
    """Keys and number of every tensor that a pickle of the first form only points to."""
    for path, value in _walk(facts.value, PickleFacts()):
        if isinstance(value, tuple) and cast("tuple[Any, ...]", value)[:1] == ("storage",):
            yield path, str(cast("Sequence[Any]", value)[1])


def _stored_tensor(path: tuple[str, ...], value: Any) -> StoredTensor | None:
    """What a call that makes a tensor says about it; None for all else and for calls of another form."""
    found = _tensor_arguments(value)
    if found is None:
        return None
    given = cast("Sequence[Any]", found)
    try:
        shape = _numbers(given[2])
        strides = _numbers(given[3]) if len(given) > 3 and isinstance(given[3], tuple) else ()
        if len(strides) != len(shape) or min((*shape, *strides, given[1]), default=0) < 0:
            strides = contiguous(shape)
        kind, place, view = _storage(given[0])
        own = given[6].name.split()[-1] if len(given) > 6 and isinstance(given[6], _Call) else ""
        return StoredTensor(path, shape, own or kind, place, int(given[1]), strides, view, _scaled(kind, given))
    except (ValueError, TypeError):
        return None


def _scaled(kind: str, given: Sequence[Any]) -> Scaled | None:
    """How a quantized tensor is scaled: (kind, scale, zero), or (kind, scales, zeros, axis) with tensors."""
    if not kind.startswith("Q") or len(given) < 5:
        return None
    told = cast("Sequence[Any]", given[4])
    if len(told) == 3:
        return Scaled(float(told[1]), float(told[2]))
    scale, zero = _stored_tensor((), told[1]), _stored_tensor((), told[2])
    if scale is None or zero is None:
        raise ValueError("the scales are no tensors")
    return Scaled(scale, zero, int(told[3]))


def _numbers(values: Any) -> tuple[int, ...]:
    return tuple(int(one) for one in cast("Sequence[Any]", values))


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of numbers that lie one after the other, the last axis fastest."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def _tensor_arguments(value: Any) -> tuple[Any, ...] | None:
    """Storage, offset, shape and the rest of a call that makes a tensor; None for all else."""
    given: Any = value.arguments if isinstance(value, _Call) else None
    if not isinstance(value, _Call) or not isinstance(given, tuple):
        return None
    arguments = cast("tuple[Any, ...]", given)
    if "_rebuild_parameter" in value.name and arguments:
        return _tensor_arguments(arguments[0])
    rebuilds = "_rebuild_tensor" in value.name or "_rebuild_qtensor" in value.name
    return arguments if rebuilds and len(arguments) > 2 and isinstance(arguments[2], tuple) else None


def _storage(value: Any) -> tuple[str, str, int]:
    """Type, name and place of a storage: ("storage", ("storage", torch FloatStorage, "0", "cpu", 500[, view]))."""
    try:
        description = cast("Sequence[Any]", value[1])
        kind, name = description[1], description[2]
        view = description[5] if len(description) > 5 else None
        return kind.name.split()[-1].removesuffix("Storage"), str(name), int(view[1]) if view else 0
    except (TypeError, IndexError, AttributeError, ValueError):
        return "", "", 0
