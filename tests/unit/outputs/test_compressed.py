"""Compressed networks written for PyTorch: what is carried, what is said, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from compress_studio.base.errors import Refused
from compress_studio.outputs.kernels.comparing import Reference, judge
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.runtime import load_runtime
from tests.toys import networks
from tests.toys.context import ToyContext, ToyData
from tests.unit.outputs.writing import stored, write

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def compressed(kind: str, step: str, folder: Path, **params: Any) -> Path:
    """A toy network after a step."""
    model = networks.ALL[kind]()
    path = stored(model, folder)
    spec = load_runtime().steps.get(step)
    context = ToyContext(folder, data=ToyData.for_model(model, 120, classes=4))
    return spec.run(context, spec.params.read(params), OnnxNet(path)).path


@pytest.mark.parametrize("output", ["torch.program", "torch.script"])
@pytest.mark.parametrize(
    ("kind", "step", "params", "words"),
    [
        ("conv", "quantize.static", {}, "8 bits"),
        ("conv", "quantize.dynamic", {}, "8 bits"),
        ("conv", "quantize.weights", {"bits": "4"}, "no 4-bit numbers"),
        ("conv", "quantize.weights", {"bits": "4", "form": "running"}, "packed"),
        ("conv", "graph.fp16", {}, "Half precision"),
        ("conv", "cluster.weights", {"bits": 4}, ""),
        ("conv", "prune.weights", {}, "are zero"),
        ("lstm", "quantize.static", {}, "8 bits"),
        ("lstm", "quantize.dynamic", {}, "8 bits"),
        ("depthwise", "quantize.static", {}, "8 bits"),
    ],
)
def test_compressed_networks_answer_the_same_and_their_losses_are_said(
    tmp_path: Path, kind: str, step: str, params: dict[str, Any], words: str, output: str
) -> None:
    result = write(output, compressed(kind, step, tmp_path, **params), tmp_path)
    assert result.ok, result.checks
    assert words in result.caution


def test_weights_of_8_bits_stay_8_bits_in_the_file(tmp_path: Path) -> None:
    result = write("torch.source", compressed("conv", "quantize.static", tmp_path), tmp_path)
    assert result.ok, result.checks
    tensors = load_file(result.written.files[1])
    assert any(one.dtype == torch.int8 and one.dim() == 4 for one in tensors.values())
    assert not any(one.dtype == torch.float32 and one.dim() == 4 for one in tensors.values())


def test_integer_recurrent_layers_keep_their_8_bit_weights(tmp_path: Path) -> None:
    result = write("torch.source", compressed("lstm", "quantize.dynamic", tmp_path), tmp_path)
    assert result.ok, result.checks
    assert "no longer round their inputs" in result.caution
    tensors = load_file(result.written.files[1])
    assert sum(one.dtype == torch.int8 and one.dim() == 3 for one in tensors.values()) == 2


def test_operators_without_a_counterpart_are_refused_before_writing(tmp_path: Path) -> None:
    net = networks.Net()
    points = net.weight("points", 5, 6)
    net.op("CDist", ["x", points], "y", "com.microsoft", metric="euclidean")
    path = stored(net.model({"x": ["N", 6]}, {"y": ["N", 5]}), tmp_path)
    with pytest.raises(Refused, match="no counterpart of CDist") as raised:
        write("torch.program", path, tmp_path)
    assert "ONNX" in raised.value.hint


@pytest.mark.parametrize("output", ["tflite", "coreml"])
def test_formats_for_phones_refuse_what_was_quantized_here(tmp_path: Path, output: str) -> None:
    with pytest.raises(Refused, match="slow arithmetic on floats"):
        write(output, compressed("conv", "quantize.static", tmp_path), tmp_path)


def _reference(rounds: bool) -> tuple[Reference, np.ndarray]:
    rows = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
    feed = {"x": np.zeros((40, 2), np.float32)}
    return Reference((feed,), ({"y": rows},), rounds=rounds, half=False), rows


def test_a_wrong_file_fails_and_a_rounded_one_passes_with_numbers() -> None:
    expected, rows = _reference(rounds=True)
    moved = rows.copy()
    moved[0, 0] += 0.03
    passed = judge(expected, [{"y": moved}])
    assert passed.ok
    assert "1 differ by steps of rounding" in passed.detail
    assert not judge(expected, [{"y": rows[:, ::-1]}]).ok
    exact, _ = _reference(rounds=False)
    assert not judge(exact, [{"y": moved}]).ok
    assert judge(exact, [{"y": rows}]).ok


def test_missing_outputs_wrong_shapes_and_numbers_that_are_none_fail() -> None:
    expected, rows = _reference(rounds=True)
    assert "missing" in judge(expected, [{}]).detail
    assert "of shape" in judge(expected, [{"y": rows[:, :3]}]).detail
    broken = rows.copy()
    broken[3, 3] = np.nan
    assert not judge(expected, [{"y": broken}]).ok
