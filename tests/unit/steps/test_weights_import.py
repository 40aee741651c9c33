"""Files of weights open with the code of their network: after consent, in a process of its own, proved equal."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pickle
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import psutil
import pytest
import torch
from safetensors.torch import save_file

from compress_studio.artifacts.codefiles import allowed_by, parse_architecture, parse_arguments
from compress_studio.artifacts.codesource import source_of
from compress_studio.artifacts.matching import match
from compress_studio.base.digest import digest_file
from compress_studio.base.errors import BadInput, Cancelled
from compress_studio.engine import consents
from compress_studio.graph.saving import load
from compress_studio.graph.session import open_session, run
from compress_studio.spec.data import SampleShape
from compress_studio.steps.kernels import torch_import
from compress_studio.steps.source_model import SourceModelParams, asks_data, fingerprint, source_model
from tests.toys import torchnets
from tests.toys.context import ToyContext

NETS: Mapping[str, tuple[Callable[[], torch.nn.Module], str, tuple[int, ...]]] = {
    "Plain": (torchnets.Plain, "x=Nx1x8x8", (1, 8, 8)),
    "Depthwise": (torchnets.Depthwise, "x=Nx3x16x16", (3, 16, 16)),
    "Attention": (torchnets.Attention, "ids=NxL", (7,)),
    "Recurrent": (torchnets.Recurrent, "x=NxTx6", (9, 6)),
}


@pytest.fixture(autouse=True)
def _guard(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv(torch_import.GUARD, "1")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The code of the networks as a file of the user."""
    return Path(shutil.copy(torchnets.__file__, tmp_path / "nets.py"))


def made(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    net = NETS[name][0]()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            module.running_mean.uniform_(-0.1, 0.1)
    return net.eval()


def written(path: Path, net: torch.nn.Module, form: str) -> Path:
    """The weights of a network in one of the forms that people have."""
    state = net.state_dict()
    if form == "zip":
        torch.save(state, path)
    elif form == "legacy":
        torch.save({"model": state}, path, _use_new_zipfile_serialization=False)
    elif form == "parallel":
        torch.save({"state_dict": {f"module.{name}": one for name, one in state.items()}, "epoch": 2}, path)
    elif form == "trained":
        optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
        for one in net.parameters():
            one.grad = torch.ones_like(one)
        optimizer.step()
        torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict()}, path)
    elif form == "half":
        torch.save({name: one.half() if one.is_floating_point() else one for name, one in state.items()}, path)
    elif form == "safetensors":
        seen: set[int] = set()
        first = {}
        for name, one in state.items():
            if one.data_ptr() not in seen:
                first[name] = one.clone()
            seen.add(one.data_ptr())
        save_file(first, path)
    return path


def opened(
    tmp_path: Path, path: Path, samples: Mapping[str, SampleShape] | None = None, **words: str
) -> tuple[ToyContext, ir.Model, Path]:
    ctx = ToyContext(tmp_path)
    ctx.samples = samples or {}
    net = source_model(ctx, SourceModelParams(path=str(path), **words))
    return ctx, load(net.path), net.path


def inputs(name: str, count: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    shape = (count, *NETS[name][2])
    return rng.integers(0, 20, shape) if name == "Attention" else rng.standard_normal(shape).astype(np.float32)


def equal(path: Path, net: torch.nn.Module, array: np.ndarray, tolerance: float = 1e-4) -> None:
    session = open_session(path)
    (got,) = run(session, {session.get_inputs()[0].name: array}).values()
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(array)).numpy()
    assert np.abs(got - expected).max() <= tolerance * np.abs(expected).max()


def allow(*paths: Path) -> None:
    for path in paths:
        consents.give(*allowed_by(str(path)))


FORMS = [
    *(("Plain", form) for form in ("zip", "legacy", "parallel", "trained", "half", "safetensors")),
    ("Depthwise", "zip"),
    ("Attention", "safetensors"),
    ("Recurrent", "parallel"),
]


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_weights_open_with_the_code_of_their_network(tmp_path: Path, code: Path, name: str, form: str) -> None:
    net = made(name)
    path = written(tmp_path / "weights.bin", net, form)
    allow(code)
    ctx, model, result = opened(tmp_path, path, architecture=f"{code}:{name}", dims=NETS[name][1])
    tolerance = 2e-3 if form == "half" else 1e-4
    equal(result, net, inputs(name, 5), tolerance)
    assert ctx.facts["conversion_difference"] <= torch_import.TOLERANCE  # pyright: ignore[reportOperatorIssue]
    assert model.graph.inputs[0].name == NETS[name][1].split("=")[0]
    shape = model.graph.inputs[0].shape
    assert shape is not None
    assert str(shape[0]) == "N"


