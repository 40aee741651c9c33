"""Bad models, data and projects: one clear message, exit code 2, no traceback, nothing written or executed."""

from __future__ import annotations

import pickle
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import Cli, Done

SECONDS = 20.0


class Payload:
    """Runs code when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return (Path.touch, (self.trace,))


def refused(done: Done, name: str, begun: float, out: Path) -> None:
    """What every refusal must keep to."""
    assert done.code == 2, done.out + done.err
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.err
    assert any(line.startswith("hint: ") for line in done.err.splitlines()), done.err
    assert not name or name in errors[0], errors
    assert "Traceback" not in done.err + done.out
    assert not out.exists()
    assert time.monotonic() - begun < SECONDS


def make_model(kind: str, folder: Path, good: Path) -> Path:
    """A bad model file of a kind."""
    path = folder / f"{kind.replace(' ', '_')}.onnx"
    content = good.read_bytes()
    if kind == "cut off":
        path.write_bytes(content[: len(content) * 6 // 10])
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is not a model\n" * 20)
    elif kind == "random":
        path.write_bytes(bytes((7 * at * at + 13) % 251 for at in range(4000)))
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Payload(folder / "executed")))
    elif kind == "newer opset":
        import onnx

        model = onnx.load(good)
        model.opset_import[0].version = 99
        onnx.save(model, path)
    elif kind == "cycle":
        import onnx

        model = onnx.load(good)
        last = model.graph.node[-1]
        model.graph.node[0].input[0] = last.output[0]
        onnx.save(model, path)
    elif kind == "weights elsewhere":
        import onnx

        onnx.save(onnx.load(good), path, save_as_external_data=True, location="far.bin", size_threshold=0)
        (folder / "far.bin").unlink()
    elif kind == "weights outside":
        import onnx
        from onnx.external_data_helper import set_external_data

        (folder.parent / "secret.bin").write_bytes(b"\0" * 65536)
        model = onnx.load(good)
        for weight in model.graph.initializer:
            set_external_data(weight, "../secret.bin", offset=0, length=len(weight.raw_data))
            weight.ClearField("raw_data")
        path.write_bytes(model.SerializeToString())
    return path


MODELS = (
    "cut off",
    "empty",
    "text",
    "random",
    "pickle",
    "newer opset",
    "cycle",
    "weights elsewhere",
    "weights outside",
)


@pytest.mark.parametrize("kind", MODELS)
def test_a_bad_model_is_refused_by_name(kind: str, cli: Cli, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    path = make_model(kind, folder, model)
    if kind in {"cut off", "pickle"}:
        begun = time.monotonic()
        refused(cli("info", path), path.name, begun, tmp_path / "o")
    begun = time.monotonic()
    refused(cli("run", path, "--step", "graph.fp16", "--out", tmp_path / "o"), path.name, begun, tmp_path / "o")
    assert not (folder / "executed").exists()


def make_data(kind: str, folder: Path) -> Path:
    """A bad data set of a kind, for a network with an input of 12 numbers."""
    import numpy as np

    path = folder / f"{kind.replace(' ', '_')}.npz"
    rng = np.random.default_rng(0)
    if kind == "other shape":
        np.savez(path, x=rng.standard_normal((40, 5, 7)).astype(np.float32), y=np.zeros(40, np.int64))
    elif kind == "objects":
        np.savez(path, x=np.array([Payload(folder / "executed")], dtype=object))
    elif kind == "cut off":
        np.savez(path, x=rng.standard_normal((400, 12)).astype(np.float32))
        path.write_bytes(path.read_bytes()[:3000])
    elif kind == "empty":
        path.touch()
    elif kind == "no samples":
        np.savez(path, x=np.zeros((0, 12), np.float32), y=np.zeros(0, np.int64))
    elif kind == "labels of another length":
        np.savez(path, x=rng.standard_normal((40, 12)).astype(np.float32), y=np.zeros(39, np.int64))
    return path


@pytest.mark.parametrize(
    "kind", ["other shape", "objects", "cut off", "empty", "no samples", "labels of another length"]
)
def test_a_bad_data_set_is_refused_and_nothing_written(kind: str, cli: Cli, model: Path, tmp_path: Path) -> None:
    path = make_data(kind, tmp_path)
    begun = time.monotonic()
    done = cli("run", model, "--step", "graph.fp16", "--data", path, "--out", tmp_path / "o")
    refused(done, "", begun, tmp_path / "o")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 99}', b"\xff\xfe", b'{"format": 1, "nodes": [{"id": "a", "step": "x"}]}']
)
def test_a_bad_project_is_refused_by_every_command_that_reads_one(content: bytes, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "bad.cstudio"
    path.write_bytes(content)
    begun = time.monotonic()
    refused(cli("run", path, "--out", tmp_path / "o"), "", begun, tmp_path / "o")
    begun = time.monotonic()
    refused(cli("export", path, "--out", tmp_path / "o.onnx"), "", begun, tmp_path / "o.onnx")


def test_a_folder_that_cannot_be_written_is_said_before_the_work(cli: Cli, model: Path) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("needs a folder that nobody can write to")
    done = cli("run", model, "--step", "graph.fp16", "--out", "/proc/compress-studio-test")
    assert done.code == 1
    assert "cannot be written" in done.err
    assert "done in" not in done.err
    assert "Traceback" not in done.err


REFUSED = (
    "02_truncated.onnx",
    "04_bitflip.onnx",
    "06_tflite_named.onnx",
    "10_external_missing.onnx",
    "20_opset_future.onnx",
    "24_cycle.onnx",
    "26_unknown_rank.onnx",
    "32_memory_bomb.onnx",
    "34_shape_mismatch.onnx",
    "50_state_dict_only.pth",
    "56_malicious_legacy.pth",
    "62_zip_bomb.pt",
)
OPENED = (
    "12_external_ok.onnx",
    "22_opset11.onnx",
    "28_nan_weights.onnx",
    "30_all_zero_weights.onnx",
    "36_tied_weights.onnx",
    "40_int8_qdq.onnx",
    "42_int8_lstm_real.onnx",
    "60_torchscript_ok_unknown_shape.pt",
    "80_mödel with spaces & 模型 #1.onnx",
)


@pytest.mark.assets
@pytest.mark.parametrize("name", REFUSED)
def test_bad_models_of_the_collection_are_refused(name: str, cli: Cli, assets: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    done = cli("run", assets / "bad" / name, "--step", "graph.fp16", "--out", tmp_path / "o")
    refused(done, name, begun, tmp_path / "o")


@pytest.mark.assets
@pytest.mark.parametrize("name", OPENED)
def test_unusual_but_good_models_of_the_collection_open(name: str, cli: Cli, assets: Path) -> None:
    done = cli("info", assets / "bad" / name)
    assert done.code == 0, done.err
    assert "Traceback" not in done.err


@pytest.mark.assets
def test_the_torchscript_program_of_the_collection_is_compressed(cli: Cli, assets: Path, tmp_path: Path) -> None:
    path = assets / "bad" / "60_torchscript_ok_unknown_shape.pt"
    done = cli("run", path, "--step", "graph.fp16", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    assert "N × 1 × 28 × 28" in done.out
    assert (tmp_path / "o" / "model.onnx").stat().st_size < 0.6 * path.stat().st_size


def test_a_torchscript_program_asks_for_its_shape_and_takes_it_from_data(cli: Cli, tmp_path: Path) -> None:
    path, samples = tmp_path / "net.pt", tmp_path / "samples.npz"
    make_script(path)
    np.savez(samples, x=np.random.default_rng(0).random((60, 8, 8), np.float32))
    begun = time.monotonic()
    done = cli("run", path, "--step", "graph.fp16", "--out", tmp_path / "o")
    refused(done, path.name, begun, tmp_path / "o")
    assert "--step source.model:dims=x=Nx1x" in done.err
    done = cli("run", path, "--data", samples, "--step", "graph.fp16", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    assert (tmp_path / "o" / "model.onnx").is_file()
    assert "taken from the data set: x N × 1 × 8 × 8" in done.out


def make_script(path: Path) -> None:
    """A small convolutional network as TorchScript, which holds no shape."""
    import torch

    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5))

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = net

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Net()), str(path))


@pytest.mark.assets
@pytest.mark.parametrize("name", ["58_malicious_data.npy", "72_wrong_shape.npz"])
def test_bad_data_of_the_collection_are_refused(name: str, cli: Cli, assets: Path, tmp_path: Path) -> None:
    network = assets / "bad" / "22_opset11.onnx"
    begun = time.monotonic()
    data = assets / "bad" / name
    done = cli("run", network, "--step", "graph.fp16", "--data", data, "--out", tmp_path / "o")
    refused(done, "", begun, tmp_path / "o")


@pytest.mark.assets
@pytest.mark.parametrize(
    ("name", "warning"),
    [("70_labels_missing.npz", ""), ("74_nan_features.npz", "not-a-number"), ("76_one_sample.npz", "1 test sample")],
)
def test_poor_data_of_the_collection_work_and_are_called_poor(
    name: str, warning: str, cli: Cli, assets: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(assets / "bad" / name, folder)
    done = cli("run", assets / "bad" / "22_opset11.onnx", "--step", "graph.fp16", "--data", folder / name)
    assert done.code == 0, done.err
    assert warning in done.out
