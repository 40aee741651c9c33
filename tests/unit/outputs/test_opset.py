"""ONNX in another version of the operators."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx_ir as ir
import pytest

from compress_studio.base.errors import BadInput, Refused
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.runtime import load_runtime
from tests.toys import networks
from tests.toys.context import ToyContext
from tests.unit.outputs.writing import stored, write


def test_without_a_wish_the_file_is_a_copy(tmp_path: Path) -> None:
    path = stored(networks.conv_net(), tmp_path)
    result = write("onnx", path, tmp_path)
    assert result.ok
    assert result.file.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("opset", [13, 15, 21, 24])
def test_the_opset_goes_up_and_down_and_outputs_stay(tmp_path: Path, opset: int) -> None:
    result = write("onnx", stored(networks.residual_net(), tmp_path), tmp_path, opset=opset)
    assert result.ok, result.checks
    assert ir.load(result.file).opset_imports[""] == opset
    assert result.written.notes == (f"Converted from opset 17 to opset {opset}.",)
    onnx.checker.check_model(str(result.file), full_check=True)


def test_an_operator_that_came_later_is_named_with_the_lowest_opset_that_has_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="LayerNormalization exists from opset 17 on") as raised:
        write("onnx", stored(networks.transformer(), tmp_path), tmp_path, opset=13)
    assert raised.value.hint == "Choose opset 17 or later."


def test_4_bit_weights_are_not_written_in_an_opset_that_lacks_them(tmp_path: Path) -> None:
    spec = load_runtime().steps.get("quantize.weights")
    path = stored(networks.conv_net(), tmp_path)
    small = spec.run(ToyContext(tmp_path), spec.params.read({"bits": "4"}), OnnxNet(path)).path
    with pytest.raises(Refused, match="no 4-bit numbers"):
        write("onnx", small, tmp_path, opset=17)
    assert write("onnx", small, tmp_path).ok


def test_an_opset_that_does_not_exist_is_no_choice(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="from 13 to 26"):
        write("onnx", stored(networks.conv_net(), tmp_path), tmp_path, opset=99)
