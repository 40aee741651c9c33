"""Files of other frameworks written byte by byte, for tests that must not need those frameworks."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "dense", "units": 2}}
INPUT = {"module": "keras.layers", "class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 4]}}


def keras_file(path: Path, *layers: dict[str, Any]) -> Path:
    """A .keras file with these layers and no weights."""
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")
    return path


def field(number: int, content: bytes | str) -> bytes:
    """A length-delimited field of a protobuf message."""
    data = content.encode() if isinstance(content, str) else content
    size, length = len(data), b""
    while size >= 0x80:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def graph(*operators: str, inside: Sequence[str] = ()) -> bytes:
    """A GraphDef with nodes of these types, and a function with more."""
    nodes = b"".join(field(1, field(1, f"n{at}") + field(2, kind)) for at, kind in enumerate(operators))
    function = b"".join(field(3, field(1, f"f{at}") + field(2, kind)) for at, kind in enumerate(inside))
    return nodes + (field(2, field(1, function)) if inside else b"")


def saved_model(folder: Path, *operators: str, inside: Sequence[str] = ()) -> Path:
    """The folder of a SavedModel with one signature from x to y."""
    (folder / "variables").mkdir(parents=True)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    tensor = field(1, "x:0")
    signature = field(1, field(1, "x") + field(2, tensor)) + field(2, field(1, "y") + field(2, tensor))
    named = field(1, "serving_default") + field(2, signature)
    meta = field(1, field(4, "serve")) + field(2, graph(*operators, inside=inside)) + field(5, named)
    (folder / "saved_model.pb").write_bytes(b"\x08\x01" + field(2, meta))
    return folder


def lite_file(path: Path, *custom: str) -> Path:
    """A TensorFlow Lite model from x (free, 4) to y (free, 2), with custom operators."""
    import flatbuffers

    build = flatbuffers.Builder(0)

    def table(**slots: Any) -> int:
        build.StartObject(8)
        for name, value in slots.items():
            build.PrependUOffsetTRelativeSlot(int(name[1:]), value, 0)
        return build.EndObject()

    def listed(places: Sequence[int]) -> int:
        build.StartVector(4, len(places), 4)
        for place in reversed(places):
            build.PrependUOffsetTRelative(place)
        return build.EndVector()

    def integers(*values: int) -> int:
        return build.CreateNumpyVector(np.array(values, np.int32))

    codes = listed([table(_1=text) for text in [build.CreateString(one) for one in custom]])
    tensors = []
    for name, size in (("serving_default_x:0", 4), ("y", 2)):
        shape, signature, text = integers(1, size), integers(-1, size), build.CreateString(name)
        tensors.append(table(_0=shape, _3=text, _7=signature))
    rows, starts, ends = listed(tensors), integers(0), integers(1)
    graphs = listed([table(_0=rows, _1=starts, _2=ends)])
    build.Finish(table(_1=codes, _2=graphs), b"TFL3")
    path.write_bytes(bytes(build.Output()))
    return path


def hub(folder: Path, weights: str = "model.safetensors", **config: Any) -> Path:
    """A folder of Hugging Face with one weight."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    described = {"architectures": ["BertModel"], "model_type": "bert", **config}
    (folder / "config.json").write_text(json.dumps(described), "utf-8")
    if weights.endswith(".safetensors"):
        save_file({"embeddings.word_embeddings.weight": np.zeros((4, 2), np.float32)}, folder / weights)
    return folder
