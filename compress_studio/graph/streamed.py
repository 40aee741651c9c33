"""Writing one ONNX file with large weights, and opening a network in memory, without further copies of the weights.

A file is what protobuf would write, but for the order of the initializers: large ones come last, each straight from
its place in memory or in a mapped file (protocol buffers encoding, "Length-Delimited Records"; onnx.proto).
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

LARGE = 1 << 20
"""Bytes from which on a tensor is written or handed over by itself."""
ABOVE = 64 << 20
"""Bytes of such tensors from which on that is worth it."""
GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9
"""Field numbers of ModelProto.graph, GraphProto.initializer and TensorProto.raw_data."""
DELIMITED = 2
PIECE = 4 << 20
"""Numbers that are written at once."""


def large_initializers(model: ir.Model) -> list[ir.Value]:
    """The large weights of the main graph whose bytes can be had as they are; none when they are few in all."""
    found = [
        value
        for value in model.graph.initializers.values()
        if value.const_value is not None and value.const_value.nbytes >= LARGE and _plain(value.const_value)
    ]
    enough = sum(value.const_value.nbytes for value in found if value.const_value is not None) >= ABOVE
    return found if enough else []


@contextmanager
def taken_out(model: ir.Model, values: list[ir.Value]) -> Generator[list[ir.TensorProtocol]]:
    """The tensors of these initializers, which are no initializers inside the block."""
    tensors = [value.const_value for value in values if value.const_value is not None]
    order = dict(model.graph.initializers)
    for value in values:
        del model.graph.initializers[value.name or ""]
    try:
        yield tensors
    finally:
        model.graph.initializers.clear()
        model.graph.initializers.update(order)


@contextmanager
def handed_over(model: ir.Model) -> Generator[dict[str, np.ndarray]]:
    """The large weights in memory by name; inside the block the network only names them, as if they were elsewhere.

    For a session that is given the arrays instead. Weights in a second file stay as they are: the runtime maps them.
    """
    import onnx_ir as ir

    values = [one for one in large_initializers(model) if not isinstance(one.const_value, ir.ExternalTensor)]
    tensors = [value.const_value for value in values if value.const_value is not None]
    for value, one in zip(values, tensors, strict=True):
        value.const_value = ir.ExternalTensor(
            "memory", 0, one.nbytes, one.dtype, shape=ir.Shape(one.shape.numpy()), name=value.name or "", base_dir=""
        )
    try:
        yield {value.name or "": np.ascontiguousarray(one.numpy()) for value, one in zip(values, tensors, strict=True)}
    finally:
        for value, one in zip(values, tensors, strict=True):
            value.const_value = one


def write(model: ir.Model, path: Path, values: list[ir.Value]) -> onnx.ModelProto:
    """Write a network in one file, with these initializers straight from where they are; shapes of inner tensors go.

    Returns the network with inputs in their place, for the ONNX checker, which would read the file twice over.
    """
    import onnx
    import onnx_ir as ir

    names = [value.name or "" for value in values]
    with taken_out(model, values) as tensors:
        ir.external_data.load_to_model(model)
        proto = ir.to_proto(model)
    # Recorded shapes of inner tensors are stale after most edits, and stop the tools of others.
    del proto.graph.value_info[:]
    checked = onnx.ModelProto()
    checked.CopyFrom(proto)
    # Networks of old list their initializers as inputs too.
    inputs = {value.name for value in checked.graph.input}
    checked.graph.input.extend(
        onnx.helper.make_tensor_value_info(name, one.dtype.value, one.shape.numpy())
        for name, one in zip(names, tensors, strict=True)
        if name not in inputs
    )
    small = proto.graph.SerializeToString()
    proto.ClearField("graph")
    heads = [_head(name, one) for name, one in zip(names, tensors, strict=True)]
    sizes = [len(head) + one.nbytes for head, one in zip(heads, tensors, strict=True)]
    begins = [_tag(INITIALIZER) + _varint(size) for size in sizes]
    whole = len(small) + sum(len(begin) + size for begin, size in zip(begins, sizes, strict=True))
    with path.open("wb") as stream:
        stream.write(proto.SerializeToString() + _tag(GRAPH) + _varint(whole) + small)
        for begin, head, tensor in zip(begins, heads, tensors, strict=True):
            stream.write(begin + head)
            _write_raw(stream, tensor.numpy())
    return checked


def _plain(tensor: ir.TensorProtocol) -> bool:
    """Whether NumPy holds a tensor the way ONNX stores it: not half bytes, text or types that NumPy lacks."""
    try:
        return tensor.dtype.numpy().kind in "fiub" and tensor.dtype.bitwidth >= 8 and tensor.dtype.name != "BFLOAT16"
    except TypeError:
        return False


def _head(name: str, tensor: ir.TensorProtocol) -> bytes:
    """A TensorProto up to its numbers."""
    import onnx

    proto = onnx.TensorProto(name=name, data_type=tensor.dtype.value, dims=tensor.shape.numpy())
    if tensor.doc_string:
        proto.doc_string = tensor.doc_string
    return proto.SerializeToString() + _tag(RAW_DATA) + _varint(tensor.nbytes)


def _write_raw(stream: BinaryIO, array: np.ndarray) -> None:
    """Numbers in the order of the file, low byte first, a piece at a time."""
    flat = np.ascontiguousarray(array).reshape(-1)
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE]
        if sys.byteorder == "big":
            piece = piece.byteswap()
        stream.write(piece.tobytes())


def _tag(field: int) -> bytes:
    return _varint(field << 3 | DELIMITED)


def _varint(number: int) -> bytes:
    """A whole number in groups of seven bits, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
