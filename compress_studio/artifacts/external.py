"""Weights in a second file: which files a model names, and whether it may read them. Standard library only."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import TypeAlias

from compress_studio.artifacts.refusals import refuse
from compress_studio.artifacts.sniffing import TORCH_PROGRAMS, Format, sniff, varint
from compress_studio.base.errors import BadInput

# Field numbers of onnx.proto: where tensors are, from the model inwards.
MODEL_PARTS = {7: "graph", 25: "function"}
PARTS = {
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
MAX_DEPTH = 64
HEADER = 32

Span: TypeAlias = tuple[int, int]


def model_files(path: Path) -> list[Path]:
    """The file of a model and the files beside it that hold its weights, without reading any weights.

    Raises BadInput for a file that is no ONNX model, PyTorch program or archive, and for one that names a file which is
    missing or outside.
    """
    kind = sniff(path)
    if kind in {Format.ONNX_TEXT, Format.ONNX_JSON, Format.ZIP} | TORCH_PROGRAMS:
        return [path]
    if kind is not Format.ONNX:
        raise refuse(path, kind)
    return [path, *sorted({confined(path, location) for location in locations(path)})]


def confined(path: Path, location: str) -> Path:
    """The second file that a model names; raises BadInput when it is outside the model's folder or missing."""
    name, folder = path.name, path.absolute().parent.resolve()
    windows = PureWindowsPath(location)
    allowed = location and "\x00" not in location and not location.startswith(("/", "\\"))
    target = folder / location if allowed and not windows.drive and ".." not in windows.parts else None
    if target is None or not target.resolve().is_relative_to(folder):
        raise BadInput(
            f"{name} was not opened: it wants to read weights from {location!r}, which is outside its own folder.",
            "Put the file with the weights beside the model and export the model again.",
        )
    if not target.is_file():
        raise BadInput(
            f"The weights of {name} are in a second file, {location}, which is missing next to the model.",
            f"Put {location} into the folder of {name}.",
        )
    return path.parent / location


def locations(path: Path) -> set[str]:
    """The second files that the tensors of an ONNX model name, found in the bytes; a damaged end is left out."""
    found: set[str] = set()
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for number, span in fields(data, (0, len(data))):
            if number in MODEL_PARTS:
                found.update(_search(data, span, MODEL_PARTS[number], 0))
    return found


def _search(data: mmap.mmap, span: Span, kind: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    parts = PARTS[kind]
    for number, inner in fields(data, span):
        part = parts.get(number)
        if part == "entry":
            pair = dict(fields(data, inner))
            if 1 in pair and 2 in pair and data[slice(*pair[1])] == b"location":
                yield data[slice(*pair[2])].decode("utf-8", errors="replace")
        elif part is not None:
            yield from _search(data, inner, part, depth + 1)


def fields(data: mmap.mmap, span: Span) -> Iterator[tuple[int, Span]]:
    """The length-delimited fields of a protobuf message: number and place; ends where the bytes make no sense."""
    position, end = span
    while position < end:
        head = data[position : min(position + HEADER, end)]
        key = varint(head, 0)
        if key is None:
            return
        wire, number, at = key[0] & 7, key[0] >> 3, key[1]
        if wire == 2:
            length = varint(head, at)
            if length is None or position + length[1] + length[0] > end:
                return
            start = position + length[1]
            position = start + length[0]
            yield number, (start, position)
        elif wire == 0:
            value = varint(head, at)
            if value is None:
                return
            position += value[1]
        elif wire in {1, 5}:
            position += at + (8 if wire == 1 else 4)
        else:
            return
