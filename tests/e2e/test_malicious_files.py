"""Files that were made to run code do not, whatever holds it and whoever looks; allowed code runs only in its process.

Every payload writes a file called marker when it is run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from safetensors.torch import save_file

from compress_studio.artifacts.codefiles import allowed_by
from compress_studio.artifacts.factories import factories
from compress_studio.artifacts.openable import openable
from compress_studio.base.errors import UserError
from compress_studio.engine import consents
from compress_studio.engine.channel import current
from compress_studio.engine.work import WorkContext, WorkSetting, run_output
from compress_studio.graph.facts import inspect
from compress_studio.inspection import archives, checkpoint_look, samples, structure, weights_trial
from compress_studio.spec.data import DataRequest
from compress_studio.spec.runtime import BUILT_IN, load_runtime
from compress_studio.steps.kernels import torch_import
from compress_studio.steps.source_model import SourceModelParams, asks_data, fingerprint, source_model
from tests.e2e.conftest import Cli
from tests.toys.context import ToyContext

STATE = {"w": torch.ones(2, 2)}


class Payload:
    """Writes the marker when it is unpickled, with the numbers of the process and its parent."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return eval, (_text(self.marker),)


class Nested:
    """The same, hidden in the state of another object."""

    def __init__(self, marker: str) -> None:
        self.inner = [{"deep": Payload(marker)}]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (), None, None, iter([("x", self.inner)])


def _text(marker: str) -> str:
    system = '__import__("os")'
    return f"open({marker!r}, 'a').write(f'{{{system}.getpid()}} {{{system}.getppid()}}')"


