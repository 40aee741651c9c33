"""The first step opens any model, says what it found, and the look at a file tells the same."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.graph.facts import inspect
from compress_studio.graph.layers import set_array
from compress_studio.graph.saving import load, save
from compress_studio.steps.source_model import SourceModelParams, asks_data, fingerprint, source_model
from tests.toys import networks
from tests.toys.context import ToyContext
from tests.toys.foreignfiles import hub


def written(path: Path, model: ir.Model) -> Path:
    path.write_bytes(ir.to_proto(model).SerializeToString())
    return path


def opened(tmp_path: Path, path: Path, dims: str = "") -> tuple[ToyContext, ir.Model]:
    ctx = ToyContext(tmp_path)
    net = source_model(ctx, SourceModelParams(path=str(path), dims=dims))
    assert net.path.parent == ctx.scratch
    return ctx, load(net.path)


@pytest.mark.parametrize("name", networks.ALL)
def test_a_model_is_opened_and_nothing_is_compressed_yet(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "m.onnx", networks.ALL[name]())
    path.chmod(stat.S_IREAD)
    before = path.read_bytes()
    ctx, _ = opened(tmp_path, path)
    assert ctx.changes[0][0] == 0
    assert ctx.facts["original_bytes"] == len(before) == path.stat().st_size
    assert 0 < ctx.facts["original_zipped_bytes"] <= len(before) + 100
    assert ctx.facts["max_difference"] == 0
    assert path.read_bytes() == before


def test_the_key_follows_the_contents_and_not_the_name(tmp_path: Path) -> None:
    one = written(tmp_path / "a.onnx", networks.mlp())
    key = fingerprint(SourceModelParams(path=str(one)))
    assert key == fingerprint(SourceModelParams(path=str(one)))
    written(one, networks.mlp(seed=1))
    assert key != fingerprint(SourceModelParams(path=str(one)))


def test_the_key_follows_the_second_file_too(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    ir.save(networks.mlp(), path, external_data="m.bin", size_threshold_bytes=0)
    key = fingerprint(SourceModelParams(path=str(path)))
    ctx, model = opened(tmp_path, path)
    assert ctx.facts["original_bytes"] == path.stat().st_size + (tmp_path / "m.bin").stat().st_size
    weight = model.graph.initializers["fc1.weight"].const_value
    assert not isinstance(weight, ir.ExternalTensor)
    data = bytearray((tmp_path / "m.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "m.bin").write_bytes(data)
    assert key != fingerprint(SourceModelParams(path=str(path)))


def test_weights_that_are_no_numbers_are_warned_of(tmp_path: Path) -> None:
    model = networks.mlp()
    weight = np.ones((32, 12), np.float32)
    weight[0, 0] = np.nan
    set_array(model.graph.initializers["fc1.weight"], weight)
    path = written(tmp_path / "m.onnx", model)
    ctx, _ = opened(tmp_path, path)
    assert ctx.codes == ["nan_weights"]
    assert ctx.warnings[0][1].startswith("1 weight is not a number")
    assert [one["code"] for one in inspect(path)["warnings"]] == ["nan_weights"]  # pyright: ignore


def test_a_raised_opset_is_said(tmp_path: Path) -> None:
    ctx, model = opened(tmp_path, written(tmp_path / "m.onnx", networks.conv_net(opset=11)))
    assert ctx.codes == ["opset_raised"]
    assert model.opset_imports[""] == 13


def test_an_old_file_that_lists_its_weights_as_inputs_is_opened(tmp_path: Path) -> None:
    proto = ir.to_proto(networks.mlp(opset=7))
    proto.ir_version = 3
    for tensor in proto.graph.initializer:
        proto.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.checker.check_model(proto)
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    ctx, model = opened(tmp_path, path)
    assert "opset_raised" in ctx.codes
    assert [value.name for value in model.graph.inputs] == ["x"]
    assert model.ir_version >= 4


def test_notes_of_the_exporter_are_no_compression(tmp_path: Path) -> None:
    model = networks.mlp()
    for node in model.graph:
        node.metadata_props["pkg.torch.onnx.stack_trace"] = "x" * 500
    ctx, _ = opened(tmp_path, written(tmp_path / "m.onnx", model))
    assert ctx.codes == ["file_overhead"]


def test_an_input_without_a_shape_is_asked_for_and_can_be_said(tmp_path: Path) -> None:
    model = networks.mlp()
    model.graph.inputs[0].shape = None
    path = written(tmp_path / "m.onnx", model)
    with pytest.raises(BadInput, match=r"m\.onnx: the input x has no shape.*dims=x="):
        opened(tmp_path, path)
    with pytest.raises(BadInput, match="no shape"):
        inspect(path)
    _, model = opened(tmp_path, path, "x=Nx12")
    assert [str(dim) for dim in model.graph.inputs[0].shape or []] == ["N", "12"]


@pytest.mark.parametrize("dims", ["x", "=3", "x=", "y=3", "L=7", "x=Nx-3", "x=N x"])
def test_sizes_that_make_no_sense_are_refused(tmp_path: Path, dims: str) -> None:
    path = written(tmp_path / "m.onnx", networks.mlp())
    with pytest.raises(BadInput, match=r"dims=|no free dimension"):
        opened(tmp_path, path, dims)


def test_a_size_that_only_the_user_knows_is_used(tmp_path: Path) -> None:
    path = written(tmp_path / "m.onnx", networks.fixed_length_net(37))
    with pytest.raises(BadInput, match="dims=L="):
        opened(tmp_path, path)
    opened(tmp_path, path, "L=37")


def test_cancelling_stops_the_opening(tmp_path: Path) -> None:
    from compress_studio.base.errors import Cancelled

    path = written(tmp_path / "m.onnx", networks.mlp())
    ctx = ToyContext(tmp_path)
    ctx.cancel()
    with pytest.raises(Cancelled):
        source_model(ctx, SourceModelParams(path=str(path)))


@pytest.mark.parametrize("name", networks.ALL)
def test_the_facts_are_json_and_agree_with_the_parts(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "m.onnx", networks.ALL[name]())
    facts = inspect(path)
    assert json.loads(json.dumps(facts)) == facts
    rows = facts["layers"]
    assert isinstance(rows, list)
    assert facts["bytes"] == path.stat().st_size
    assert facts["macs"] == sum(row["macs"] for row in rows)  # pyright: ignore
    assert facts["opset"] == 17
    assert facts["quantized"] == "none"
    assert facts["control_flow"] is (name == "if")


def test_a_quantized_model_is_recognised(assets: Path, tmp_path: Path) -> None:
    for name in ("40_int8_qdq.onnx", "42_int8_lstm_real.onnx"):
        path = assets / "bad" / name
        assert inspect(path)["quantized"] == "int8"
        ctx, _ = opened(tmp_path, path)
        assert "already_quantized" in ctx.codes


def test_a_tiny_file_that_wants_all_memory_is_refused(assets: Path, tmp_path: Path) -> None:
    path = assets / "bad" / "32_memory_bomb.onnx"
    for look in (inspect, lambda each: opened(tmp_path, each)):
        with pytest.raises(BadInput, match="more memory than there is"):
            look(path)


def test_every_good_model_of_the_collection_is_opened(assets: Path, tmp_path: Path) -> None:
    good = [*assets.glob("models/*/*.onnx"), *assets.glob("bad/*ok*.onnx"), *assets.glob("bad/8*.onnx")]
    for path in good:
        facts = inspect(path)
        ctx, model = opened(tmp_path, path)
        assert facts["parameters"]
        assert facts["macs"]
        assert ctx.facts["max_difference"] == 0
        save(model, tmp_path / "again.onnx")


def test_types_that_the_runtime_lacks_are_refused_with_the_type_that_it_has(tmp_path: Path) -> None:
    proto = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        g (double[N, 1, 4, 4] x) => (double[N, 1, 4, 4] y) <double[1, 1, 1, 1] w = {2}> { y = Conv(x, w) }"""
    )
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(BadInput, match=r"Conv.*float32"):
        opened(tmp_path, path)


def test_without_a_file_the_folder_of_the_program_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hub(tmp_path / "hub"))
    assert not asks_data(SourceModelParams())
    with pytest.raises(BadInput):
        fingerprint(SourceModelParams())
