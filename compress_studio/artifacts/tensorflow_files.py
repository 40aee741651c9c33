"""SavedModels and graphs of TensorFlow: operators, inputs and outputs, read from the bytes. Standard library only."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compress_studio.artifacts.external import Span, fields
from compress_studio.base.errors import BadInput

SAVED_MODEL = "saved_model.pb"
VARIABLES, ASSETS = "variables", "assets"
PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
FILES = frozenset(
    {"ReadFile", "WriteFile", "MatchingFiles", "PrintV2", "Save", "SaveSlices", "ImportEvent", "WriteSummary"}
    | {"CreateSummaryFileWriter", "CreateSummaryDbWriter", "WriteRawProtoSummary", "WriteGraphSummary"}
    | {"WholeFileReader", "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2", "TFRecordReader"}
    | {"TFRecordReaderV2", "FixedLengthRecordReader", "FixedLengthRecordReaderV2", "LMDBReader"}
    | {"TextLineDataset", "TFRecordDataset", "TFRecordDatasetV2", "FixedLengthRecordDataset", "SqlDataset"}
    | {"FixedLengthRecordDatasetV2", "SnapshotDataset", "SnapshotDatasetV2", "SaveDataset", "SaveDatasetV2"}
    | {"LoadDataset", "CacheDataset", "CacheDatasetV2", "LMDBDataset", "CSVDataset", "CSVDatasetV2"}
    | {"DebugIdentity", "DebugIdentityV2", "DebugIdentityV3", "DebugNanCount", "DebugNumericSummary"}
    | {"RemoteCall", "Rpc", "TryRpc", "RpcCall", "RpcServer", "RpcClient", "XlaHostCompute", "XlaCallModule"}
)
"""Operators that read or write files, reach other computers or hold programs in another language."""
# Field numbers of saved_model.proto, meta_graph.proto, graph.proto and function.proto.
META_GRAPH, GRAPH, SIGNATURE = 2, 2, 5
NODE, LIBRARY, FUNCTION, FUNCTION_NODE, NODE_OP = 1, 2, 1, 3, 2


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What a file of TensorFlow tells without being loaded."""

    operators: tuple[str, ...]
    """Types of operators, each once, in the order of the alphabet."""
    nodes: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def saved_files(path: Path) -> list[Path]:
    """The files of a SavedModel, from its folder or its file saved_model.pb.

    Raises BadInput for links that lead out of the folder.
    """
    folder = path if path.is_dir() else path.parent
    root = folder.resolve()
    parts = [folder / VARIABLES, folder / ASSETS]
    inside = [file for part in parts if part.is_dir() for file in sorted(part.rglob("*")) if file.is_file()]
    for file in inside:
        if not file.resolve().is_relative_to(root):
            raise BadInput(
                f"{folder.name} was not opened: its file {file.name} is a link out of its folder.",
                "Copy the file into the folder.",
            )
    return [folder / SAVED_MODEL, *inside]


def look_saved(path: Path) -> GraphFacts:
    """The facts of a SavedModel."""
    file = path / SAVED_MODEL if path.is_dir() else path
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found: list[str] = []
        inputs: list[str] = []
        outputs: list[str] = []
        for number, meta in fields(data, (0, len(data))):
            if number != META_GRAPH:
                continue
            for inner, span in fields(data, meta):
                if inner == GRAPH:
                    found += _operators(data, span)
                elif inner == SIGNATURE and not inputs:
                    _signature(data, span, inputs, outputs)
    return GraphFacts(tuple(sorted(set(found))), len(found), tuple(inputs), tuple(outputs))


def look_graph(path: Path) -> GraphFacts:
    """The facts of a graph."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        span = (0, len(data))
        found = list(_operators(data, span))
        starts = [_text(data, node, 1) for node in _nodes(data, span) if _text(data, node, NODE_OP) == "Placeholder"]
    return GraphFacts(tuple(sorted(set(found))), len(found), tuple(starts), ())


def refusal(name: str, operators: Sequence[str]) -> BadInput | None:
    """The error for a network with operators that do more than compute; None when there are none."""
    python = [one for one in operators if one in PYTHON]
    files = [one for one in operators if one in FILES]
    if not python and not files:
        return None
    what = "run Python code" if python else "read or write files, or run programs of another kind"
    return BadInput(
        f"{name} was not opened: it holds operators that {what} ({', '.join((python or files)[:4])}).",
        "Save it again without them: only the part that computes outputs from inputs.",
    )


def _operators(data: mmap.mmap, span: Span) -> Iterator[str]:
    for node in _nodes(data, span):
        yield _text(data, node, NODE_OP)


def _nodes(data: mmap.mmap, span: Span) -> Iterator[Span]:
    """The nodes of a graph and of its functions."""
    for number, inner in fields(data, span):
        if number == NODE:
            yield inner
        elif number == LIBRARY:
            for kind, function in fields(data, inner):
                if kind == FUNCTION:
                    yield from (node for field, node in fields(data, function) if field == FUNCTION_NODE)


def _signature(data: mmap.mmap, span: Span, inputs: list[str], outputs: list[str]) -> None:
    """Names of inputs and outputs of a signature; the one that only initializes has no outputs."""
    for number, inner in fields(data, span):
        if number != 2:
            continue
        rows = list(fields(data, inner))
        ends = [name for field, row in rows if field == 2 and not (name := _text(data, row, 1)).startswith("__")]
        if ends:
            inputs += [_text(data, row, 1) for field, row in rows if field == 1]
            outputs += ends


def _text(data: mmap.mmap, span: Span, field: int) -> str:
    for number, inner in fields(data, span):
        if number == field:
            return data[slice(*inner)].decode("utf-8", "replace")
    return ""
