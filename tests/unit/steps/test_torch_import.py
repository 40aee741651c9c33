"""PyTorch programs open as the first node: converted, proved equal, and never able to run anything else."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch

from compress_studio.base.errors import BadInput, Refused
from compress_studio.graph.facts import inspect
from compress_studio.graph.saving import load
from compress_studio.graph.session import open_session, run
from compress_studio.spec.data import SampleShape
from compress_studio.steps.kernels import torch_import
from compress_studio.steps.kernels.torch_inputs import parse_dims, sample_shapes
from compress_studio.steps.source_model import SourceModelParams, asks_data, fingerprint, source_model
from tests.toys.context import ToyContext

PICTURE = SampleShape((8, 8), "uint8")


class Convolutional(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(1, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(144, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.conv(x))).flatten(1))


class Words(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.emb = torch.nn.Embedding(30, 6)
        self.head = torch.nn.Linear(6, 3)

    def forward(self, ids: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return self.head(self.emb(ids).mean(1)) * scale


class OneBatch(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(4, 6) * 2


class Drawing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


class Unread(torch.nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x * 2, x.sum(1)


class PassingOn(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"twice": x * 2, "same": x}


@pytest.fixture(autouse=True)
def _guard(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv(torch_import.GUARD, "1")


def scripted(path: Path, net: torch.nn.Module) -> Path:
    with torch_import._quiet():  # pyright: ignore[reportPrivateUsage]
        torch.jit.save(torch.jit.script(net.eval()), str(path))
    return path


def traced(path: Path, net: torch.nn.Module, *examples: torch.Tensor) -> Path:
    with torch_import._quiet():  # pyright: ignore[reportPrivateUsage]
        torch.jit.save(torch.jit.trace(net.eval(), examples), str(path))
    return path


def exported(path: Path, net: torch.nn.Module, *examples: torch.Tensor, free: bool = True) -> Path:
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in examples) if free else None
    with torch_import._quiet():  # pyright: ignore[reportPrivateUsage]
        torch.export.save(torch.export.export(net.eval(), examples, dynamic_shapes=shapes), path)
    return path


def opened(
    tmp_path: Path, path: Path, dims: str = "", samples: Mapping[str, SampleShape] | None = None
) -> tuple[ToyContext, ir.Model, Path]:
    ctx = ToyContext(tmp_path)
    ctx.samples = samples or {}
    net = source_model(ctx, SourceModelParams(path=str(path), dims=dims))
    return ctx, load(net.path), net.path


def difference(ctx: ToyContext) -> float:
    found = ctx.facts["conversion_difference"]
    assert isinstance(found, float)
    return found


def equal(path: Path, net: torch.nn.Module, *arrays: np.ndarray) -> None:
    session = open_session(path)
    names = [one.name for one in session.get_inputs()]
    (got,) = run(session, dict(zip(names, arrays, strict=True))).values()
    with torch.no_grad():
        expected = net.eval()(*map(torch.from_numpy, arrays)).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 1, 8, 8)).astype(np.float32)


def test_an_exported_program_opens_with_its_free_batch(tmp_path: Path) -> None:
    net = Convolutional()
    path = exported(tmp_path / "net.pt2", net, torch.zeros(2, 1, 8, 8))
    before = path.read_bytes()
    ctx, model, result = opened(tmp_path, path)
    equal(result, net, pictures(5))
    assert model.graph.inputs[0].name == "x"
    assert not isinstance(model.graph.inputs[0].shape[0], int)  # pyright: ignore[reportOptionalSubscript]
    assert ctx.facts["original_bytes"] == len(before)
    assert difference(ctx) < torch_import.TOLERANCE
    assert path.read_bytes() == before
    assert "input_shape_proposed" not in ctx.codes
    assert asks_data(SourceModelParams(path=str(path)))


def test_a_program_with_a_fixed_batch_stays_so(tmp_path: Path) -> None:
    path = exported(tmp_path / "net.pt2", Convolutional(), torch.zeros(2, 1, 8, 8), free=False)
    _, model, _ = opened(tmp_path, path)
    assert model.graph.inputs[0].shape is not None
    assert model.graph.inputs[0].shape[0] == 2


def test_a_traced_program_opens_with_the_shape_it_was_traced_with(tmp_path: Path) -> None:
    net = Convolutional()
    path = traced(tmp_path / "net.pt", net, torch.zeros(2, 1, 8, 8))
    assert asks_data(SourceModelParams(path=str(path)))
    ctx, _, result = opened(tmp_path, path)
    equal(result, net, pictures(5))
    assert ctx.codes.count("input_shape_proposed") == 1
    assert ctx.facts["input_shape"] == "x N × 1 × 8 × 8"


def test_a_program_traced_for_one_batch_size_keeps_it(tmp_path: Path) -> None:
    path = traced(tmp_path / "net.pt", OneBatch(), torch.zeros(2, 12))
    _, model, _ = opened(tmp_path, path)
    assert model.graph.inputs[0].shape is not None
    assert list(model.graph.inputs[0].shape) == [2, 12]


def test_a_scripted_program_asks_for_the_shape_with_what_its_first_weight_tells(tmp_path: Path) -> None:
    path = scripted(tmp_path / "net.pt", Convolutional())
    with pytest.raises(BadInput, match=r"net\.pt holds no input shape for x") as caught:
        opened(tmp_path, path)
    assert "source.model:dims=x=Nx1x224x224" in caught.value.hint


def test_a_scripted_program_opens_with_the_shape_that_is_given(tmp_path: Path) -> None:
    net = Convolutional()
    path = scripted(tmp_path / "net.pt", net)
    ctx, _, result = opened(tmp_path, path, "x=Nx1x8x8")
    equal(result, net, pictures(5))
    assert "input_shape_proposed" not in ctx.codes
    with pytest.raises(BadInput, match="does not run for x N × 1 × 9 × 8"):
        opened(tmp_path, path, "x=Nx1x9x8")
    with pytest.raises(BadInput, match=r"no input y .*known: x"):
        opened(tmp_path, path, "y=Nx1x8x8")


@pytest.mark.parametrize("sample", [(8, 8), (8, 8, 1), (1, 8, 8), (64,)])
def test_the_shape_of_a_scripted_program_is_found_from_samples(tmp_path: Path, sample: tuple[int, ...]) -> None:
    net = Convolutional()
    path = scripted(tmp_path / "net.pt", net)
    ctx, _, result = opened(tmp_path, path, samples={"x": SampleShape(sample, "uint8")})
    equal(result, net, pictures(5))
    assert "the data set" in dict(ctx.warnings)["input_shape_proposed"]


def test_whole_numbers_and_several_inputs_are_found_from_samples(tmp_path: Path) -> None:
    net = Words()
    samples = {"ids": SampleShape((7,), "int64"), "scale": SampleShape((3,), "float32")}
    ctx, _, result = opened(tmp_path, scripted(tmp_path / "net.pt", net), samples=samples)
    rng = np.random.default_rng(0)
    equal(result, net, rng.integers(0, 30, (5, 7)), rng.standard_normal((5, 3)).astype(np.float32))
    assert "ids N × 7 of int64" in str(ctx.facts["input_shape"])


def test_samples_that_do_not_fit_leave_the_complaint_about_the_shape(tmp_path: Path) -> None:
    path = scripted(tmp_path / "net.pt", Convolutional())
    with pytest.raises(BadInput, match="does not run for x N × 9 × 9"):
        opened(tmp_path, path, samples={"x": SampleShape((9, 9), "float32")})


def test_an_input_that_nothing_reads_and_several_outputs_are_no_obstacle(tmp_path: Path) -> None:
    _, model, _ = opened(tmp_path, scripted(tmp_path / "net.pt", Unread()), "x=Nx4+y=Nx5")
    assert [one.name for one in model.graph.outputs] == ["output_0", "output_1"]


def test_an_input_that_is_an_output_too_is_compared(tmp_path: Path) -> None:
    ctx, model, _ = opened(tmp_path, exported(tmp_path / "net.pt2", PassingOn(), torch.zeros(2, 4)))
    assert len(model.graph.outputs) == 2
    assert difference(ctx) < torch_import.TOLERANCE


def test_a_program_that_computes_something_else_as_onnx_is_refused_with_the_figure(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"they differ by \d"):
        opened(tmp_path, scripted(tmp_path / "net.pt", Drawing()), "x=Nx4")


def test_an_exported_program_needs_a_process_that_unpickles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exported(tmp_path / "net.pt2", Convolutional(), torch.zeros(2, 1, 8, 8))
    monkeypatch.delenv(torch_import.GUARD)
    with pytest.raises(Refused, match="may unpickle anything"):
        opened(tmp_path, path)


def test_only_what_is_looked_at_with_samples_depends_on_the_data(tmp_path: Path) -> None:
    path = str(scripted(tmp_path / "net.pt", Convolutional()))
    assert asks_data(SourceModelParams(path=path))
    assert asks_data(SourceModelParams(path=path, dims="L=4"))
    assert asks_data(SourceModelParams(path=path, dims="x=Nx1x8x8"))
    assert not asks_data(SourceModelParams(path=str(tmp_path / "missing.pt")))
    key = fingerprint(SourceModelParams(path=path))
    assert isinstance(key, list)
    assert importlib.metadata.version("torch") in key


def rewritten(source: Path, target: Path, changes: Mapping[str, bytes]) -> Path:
    """The archive with other contents in the files whose names end so."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            ending = next((one for one in changes if info.filename.endswith(one)), None)
            new.writestr(info.filename, old.read(info) if ending is None else changes[ending])
    return target


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.marker,)  # pyright: ignore[reportReturnType]


