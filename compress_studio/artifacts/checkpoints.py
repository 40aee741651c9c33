"""What a file of weights holds: names, shapes, types and places of its tensors, without unpickling or importing.

Three forms of PyTorch (zip since 1.6, consecutive pickles before, tar at first), safetensors, and the index of a model
in several files. The numbers themselves are not read; see artifacts.tensors.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, cast

from compress_studio.artifacts import pickles
from compress_studio.artifacts.pickles import PickleFacts, StoredTensor
from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.base.errors import BadInput

CHECKPOINTS = frozenset({Format.CHECKPOINT, Format.PICKLE, Format.SAFETENSORS, Format.SHARDS})
"""The files that may hold weights without the network they belong to."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
MAX_HEADER = 100 << 20
LOCAL_HEADER = 30
COMPRESSED = -1
AGAIN = "Copy or download it again."
TYPES: Mapping[str, tuple[str, int]] = {
    "Float": ("float32", 4),
    "Double": ("float64", 8),
    "Half": ("float16", 2),
    "BFloat16": ("bfloat16", 2),
    "Long": ("int64", 8),
    "Int": ("int32", 4),
    "Short": ("int16", 2),
    "Char": ("int8", 1),
    "Byte": ("uint8", 1),
    "Bool": ("bool", 1),
    "ComplexFloat": ("complex64", 8),
    "ComplexDouble": ("complex128", 16),
    "QInt8": ("qint8", 1),
    "QUInt8": ("quint8", 1),
    "QInt32": ("qint32", 4),
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "I16": ("int16", 2),
    "I8": ("int8", 1),
    "U64": ("uint64", 8),
    "U32": ("uint32", 4),
    "U16": ("uint16", 2),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
    "C64": ("complex64", 8),
    "F8_E4M3": ("float8_e4m3fn", 1),
    "F8_E5M2": ("float8_e5m2", 1),
    "uint16": ("uint16", 2),
    "uint32": ("uint32", 4),
    "uint64": ("uint64", 8),
    "float8_e4m3fn": ("float8_e4m3fn", 1),
    "float8_e5m2": ("float8_e5m2", 1),
}
"""Names of storages of PyTorch and of types of safetensors: the type in words, and bytes of one number."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How the integers of a quantized tensor become numbers: (integer - zero) * scale."""

    scale: float | Tensor
    """One, or one per index of the axis."""
    zero: float | Tensor
    axis: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor in a file; strides count elements."""

    path: tuple[str, ...]
    """Keys from outside to inside."""
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    """Of its numbers; those of a shared tensor count for each of its names."""
    file: Path
    start: int
    """Where its first number is in the file; COMPRESSED: in the archive entry, at offset bytes."""
    strides: tuple[int, ...]
    storage: str
    """Equal storages and offsets mean the same numbers."""
    offset: int
    """Bytes from the begin of its storage."""
    big_endian: bool = False
    scale: Scale | None = None
    """Of a quantized tensor."""

    @property
    def name(self) -> str:
        """The keys joined by dots."""
        return ".".join(self.path)

    @property
    def place(self) -> tuple[str, str, int, tuple[int, ...]]:
        """Equal for tensors that are one and the same."""
        return (str(self.file), self.storage, self.offset, self.shape)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a file of weights holds."""

    path: Path
    form: str
    files: tuple[Path, ...]
    tensors: tuple[Tensor, ...]
    foreign: tuple[str, ...] = ()
    """What unpickling would import besides tensors, "module.name"."""
    modules: Mapping[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    """Whole networks that were pickled: their class by their keys."""
    sparse: tuple[str, ...] = ()
    """Names of sparse tensors, which are not among the tensors."""

    @property
    def bytes(self) -> int:
        """Of the files."""
        return sum(file.stat().st_size for file in self.files)


def look(path: Path) -> Checkpoint:
    """The tensors of a file.

    Raises BadInput for a file that is damaged, that would unpack to far more than it is, or that holds none.
    """
    from compress_studio.artifacts.refusals import bomb, damaged, refuse

    kind = sniff(path)
    if kind not in CHECKPOINTS:
        raise refuse(path, kind)
    try:
        if kind is Format.SHARDS:
            return _shards(path)
        if kind is Format.SAFETENSORS:
            return _safetensors(path)
        if kind is Format.PICKLE:
            return _legacy(path)
        if tarfile.is_tarfile(path):
            return _tar(path)
        refusal = bomb(path)
        if refusal is not None:
            raise refusal
        return _zip(path)
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise damaged(path) from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error, StopIteration) as error:
        raise BadInput(f"{path.name} is {kind.value} that is damaged or cut off.", AGAIN) from error