@pytest.fixture(autouse=True)
def _guard(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv(torch_import.GUARD, "1")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


def zipped(path: Path, entries: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def tarred(path: Path, entries: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def checkpoints(folder: Path, marker: str) -> None:
    """Pickles in every form in which weights are saved."""
    bad = {**STATE, "bad": Payload(marker)}
    torch.save(bad, folder / "zip.pt")
    torch.save(bad, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({**STATE, "bad": Nested(marker)}, folder / "nested_state.pt")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (folder / f"bare{protocol}.pkl").write_bytes(pickle.dumps(bad["bad"], protocol))
    raw = pickle.dumps({"w": Payload(marker)}, 2)
    tarred(folder / "tar.pt", {"pickle": raw, "storages": raw, "tensors": raw, "sys_info": raw})
    good = pickle.dumps({}, 2)
    tarred(folder / "tar_storages.pt", {"sys_info": good, "storages": raw, "tensors": good, "pickle": good})
    (folder / "half.pkl").write_bytes(raw[:-3])
    (folder / "joblib.pkl").write_bytes(raw + b"\0" * 64)
    (folder / "weights.safetensors").write_bytes(raw)
    (folder / "weights.onnx").write_bytes(raw)
    save_file(STATE, folder / "meta.safetensors", {"code": _text(marker), "format": "pt"})


def programs(folder: Path, marker: str) -> None:
    """Pickles and code where programs of PyTorch hold something else."""
    raw, empty = pickle.dumps({"w": Payload(marker)}, 2), pickle.dumps({}, 2)
    zipped(folder / "script.pt", {"m/data.pkl": raw, "m/constants.pkl": raw, "m/code/x.py": b""})
    zipped(folder / "constants.pt", {"m/data.pkl": empty, "m/constants.pkl": raw, "m/code/x.py": b""})
    zipped(folder / "attributes.pt", {"m/data.pkl": empty, "m/attributes.pkl": raw, "m/code/x.py": b""})
    head = {"m/archive_format": b"pt2", "m/models/model.json": b"{}"}
    zipped(folder / "program.pt2", {**head, "m/data/sample_inputs/model.pt": raw})
    zipped(folder / "constants.pt2", {**head, "m/data/constants/x.pt": raw, "m/data/weights/w.pt": raw})
    old = {"serialized_exported_program.json": b"{}", "serialized_state_dict.pt": raw, "version": b"5.0"}
    zipped(folder / "old.pt2", {**old, "serialized_constants.pt": raw, "serialized_example_inputs.pt": raw})


def containers(folder: Path, marker: str) -> None:
    """The same within archives, indexes and folders, and what other frameworks run."""
    raw = pickle.dumps({"w": Payload(marker)}, 2)
    inner = (folder / "zip.pt").read_bytes()
    zipped(folder / "one.zip", {"inner/bad.pt": inner})
    zipped(folder / "two.zip", {"inner/one.zip": (folder / "one.zip").read_bytes()})
    zipped(folder / "code.zip", {"bad.pt": inner, "__main__.py": _text(marker).encode(), "setup.py": b"x"})
    zipped(folder / "slip.zip", {"../slipped.pt": inner})
    (folder / "shard.bin").write_bytes(inner)
    for name, place in {
        "pytorch_model.bin.index.json": "shard.bin",
        "model.safetensors.index.json": "zip.pt",
        "outside.safetensors.index.json": "../outside.pt",
    }.items():
        (folder / name).write_text(json.dumps({"metadata": {}, "weight_map": {"w": place}}))
    keras = {"class_name": "Lambda", "config": {"function": ["payload", None, None], "module": "os"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [keras]}, "module": "keras"}
    parts = {"config.json": json.dumps(config).encode(), "metadata.json": b"{}", "model.weights.h5": raw}
    zipped(folder / "lambda.keras", parts)
    hub = folder / "hub"
    hub.mkdir()
    named = {"AutoModel": "modeling.Evil", "AutoConfig": "modeling.EvilConfig"}
    (hub / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": named, "architectures": ["Evil"]}))
    (hub / "modeling.py").write_text(f"{_text(marker)}\n")
    save_file(STATE, hub / "model.safetensors")
    (folder / "net.py").write_text(f"import torch\n{_text(marker)}\ndef make(): return torch.nn.Linear(2, 2)\n")


def crafted(tmp_path: Path, marker: str) -> list[Path]:
    folder = tmp_path / "bad"
    folder.mkdir()
    checkpoints(folder, marker)
    programs(folder, marker)
    containers(folder, marker)
    return sorted(folder.iterdir())


def looks(path: Path) -> Iterator[Callable[[], object]]:
    """Everything that the window's workers, the command line and the planning do with a file, and opening it."""
    text, code = str(path), str(path.parent / "net.py")
    yield lambda: openable(path, closely=True)
    yield lambda: inspect(path)
    yield lambda: checkpoint_look.look(text)
    yield lambda: archives.inside(text)
    yield lambda: structure.structure(text)
    yield lambda: weights_trial.what_would_run(text)
    yield lambda: weights_trial.what_would_run(text, f"{code}:make")
    yield lambda: weights_trial.try_architecture(text, f"{code}:make", dims="x=Nx2")
    yield lambda: factories(path)
    for words in ({}, {"architecture": code}, {"architecture": f"{code}:make", "dims": "x=Nx2"}):
        params = SourceModelParams(path=text, **words)
        yield lambda params=params: fingerprint(params)
        yield lambda params=params: asks_data(params)
        yield lambda params=params: source_model(ToyContext(path.parents[1]), params)


def test_nothing_in_any_container_is_run_without_consent(tmp_path: Path, marker: Path) -> None:
    paths = crafted(tmp_path, str(marker))
    assert len(paths) >= 30
    opened: list[str] = []
    for path in paths:
        for act in looks(path):
            with contextlib.suppress(UserError):
                act()
            assert not marker.exists(), path.name
        with contextlib.suppress(UserError):
            source_model(ToyContext(tmp_path), SourceModelParams(path=str(path)))
            opened.append(path.name)
    assert opened == []
    assert not (tmp_path / "slipped.pt").exists()


def test_data_that_hold_pickles_are_refused(tmp_path: Path, marker: Path) -> None:
    bad = np.array([Payload(str(marker))], dtype=object)
    np.save(tmp_path / "rows.npy", bad)
    np.savez(tmp_path / "rows.npz", x=bad, y=np.zeros(1))
    (tmp_path / "rows.pkl").write_bytes(pickle.dumps(bad))
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(tmp_path / "rows.npy", folder / "x.npy")
    (tmp_path / "data.toml").write_text('path = "rows.npz"\n')
    network = str(plain_network(tmp_path / "net.onnx"))
    runtime = load_runtime(BUILT_IN)
    for name in ("rows.npy", "rows.npz", "rows.pkl", "folder", "data.toml"):
        path = str(tmp_path / name)
        request = DataRequest(path)
        with pytest.raises(UserError):
            runtime.open_data(request, Path(network))
        for act in (
            lambda request=request: runtime.data_digest(request),
            lambda request=request: runtime.sample_shapes(request, ["x"]),
            lambda path=path: samples.look(BUILT_IN, path, "{}", 0, network),
            lambda path=path: samples.declared(path, "{}"),
            lambda path=path: WorkContext(WorkSetting(BUILT_IN, path), tmp_path, current()).joined_data(Path(network)),
        ):
            with contextlib.suppress(UserError):
                act()
        assert not marker.exists(), name


def plain_network(path: Path, quirk: str = "") -> Path:
    """A small network whose names hold quirk."""
    weight = numpy_helper.from_array(np.ones((2, 2), np.float32), f"w{quirk}")
    node = helper.make_node("MatMul", [f"x{quirk}", f"w{quirk}"], [f"h{quirk}"], name=f"node{quirk}")
    last = helper.make_node("Relu", [f"h{quirk}"], [f"y{quirk}"], name=f"last{quirk}")
    values = [helper.make_tensor_value_info(f"{name}{quirk}", 1, [f"N{quirk}", 2]) for name in ("x", "y")]
    graph = helper.make_graph([node, last], f"graph{quirk}", values[:1], values[1:], [weight], doc_string=quirk)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, doc_string=quirk)
    helper.set_model_props(proto, {"note": quirk})
    onnx.save(proto, str(path))
    return path


def test_names_in_a_network_are_not_code_in_what_is_exported(tmp_path: Path, marker: Path) -> None:
    call = _text(str(marker))
    for number, quirk in enumerate((f'"""\n{call}\n"""', f"'\n{call}\n#\\", f"{{{call}}}")):
        source = plain_network(tmp_path / f"net{number}.onnx", quirk)
        path = source_model(ToyContext(tmp_path), SourceModelParams(path=str(source))).path
        out = tmp_path / f"out{number}"
        out.mkdir()
        (spec,) = (one for one in load_runtime(BUILT_IN).outputs if one.suffixes[0] == ".py")
        answer = run_output(WorkSetting(BUILT_IN), spec.id, {}, (str(path), ""), str(out), "net.py")
        assert all(one["ok"] for one in answer["checks"])  # pyright: ignore
        assert not marker.exists(), quirk


def test_with_consent_code_runs_only_in_its_own_process(tmp_path: Path) -> None:
    code, path = tmp_path / "net.py", tmp_path / "weights.pt"
    code.write_text(f"import torch\n{_text('marker')}\ndef make(): return torch.nn.Linear(2, 2)\n")
    torch.save({**torch.nn.Linear(2, 2).state_dict(), "bad": Payload("marker")}, path)
    consents.give(*allowed_by(str(code)))
    source_model(ToyContext(tmp_path), SourceModelParams(path=str(path), architecture=f"{code}:make", dims="input=Nx2"))
    (written,) = tmp_path.rglob("marker")
    # Written once: by the code that was allowed, not by the pickle, which was not.
    pid, parent = map(int, written.read_text().split())
    assert pid != os.getpid() == parent


def test_the_command_line_runs_nothing_without_consent(cli: Cli, tmp_path: Path, marker: Path) -> None:
    crafted(tmp_path, str(marker))
    path = tmp_path / "bad" / "zip.pt"
    architecture = f"source.model:architecture={tmp_path / 'bad' / 'net.py'}:make,dims=x=Nx2"
    for words in (
        ("info", path),
        ("measure", path, "--step", architecture),
        ("run", path, "--step", architecture, "--step", "graph.fp16", "--out", tmp_path / "out"),
        ("export", path, "--out", tmp_path / "out.onnx"),
    ):
        done = cli(*words)
        assert "Traceback" not in done.err, done.err
        assert done.code == (0 if words[0] == "info" else 2), (words[0], done.err)
        assert not marker.exists(), words[0]