@pytest.mark.parametrize("new", [True, False])
def test_a_pickled_network_opens_with_consent_and_its_code(tmp_path: Path, code: Path, new: bool) -> None:
    spec = importlib.util.spec_from_file_location("mynets", code)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mynets"] = module
    try:
        spec.loader.exec_module(module)
        torch.manual_seed(0)
        net = module.Plain().eval()
        path = tmp_path / "net.pt"
        torch.save({"model": net, "epoch": 3}, path, _use_new_zipfile_serialization=new)
    finally:
        del sys.modules["mynets"]
    with pytest.raises(BadInput, match=r"would run the pickle net\.pt, which imports .*mynets\.Plain") as caught:
        opened(tmp_path, path, dims="x=Nx1x8x8")
    assert f"--allow-code {path}" in caught.value.hint
    allow(path)
    with pytest.raises(BadInput, match="needs code that cannot be imported"):
        opened(tmp_path, path, dims="x=Nx1x8x8")
    with pytest.raises(BadInput, match=r"would run the code in nets\.py"):
        opened(tmp_path, path, dims="x=Nx1x8x8", architecture=str(code))
    allow(code)
    _, _, result = opened(tmp_path, path, dims="x=Nx1x8x8", architecture=str(code))
    equal(result, net, inputs("Plain", 5))


def test_a_network_of_known_layers_opens_with_the_consent_to_its_pickle_alone(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)).eval()
    path = tmp_path / "net.pt"
    torch.save(net, path)
    allow(path)
    _, _, result = opened(tmp_path, path, dims="x=Nx12")
    equal(result, net, np.ones((5, 12), np.float32))


def test_the_weights_of_a_pickled_network_are_read_without_unpickling_it(tmp_path: Path, code: Path) -> None:
    net, marker, path = made("Plain"), tmp_path / "marker", tmp_path / "net.pt"
    torch.save({"model": net, "x": Payload(marker)}, path)
    allow(code)
    _, _, result = opened(tmp_path, path, architecture=f"{code}:Plain", dims="x=Nx1x8x8")
    equal(result, net, inputs("Plain", 5))
    assert not marker.exists()


def test_the_shape_is_taken_from_samples_or_asked_for(tmp_path: Path, code: Path) -> None:
    net = made("Plain")
    path = written(tmp_path / "w.pt", net, "zip")
    allow(code)
    words = {"architecture": f"{code}:Plain"}
    assert asks_data(SourceModelParams(path=str(path), **words))
    assert asks_data(SourceModelParams(path=str(path), dims="x=Nx1x8x8", **words))
    with pytest.raises(BadInput, match="takes x, whose shape nothing tells") as caught:
        opened(tmp_path, path, **words)
    assert "dims=x=Nx1x224x224" in caught.value.hint
    _, _, result = opened(tmp_path, path, {"x": SampleShape((8, 8), "uint8")}, **words)
    equal(result, net, inputs("Plain", 5))


def test_weights_that_do_not_fit_are_listed_side_by_side(tmp_path: Path, code: Path) -> None:
    path = written(tmp_path / "w.pt", made("Plain"), "zip")
    allow(code)
    with pytest.raises(BadInput, match=r"w\.pt does not fit .* 2 of another shape") as caught:
        opened(tmp_path, path, architecture=f"{code}:Plain", arguments="classes=7", dims="x=Nx1x8x8")
    assert "head.weight  7×144    5×144" in caught.value.hint
    with pytest.raises(BadInput, match=r"broken\(\) of nets\.py failed: ValueError: no such thing \(nets\.py, line"):
        opened(tmp_path, path, architecture=f"{code}:broken", dims="x=Nx1x8x8")


