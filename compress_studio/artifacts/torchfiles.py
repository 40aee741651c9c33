"""What a PyTorch program file holds, told from its table of contents and without running or unpickling anything."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

from compress_studio.artifacts import pickles
from compress_studio.artifacts.exported import is_plain_name, problem_of
from compress_studio.artifacts.refusals import bomb, damaged
from compress_studio.artifacts.sniffing import Format
from compress_studio.base.errors import BadInput

Shape: TypeAlias = tuple[int | str, ...]
"""Sizes; a free one is its name."""

TRACED = "traced_inputs.pkl"
MAX_TEXT = 256 << 20
FILE_WORDS = re.compile(r"\b(save|from_file)\b")
"""Words of TorchScript that reach files; nothing else in it does."""
PLAIN_GETATTR = re.compile(r'getattr\(\s*[\w.()]+,\s*"[\w.]+"\s*\)')
PAYLOAD = re.compile(r"(weight|tensor)_\d+")
"""Names of the files that hold numbers; all others in their places are restored by unpickling."""
TORCH_TYPES = {1: "UINT8", 2: "INT8", 3: "INT16", 4: "INT32", 5: "INT64", 6: "FLOAT16", 7: "FLOAT", 8: "DOUBLE"}
"""Numbers of torch._export.serde.schema.ScalarType."""
STORAGE_TYPES = {
    "Float": "FLOAT",
    "Double": "DOUBLE",
    "Half": "FLOAT16",
    "BFloat16": "BFLOAT16",
    "Long": "INT64",
    "Int": "INT32",
    "Short": "INT16",
    "Char": "INT8",
    "Byte": "UINT8",
    "Bool": "BOOL",
}


@dataclass(frozen=True, slots=True)
class TorchInput:
    """One input of a program, as far as its file tells."""

    name: str
    shape: Shape
    dtype: str
    """Name of the ONNX type."""


@dataclass(frozen=True, slots=True)
class TorchFacts:
    """What the file of a program holds."""

    tensors: Mapping[str, Shape]
    """Shapes of the weights and buffers by name."""
    parameters: int
    """Numbers in them; shared ones count once."""
    inputs: tuple[TorchInput, ...] = field(default=())
    """Of a .pt2: its inputs. Of a traced TorchScript: the examples it was traced with, named "0", "1", …"""


def look(path: Path, kind: Format) -> TorchFacts:
    """The facts of a TorchScript program or of an exported program.

    Raises BadInput for a file that is damaged, that would unpack to far more than it is, or that holds anything that
    would run code outside of the network: Python pickles of more than tensors, compiled libraries, operators that
    reach files or the system.
    """
    refusal = bomb(path)
    if refusal is not None:
        raise refusal
    try:
        with zipfile.ZipFile(path) as archive:
            files = _files(path, archive)
            return _script(path, archive, files) if kind is Format.TORCHSCRIPT else _exported(path, archive, files)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise damaged(path) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path.name} is {kind.value} of a form that is not known.",
            "Export the network again with PyTorch 2.8 or later.",
        ) from error


def holds_examples(path: Path) -> bool:
    """Whether a TorchScript program holds examples of the inputs it was traced with, so that their shapes are known."""
    try:
        with zipfile.ZipFile(path) as archive:
            rows = [info for name, info in _files(path, archive).items() if name == TRACED]
            return bool(rows) and bool(_examples(pickles.scan(_read(archive, rows[0]))))
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise damaged(path) from error


def _files(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by their names below its one folder; PyTorch finds them without regard to case."""
    files = {info.filename.partition("/")[2] or info.filename: info for info in archive.infolist()}
    if len({name.lower() for name in files}) != len(archive.infolist()):
        raise BadInput(f"{path.name} holds several files of one name, which no program does.", "Export it again.")
    return files


def _script(path: Path, archive: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo]) -> TorchFacts:
    facts = pickles.scan(_read(archive, files["data.pkl"]))
    rows = {name: pickles.scan(_read(archive, info)) for name, info in files.items() if _is_pickle(name)}
    foreign = [name for one in (facts, *rows.values()) for name in one.foreign if not pickles.OF_PROGRAM.match(name)]
    if foreign:
        raise _runs_code(path, foreign)
    for name, info in files.items():
        if name.startswith("code/") and name.endswith(".py"):
            _check_code(path, _read(archive, info).decode("utf-8", "replace"))
    return TorchFacts(dict(facts.tensors), _count(facts), _examples(rows.get(TRACED, pickles.PickleFacts())))


def _examples(traced: pickles.PickleFacts) -> tuple[TorchInput, ...]:
    """The examples that a program was traced with; none when some of them are no tensors or of an unknown type."""
    found = [
        TorchInput(name.partition(".")[2], shape, STORAGE_TYPES.get(traced.types[name], ""))
        for name, shape in traced.tensors.items()
        if name.startswith("forward.")
    ]
    complete = [one.name for one in found] == [str(place) for place in range(len(found))]
    return tuple(found) if complete and all(one.dtype for one in found) else ()


