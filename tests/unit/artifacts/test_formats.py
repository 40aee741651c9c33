"""Files are recognised by content, and each way of being bad gets one sentence with a remedy."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from compress_studio.artifacts.formats import Format, check, model_files, open_onnx, sniff
from compress_studio.base.errors import BadInput
from tests.toys import networks


def saved(path: Path, model: ir.Model | None = None) -> Path:
    path.write_bytes(ir.to_proto(model or networks.mlp()).SerializeToString())
    return path


def zipped(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def refusal(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        check(path)
    assert path.name in caught.value.message
    assert str(path.parent) not in str(caught.value)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", Format.EMPTY),
        (b"\x1c\x00\x00\x00TFL3" + b"\x00" * 50, Format.TFLITE),
        (b"\x1c\x00\x00\x00ORTM" + b"\x00" * 50, Format.ORT),
        (b"\x89HDF\r\n\x1a\n" + b"\x00" * 50, Format.HDF5),
        (b"\x93NUMPY\x01\x00", Format.NPY),
        (b"\x89PNG\r\n\x1a\n", Format.IMAGE),
        (b"GGUF\x03\x00\x00\x00", Format.GGUF),
        (pickle.dumps({"a": 1}, protocol=2), Format.PICKLE),
        ((2).to_bytes(8, "little") + b"{}" + b"\x00" * 9, Format.SAFETENSORS),
        (b"a,b\n1,2\n", Format.CSV),
        (b"hello\n", Format.TEXT),
        (b"PK\x03\x04 and no end", Format.DAMAGED_ZIP),
        (bytes(range(256)) * 4, Format.UNKNOWN),
    ],
)
def test_a_file_is_recognised_by_its_bytes_whatever_its_name(tmp_path: Path, content: bytes, kind: Format) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert sniff(path) is kind
    refusal(path)


@pytest.mark.parametrize(
    ("entries", "kind"),
    [
        ({"m/data.pkl": b"", "m/code/x.py": b""}, Format.TORCHSCRIPT),
        ({"m/archive_format": b"pt2", "m/models/model.json": b"{}"}, Format.PT2),
        ({"m/data.pkl": pickle.dumps({}, protocol=2), "m/data/0": b""}, Format.CHECKPOINT),
        ({"x.npy": b"", "y.npy": b""}, Format.NPZ),
        ({"config.json": b"{}", "model.weights.h5": b""}, Format.KERAS),
        ({"readme.txt": b""}, Format.ZIP),
    ],
)
def test_an_archive_is_recognised_by_its_table_of_contents(
    tmp_path: Path, entries: dict[str, bytes], kind: Format
) -> None:
    path = zipped(tmp_path / "model.pt", entries)
    assert sniff(path) is kind
    refusal(path)


def test_data_is_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=np.zeros(3))
    assert "data, not a model" in refusal(path).message


def test_a_missing_file_is_named() -> None:
    with pytest.raises(BadInput, match=r"no file .*nowhere\.onnx"):
        check(Path("nowhere.onnx"))


def test_a_checkpoint_lists_its_tensors_without_being_unpickled(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "weights.pth"
    torch.save({"state": {"fc.weight": torch.zeros(3, 4), "fc.bias": torch.zeros(3)}}, path)
    error = refusal(path)
    assert "fc.weight 3×4" in error.message
    assert "only weights" in error.message
    assert "def make() -> torch.nn.Module" in error.hint


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("touched"),)  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_that_would_run_code_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps({"w": Malicious()}, protocol=protocol)
    bare = tmp_path / "bare.pth"
    bare.write_bytes(content)
    assert "would run code" in refusal(bare).message
    assert "would run code" in refusal(zipped(tmp_path / "zipped.pth", {"m/data.pkl": content})).message
    assert not (tmp_path / "touched").exists()


def test_an_archive_that_grows_is_refused_by_its_table_of_contents(tmp_path: Path) -> None:
    entries = {"m/data.pkl": pickle.dumps({}, protocol=2), "m/data/0": bytes(300 << 20)}
    path = zipped(tmp_path / "bomb.pt", entries, zipfile.ZIP_DEFLATED)
    assert "would unpack to" in refusal(path).message


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_called_damaged(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path / "cut.onnx")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged" in refusal(path).message


def test_random_damage_never_gives_anything_but_a_model_or_a_sentence(tmp_path: Path) -> None:
    content = saved(tmp_path / "good.onnx", networks.if_net()).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.onnx"
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, len(damaged), 4):
            damaged[place] = int(rng.integers(0, 256))
        path.write_bytes(damaged)
        with contextlib.suppress(BadInput):
            check(path)


@pytest.mark.parametrize(("opset", "words"), [(99, "opset 99.*opset 26"), (6, "opset 6.*opset 7")])
def test_an_opset_out_of_range_is_refused_with_both_numbers(tmp_path: Path, opset: int, words: str) -> None:
    model = networks.mlp()
    model.graph.opset_imports[""] = opset
    path = saved(tmp_path / "m.onnx", model)
    with pytest.raises(BadInput, match=words):
        check(path)


@pytest.mark.parametrize("opset", [7, 9, 13, 17, 21, 26])
def test_opsets_from_7_to_26_are_opened(tmp_path: Path, opset: int) -> None:
    check(saved(tmp_path / "m.onnx", networks.conv_net(opset=opset)))


def test_an_operator_that_nobody_knows_is_named(tmp_path: Path) -> None:
    model = networks.mlp()
    node = next(iter(model.graph))
    node.op_type, node.domain = "Frobnicate", "com.example"
    model.opset_imports["com.example"] = 1
    assert "com.example:Frobnicate" in refusal(saved(tmp_path / "m.onnx", model)).message


def graph_file(path: Path, nodes: list[onnx.NodeProto]) -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y])
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    return path


def test_a_cycle_is_called_a_cycle(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "b"], ["y"]), helper.make_node("Relu", ["y"], ["b"])]
    assert "cycle" in refusal(graph_file(tmp_path / "m.onnx", nodes)).message


def test_nodes_in_the_wrong_order_are_put_in_order(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["a"], ["y"]), helper.make_node("Abs", ["x"], ["a"])]
    assert [node.op_type for node in open_onnx(graph_file(tmp_path / "m.onnx", nodes)).graph] == ["Abs", "Relu"]


def test_a_value_that_nothing_computes_is_named(tmp_path: Path) -> None:
    path = graph_file(tmp_path / "m.onnx", [helper.make_node("Add", ["x", "ghost"], ["y"], name="sum")])
    assert "sum reads ghost" in refusal(path).message


def external(folder: Path, location: str, content: bytes | None, offset: int = 0) -> Path:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": str(offset), "length": "16"}.items():
        tensor.external_data.add(key=key, value=value)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g", [x], [y], [tensor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(exist_ok=True)
    if content is not None:
        (folder / location).write_bytes(content)
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_in_a_second_file_are_found(tmp_path: Path) -> None:
    path = external(tmp_path / "a", "w.bin", np.arange(4, dtype=np.float32).tobytes())
    model = open_onnx(path)
    weight = model.graph.initializers["w"].const_value
    assert weight is not None
    np.testing.assert_array_equal(weight.numpy(), [0, 1, 2, 3])
    assert [each.name for each in model_files(path)] == ["m.onnx", "w.bin"]


def test_a_missing_second_file_is_named(tmp_path: Path) -> None:
    path = external(tmp_path / "a", "w.bin", None)
    assert "w.bin, which is missing" in refusal(path).message
    with pytest.raises(BadInput, match="missing"):
        model_files(path)


@pytest.mark.parametrize("offset", [1, 8, 10**12, -4])
def test_a_second_file_that_is_too_short_is_named(tmp_path: Path, offset: int) -> None:
    assert "w.bin, is too short" in refusal(external(tmp_path / "a", "w.bin", bytes(16), offset)).message


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", "..\\w.bin", "C:\\w.bin", "a/../../w.bin", ""])
def test_weights_outside_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(16))
    path = external(tmp_path / "a", location, None)
    for look in (check, model_files):
        with pytest.raises(BadInput, match="outside its own folder"):
            look(path)


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    path = external(tmp_path / "a", "w.bin", None)
    (tmp_path / "a" / "w.bin").symlink_to(tmp_path / "secret.bin")
    assert "outside its own folder" in refusal(path).message


def test_models_written_as_text_and_json_are_opened(tmp_path: Path) -> None:
    proto = ir.to_proto(networks.tied_net())
    for name, kind, form in (("a", Format.ONNX_TEXT, "onnxtxt"), ("b", Format.ONNX_JSON, "json")):
        path = tmp_path / name
        onnx.save(proto, str(path), format=form)  # pyright: ignore[reportArgumentType]
        assert sniff(path) is kind
        assert open_onnx(path).graph.outputs[0].name == "y"


def test_an_awkward_name_does_no_harm(tmp_path: Path) -> None:
    check(saved(tmp_path / "mödel with spaces & 模型 #1.onnx"))


def test_every_bad_file_of_the_collection_gets_its_sentence(assets: Path) -> None:
    words = {
        "02": "damaged or cut off",
        "04": "damaged",
        "06": "TensorFlow Lite",
        "10": "weights_not_here.bin",
        "20": "opset 99",
        "24": "cycle",
        "34": "do not fit together",
        "50": "only weights",
        "56": "would run code",
        "58": "not a model",
        "60": "TorchScript",
        "62": "would unpack to",
        "70": "not a model",
    }
    for entry in json.loads((assets / "bad" / "manifest.json").read_text()):
        path = assets / "bad" / entry["file"]
        expected = words.get(path.name[:2])
        if expected is not None:
            assert expected in refusal(path).message
        elif path.suffix == ".onnx":
            check(path)


def test_a_state_dict_of_another_writer_is_read_as_far_as_it_goes() -> None:
    from compress_studio.artifacts.pickles import scan

    stream = io.BytesIO()
    pickle.Pickler(stream, protocol=2).dump({"epoch": 3, "names": ["a"], "nested": {"x": (1, 2)}})
    facts = scan(stream.getvalue()[:-3])
    assert facts.foreign == []
    assert facts.tensors == {}
