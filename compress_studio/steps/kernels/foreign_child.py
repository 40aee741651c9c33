"""Inside the process for code: a network of another framework becomes ONNX, with outputs of the original beside it.

What a framework knows is in a module of its own (foreign_keras, foreign_tensorflow, foreign_tflite, foreign_hub). Each
gives an Original; here it is run on random inputs, and the converted network gets its names and free dimensions.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# (The frameworks are not installed everywhere, and ONNX comes without complete type information.)

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.base.errors import BadInput, UserError

if TYPE_CHECKING:
    import numpy as np

MODEL, CHECKS = "model.onnx", "checks.npz"
BATCHES = (2, 3)
LENGTH = 16
"""Size of a free dimension besides the batch for the comparison, where the original does not tell another."""
AGAIN = "Save it again with the newest version of what made it; a model of Keras as model.save('model.keras')."
LARGE = 1_800_000_000
"""Bytes of weights above which they are written into a second file."""
READERS = {
    "KERAS": "foreign_keras",
    "HDF5": "foreign_keras",
    "SAVED_MODEL": "foreign_tensorflow",
    "TENSORFLOW": "foreign_tensorflow",
    "TFLITE": "foreign_tflite",
    "HUB": "foreign_hub",
}
"""Per kind of file the module with a function open(request) that gives the original."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One input of a network."""

    name: str
    shape: tuple[int | str, ...]
    """Names stand for free dimensions; "N" for the batch."""
    dtype: str
    """As NumPy names it."""
    high: int = 2
    """Whole numbers are drawn from 0 up to, not including, this; -1: a mask, of ones except for the end of a text."""
    likely: Mapping[str, int] = field(default_factory=dict)
    """Sizes of free dimensions for the comparison."""


@dataclass(slots=True)
class Original:
    """A network of another framework, loaded."""

    inputs: list[Entry]
    outputs: list[str]
    """Their names, in the order in which call gives them."""
    call: Callable[[Sequence[np.ndarray]], list[np.ndarray]] | None
    """Runs it; None: it cannot be run here."""
    write: Callable[[Path], None]
    """Writes it as ONNX with inputs and outputs in the same order."""
    way: str
    """What converts it, for people."""
    notes: list[str] = field(default_factory=list)
    tries: list[Original] = field(default_factory=list)
    """Other ways, to be taken when this one fails."""
    rounds: bool = False
    """Whether it computes with whole numbers of 8 bits in parts, so that its outputs are rounded."""
    keep: Any = None
    """What must live as long as the network."""


