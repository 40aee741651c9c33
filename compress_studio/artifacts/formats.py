"""Opening a user's file: an ONNX model, or one sentence about what is wrong and what to do. Nothing in it is run."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# (ONNX and ONNX Runtime come without complete type information.)

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.artifacts.external import confined, model_files
from compress_studio.artifacts.operators import LACKING, Library, advice, declare, open_session
from compress_studio.artifacts.refusals import refuse
from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.base.errors import BadInput

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

__all__ = ["Format", "check", "model_files", "open_onnx", "read_onnx", "sniff"]

MIN_OPSET = 7
MAX_OPSET = 26
MAX_PLAIN_BYTES = 1_800_000_000
ONNX_KINDS = frozenset({Format.ONNX, Format.ONNX_TEXT, Format.ONNX_JSON})
AGAIN = "Copy or download it again."
EXPORT_AGAIN = "Export the model again, or correct it with the tool that made it."


def check(path: Path) -> None:
    """Raise BadInput naming the file, the cause and the remedy when a file is not a network that can be run."""
    open_onnx(path)


def open_onnx(path: Path, libraries: Sequence[Library] = ()) -> ir.Model:
    """Open an ONNX model of a user, and prove that ONNX Runtime accepts it, with operators of these libraries.

    Raises BadInput naming the file, the cause and the remedy. Weights in a second file are mapped, not read.
    """
    model = read_onnx(path)
    declare(model, libraries)
    prove_runnable(model, path)
    return model


def read_onnx(path: Path) -> ir.Model:
    """Like open_onnx without the proof, which costs the start of ONNX Runtime."""
    kind = sniff(path)
    if kind not in ONNX_KINDS:
        raise refuse(path, kind)
    import onnx_ir as ir

    proto = _parse(path, kind)
    _check_opsets(proto, path.name)
    for tensor in _tensors(proto.graph, proto.functions):
        if tensor.data_location == tensor.EXTERNAL:
            _check_external(tensor, path)
    _fill_sparse(proto, path.name)
    try:
        with _quiet("onnx_ir"):
            model = ir.from_proto(proto)
        ir.external_data.set_base_dir(model.graph, path.absolute().parent)
    except Exception as error:
        # The reader raises many types for a graph that makes no sense; each means the same to the user.
        raise BadInput(f"{path.name} is not a valid network: {_line(error)}.", EXPORT_AGAIN) from error
    _check_structure(model, path.name)
    return model


def prove_runnable(model: ir.Model, path: Path) -> None:
    """Open a network in ONNX Runtime without running it; raises BadInput in plain words when it refuses."""
    import onnx_ir as ir
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    # Nothing is run here, so that a second form of all weights would only take memory.
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(path.absolute().parent)
    )
    version, model.ir_version = model.ir_version, min(model.ir_version, 13)
    try:
        open_session(ir.to_proto(model).SerializeToString(), options)
    except BadInput:
        raise
    except Exception as error:
        hint = (LACKING in str(error) and advice(model)) or EXPORT_AGAIN
        raise BadInput(f"{path.name}: {plain_words(error)}", hint) from error
    finally:
        model.ir_version = version


def _parse(path: Path, kind: Format) -> onnx.ModelProto:
    import onnx
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError

    try:
        if kind is Format.ONNX:
            proto = onnx.load_model(str(path), load_external_data=False)
        elif kind is Format.ONNX_TEXT:
            proto = onnx.parser.parse_model(path.read_text("utf-8"))
        else:
            proto = json_format.Parse(path.read_text("utf-8"), onnx.ModelProto())
    except (DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} is damaged or cut off: it is not a complete ONNX model.", AGAIN) from error
    except (json_format.ParseError, ValueError, onnx.parser.ParseError) as error:
        raise BadInput(f"{path.name} is {kind.value} that cannot be read: {_line(error)}.", EXPORT_AGAIN) from error
    if not proto.graph.node and not proto.graph.output:
        raise BadInput(f"{path.name} is damaged or holds no network: its graph is empty.", AGAIN)
    return proto


@contextmanager
def _quiet(name: str) -> Generator[None]:
    """Keep the remarks of a library about a bad file from the terminal: they are said in one sentence instead."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check_opsets(proto: onnx.ModelProto, name: str) -> None:
    versions = {entry.domain or "ai.onnx": entry.version for entry in proto.opset_import}
    opset = versions.get("ai.onnx")
    if opset is None:
        if any(node.domain in {"", "ai.onnx"} for node in proto.graph.node):
            raise BadInput(f"{name} does not say which version of the ONNX operators it uses.", EXPORT_AGAIN)
        return
    if opset > MAX_OPSET:
        raise BadInput(
            f"{name} was made for a newer ONNX version (opset {opset}) than this program supports (opset {MAX_OPSET}).",
            f"Export it again with opset {MAX_OPSET} or lower.",
        )
    if opset < MIN_OPSET:
        raise BadInput(
            f"{name} was made for a very old ONNX version (opset {opset}); opset {MIN_OPSET} and above can be opened.",
            f"Convert it: onnx.version_converter.convert_version(model, {MIN_OPSET}).",
        )