def test_crafted_programs_write_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    good = exported(tmp_path / "good.pt2", Convolutional(), torch.zeros(2, 1, 8, 8))
    code = pickle.dumps(Payload(marker), protocol=2)
    with zipfile.ZipFile(good) as archive:
        name = next(name for name in archive.namelist() if name.endswith("models/model.json"))
        model = archive.read(name).decode()
    call = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    sizes = model.replace(json.dumps("Symbol('s77', positive=True, integer=True)"), json.dumps(call))
    assert sizes != model
    guards = json.dumps(json.loads(model) | {"guards_code": [f"{call} is None"]})
    crafted = [
        rewritten(good, tmp_path / "inputs.pt2", {"sample_inputs/model.pt": code}),
        rewritten(good, tmp_path / "sizes.pt2", {"models/model.json": sizes.encode()}),
        rewritten(good, tmp_path / "guards.pt2", {"models/model.json": guards.encode()}),
        rewritten(scripted(tmp_path / "s.pt", Convolutional()), tmp_path / "data.pt", {"data.pkl": code}),
    ]
    for path in crafted:
        with contextlib.suppress(BadInput):
            opened(tmp_path, path, "" if path.suffix == ".pt2" else "x=Nx1x8x8")
    assert not marker.exists()


class Writing(torch.nn.Module):
    def __init__(self, target: str) -> None:
        super().__init__()
        self.target = target

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, self.target)
        return x


