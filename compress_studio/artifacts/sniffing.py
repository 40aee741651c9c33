"""What kind of file something is, from its first bytes and its table of contents; never from its name."""

from __future__ import annotations

import zipfile
from enum import StrEnum
from pathlib import Path

from compress_studio.base.errors import BadInput

HEAD = 4096
TEXT_HEAD = 1 << 16


class Format(StrEnum):
    """Kinds of files that people drop; the value says what it is in words."""

    ONNX = "an ONNX model"
    ONNX_TEXT = "an ONNX model in text form"
    ONNX_JSON = "an ONNX model in JSON form"
    TORCHSCRIPT = "a TorchScript program"
    PT2 = "an exported PyTorch program (.pt2)"
    CHECKPOINT = "a PyTorch checkpoint"
    PICKLE = "a Python pickle"
    SAFETENSORS = "a safetensors file"
    SHARDS = "the index of a model in several files"
    TFLITE = "a TensorFlow Lite model"
    KERAS = "a Keras model"
    HDF5 = "an HDF5 file"
    SAVED_MODEL = "a TensorFlow SavedModel"
    TENSORFLOW = "a TensorFlow graph"
    ORT = "a model in the format of ONNX Runtime (.ort)"
    OPENVINO = "an OpenVINO model"
    GGUF = "a GGUF model"
    NPZ = "a file of NumPy arrays"
    NPY = "a NumPy array"
    PARQUET = "a Parquet table"
    IMAGE = "an image"
    CSV = "a table of text"
    TEXT = "a text file"
    ZIP = "a ZIP archive"
    DAMAGED_ZIP = "a ZIP archive that is damaged or cut off"
    FOLDER = "a folder"
    EMPTY = "an empty file"
    UNKNOWN = "a file of an unknown kind"


TORCH_PROGRAMS = frozenset({Format.TORCHSCRIPT, Format.PT2})
"""The PyTorch files that hold a whole network; it is converted to ONNX when it is opened."""
MAGIC: tuple[tuple[int, bytes, Format], ...] = (
    (4, b"TFL3", Format.TFLITE),
    (4, b"ORTM", Format.ORT),
    (0, b"\x89HDF\r\n\x1a\n", Format.HDF5),
    (0, b"\x93NUMPY", Format.NPY),
    (0, b"PAR1", Format.PARQUET),
    (0, b"GGUF", Format.GGUF),
    (0, b"\x89PNG\r\n\x1a\n", Format.IMAGE),
    (0, b"\xff\xd8\xff", Format.IMAGE),
    (0, b"GIF8", Format.IMAGE),
    (0, b"BM", Format.IMAGE),
    (0, b"II*\x00", Format.IMAGE),
    (0, b"MM\x00*", Format.IMAGE),
    (8, b"WEBP", Format.IMAGE),
)
PICKLE_STARTS = tuple(bytes([0x80, version]) for version in range(2, 6))
MODEL_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""Field numbers of ModelProto with their wire types (onnx.proto)."""


def sniff(path: Path) -> Format:
    """The kind of a file or folder, by content.

    Raises BadInput when there is nothing at that path or it cannot be read.
    """
    try:
        if path.is_dir():
            return Format.SAVED_MODEL if (path / "saved_model.pb").is_file() else Format.FOLDER
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", "Check the name and the folder.") from None
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.", "Check its permissions.") from None
    if not head:
        return Format.EMPTY
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(path)
    for start, magic, kind in MAGIC:
        if head[start : start + len(magic)] == magic:
            return kind
    if head[257:262] == b"ustar" and _is_torch_tar(path):
        return Format.CHECKPOINT
    if head.startswith(PICKLE_STARTS):
        return Format.PICKLE
    if _is_safetensors(head, size):
        return Format.SAFETENSORS
    if _is_saved_model(head):
        return Format.SAVED_MODEL
    if _is_onnx(head):
        return Format.ONNX
    return _text_kind(path) or (Format.TENSORFLOW if head[:1] == b"\x0a" else Format.UNKNOWN)


def varint(data: bytes, position: int) -> tuple[int, int] | None:
    """The number at a position in protobuf's variable length, and the position behind it; None where there is none."""
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        shift += 7
        if byte < 0x80:
            return value, position
    return None


def _is_onnx(head: bytes) -> bool:
    """Whether the first fields are those of a ModelProto, of plausible values, up to the graph or the end of head."""
    position, seen = 0, 0
    while position < len(head):
        key = varint(head, position)
        if key is None:
            break
        number, wire = key[0] >> 3, key[0] & 7
        if MODEL_FIELDS.get(number) != wire:
            return False
        value = varint(head, key[1])
        if value is None:
            break
        if number == 1 and not 0 < value[0] < 1000:
            return False
        seen |= 1 << number
        if number == 7:
            return _is_graph(head[value[1] :])
        position = value[1] + (value[0] if wire == 2 else 0)
    return bool(seen & 0b10)


def _is_saved_model(head: bytes) -> bool:
    """Whether it begins as saved_model.proto does: version 1 and a network, whose first field is a message itself.

    An ONNX model of the same first bytes has the name of a program there.
    """
    length = varint(head, 3) if head.startswith(b"\x08\x01\x12") else None
    return length is not None and head[length[1] : length[1] + 1] == b"\x0a"


def _is_graph(head: bytes) -> bool:
    """Whether a GraphProto may begin so: a node, a name, an initializer, an input, an output or value info."""
    return not head or (head[0] & 7 == 2 and head[0] >> 3 in {1, 2, 5, 10, 11, 12, 13})


def _is_safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    return 2 <= length < size and head[8:9] == b"{"


def _zip_kind(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return Format.DAMAGED_ZIP
    last = {name.rsplit("/", 1)[-1] for name in names}
    inner = {name.split("/", 1)[1] for name in names if "/" in name}
    if names and all(name.endswith(".npy") for name in names):
        return Format.NPZ
    if "archive_format" in last or any(name.startswith("models/") and name.endswith(".json") for name in inner):
        return Format.PT2
    if "data.pkl" in last:
        has_code = any(name.startswith("code/") for name in inner)
        return Format.TORCHSCRIPT if has_code or "constants.pkl" in last else Format.CHECKPOINT
    if {"config.json", "model.weights.h5"} <= last:
        return Format.KERAS
    return Format.ZIP


def _is_torch_tar(path: Path) -> bool:
    """Whether an archive holds what the first versions of PyTorch wrote."""
    import tarfile

    try:
        with tarfile.open(path) as archive:
            return {"pickle", "tensors", "storages"} <= set(archive.getnames())
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return False


def _text_kind(path: Path) -> Format | None:
    with path.open("rb") as stream:
        head = stream.read(TEXT_HEAD)
    if b"\x00" in head or sum(byte < 9 or 13 < byte < 32 for byte in head):
        return None
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        if '"weight_map"' in text:
            return Format.SHARDS
        return Format.ONNX_JSON if '"irVersion"' in text or '"ir_version"' in text else Format.TEXT
    if text.startswith("<"):
        if "ir_version" in text[:400]:
            return Format.ONNX_TEXT
        return Format.OPENVINO if "<net" in text[:1000] else Format.TEXT
    first = text.splitlines()[0] if text else ""
    return Format.CSV if any(mark in first for mark in ",;\t") else Format.TEXT