def _tensors(graph: onnx.GraphProto, functions: Any = ()) -> Iterator[onnx.TensorProto]:
    """Every stored tensor: initializers, Constant nodes, sub-graphs and functions included."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)
    for function in functions:
        yield from _node_tensors(function.node)


def _node_tensors(nodes: Any) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from _tensors(graph)


def _fill_sparse(proto: onnx.ModelProto, name: str) -> None:
    """Turn sparse initializers of the main graph into plain ones: their numbers stay the same."""
    import math

    import numpy as np
    from onnx import numpy_helper

    for sparse in proto.graph.sparse_initializer:
        if math.prod(sparse.dims) * 8 > MAX_PLAIN_BYTES or min(sparse.dims, default=0) < 0:
            raise BadInput(f"{name} holds a sparse weight too large to be stored plainly.", EXPORT_AGAIN)
        try:
            values, places = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
            plain = np.zeros(tuple(sparse.dims), values.dtype)
            plain[tuple(places.T) if places.ndim == 2 else np.unravel_index(places, plain.shape)] = values
        except (ValueError, IndexError) as error:
            raise BadInput(
                f"{name} is not a valid network: a sparse weight has no valid places.", EXPORT_AGAIN
            ) from error
        proto.graph.initializer.append(numpy_helper.from_array(plain, sparse.values.name))
    del proto.graph.sparse_initializer[:]


def _check_external(tensor: onnx.TensorProto, path: Path) -> None:
    """Raise BadInput unless a tensor's second file lies inside the model's folder and is long enough."""
    name, entries = path.name, {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    target = confined(path, location)
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or 0)
    except ValueError:
        offset = length = -1
    if offset < 0 or length < 0 or offset + max(length, _expected_bytes(tensor)) > target.stat().st_size:
        raise BadInput(
            f"The second file of {name}, {location}, is too short for the weight {tensor.name}: damaged or cut off.",
            AGAIN,
        )


def _expected_bytes(tensor: onnx.TensorProto) -> int:
    """What the type and shape of a tensor take in a file; 0 for types without a fixed size."""
    import math

    import onnx_ir as ir

    if any(size < 0 for size in tensor.dims) or tensor.data_type in {0, tensor.STRING}:
        return 0
    return (math.prod(tensor.dims) * ir.DataType(tensor.data_type).bitwidth + 7) // 8


def _check_structure(model: ir.Model, name: str) -> None:
    """Every value that is read must be made before; bad order and names given twice are mended."""
    names: set[str] = set()
    for graph in model.graphs():
        for node in graph:
            if node.name in names:
                node.name = ""
            names.add(node.name or "")
        try:
            graph.sort()
        except ValueError as error:
            raise BadInput(f"{name} is not a valid network: its graph has a cycle.", EXPORT_AGAIN) from error
    made = {id(value) for graph in model.graphs() for value in [*graph.inputs, *graph.initializers.values()]}
    made |= {id(value) for graph in model.graphs() for node in graph for value in node.outputs}
    for graph in model.graphs():
        for node in graph:
            for value in node.inputs:
                if value is not None and value.name and id(value) not in made:
                    raise BadInput(
                        f"{name} is not a valid network: the node {node.name or node.op_type} reads {value.name},"
                        " which nothing computes.",
                        EXPORT_AGAIN,
                    )


def plain_words(error: BaseException) -> str:
    """What ONNX Runtime complains about, as the end of a sentence, without paths and places in its source."""
    text = _line(error)
    unknown = re.search(r"(?:Fatal error: )?(\S+)\(-?\d+\) is not a registered function/op", text)
    if unknown:
        return f"it uses the operator {unknown[1]}, which ONNX Runtime does not know."
    missing = re.search(r"Could not find an implementation for (\S+)", text)
    if missing:
        return (
            f"ONNX Runtime has no implementation of {missing[1]} for these types on this computer. Most operators run"
            " in float32: export the network in that type."
        )
    shapes = re.search(r"Node \((.*?)\) Op \((\w+)\) \[ShapeInferenceError\] (.*)", text)
    if shapes:
        node = f"the node {shapes[1]} ({shapes[2]})" if shapes[1] else f"a node of type {shapes[2]}"
        return f"its shapes do not fit together at {node}: {shapes[3].rstrip('.')}."
    return f"it is not a valid network: {text.rstrip('.')}."


def _line(error: BaseException) -> str:
    """The first line of an error's text without prefixes, source locations and paths of this computer."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"Load model from .*? failed:", "", text)
    text = re.sub(r"/onnxruntime_src/\S+:\d+ ", "", text)
    return re.sub(r"^.*?(?=This is an invalid model)", "", text).strip()[:300]