def checkpoint_files(path: Path) -> list[Path]:
    """The file and, for an index, the files that it names. Raises BadInput."""
    return list(look(path).files) if sniff(path) is Format.SHARDS else [path]


def _zip(path: Path) -> Checkpoint:
    with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
        infos = {info.filename: info for info in archive.infolist()}
        (pickle_name,) = (name for name in infos if name.rsplit("/", 1)[-1] == "data.pkl")
        folder = pickle_name[: -len("data.pkl")]
        with archive.open(infos[pickle_name]) as content:
            facts = pickles.scan(content.read(pickles.MAX_PICKLE))
        order = infos.get(f"{folder}byteorder")
        big = order is not None and archive.read(order).strip() == b"big"
        places: dict[str, tuple[int, int]] = {}
        for one in pickles.with_scales(facts.stored):
            if one.storage not in places:
                info = infos[f"{folder}data/{one.storage}"]
                places[one.storage] = (_data_start(stream, info), info.file_size)
    rows = _rows(path, facts, lambda one: places[one.storage], big)
    return Checkpoint(
        path, "a PyTorch checkpoint", (path,), tuple(rows), _foreign(facts), facts.modules, _sparse(facts)
    )


def _data_start(stream: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where the bytes of an archive entry begin in the file; COMPRESSED when they are packed."""
    if info.compress_type != zipfile.ZIP_STORED:
        return COMPRESSED
    stream.seek(info.header_offset)
    header = stream.read(LOCAL_HEADER)
    if header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("no local header")
    name, extra = struct.unpack("<HH", header[26:30])
    return info.header_offset + LOCAL_HEADER + name + extra


def _legacy(path: Path) -> Checkpoint:
    """Consecutive pickles (a magic number, the version, the system, the object, keys), then the storages."""
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        stream = cast("IO[bytes]", mapped)
        first = pickles.scan_stream(stream)
        if first.value != LEGACY_MAGIC:
            rows = list(_rows(path, first, lambda one: (0, 0), big=False))
            return Checkpoint(path, "a Python pickle", (path,), tuple(rows), _foreign(first), first.modules)
        pickles.scan_stream(stream)
        system = pickles.scan_stream(stream).value
        big = isinstance(system, dict) and cast("dict[str, Any]", system).get("little_endian") is False
        facts = pickles.scan_stream(stream)
        if not facts.stored:
            return Checkpoint(
                path, "an old PyTorch checkpoint", (path,), (), _foreign(facts), facts.modules, _sparse(facts)
            )
        keys = cast("list[Any]", pickles.scan_stream(stream).value)
        position = stream.tell()
        types = {one.storage: one.type for one in pickles.with_scales(facts.stored)}
        sizes = _item_sizes(facts.value)
        places: dict[str, tuple[int, int]] = {}
        for key in map(str, keys):
            count = int.from_bytes(mapped[position : position + 8], "big" if big else "little")
            item = sizes.get(key) or _item(types.get(key, ""))
            places[key] = (position + 8, count * item)
            position += 8 + count * item
            if position > len(mapped) or not item:
                raise EOFError("the file ends inside a storage")
    rows = _rows(path, facts, lambda one: places[one.storage], big)
    return Checkpoint(
        path, "an old PyTorch checkpoint", (path,), tuple(rows), _foreign(facts), facts.modules, _sparse(facts)
    )


def _item_sizes(value: Any) -> dict[str, int]:
    """Bytes of a number by storage, for all storages that an object names, also outside of tensors."""
    found: dict[str, int] = {}
    for key, kind in pickles.storages(value):
        found.setdefault(key, _item(kind))
    return found


def _tar(path: Path) -> Checkpoint:
    """The first form of PyTorch: a tar of pickle, tensors and storages."""
    with tarfile.open(path) as archive:
        begins = {info.name: info.offset_data for info in archive.getmembers()}
    with path.open("rb") as storages:
        storages.seek(begins["storages"])
        places = _tar_storages(storages)
    with path.open("rb") as tensors:
        tensors.seek(begins["tensors"])
        described = _tar_tensors(tensors, {key: kind for key, (kind, _, _) in places.items()})
    with path.open("rb") as pickled:
        pickled.seek(begins["pickle"])
        facts = pickles.scan_stream(pickled)
    facts.stored = [replace(described[key], path=keys) for keys, key in pickles.references(facts) if key in described]
    rows = _rows(path, facts, lambda one: places[one.storage][1:], big=False)
    return Checkpoint(
        path, "a very old PyTorch checkpoint", (path,), tuple(rows), _foreign(facts), facts.modules, _sparse(facts)
    )


def _tar_storages(stream: IO[bytes]) -> dict[str, tuple[str, int, int]]:
    """Type, begin in the file and bytes of every storage."""
    places: dict[str, tuple[str, int, int]] = {}
    for _ in range(int(pickles.scan_stream(stream).value)):
        key, _, kind = pickles.scan_stream(stream).value
        name = kind.name.split()[-1].removesuffix("Storage")
        count = struct.unpack("<q", stream.read(8))[0]
        places[str(key)] = (name, stream.tell(), count * _item(name))
        stream.seek(count * _item(name), 1)
    for key, root, offset, count in pickles.scan_stream(stream).value:
        name, begin, _ = places[str(root)]
        places[str(key)] = (name, begin + offset * _item(name), count * _item(name))
    return places


def _tar_tensors(stream: IO[bytes], kinds: Mapping[str, str]) -> dict[str, StoredTensor]:
    described: dict[str, StoredTensor] = {}
    for _ in range(int(pickles.scan_stream(stream).value)):
        key, storage, _ = pickles.scan_stream(stream).value
        rank = struct.unpack("<i4x", stream.read(8))[0]
        numbers = struct.unpack(f"<{2 * rank + 1}q", stream.read(8 * (2 * rank + 1)))
        kind = kinds[str(storage)]
        one = StoredTensor((), numbers[:rank], kind, str(storage), numbers[-1], numbers[rank : 2 * rank])
        described[str(key)] = one
    return described


def _safetensors(path: Path) -> Checkpoint:
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(MAX_HEADER, size - 8):
            raise ValueError("the header is longer than the file")
        header = json.loads(stream.read(length))
    rows: list[Tensor] = []
    for name, one in cast("dict[str, Any]", header).items():
        if name == "__metadata__":
            continue
        shape = tuple(int(each) for each in one["shape"])
        begin, end = (int(each) for each in one["data_offsets"])
        dtype, item = TYPES.get(one["dtype"], (str(one["dtype"]), 0))
        if not 0 <= begin <= end or 8 + length + end > size or (item and math.prod(shape) * item != end - begin):
            raise ValueError(f"{name} lies outside of the file")
        start = 8 + length + begin
        strides = pickles.contiguous(shape)
        rows.append(Tensor((name,), shape, dtype, end - begin, path, start, strides, str(begin), 0))
    return Checkpoint(path, "a safetensors file", (path,), tuple(rows))


def _shards(path: Path) -> Checkpoint:
    from compress_studio.artifacts.external import confined

    mapping = cast("dict[str, Any]", json.loads(path.read_text("utf-8"))["weight_map"])
    parts = [look(confined(path, str(name))) for name in dict.fromkeys(mapping.values())]
    there = {tensor.name: tensor for part in parts for tensor in part.tensors}
    missing = [name for name in mapping if name not in there]
    if missing:
        raise BadInput(f"{path.name} names {missing[0]}, which none of its files holds.", AGAIN)
    foreign = tuple(dict.fromkeys(name for part in parts for name in part.foreign))
    files = (path, *(file for part in parts for file in part.files))
    form = f"the index of a model in {len(parts)} files"
    sparse = tuple(name for part in parts for name in part.sparse)
    return Checkpoint(path, form, files, tuple(there[name] for name in mapping), foreign, sparse=sparse)


def _rows(
    path: Path, facts: PickleFacts, place: Callable[[StoredTensor], tuple[int, int]], big: bool
) -> Iterator[Tensor]:
    """The tensors of a pickle; place gives the begin of a storage in the file and its bytes."""

    def row(one: StoredTensor) -> Tensor:
        dtype, item = TYPES.get(one.type, (one.type.lower() or "unknown", 0))
        begin, room = place(one)
        count = math.prod(one.shape)
        last = sum((size - 1) * stride for size, stride in zip(one.shape, one.strides, strict=True)) if count else -1
        offset = (one.offset + one.view) * item
        if room and offset + (last + 1) * item > room:
            raise EOFError(f"{one.path} lies outside of its storage")
        start = begin if begin == COMPRESSED else begin + offset
        told, scale = one.scaled, None
        if told is not None:
            parts = [row(part) if isinstance(part, StoredTensor) else part for part in (told.scale, told.zero)]
            scale = Scale(parts[0], parts[1], told.axis)
        size = count * item
        return Tensor(one.path, one.shape, dtype, size, path, start, one.strides, one.storage, offset, big, scale)

    return map(row, facts.stored)


def _item(kind: str) -> int:
    return TYPES.get(kind, ("", 0))[1]


def _foreign(facts: PickleFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.replace(" ", ".") for name in facts.foreign))


def _sparse(facts: PickleFacts) -> tuple[str, ...]:
    return tuple(".".join(path) for path in facts.sparse)
