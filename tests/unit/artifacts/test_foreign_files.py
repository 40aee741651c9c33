"""Files of other frameworks are recognized, looked into and refused without their frameworks."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch

from compress_studio.artifacts import converters, keras_config, tensorflow_files, tflite_files
from compress_studio.artifacts.containers import model_in, unpack
from compress_studio.artifacts.converters import find
from compress_studio.artifacts.foreign import foreign, missing, require_safe
from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.base.errors import BadInput
from compress_studio.graph.facts import inspect
from tests.toys.foreignfiles import DENSE, INPUT, field, graph, hub, keras_file, lite_file, saved_model


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters, "has", lambda package: False)


def refused(path: Path) -> str:
    network = foreign(path, sniff(path))
    assert network is not None
    with pytest.raises(BadInput) as caught:
        require_safe(network)
    return caught.value.message


@pytest.mark.usefixtures("nothing_installed")
def test_a_missing_converter_is_told_with_the_exact_command_for_every_kind(tmp_path: Path) -> None:
    (tmp_path / "graph.pb").write_bytes(graph("Placeholder", "MatMul"))
    made = {
        keras_file(tmp_path / "a.keras", INPUT, DENSE): "pip install keras",
        saved_model(tmp_path / "saved", "Placeholder"): "pip install tensorflow tf2onnx",
        tmp_path / "graph.pb": "pip install tensorflow tf2onnx",
        lite_file(tmp_path / "b.tflite"): "pip install tensorflow tf2onnx",
        hub(tmp_path / "hub"): "pip install transformers",
    }
    for path, command in made.items():
        found = find(path, sniff(path))
        assert found is not None, path
        assert not found.installed
        assert found.commands == (command,)
        assert (
            found.sentence
            == f"{path.name} is made by {found.title}: it opens once its converter is installed: {command}"
        )
        network = foreign(path, sniff(path))
        assert network is not None
        error = missing(network)
        assert error is not None
        assert error.hint == f"Install it: {command}"
        assert inspect(path)["next"] == [f"Install what converts it: {command}"]


def test_only_what_lacks_is_installed_and_nothing_is_told_when_all_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lite_file(tmp_path / "a.tflite")
    monkeypatch.setattr(converters, "has", lambda package: package == "tensorflow")
    found = find(path, Format.TFLITE)
    assert found is not None
    assert found.commands == ("pip install tf2onnx",)
    monkeypatch.setattr(converters, "has", lambda package: True)
    found = find(path, Format.TFLITE)
    assert found is not None
    assert (found.installed, found.sentence) == (True, "")


def test_weights_without_a_configuration_beside_them_are_no_folder_of_hugging_face(tmp_path: Path) -> None:
    folder = hub(tmp_path / "hub")
    (folder / "other.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    assert find(folder / "model.safetensors", Format.SAFETENSORS) is not None
    assert find(folder / "other.safetensors", Format.SAFETENSORS) is None
    (folder / "config.json").write_text("[1", "utf-8")
    assert find(folder, Format.FOLDER) is None


def test_an_hdf5_file_is_of_keras_only_with_the_network_inside(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"layer_names keras_version")
    assert find(path, Format.HDF5) is None
    path.write_bytes(path.read_bytes() + b"model_config")
    assert find(path, Format.HDF5) is not None


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        ({"module": "keras.layers", "class_name": "Lambda", "config": {}}, "Lambda"),
        ({"module": "net", "class_name": "Mine", "config": {}}, "net.Mine"),
        ({"module": "keras.utils", "class_name": "get_file", "config": {}}, "keras.utils.get_file"),
        ({"module": "builtins", "class_name": "exec", "config": {}}, "builtins.exec"),
        ({"module": None, "class_name": "Mine", "registered_name": "net>Mine", "config": {}}, "net>Mine"),
        ({"module": "kerasx.layers", "class_name": "Dense", "config": {}}, "kerasx.layers.Dense"),
    ],
)
def test_layers_of_keras_that_hold_code_are_refused_wherever_they_are(
    tmp_path: Path, layer: dict[str, object], named: str
) -> None:
    inner = {"module": "keras", "class_name": "Functional", "config": {"layers": [DENSE, {"deep": [layer]}]}}
    path = keras_file(tmp_path / "a.keras", INPUT, inner)
    assert sniff(path) is Format.KERAS
    assert f"({named})" in refused(path)
    plain = {"module": "builtins", "class_name": "function", "config": "relu"}
    clean = keras_file(tmp_path / "b.keras", INPUT, DENSE, plain)
    assert keras_config.layers_of(clean) == []
    assert inspect(clean)["classes"] == "InputLayer, Dense, function"


def test_a_saved_model_tells_its_operators_inputs_and_outputs_and_is_found_by_its_file_too(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "net", "Placeholder", "MatMul", inside=["Relu"])
    facts = tensorflow_files.look_saved(folder)
    assert facts.operators == ("MatMul", "Placeholder", "Relu")
    assert (facts.inputs, facts.outputs) == (("x",), ("y",))
    assert sniff(folder / "saved_model.pb") is Format.SAVED_MODEL
    network = foreign(folder / "saved_model.pb", Format.SAVED_MODEL)
    assert network is not None
    assert network.path == folder
    assert [file.name for file in network.files] == ["saved_model.pb", "variables.index"]


def test_an_onnx_model_of_version_one_is_not_taken_for_a_saved_model(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\x08\x01" + field(2, "a program") + field(7, field(2, "graph")))
    assert sniff(path) is Format.ONNX


@pytest.mark.parametrize("operator", ["PyFunc", "EagerPyFunc", "ReadFile", "WriteFile", "XlaCallModule"])
def test_operators_that_do_more_than_compute_are_refused_also_inside_of_functions(
    tmp_path: Path, operator: str
) -> None:
    assert operator in refused(saved_model(tmp_path / "net", "Placeholder", inside=["Relu", operator]))
    (tmp_path / "graph.pb").write_bytes(graph("Placeholder", operator))
    assert operator in refused(tmp_path / "graph.pb")


def test_a_saved_model_with_a_link_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "net", "Placeholder")
    (tmp_path / "secret").write_text("x", "utf-8")
    (folder / "variables" / "variables.data").symlink_to(tmp_path / "secret")
    with pytest.raises(BadInput, match="link out of its folder"):
        foreign(folder, Format.SAVED_MODEL)


def test_bytes_that_only_begin_like_a_graph_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"\x0a\x00\x01\x02" * 100)
    assert "neither an ONNX model nor a graph" in refused(path)


def test_a_lite_model_tells_its_inputs_and_refuses_operators_of_others(tmp_path: Path) -> None:
    facts = tflite_files.look(lite_file(tmp_path / "a.tflite"))
    assert facts.inputs == (tflite_files.LiteValue("serving_default_x:0", "FLOAT", (None, 4)),)
    assert facts.outputs[0].shape == (None, 2)
    assert "FlexTensorListReserve" in refused(lite_file(tmp_path / "b.tflite", "FlexTensorListReserve"))
    data = (tmp_path / "a.tflite").read_bytes()
    for end in range(8, len(data), 7):
        (tmp_path / "cut.tflite").write_bytes(data[:end])
        with pytest.raises(BadInput, match="damaged"):
            tflite_files.look(tmp_path / "cut.tflite")


def test_code_that_comes_with_a_folder_of_hugging_face_is_refused(tmp_path: Path) -> None:
    folder = hub(tmp_path / "hub", auto_map={"AutoModel": "modeling.Net"})
    assert "wants to run Python code that comes with it (modeling.Net)" in refused(folder)


def test_weights_whose_configuration_wants_code_still_tell_their_tensors(tmp_path: Path) -> None:
    facts = inspect(hub(tmp_path / "hub", auto_map={"AutoModel": "modeling.Net"}) / "model.safetensors")
    assert facts["holds"] == "weights without an architecture"
    assert facts["tensors"]


def test_pickles_with_code_are_refused_also_when_an_index_names_them(tmp_path: Path) -> None:
    folder = hub(tmp_path / "hub", weights="none")
    torch.save({"a": torch.zeros(1), "b": Path("x")}, folder / "part.bin")
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"a": "part.bin"}}), "utf-8")
    assert "pytorch_model.bin.index.json names Python pickles that would run code" in refused(folder)


def test_weights_in_the_first_form_of_pytorch_are_those_of_a_folder_of_hugging_face(tmp_path: Path) -> None:
    folder = hub(tmp_path / "hub", weights="none")
    path = folder / "pytorch_model.bin"
    torch.save({"a": torch.zeros(1)}, path, _use_new_zipfile_serialization=False)
    assert sniff(path) is Format.PICKLE
    found = find(path, Format.PICKLE)
    assert found is not None
    assert found.packages == ("transformers",)
    assert model_in(tmp_path) == path


def test_a_checkpoint_in_a_folder_of_hugging_face_belongs_to_it(tmp_path: Path) -> None:
    outer = hub(tmp_path / "all" / "net")
    hub(outer / "before")
    hub(outer / "step-500")
    assert model_in(tmp_path / "all") == outer / "model.safetensors"


def test_bytes_that_only_begin_like_a_graph_do_not_count_beside_a_model(tmp_path: Path) -> None:
    keras_file(tmp_path / "a.keras", INPUT, DENSE)
    (tmp_path / "labels.pb").write_bytes(b"\x0a\x05\x08\x01\xff\x00\x01")
    assert sniff(tmp_path / "labels.pb") is Format.TENSORFLOW
    assert model_in(tmp_path) == tmp_path / "a.keras"


def test_the_configuration_that_keras_reads_is_the_one_that_is_looked_at(tmp_path: Path) -> None:
    whole = keras_file(tmp_path / "a.keras", {"module": "net", "class_name": "Mine", "config": {}})
    path = tmp_path / "b.keras"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as archive:
        archive.writestr("first/config.json", "{}")
        for name in source.namelist():
            archive.writestr(name, source.read(name))
    assert "(net.Mine)" in refused(path)


def test_shards_that_an_index_names_must_lie_beside_it(tmp_path: Path) -> None:
    folder = hub(tmp_path / "hub", weights="none")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../b.safetensors"}}), "utf-8")
    with pytest.raises(BadInput, match="is not beside it"):
        foreign(folder, Format.FOLDER)


@pytest.mark.parametrize("kind", ["keras", "saved", "lite", "hub"])
def test_a_folder_or_archive_with_one_such_network_is_that_network(tmp_path: Path, kind: str) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    if kind == "keras":
        keras_file(outer / "a.keras", INPUT, DENSE)
    elif kind == "lite":
        lite_file(outer / "a.tflite")
    elif kind == "saved":
        saved_model(outer / "net", "Placeholder")
    else:
        (hub(outer / "net") / "pytorch_model.bin").write_bytes((outer / "net" / "model.safetensors").read_bytes())
    expected = {"keras": "a.keras", "lite": "a.tflite", "saved": "saved_model.pb", "hub": "model.safetensors"}[kind]
    assert model_in(outer).name == expected
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", outer))
    assert unpack(archive, tmp_path / "unpacked").name == expected
    assert inspect(archive)["archive"] == "packed.zip"
