"""What every step makes, in every format of PyTorch: carried, carried with a sentence, or refused; and how large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.graph.facts import inspect
from compress_studio.outputs.kernels.torch_files import write_module
from compress_studio.outputs.torch_params import TorchParams
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.runtime import load_runtime
from tests.toys.context import ToyContext, ToyData
from tests.toys.networks import Net
from tests.unit.outputs.writing import BY_ID, stored

FORMATS = ("torch.program", "torch.script", "torch.source")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
OVERHEAD = 40_000
"""Bytes of the text and of small tensors, which say nothing about the weights."""


def dense_net() -> ir.Model:
    """x [N, 64] → y [N, 8], large enough that its weights are what its file is made of."""
    net = Net()
    x = net.relu(net.gemm("x", "first", 512, 64))
    net.gemm(net.relu(net.linear(x, "second", 256, 512)), "third", 8, 256, "y")
    return net.model({"x": ["N", 64]}, {"y": ["N", 8]})


def recurrent_net() -> ir.Model:
    """x [5, N, 32] → y [5, 1, N, 128]: one recurrent layer."""
    net = Net()
    weights = [net.weight("w", 1, 512, 32), net.weight("r", 1, 512, 128), net.constant("b", np.zeros((1, 1024)))]
    net.op("LSTM", ["x", *weights], "y", hidden_size=128)
    return net.model({"x": ["N", 5, 32]}, {"y": ["N", 1, 5, 128]})


MATRIX = [
    ("quantize.weights", {"bits": "8"}, "stay as small as they are stored"),
    ("quantize.weights", {"bits": "4"}, "two in a byte"),
    ("quantize.weights", {"bits": "4", "form": "running"}, "packed weights stay packed"),
    ("quantize.dynamic", {}, "runs are not faster"),
    ("quantize.static", {}, "runs are not faster"),
    ("cluster.weights", {"bits": 4}, "stay as small as they are stored"),
    ("prune.weights", {"sparsity": 0.8}, "80% of its weights are zero"),
    ("graph.fp16", {}, "Half precision is kept"),
    ("graph.fp16", {"mode": "full"}, "Half precision is kept"),
    ("factorize.lowrank", {}, ""),
    ("prune.channels", {}, ""),
]


@pytest.mark.parametrize(("step", "params", "words"), MATRIX)
def test_what_is_said_before_an_export_is_what_the_file_is(
    tmp_path: Path, step: str, params: dict[str, Any], words: str
) -> None:
    model = dense_net()
    spec = load_runtime().steps.get(step)
    context = ToyContext(tmp_path, data=ToyData.for_model(model, 60, classes=8))
    network = spec.run(context, spec.params.read(params), OnnxNet(stored(model, tmp_path)))
    facts = inspect(network.path)
    said = {BY_ID[one].carries(facts, TorchParams()) for one in FORMATS}
    assert len(said) == 1
    (verdict,) = said
    assert verdict.ok
    assert words in verdict.reason
    assert bool(words) == bool(verdict.reason)
    written = write_module(TorchParams(), network, tmp_path / "small.py")
    size = sum(path.stat().st_size for path in written.files)
    assert size < 1.05 * network.path.stat().st_size + OVERHEAD
    if step in {"quantize.weights", "quantize.dynamic", "quantize.static", "cluster.weights"}:
        assert size < 0.35 * (tmp_path / "network.onnx").stat().st_size + OVERHEAD


def test_a_recurrent_layer_in_8_bits_is_as_small_and_its_rounding_is_told(tmp_path: Path) -> None:
    model = recurrent_net()
    spec = load_runtime().steps.get("quantize.dynamic")
    data = ToyData({"x": np.random.default_rng(0).standard_normal((5, 60, 32)).astype(np.float32).swapaxes(0, 1)})
    network = spec.run(ToyContext(tmp_path, data=data), spec.params.read({}), OnnxNet(stored(model, tmp_path)))
    verdict = BY_ID["torch.source"].carries(inspect(network.path), TorchParams())
    assert "no longer round" in verdict.reason
    written = write_module(TorchParams(), network, tmp_path / "small.py")
    assert sum(path.stat().st_size for path in written.files) < 1.05 * network.path.stat().st_size + OVERHEAD