def test_a_torchscript_program_that_writes_a_file_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = scripted(tmp_path / "net.pt", Writing(str(marker)))
    with pytest.raises(BadInput, match="read or write files"):
        opened(tmp_path, path, "x=Nx4")
    assert not marker.exists()


def test_the_look_at_a_file_tells_what_is_known_without_running_it(tmp_path: Path) -> None:
    net = Convolutional()
    count = sum(one.numel() for one in net.state_dict().values())
    program = inspect(exported(tmp_path / "net.pt2", net, torch.zeros(2, 1, 8, 8)))
    assert program["parameters"] == count
    assert program["inputs"] == [{"name": "x", "dtype": "FLOAT", "dims": ["s77", 1, 8, 8]}]
    script = inspect(scripted(tmp_path / "net.pt", net))
    assert script["parameters"] == count
    assert script["inputs"] == []
    assert "converted to ONNX" in str(script["opening"])


def test_sizes_are_read_and_samples_give_likely_shapes() -> None:
    assert parse_dims("L=128+x=Nx3x32, y=N×T") == {"L": (128,), "x": ("N", 3, 32), "y": ("N", "T")}
    assert sample_shapes((28, 28, 3)) == [("N", 28, 28, 3), ("N", 3, 28, 28), ("N", 1, 28, 28)]
    assert sample_shapes((-1, 40)) == [("N", "T0", 40), ("N", 1, "T0", 40)]
    with pytest.raises(BadInput, match="cannot be read"):
        parse_dims("x=")


@pytest.mark.assets
@pytest.mark.parametrize("name", ["mlp_letter", "lenet_mnist", "resnet_fmnist"])
@pytest.mark.parametrize("form", [".pt2", "_torchscript.pt"])
def test_trained_programs_open(tmp_path: Path, assets: Path, name: str, form: str) -> None:
    ctx, _, _ = opened(tmp_path, assets / "models" / name / f"{name}{form}")
    assert difference(ctx) < torch_import.TOLERANCE


@pytest.mark.assets
@pytest.mark.parametrize(
    "file", ["lstm_voice5/lstm_voice5_torchscript.pt", "transformer_langid/transformer_langid.pt2"]
)
def test_trained_sequence_programs_open(tmp_path: Path, assets: Path, file: str) -> None:
    ctx, _, _ = opened(tmp_path, assets / "models" / file)
    assert difference(ctx) < torch_import.TOLERANCE