def test_code_runs_in_a_process_of_its_own_that_sees_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "1")
    code = tmp_path / "spy.py"
    code.write_text(
        "import json, os, sys, torch\n"
        "from helper import size\n"
        "row = dict(pid=os.getpid(), ppid=os.getppid(), cwd=os.listdir('.'), home=os.environ['HOME'],\n"
        "           secret='SECRET_TOKEN' in os.environ, nice=os.nice(0), argv=len(sys.argv))\n"
        "open('marker.json', 'w').write(json.dumps(row))\n"
        "def make(): return torch.nn.Linear(size, 2)\n"
    )
    helper = tmp_path / "helper.py"
    helper.write_text("size = 4\n")
    words = {"architecture": f"{code}:make", "dims": "input=Nx4"}
    with pytest.raises(BadInput, match=r"would run make\(\) in helper\.py, spy\.py \(digest [0-9a-f]{40}\)"):
        opened(tmp_path, code, **words)
    assert not list(tmp_path.rglob("marker.json"))
    allow(code)
    ctx, _, _ = opened(tmp_path, code, **words)
    marker = ctx.scratch / "code" / "empty" / "marker.json"
    row = json.loads(marker.read_text())
    assert row["ppid"] == os.getpid() != row["pid"]
    assert row["cwd"] == []
    assert row["home"] != os.environ.get("HOME")
    assert not row["secret"]
    assert "no_weights" in ctx.codes
    marker.unlink()
    helper.write_text("size = 5\n")
    with pytest.raises(BadInput, match="would run"):
        opened(tmp_path, code, **words)
    assert not list(tmp_path.rglob("marker.json"))


def test_code_that_does_not_end_is_killed_when_the_work_is_stopped(tmp_path: Path) -> None:
    code = tmp_path / "slow.py"
    code.write_text(
        "import os, subprocess, sys, time\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import os, time; os.fork() or time.sleep(99)'])\n"
        "open('part', 'w').write(f'{os.getpid()} {other.pid}')\nos.replace('part', 'pids')\n"
        "while True: time.sleep(0.1)\n"
        "def make(): pass\n"
    )
    allow(code)
    ctx = ToyContext(tmp_path)
    marker = ctx.scratch / "code" / "empty" / "pids"
    check = ctx.check

    def stop_when_begun() -> None:
        if marker.exists():
            ctx.cancel()
        check()

    ctx.check = stop_when_begun
    with pytest.raises(Cancelled):
        source_model(ctx, SourceModelParams(path=str(code), architecture=f"{code}:make", dims="x=Nx4"))
    pid, other = map(int, marker.read_text().split())
    assert not psutil.pid_exists(pid)
    deadline = time.monotonic() + 5
    while running(other) and time.monotonic() < deadline:
        os.sched_yield()
    assert not running(other)