def _is_pickle(name: str) -> bool:
    return name in {"constants.pkl", TRACED}


def _check_code(path: Path, code: str) -> None:
    """Raise BadInput for code that could reach files."""
    word = FILE_WORDS.search(code)
    looks = len(re.findall(r"\bgetattr\s*\(", code)) - len(PLAIN_GETATTR.findall(code))
    if word is not None or looks:
        what = f"uses {word[1]}" if word is not None else "looks up names that it makes itself"
        raise BadInput(
            f"{path.name} was not opened: its program {what}, which can read or write files.",
            "Export the network without it.",
        )


def _exported(path: Path, archive: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo]) -> TorchFacts:
    models = [name for name in files if name.startswith("models/") and name.endswith(".json")]
    if models != ["models/model.json"]:
        raise KeyError("models/model.json")
    strange = next((name for name in files if _is_strange(name)), None)
    if strange is not None:
        raise _runs_code(path, [strange])
    foreign = [call for info in files.values() for call in _pickled_calls(archive, info)]
    if foreign:
        raise _runs_code(path, foreign)
    model = json.loads(_read(archive, files[models[0]]))
    problem = problem_of(model)
    if problem:
        raise BadInput(
            f"{path.name} was not opened: {problem}.",
            'Export it to ONNX yourself if you trust it: torch.onnx.export(program, (), "model.onnx", dynamo=True).',
        )
    tensors: dict[str, Shape] = {}
    places: dict[str, int] = {}
    for part in ("weights", "constants"):
        config = files.get(f"data/{part}/model_{part}_config.json")
        for name, one in json.loads(_read(archive, config))["config"].items() if config is not None else ():
            if not PAYLOAD.fullmatch(one["path_name"]) or not is_plain_name(name):
                raise _runs_code(path, [f"{name}: {one['path_name']}"])
            shape = _sizes((one.get("tensor_meta") or {"sizes": ()})["sizes"])
            tensors[name] = shape
            places[one["path_name"]] = math.prod(size for size in shape if isinstance(size, int))
    return TorchFacts(tensors, sum(places.values()), tuple(_inputs(model)))


def _is_strange(name: str) -> bool:
    """Whether a file of an exported program is compiled code, or an object that only unpickling can restore."""
    last = name.rsplit("/", 1)[-1]
    return "aotinductor" in name or last.startswith(("custom_obj_", "opaque_obj_")) or last.endswith((".so", ".dll"))


def _pickled_calls(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[str]:
    """What unpickling a file inside an archive would import besides plain tensors."""
    with archive.open(info) as stream:
        head = stream.read(4)
    if head.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(_read(archive, info))) as inner:
            for entry in inner.infolist():
                if entry.filename.rsplit("/", 1)[-1].endswith(".pkl"):
                    yield from pickles.scan(_read(inner, entry)).foreign
    elif head[:1] == b"\x80" and info.filename.endswith((".pt", ".pkl")):
        yield from pickles.scan(_read(archive, info)).foreign


def _inputs(model: Mapping[str, Any]) -> Iterator[TorchInput]:
    graph = model["graph_module"]["graph"]
    for spec in model["graph_module"]["signature"]["input_specs"]:
        tensor = spec.get("user_input", {}).get("arg", {}).get("as_tensor")
        if tensor is not None:
            value = graph["tensor_values"][tensor["name"]]
            yield TorchInput(tensor["name"], _sizes(value["sizes"]), TORCH_TYPES.get(value["dtype"], ""))


def _sizes(sizes: Any) -> Shape:
    """Sizes as they are written in an exported program: numbers, or expressions of symbols."""
    shape: list[int | str] = []
    for one in cast("list[dict[str, Any]]", sizes):
        if "as_int" in one:
            shape.append(int(one["as_int"]))
        else:
            symbol = re.match(r"Symbol\('(\w+)'", one["as_expr"]["expr_str"])
            shape.append(symbol[1] if symbol else one["as_expr"]["expr_str"])
    return tuple(shape)


def _count(facts: pickles.PickleFacts) -> int:
    places = {facts.places[name]: math.prod(shape) for name, shape in facts.tensors.items()}
    return sum(places.values())


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        return stream.read(MAX_TEXT)


def _runs_code(path: Path, what: list[str]) -> BadInput:
    listed = ", ".join(one.replace(" ", ".") for one in list(dict.fromkeys(what))[:3])
    return BadInput(
        f"{path.name} was not opened: it holds more than a network and would run code from the file ({listed}).",
        "Export the network again by itself; if you trust the file, open it in PyTorch yourself.",
    )
