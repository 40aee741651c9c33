"""Formats for devices and for OpenVINO: what they carry, what is unpacked for them, and their files where installed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from compress_studio.base.errors import BadInput, Refused
from compress_studio.graph.facts import inspect
from compress_studio.graph.saving import load
from compress_studio.outputs.kernels import openvino_files
from compress_studio.outputs.kernels.comparing import Reference, judge, reference
from compress_studio.outputs.kernels.fixing import fixed
from compress_studio.outputs.kernels.unpacking import unpacked
from compress_studio.outputs.mobile_params import MobileParams
from compress_studio.outputs.openvino_ir import OpenVinoParams
from compress_studio.spec.ports import OnnxNet
from tests.toys import networks
from tests.unit.outputs.test_compressed import compressed
from tests.unit.outputs.writing import BY_ID, stored, write


def needs(package: str) -> None:
    """Skip where a package is missing; it is not imported here, because these packages log when they are."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def blocked(folder: Path, size: int, blocks: int, kind: Any = ml_dtypes.int4) -> Path:
    """A dense layer with weights in blocks of that size, as quantize.weights stores them."""
    rng = np.random.default_rng(0)
    packed = ir.to_proto(ir.Tensor(rng.integers(-7, 8, (6, blocks, size)).astype(kind), name="q"))
    scale = onnx.numpy_helper.from_array((rng.random((6, blocks, 1)) + 0.1).astype(np.float32), "s")
    shape = onnx.numpy_helper.from_array(np.array([6, blocks * size]), "n")
    nodes = [
        helper.make_node("Cast", ["q"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "s"], ["w"]),
        helper.make_node("Reshape", ["w", "n"], ["r"]),
        helper.make_node("Gemm", ["x", "r"], ["y"], transB=1),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", blocks * size])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 6])
    graph = helper.make_graph(nodes, "g", [given], [result], [packed, scale, shape])
    path = folder / "blocked.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


@pytest.mark.parametrize(
    ("size", "blocks", "kind", "widened"),
    [
        (32, 2, ml_dtypes.int4, 0),
        (25, 2, ml_dtypes.int4, 1),
        (48, 2, ml_dtypes.int4, 1),
        (25, 1, ml_dtypes.int4, 1),
        (24, 1, ml_dtypes.int4, 0),
        (30, 2, np.int8, 1),
        (25, 1, np.int8, 0),
    ],
)
def test_blocks_that_openvino_misreads_become_plain_numbers(
    tmp_path: Path, size: int, blocks: int, kind: Any, widened: int
) -> None:
    path = blocked(tmp_path, size, blocks, kind)
    made, count = openvino_files._readable(path, tmp_path)
    assert count == widened
    assert (made == path) == (not widened)
    before, after = reference(path), reference(made)
    assert judge(before, after.outputs).ok


@pytest.mark.parametrize(("step", "params"), [("quantize.weights", {"bits": "4"}), ("cluster.weights", {"bits": 4})])
def test_packed_weights_are_unpacked_to_the_same_numbers(tmp_path: Path, step: str, params: dict[str, Any]) -> None:
    path = compressed("conv", step, tmp_path, **params)
    (tmp_path / "plain").mkdir()
    made = unpacked(path, tmp_path / "plain")
    assert made != path
    assert {"Cast", "Gather", "Mod"}.isdisjoint(node.op_type for node in load(made).graph)
    assert judge(reference(path), reference(made).outputs).ok


def test_a_network_of_floats_is_left_as_it_is(tmp_path: Path) -> None:
    path = stored(networks.conv_net(), tmp_path)
    assert unpacked(path, tmp_path) == path


def test_all_sizes_become_numbers_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    path = stored(networks.lstm_net(), tmp_path)
    free = MobileParams(batch=3)
    verdict = BY_ID["coreml"].carries(inspect(path), free)
    assert not verdict.ok
    assert "dims=" in verdict.hint
    name = verdict.hint.split("dims=")[1].split("=")[0]
    with pytest.raises(Refused, match=name):
        fixed(free, path, tmp_path)
    made = fixed(MobileParams(batch=3, dims=f"{name}=7"), path, tmp_path)
    sizes = [size for value in load(made).graph.inputs for size in value.shape or ()]
    assert all(isinstance(size, int) for size in sizes)
    assert {3, 7} <= set(sizes)
    with pytest.raises(Refused, match="no free size colour"):
        fixed(MobileParams(dims=f"{name}=7+colour=2"), path, tmp_path)


@pytest.mark.parametrize("text", ["L", "L=0", "L=many", "=3"])
def test_sizes_that_cannot_be_read_are_refused_at_once(text: str) -> None:
    with pytest.raises(BadInput):
        MobileParams.read({"dims": text})


@pytest.mark.parametrize(
    ("output", "facts", "params", "said"),
    [
        ("onnx", {"bytes_by_type": {"INT4": 9}}, {"opset": 20}, "no 4-bit numbers"),
        ("onnx", {"bytes_by_type": {"UINT2": 9, "INT4": 2}}, {"opset": 21}, "no 2-bit numbers"),
        ("openvino", {"operators": {"DynamicQuantizeLSTM": 1}}, {}, "does not know DynamicQuantizeLSTM"),
        ("tflite", {"quantized": "int8"}, {}, "slow arithmetic"),
        ("coreml", {"operators": {"MatMulNBits": 2}}, {}, "only ONNX Runtime does"),
        (
            "tflite",
            {"inputs": [{"name": "x", "dtype": "FLOAT", "dims": ["N", "L", 4]}]},
            {},
            "L of this network is free",
        ),
    ],
)
def test_what_a_format_lacks_is_refused_with_what_to_do(
    output: str, facts: dict[str, Any], params: dict[str, Any], said: str
) -> None:
    spec = BY_ID[output]
    verdict = spec.carries(facts, spec.params.read(params))
    assert not verdict.ok
    assert said in verdict.reason
    assert verdict.hint


@pytest.mark.parametrize(
    ("output", "facts", "said"),
    [
        ("onnx", {"opsets": {"com.microsoft": 1}, "operators": {"MatMulNBits": 2}}, "other programs may not open"),
        ("onnx", {"parameters": 100, "nonzero": 50}, "50% of its weights are zero"),
        ("openvino", {"operators": {"MatMulInteger": 1}}, "float32"),
        ("openvino", {"operators": {"Gather": 1, "Mod": 1}, "layers": [{"dtype": "UINT8"}]}, "no palettes"),
        ("openvino", {"parameters": 100, "nonzero": 50}, "stores like all other numbers"),
        ("coreml", {"bytes_by_type": {"UINT8": 90, "FLOAT": 10}}, "unpacked to float32"),
    ],
)
def test_what_becomes_of_a_network_is_said_before_it_is_written(output: str, facts: dict[str, Any], said: str) -> None:
    spec = BY_ID[output]
    verdict = spec.carries(facts, spec.params())
    assert verdict.ok
    assert said in verdict.reason


def test_another_answer_counts_only_where_the_network_tells_them_apart() -> None:
    rows = np.tile(np.array([[1.0, 0.995, -1.0]], np.float32), (40, 1))
    tied = Reference(({"x": rows},), ({"y": rows},), rounds=True, half=False)
    moved = rows.copy()
    moved[:, 1] += 0.008
    assert judge(tied, [{"y": moved}]).ok
    clear = np.tile(np.array([[1.0, 0.95, -1.0]], np.float32), (40, 1))
    wrong = clear.copy()
    wrong[:, 1] += 0.09
    assert not judge(Reference(({"x": clear},), ({"y": clear},), rounds=True, half=False), [{"y": wrong}]).ok


@dataclass
class Compiled:
    """What stands for a compiled network: answers that are given."""

    answers: list[dict[str, np.ndarray]]

    def __call__(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self.answers[min(one for one, each in enumerate(self.answers) if len(each["y"]) == len(feed["x"]))]


def test_a_file_that_is_wrong_with_the_usual_settings_fails_and_rounding_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = blocked(tmp_path, 32, 2)
    right = list(reference(path).outputs)

    class Package:
        __version__ = "0"

        def __init__(self, noise: float) -> None:
            self.noise = noise

        def Core(self) -> Package:
            return self

        def compile_model(self, _path: str, _device: str, settings: dict[str, str]) -> Compiled:
            noise = 0.0 if settings else self.noise
            return Compiled([{"y": (one["y"] * (1 + noise)).astype(np.float32)} for one in right])

    for noise, ok in ((0.003, True), (0.9, False)):
        monkeypatch.setattr(openvino_files.importlib, "import_module", lambda _name, noise=noise: Package(noise))
        rows = openvino_files.verify(OpenVinoParams(), OnnxNet(path), tmp_path / "x.xml")
        assert rows[1].ok
        assert rows[2].ok == ok
        assert "largest difference" in rows[2].detail


@pytest.mark.parametrize("step", ["", "quantize.static", "quantize.weights"])
def test_openvino_really_opens_what_was_written(tmp_path: Path, step: str) -> None:
    needs("openvino")
    path = compressed("conv", step, tmp_path) if step else stored(networks.conv_net(), tmp_path)
    result = write("openvino", path, tmp_path)
    assert result.ok, result.checks
    assert result.file.with_suffix(".bin").is_file()


def test_litert_really_opens_what_was_written(tmp_path: Path) -> None:
    needs("litert_torch")
    result = write("tflite", stored(networks.conv_net(), tmp_path), tmp_path)
    assert result.ok, result.checks


def test_core_ml_says_that_it_was_only_read_where_it_cannot_run(tmp_path: Path) -> None:
    needs("coremltools")
    result = write("coreml", stored(networks.conv_net(), tmp_path), tmp_path)
    assert result.ok, result.checks
    assert "not run" in result.checks[0].detail or len(result.checks) > 2
