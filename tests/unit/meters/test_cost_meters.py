"""Size, latency and memory: that they are measured, and on what."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import onnx
import pytest

from compress_studio.base.errors import Cancelled, UserError
from compress_studio.meters import latency, memory, size
from compress_studio.spec.ports import OnnxNet
from tests.unit.meters.bench import bench, linear, measured

WEIGHT = np.random.default_rng(0).standard_normal((64, 32))


def test_size_counts_bytes_parameters_zeros_and_work(tmp_path: Path) -> None:
    weight = WEIGHT.copy()
    weight[:16] = 0
    net = linear(tmp_path, weight)
    got = measured(size.METER, bench(tmp_path, net), [net], net)[0]
    content = net.path.read_bytes()
    assert got["bytes"].value == len(content)
    packer = zlib.compressobj(6)
    assert got["zipped_bytes"].value == len(packer.compress(content) + packer.flush())
    assert got["parameters"].value == 64 * 32
    assert got["nonzero"].value == 48 * 32
    assert got["macs"].value == 64 * 32


def test_weights_in_a_second_file_count(tmp_path: Path) -> None:
    net = linear(tmp_path, WEIGHT)
    folder = tmp_path / "apart"
    folder.mkdir()
    onnx.save(
        onnx.load(net.path), folder / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0
    )
    apart = OnnxNet(folder / "net.onnx", "apart")
    got = measured(size.METER, bench(tmp_path, net), [apart], net)[0]
    assert got["bytes"].value == sum(one.stat().st_size for one in folder.iterdir())
    assert got["bytes"].value > 64 * 32 * 4


def test_latency_tells_time_ratio_and_conditions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "SECONDS_EACH", 0.15)
    small = linear(tmp_path, WEIGHT, "small")
    large = linear(tmp_path, np.random.default_rng(0).standard_normal((64, 60_000)), "large")
    got = measured(latency.METER, bench(tmp_path, large), [small, large], large)
    assert got[0]["ratio"].value > 2
    assert got[0]["ratio"].low is not None
    assert got[0]["ratio"].low > 1
    assert 0.3 < got[1]["ratio"].value < 3
    assert got[0]["p25_ms"].value <= got[0]["median_ms"].value <= got[0]["p75_ms"].value
    detail = got[0]["ratio"].detail
    assert detail["threads"] == 1
    assert detail["batch"] == 1
    assert detail["shapes"] == {"x": [1, 64]}
    assert {"aa_ratio", "aa_low", "aa_high", "rounds", "cpu", "flags", "runtime"} <= set(detail)


def test_latency_stops_when_asked_and_collects_garbage_again(tmp_path: Path) -> None:
    import gc

    net = linear(tmp_path, WEIGHT)
    context = bench(tmp_path, net)
    context.stop_after = 5
    with pytest.raises(Cancelled):
        latency.METER.run(context, [net], net)
    assert gc.isenabled()


def test_memory_is_that_of_a_fresh_process(tmp_path: Path) -> None:
    small = linear(tmp_path, WEIGHT, "small")
    large = linear(tmp_path, np.zeros((64, 250_000)), "large")
    got = measured(memory.METER, bench(tmp_path, small), [small, large], small)
    assert got[0]["peak_bytes"].value > 0
    assert got[1]["peak_bytes"].value - got[0]["peak_bytes"].value > 40_000_000


def test_a_network_that_does_not_open_ends_in_one_sentence(tmp_path: Path) -> None:
    net = linear(tmp_path, WEIGHT)
    broken = OnnxNet(tmp_path / "broken.onnx", "broken")
    broken.path.write_bytes(net.path.read_bytes()[:-2000])
    context = bench(tmp_path, net)
    with pytest.raises(UserError, match="ended with 1"):
        memory.METER.run(context, [broken], net)
    with pytest.raises(UserError, match="does not open"):
        latency.METER.run(context, [broken], net)
