"""Calibration is not slower than ONNX Runtime's own, and its memory does not grow with the number of samples."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from onnxruntime.quantization import CalibrationDataReader
from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

from compress_studio.spec.data import Batch
from compress_studio.steps.kernels import ranges
from compress_studio.steps.kernels.qdq_plan import make_plan
from tests.toys.networks import Net

pytestmark = [pytest.mark.perf, pytest.mark.slow]

SAMPLES = 512
BATCH = 32
SIZE = 24
ROUNDS = 3
METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


def conv_net() -> ir.Model:
    """Six convolutions with a residual, about 20 MB of activations per batch."""
    net = Net()
    x = net.relu(net.conv("x", "conv1", 16, 3))
    for number in range(2, 6):
        x = net.relu(net.conv(x, f"conv{number}", 16, 16))
    x = net.op("Add", [net.conv(x, "conv6", 16, 16), "conv1.out.relu"], "sum")
    net.gemm(net.op("Flatten", [net.op("GlobalAveragePool", [net.relu(x)], "pool")], "flat"), "fc", 10, 16, "y")
    return net.model({"x": ["N", 3, SIZE, SIZE]}, {"y": ["N", 10]})


def batches(count: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [{"x": rng.standard_normal((BATCH, 3, SIZE, SIZE)).astype(np.float32)} for _ in range(count // BATCH)]


class Reader(CalibrationDataReader):
    """Feeds the same batches to ONNX Runtime."""

    def __init__(self, feeds: list[dict[str, np.ndarray]]) -> None:
        self.rest = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
        return next(self.rest, None)


def ours(model: ir.Model, names: list[str], feeds: list[dict[str, np.ndarray]], method: str) -> dict[str, tuple]:
    return ranges.find(model, names, [Batch(one, None) for one in feeds], method)


def theirs(path: Path, names: list[str], feeds: list[dict[str, np.ndarray]], method: str, folder: Path) -> dict:
    calibrator = create_calibrator(
        path,
        ["Conv", "Add", "GlobalAveragePool", "Flatten", "Gemm", "Relu"],
        augmented_model_path=str(folder / "augmented.onnx"),
        calibrate_method=METHODS[method],
    )
    calibrator.collect_data(Reader(feeds))
    return dict(calibrator.compute_data().items())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", list(METHODS))
def test_calibration_is_not_slower_than_that_of_onnxruntime(
    tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = conv_net()
    path = tmp_path / "net.onnx"
    ir.save(model, path)
    names = [root.name or "" for root in dict.fromkeys(make_plan(model, ()).roots.values())]
    feeds = batches(SAMPLES)
    ratios = []
    for turn in range(ROUNDS):
        times: dict[str, float] = {}
        for who in ("ours", "theirs") if turn % 2 else ("theirs", "ours"):
            begin = time.perf_counter()
            if who == "ours":
                found = ours(model, names, feeds, method)
            else:
                theirs(path, names, feeds, method, tmp_path)
            times[who] = time.perf_counter() - begin
        ratios.append(times["theirs"] / times["ours"])
        assert len(found) == len(names)
    with capsys.disabled():
        print(f"\ncalibration, {method}, {SAMPLES} samples: {np.median(ratios):.2f} × the speed of ONNX Runtime's")
    assert np.median(ratios) > 0.9


CHILD = """
import sys
import numpy as np
from compress_studio.spec.data import Batch
from compress_studio.steps.kernels import ranges
from compress_studio.steps.kernels.qdq_plan import make_plan
from tests.perf.test_calibration import BATCH, SIZE, conv_net

rng = np.random.default_rng(0)
def source(count):
    for _ in range(count // BATCH):
        yield Batch({"x": rng.standard_normal((BATCH, 3, SIZE, SIZE)).astype(np.float32)}, None)

model = conv_net()
names = [root.name for root in dict.fromkeys(make_plan(model, ()).roots.values())]
ranges.find(model, names, source(int(sys.argv[1])), sys.argv[2])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("method", ["minmax", "entropy"])
def test_peak_memory_does_not_grow_with_the_number_of_samples(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).resolve().parents[2]
    peaks = {}
    for count in (64, 2048):
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(count), method], cwd=root, capture_output=True, text=True, check=True
        )
        peaks[count] = int(child.stdout.split()[-1]) / 1024
    with capsys.disabled():
        print(f"\npeak memory, {method}: {peaks[64]:.0f} MB with 64 samples, {peaks[2048]:.0f} MB with 2,048")
    assert peaks[2048] < peaks[64] + 25