def running(pid: int) -> bool:
    """Whether a process still runs; one that ended may wait for its parent to notice."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        system = '__import__("os")'
        text = f"open({str(self.marker)!r}, 'a').write(f'{{{system}.getpid()}} {{{system}.getppid()}}')"
        return eval, (text,)


def containers(folder: Path, marker: Path) -> list[Path]:
    """A pickle that writes a file when it is unpickled, in everything that may hold one."""
    bad = Payload(marker)
    raw = pickle.dumps({"w": bad}, protocol=2)
    torch.save({"w": torch.ones(2), "bad": bad}, folder / "zip.pt")
    torch.save({"w": torch.ones(2), "bad": bad}, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    (folder / "bare.pkl").write_bytes(raw)
    np.savez(folder / "arrays.npz", x=np.array([bad], dtype=object))
    np.save(folder / "array.npy", np.array([bad], dtype=object))
    save_file({"w": torch.ones(2)}, folder / "meta.safetensors", {"code": "__import__('os').system('x')"})
    for name, entries in {
        "script.pt": {"m/data.pkl": raw, "m/constants.pkl": raw, "m/code/x.py": b""},
        "constants.pt": {"m/data.pkl": pickle.dumps({}, 2), "m/constants.pkl": raw, "m/code/x.py": b""},
        "program.pt2": {
            "m/archive_format": b"pt2",
            "m/models/model.json": b"{}",
            "m/data/sample_inputs/model.pt": raw,
        },
        "lambda.keras": {"config.json": b'{"class_name": "Lambda"}', "model.weights.h5": raw, "metadata.json": b"{}"},
        "nested.zip": {"inner/bad.pt": (folder / "zip.pt").read_bytes()},
    }.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for entry, content in entries.items():
                archive.writestr(entry, content)
    return sorted(folder.iterdir())


def test_a_pickle_in_any_container_is_not_run_without_consent(tmp_path: Path, code: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    marker = tmp_path / "marker"
    paths = containers(folder, marker)
    assert len(paths) == 11
    from compress_studio.graph.facts import inspect
    from compress_studio.inspection.checkpoint_look import look

    for path in paths:
        for words in ({}, {"architecture": str(code)}, {"architecture": f"{code}:Plain", "dims": "x=Nx1x8x8"}):
            with pytest.raises(BadInput):
                opened(tmp_path, path, **words)
        for see in (inspect, lambda one: look(str(one)), lambda one: fingerprint(SourceModelParams(path=str(one)))):
            with contextlib.suppress(BadInput):
                see(path)
    assert not marker.exists()


def test_with_consent_a_pickle_runs_only_in_the_child(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save({"model": torch.nn.Linear(4, 2), "bad": Payload(Path("marker"))}, path)
    with pytest.raises(BadInput, match=r"imports .*eval"):
        opened(tmp_path, path, dims="x=Nx4")
    assert not list(tmp_path.rglob("marker"))
    allow(path)
    ctx, _, _ = opened(tmp_path, path, dims="x=Nx4")
    marker = ctx.scratch / "code" / "empty" / "marker"
    pid, parent = map(int, marker.read_text().split())
    assert pid != os.getpid() == parent


def test_consent_is_for_the_content_and_survives_nothing_else(tmp_path: Path, code: Path, isolated_home: Path) -> None:
    digest, what = allowed_by(str(code))
    assert not consents.given(digest)
    consents.give(digest, what)
    assert consents.given(digest)
    assert "nets.py" in consents.known()[digest]["what"]
    code.write_text(code.read_text() + "\n# changed\n")
    assert not consents.given(parse_architecture(f"{code}:Plain").digest)
    consents.take_back(digest)
    assert not consents.given(digest)
    (isolated_home / "data" / "consent.json").write_text("{broken")
    assert consents.known() == {}
    with pytest.raises(ValueError, match="no digest"):
        consents.give("everything", "all")


def test_architectures_and_arguments_are_read_and_what_is_missing_is_said(tmp_path: Path, code: Path) -> None:
    assert parse_arguments("num_classes=10+weights=None, name=a;wide=1.5") == {
        "num_classes": 10,
        "weights": None,
        "name": "a",
        "wide": 1.5,
    }
    assert parse_architecture("torch.nn:Linear").folder is None
    for text, problem in (
        (f"{code}:nothing", "has no function nothing"),
        ("missing.py:make", "no file missing"),
        ("nopackagehere.models:make", "is not installed"),
        ("torch.nothinghere:make", "has no module"),
        ("a b:make", "cannot be read"),
    ):
        with pytest.raises(BadInput, match=problem):
            parse_architecture(text)
    path = written(tmp_path / "w.pt", made("Plain"), "zip")
    source = source_of(path, f"{code}:Plain", "", "")
    assert [row[0] for row in source.needs()] == [source.architecture.digest if source.architecture else ""]
    key = fingerprint(SourceModelParams(path=str(path), architecture=f"{code}:Plain"))
    code.write_text(code.read_text() + "\n# changed\n")
    assert fingerprint(SourceModelParams(path=str(path), architecture=f"{code}:Plain")) != key
    assert digest_file(path) in str(key) or isinstance(key, list)


def test_names_are_joined_by_prefix_and_ties_and_told() -> None:
    wanted = {"a.weight": (2, 3), "a.bias": (2,), "n.num_batches_tracked": ()}
    found = {"model.a.weight": (2, 3), "model.a.bias": (2,), "loss.weight": (5,)}
    one = match(wanted, found)
    assert one.complete
    assert "model. was taken off" in one.renamed
    assert [name for name, _ in one.unexpected] == ["loss.weight"]
    two = match({"net.a": (1,), "net.b": (4,)}, {"a": (), "b": (4,)})
    assert two.complete
    assert "net. was put before" in two.renamed
    tied = match({"emb": (3, 2), "out": (3, 2)}, {"emb": (3, 2)}, [["emb", "out"]])
    assert tied.complete
    three = match({"x": (1, 2)}, {"y": (3,)})
    assert not three.complete
    assert three.rows() == [("x", "1×2", "–"), ("y", "–", "3")]