def convert(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Convert what the request names; the answer says which way was taken, and whether it could be run.

    Raises UserError in one sentence for what cannot be converted.
    """
    os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "TF_ENABLE_ONEDNN_OPTS": "0"})
    reader = importlib.import_module(f"compress_studio.steps.kernels.{READERS[request['foreign']]}")
    try:
        original: Original = reader.open_original(request)
    except UserError:
        raise
    except Exception as error:
        traceback.print_exc()
        raise BadInput(f"{request['name']} cannot be loaded by {request['title']}: {told(error)}.", AGAIN) from error
    written, problem = _written(original, folder / MODEL, request)
    if written is None:
        assert problem is not None
        raise BadInput(f"{request['name']} cannot be converted to ONNX: {told(problem)}.", str(request["hint"]))
    runs = _runs(written, request)
    _dress(folder / MODEL, written)
    _save(folder / CHECKS, runs)
    return {"file": MODEL, "way": written.way, "notes": written.notes, "compared": len(runs), "rounds": written.rounds}


def _written(
    original: Original, target: Path, request: Mapping[str, Any]
) -> tuple[Original | None, BaseException | None]:
    """The first way that leaves a network which ONNX Runtime opens, and else what the first complained about."""
    problem: BaseException | None = None
    for one in [original, *original.tries]:
        try:
            one.write(target)
            _prove_opens(target)
            return one, None
        except Exception as error:  # noqa: BLE001 - converters raise anything for what they do not know
            traceback.print_exc()
            problem = problem or error
    return None, problem


def _prove_opens(path: Path) -> None:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


Runs = list[tuple[list[Any], list[Any]]]


def _runs(original: Original, request: Mapping[str, Any]) -> Runs:
    """Random inputs with the outputs of the original, for two batch sizes where the batch is free."""
    if original.call is None:
        return []
    free = any("N" in entry.shape[:1] for entry in original.inputs)
    found: Runs = []
    for number, count in enumerate(BATCHES if free else BATCHES[:1]):
        try:
            found.append(_run(original, count, request["sizes"], number))
        except Exception as error:
            traceback.print_exc()
            shapes = ", ".join(f"{one.name} {' × '.join(map(str, one.shape))}" for one in original.inputs)
            raise BadInput(
                f"{request['name']} does not run in {request['title']} for {shapes}: {told(error)}.",
                "Give sizes of free dimensions in the first step: --step source.model:dims=L=128",
            ) from error
    return found


def _run(original: Original, count: int, sizes: Mapping[str, int], more: int) -> tuple[list[Any], list[Any]]:
    """One run; free dimensions grow by an odd number after the first, where the network takes that."""
    assert original.call is not None
    for longer in (3 * more, 0) if more else (0,):
        arrays = [draw(entry, count, sizes, longer) for entry in original.inputs]
        try:
            return arrays, original.call(arrays)
        except Exception:
            if not longer:
                raise
    raise AssertionError


def draw(entry: Entry, count: int, sizes: Mapping[str, int], longer: int = 0) -> np.ndarray:
    """Random values for an input: normal floats, small whole numbers, bytes over their whole range.

    Free dimensions besides the batch are longer than usual by that number.
    """
    import numpy as np

    def length(name: str) -> int:
        return sizes[name] if name in sizes else entry.likely.get(name, LENGTH) + longer

    rng = np.random.default_rng(count)
    shape = [size if isinstance(size, int) else count if size == "N" else length(size) for size in entry.shape]
    kind = np.dtype(entry.dtype)
    if entry.high < 0:
        mask = np.ones(shape, kind)
        mask[-1, shape[-1] - longer :] = 0
        return mask
    if kind.kind == "f":
        return rng.standard_normal(shape).astype(kind)
    if kind.kind == "b":
        return rng.integers(0, 2, shape).astype(kind)
    if kind.itemsize == 1:
        return rng.integers(np.iinfo(kind).min, int(np.iinfo(kind).max) + 1, shape).astype(kind)
    return rng.integers(0, max(entry.high, 1), shape).astype(kind)


def _dress(path: Path, original: Original) -> None:
    """Give the converted network the names of the original, and its free dimensions the names used here."""
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    if len(graph.input) != len(original.inputs) or len(graph.output) != len(original.outputs):
        raise BadInput("The converted network has another number of inputs or outputs than the original.", "")
    del graph.value_info[:]
    renamed: dict[str, str] = {}
    free: dict[str, str] = {}
    for value, entry in zip(graph.input, original.inputs, strict=True):
        renamed[value.name] = entry.name
        dims = zip(value.type.tensor_type.shape.dim, entry.shape, strict=False)
        free |= {one.dim_param: size for one, size in dims if one.dim_param and isinstance(size, str)}
        _set_dims(value, entry.shape)
    batch = any("N" in entry.shape[:1] for entry in original.inputs)
    for value, name in zip(graph.output, original.outputs, strict=True):
        renamed[value.name] = name
        rows = value.type.tensor_type.shape.dim
        dims = [one.dim_value or free.get(one.dim_param) for one in rows]
        if value.type.tensor_type.HasField("shape"):
            _set_dims(value, ["N" if axis == 0 and batch and not size else size for axis, size in enumerate(dims)])
    _rename(graph, {old: new for old, new in renamed.items() if old != new})
    # What lies beside it has been read, and ONNX would write behind it.
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)
    total = sum(len(one.raw_data) for one in graph.initializer)
    onnx.save(model, str(path), save_as_external_data=total > LARGE, location=f"{path.name}.data")


def _set_dims(value: Any, dims: Sequence[int | str | None]) -> None:
    shape = value.type.tensor_type.shape
    del shape.dim[:]
    for size in dims:
        one = shape.dim.add()
        if isinstance(size, str):
            one.dim_param = size
        elif size is not None:
            one.dim_value = size
    if not dims:
        shape.SetInParent()


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Rename values everywhere, inside of branches too; a value inside that has a new name gives way."""
    if not names:
        return
    taken = set(names.values()) - set(names)
    places = {**{one: f"{one}_inside" for one in taken}, **names}

    def change(rows: Any) -> None:
        for place, name in enumerate(rows):
            if name in places:
                rows[place] = places[name]

    def visit(inner: Any) -> None:
        for value in (*inner.input, *inner.output, *inner.initializer, *inner.value_info):
            value.name = places.get(value.name, value.name)
        for node in inner.node:
            change(node.input)
            change(node.output)
            for attribute in node.attribute:
                for one in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                    visit(one)

    visit(graph)


def _save(path: Path, runs: Runs) -> None:
    import numpy as np

    arrays: dict[str, Any] = {}
    for number, (inputs, outputs) in enumerate(runs):
        arrays |= {f"{number}/in/{place}": one for place, one in enumerate(inputs)}
        arrays |= {f"{number}/out/{place}": one for place, one in enumerate(outputs)}
    np.savez(path, allow_pickle=False, **arrays)


def named_shape(shape: Sequence[int | None], names: Sequence[str] = ()) -> tuple[int | str, ...]:
    """A shape with names for what is free: N, then H and W of pictures, L of everything else."""
    usual = {4: ("N", "H", "W", "C"), 3: ("N", "L", "C"), 2: ("N", "L")}.get(len(shape), ())
    chosen = tuple(names) or usual or ("N", *(f"L{axis}" for axis in range(1, len(shape))))
    return tuple(name if size is None or size < 0 else int(size) for size, name in zip(shape, chosen, strict=False))


def told(error: BaseException) -> str:
    """What an error says, in one line: the innermost cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {(lines or ['no reason given'])[0].rstrip('.')}"[:300]
