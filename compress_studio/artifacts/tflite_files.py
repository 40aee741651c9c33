"""Models of TensorFlow Lite: operators, inputs and outputs, read from the bytes (schema.fbs). Standard library only."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compress_studio.base.errors import BadInput

TYPES = ("FLOAT", "FLOAT16", "INT32", "UINT8", "INT64", "STRING", "BOOL", "INT16", "COMPLEX64", "INT8", "DOUBLE")
MOST = 1 << 20
"""Entries of a list above which a file is taken to be damaged."""
FLEX = "Flex"
"""How the names of operators of whole TensorFlow begin."""


@dataclass(frozen=True, slots=True)
class LiteValue:
    """An input or output."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    """None where it is free."""


@dataclass(frozen=True, slots=True)
class LiteFacts:
    """What the file tells without being loaded."""

    custom: tuple[str, ...]
    """Operators that are not of TensorFlow Lite itself."""
    inputs: tuple[LiteValue, ...]
    outputs: tuple[LiteValue, ...]


class _Table:
    """A table of a flat buffer at a place in the bytes."""

    def __init__(self, data: mmap.mmap, place: int) -> None:
        self.data, self.place = data, place
        self.fields = place - self._read("<i", place)
        self.size = self._read("<H", self.fields)

    def _read(self, form: str, place: int) -> int:
        return struct.unpack_from(form, self.data, place)[0]

    def at(self, number: int) -> int:
        """Where the field is; 0 when it is left out."""
        slot = 4 + 2 * number
        offset = self._read("<H", self.fields + slot) if slot < self.size else 0
        return self.place + offset if offset else 0

    def number(self, field: int, form: str, default: int = 0) -> int:
        place = self.at(field)
        return self._read(form, place) if place else default

    def text(self, field: int) -> str:
        return self.bytes(field).decode("utf-8", "replace")

    def bytes(self, field: int) -> bytes:
        place = self.at(field)
        if not place:
            return b""
        start = place + self._read("<I", place)
        return self.data[start + 4 : start + 4 + min(self._read("<I", start), MOST)]

    def integers(self, field: int) -> list[int]:
        place = self.at(field)
        if not place:
            return []
        start = place + self._read("<I", place)
        count = min(self._read("<I", start), MOST)
        return list(struct.unpack_from(f"<{count}i", self.data, start + 4))

    def tables(self, field: int) -> list[_Table]:
        place = self.at(field)
        if not place:
            return []
        start = place + self._read("<I", place)
        spots = [start + 4 + 4 * number for number in range(min(self._read("<I", start), MOST))]
        return [_Table(self.data, spot + self._read("<I", spot)) for spot in spots]


def look(path: Path) -> LiteFacts:
    """The facts of a file. Raises BadInput when it is damaged."""
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            model = _Table(data, struct.unpack_from("<I", data, 0)[0])
            custom = [name for code in model.tables(1) if (name := code.text(1))]
            graph = model.tables(2)[0]
            tensors = graph.tables(0)
            ins = [_value(tensors[number]) for number in graph.integers(1)]
            outs = [_value(tensors[number]) for number in graph.integers(2)]
    except (struct.error, IndexError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is a TensorFlow Lite model that is damaged.", "Copy it again.") from error
    return LiteFacts(tuple(custom), tuple(ins), tuple(outs))


def refusal(name: str, custom: Sequence[str]) -> BadInput | None:
    """The error for a model with operators that only somebody else's program knows; None when there are none."""
    if not custom:
        return None
    flex = any(one.startswith(FLEX) for one in custom)
    whose = "operators of whole TensorFlow" if flex else "operators that are not of TensorFlow Lite"
    return BadInput(
        f"{name} cannot be converted: it holds {whose} ({', '.join(custom[:4])}).",
        "Give the Keras model or SavedModel from which it was made.",
    )


def _value(tensor: _Table) -> LiteValue:
    shape = tensor.integers(7) or tensor.integers(0)
    kind = tensor.number(1, "<b")
    dtype = TYPES[kind] if 0 <= kind < len(TYPES) else f"type {kind}"
    return LiteValue(tensor.text(3), dtype, tuple(size if size >= 0 else None for size in shape))
