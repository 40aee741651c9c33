"""One trained network in every form in which people keep networks, with data that it has learned."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import pickle
import shutil
import struct
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.toys import torchnets

SIDE = 16
WORDS = 20
LENGTH = 16
CODE = "net.py"


@dataclass(frozen=True)
class Kind:
    """A kind of network with what it learns."""

    name: str
    make: type[torch.nn.Module]
    samples: Callable[[int, int], tuple[np.ndarray, np.ndarray]]
    """count, seed to inputs and classes."""
    input: str
    dims: str


@dataclass(frozen=True)
class Saved:
    """A network in one form: its file, how source.model is told to open it, and what must be allowed to run."""

    form: str
    path: Path
    words: str
    allow: tuple[Path, ...]
    net: torch.nn.Module
    """Equal to what the file holds."""


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures of a bar that lies, stands, or runs along one of the diagonals: four classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    pictures = rng.normal(0, 0.3, (count, 1, SIDE, SIDE)).astype(np.float32)
    along = np.arange(10)
    for number, label in enumerate(labels):
        row, column = rng.integers(0, SIDE - 10, 2)
        across = int(rng.integers(0, SIDE))
        rows = (np.full(10, across), row + along, row + along, row + along)[label]
        columns = (column + along, np.full(10, across), column + along, column + along[::-1])[label]
        pictures[number, 0, rows, columns] += 1
    return pictures, labels


def counts(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of words; the class is which of the first four occurs most often."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(4, WORDS, (count, LENGTH))
    labels = rng.integers(0, 4, count)
    for number, label in enumerate(labels):
        places = rng.permutation(LENGTH)
        ids[number, places[:5]] = label
        ids[number, places[5:8]] = (label + 1 + rng.integers(0, 3)) % 4
    return ids.astype(np.int64), labels


KINDS = (
    Kind("cnn", torchnets.Pictures, bars, "x", f"x=Nx1x{SIDE}x{SIDE}"),
    Kind("depthwise", torchnets.Mobile, bars, "x", f"x=Nx1x{SIDE}x{SIDE}"),
    Kind("transformer", torchnets.Reader, counts, "ids", "ids=NxL"),
    Kind("lstm", torchnets.Listener, counts, "ids", "ids=NxL"),
)


def trained(kind: Kind, steps: int = 250) -> torch.nn.Module:
    """A network that has learned its samples, in evaluation mode; seeded."""
    torch.manual_seed(0)
    net = kind.make()
    x, y = (torch.from_numpy(one) for one in kind.samples(2048, 1))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    draw = torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = torch.randint(0, len(x), (64,), generator=draw)
        loss = torch.nn.functional.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def write_samples(kind: Kind, path: Path, count: int = 1200) -> Path:
    """Labelled samples as .npz."""
    x, y = kind.samples(count, 2)
    np.savez(path, allow_pickle=False, **{kind.input: x, "y": y})
    return path


def saved_forms(kind: Kind, net: torch.nn.Module, folder: Path, wanted: Sequence[str] = ()) -> Iterator[Saved]:
    """The network in every form, or in those that are wanted, each in a folder with the code that its weights need."""
    wanted = wanted or FORMS
    example = torch.from_numpy(kind.samples(2, 3)[0])
    for form, (write, name) in PROGRAMS.items():
        if form not in wanted:
            continue
        place = folder / form
        place.mkdir(parents=True)
        with quiet():
            write(kind, net, example, place / name)
        yield Saved(form, place / name, f"dims={kind.dims}" if form == "scripted" else "", (), net)
    for form, (write, name) in WEIGHTS.items():
        if form not in wanted:
            continue
        place = folder / form
        place.mkdir(parents=True)
        code = Path(shutil.copy(torchnets.__file__, place / CODE))
        write(net, place / name)
        words = f"architecture={code}:{kind.make.__name__},dims={kind.dims}"
        yield Saved(form, place / name, words, (code,), halved(kind, net) if form == "half" else net)
    if "pickled module" in wanted:
        yield _pickled(kind, net, folder / "pickled module")
    if "code only" in wanted:
        yield _code_only(kind, net, folder / "code only")


def halved(kind: Kind, net: torch.nn.Module) -> torch.nn.Module:
    """The network with the weights that are left when they were stored in half precision."""
    made = kind.make()
    made.load_state_dict({name: _half(one).to(one.dtype) for name, one in net.state_dict().items()})
    return made.eval()


def write_safetensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Tensors in the format of safetensors: the length of a header, the header, the numbers."""
    names = {torch.float32: "F32", torch.int64: "I64", torch.float16: "F16"}
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    begin = 0
    for name, one in tensors.items():
        parts.append(one.detach().contiguous().numpy().tobytes())
        end = begin + len(parts[-1])
        header[name] = {"dtype": names[one.dtype], "shape": list(one.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what the exporters of PyTorch say on their way."""
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            torch.no_grad(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _half(one: torch.Tensor) -> torch.Tensor:
    return one.half() if one.is_floating_point() else one


def _dims(kind: Kind) -> dict[str, Any]:
    axes = {0: torch.export.Dim("batch")}
    return {kind.input: axes | ({1: torch.export.Dim("length")} if kind.input == "ids" else {})}


def _onnx(kind: Kind, net: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    shapes = (_dims(kind)[kind.input],)
    program = torch.onnx.export(net, (example,), dynamo=True, dynamic_shapes=shapes, verbose=False)
    assert program is not None
    program.save(str(path))


def _pt2(kind: Kind, net: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    axes = {0: torch.export.Dim("batch")}
    # A fixed length is what most people export; in an LSTM it has to be.
    torch.export.save(torch.export.export(net, (example,), dynamic_shapes={kind.input: axes}, strict=False), path)


def _traced(kind: Kind, net: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    torch.jit.save(torch.jit.trace(net, example, check_trace=False), str(path))


def _scripted(kind: Kind, net: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    torch.jit.save(torch.jit.script(net), str(path))


def _sharded(net: torch.nn.Module, path: Path) -> None:
    state = list(net.state_dict().items())
    parts = {"model-1-of-2.safetensors": dict(state[::2]), "model-2-of-2.safetensors": dict(state[1::2])}
    for name, part in parts.items():
        write_safetensors(part, path.with_name(name))
    path.write_text(json.dumps({"weight_map": {key: name for name, part in parts.items() for key in part}}))


def _with_optimizer(net: torch.nn.Module, path: Path) -> None:
    optimizer = torch.optim.Adam(net.parameters())
    for one in net.parameters():
        one.grad = torch.zeros_like(one)
    optimizer.step()
    torch.save({"epoch": 3, "model": net.state_dict(), "optimizer": optimizer.state_dict()}, path)


def _pickled(kind: Kind, net: torch.nn.Module, place: Path) -> Saved:
    """A whole network, as somebody pickled it whose code was a file of his own."""
    place.mkdir(parents=True)
    code = Path(shutil.copy(torchnets.__file__, place / CODE))
    theirs = types.ModuleType("nets_of_somebody")
    exec(compile(code.read_text("utf-8"), str(code), "exec"), theirs.__dict__)
    sys.modules[theirs.__name__] = theirs
    try:
        twin = getattr(theirs, kind.make.__name__)()
        twin.load_state_dict(net.state_dict())
        torch.save(twin.eval(), place / "whole.pt", pickle_module=pickle)
    finally:
        del sys.modules[theirs.__name__]
    path = place / "whole.pt"
    return Saved("pickled module", path, f"architecture={code},dims={kind.dims}", (code, path), net)


def _code_only(kind: Kind, net: torch.nn.Module, place: Path) -> Saved:
    """A file of code whose function brings the weights."""
    place.mkdir(parents=True)
    stream = io.BytesIO()
    torch.save(net.state_dict(), stream)
    text = base64.b64encode(stream.getvalue()).decode()
    code = place / CODE
    code.write_text(
        f"{Path(torchnets.__file__).read_text('utf-8')}\n\ndef ready():\n    import base64, io\n"
        f"    net = {kind.make.__name__}()\n"
        f'    net.load_state_dict(torch.load(io.BytesIO(base64.b64decode("{text}")), weights_only=True))\n'
        "    return net\n",
        "utf-8",
    )
    return Saved("code only", code, f"architecture={code}:ready,dims={kind.dims}", (code,), net)


PROGRAMS: Mapping[str, tuple[Callable[[Kind, torch.nn.Module, torch.Tensor, Path], None], str]] = {
    "onnx": (_onnx, "model.onnx"),
    "pt2": (_pt2, "program.pt2"),
    "traced": (_traced, "traced.pt"),
    "scripted": (_scripted, "scripted.pt"),
}
WEIGHTS: Mapping[str, tuple[Callable[[torch.nn.Module, Path], None], str]] = {
    "state_dict": (lambda net, path: torch.save(net.state_dict(), path), "weights.pt"),
    "legacy": (
        lambda net, path: torch.save(net.state_dict(), path, _use_new_zipfile_serialization=False),
        "weights.pth",
    ),
    "optimizer": (_with_optimizer, "checkpoint.pt"),
    "parallel": (
        lambda net, path: torch.save({f"module.{name}": one for name, one in net.state_dict().items()}, path),
        "parallel.pth",
    ),
    "half": (
        lambda net, path: torch.save({name: _half(one) for name, one in net.state_dict().items()}, path),
        "half.bin",
    ),
    "safetensors": (lambda net, path: write_safetensors(net.state_dict(), path), "model.safetensors"),
    "sharded": (_sharded, "model.safetensors.index.json"),
}
FORMS = (*PROGRAMS, *WEIGHTS, "pickled module", "code only")
