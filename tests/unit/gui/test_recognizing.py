"""What paths are to the window."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from compress_studio.artifacts import converters
from compress_studio.artifacts.sniffing import Format
from compress_studio.base.errors import BadInput
from compress_studio.base.paths import resource
from compress_studio.gui.recognizing import Kind, classify, recognize

MODEL = resource("samples") / "fashion" / "fashion.onnx"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(MODEL.read_bytes()[:4000])
    return path


@pytest.fixture
def tensors() -> bytes:
    """A safetensors file with one tensor."""
    head = json.dumps({"fc.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    return len(head).to_bytes(8, "little") + head + bytes(24)


def one(path: Path, *, closely: bool = False):
    found = recognize(path, closely=closely)
    assert len(found) == 1
    return found[0]


def test_a_model_is_known_by_its_content_not_by_its_name(model: Path) -> None:
    renamed = model.rename(model.with_suffix(".download"))
    assert one(renamed).kind is Kind.MODEL


def test_a_project_is_known_by_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "mine.cstudio"
    path.write_text("{}")
    assert one(path).kind is Kind.PROJECT


def test_arrays_tables_and_descriptions_are_data(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    (tmp_path / "data.toml").write_text('path = "a.npz"\n')
    assert {one(tmp_path / name).kind for name in ("a.npz", "b.csv", "data.toml")} == {Kind.DATA}


def test_text_with_commas_is_not_taken_for_a_table(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("first, second, third\n")
    found = one(path)
    assert found.kind is Kind.REFUSED
    assert "notes.txt is not a model or data set" in found.reason
    assert ".npz" in found.hint


def test_what_does_not_exist_is_refused_with_its_name(tmp_path: Path) -> None:
    found = one(tmp_path / "gone.onnx")
    assert found.kind is Kind.REFUSED
    assert "gone.onnx" in found.reason


def test_a_single_image_says_to_drop_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    assert "folder" in one(path).hint


def test_an_archive_without_a_model_says_to_unpack_it(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    assert "Unpack" in one(path).hint


def test_an_archive_that_may_hold_a_model_is_one(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(model, "deep/net.onnx")
    assert (one(path).kind, one(path).format) == (Kind.MODEL, Format.ZIP)


def test_weights_are_what_opens_with_code(tmp_path: Path, tensors: bytes) -> None:
    path = tmp_path / "weights.download"
    path.write_bytes(tensors)
    assert one(path).kind is one(path, closely=True).kind is Kind.WEIGHTS
    assert classify(path).kind is Kind.WEIGHTS


def test_a_checkpoint_without_tensors_is_refused_closely_with_its_recipe(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", pickle.dumps({"layer.weight": 1}, protocol=2))
    assert one(path).kind is Kind.WEIGHTS
    closely = one(path, closely=True)
    assert "holds only weights, no architecture" in closely.reason
    assert "torch.onnx.export" in closely.hint
    with pytest.raises(BadInput, match="no architecture"):
        classify(path)


def test_python_files_are_code(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("import torch\n\ndef make(a, b): ...\n")
    assert one(path).kind is Kind.CODE


def test_a_folder_with_weights_and_one_python_file_is_both(tmp_path: Path, tensors: bytes) -> None:
    (tmp_path / "weights.safetensors").write_bytes(tensors)
    (tmp_path / "net.py").write_text("def make(): ...\n")
    found = recognize(tmp_path, closely=True)
    assert [(each.kind, each.path.name) for each in found] == [
        (Kind.WEIGHTS, "weights.safetensors"),
        (Kind.CODE, "net.py"),
    ]


def test_beside_a_whole_network_weights_do_not_count(tmp_path: Path, model: Path, tensors: bytes) -> None:
    (tmp_path / "weights.safetensors").write_bytes(tensors)
    assert one(tmp_path).path == model


def test_the_one_model_deep_in_a_folder_is_found_closely(tmp_path: Path, model: Path) -> None:
    deep = tmp_path / "exported" / "best"
    deep.mkdir(parents=True)
    found = one(tmp_path, closely=True)
    assert found.path == model
    moved = model.rename(deep / "net.onnx")
    assert one(tmp_path, closely=True).path == moved


def test_a_folder_with_a_model_whose_converter_is_missing_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(converters, "has", lambda _package: False)
    (tmp_path / "net.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(64))
    assert "pip install" in one(tmp_path, closely=True).hint


def test_the_weights_of_a_folder_of_transformers_are_its_model(tmp_path: Path, tensors: bytes) -> None:
    for name in ("model.safetensors", "training_args.bin"):
        (tmp_path / name).write_bytes(tensors)
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"], "model_type": "bert"}))
    assert one(tmp_path, closely=True).path.name == "model.safetensors"


def test_a_folder_with_one_model_inside_is_that_model(tmp_path: Path, model: Path) -> None:
    (tmp_path / "README.md").write_text("hello\n")
    found = one(tmp_path)
    assert (found.kind, found.path) == (Kind.MODEL, model)


def test_a_folder_with_a_model_and_its_data_is_both() -> None:
    found = recognize(MODEL.parent, closely=True)
    assert [each.kind for each in found] == [Kind.MODEL, Kind.DATA]
    assert found[1].path == MODEL.parent


def test_a_folder_with_several_models_names_them(tmp_path: Path, model: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(model.read_bytes())
    found = one(tmp_path)
    assert found.kind is Kind.REFUSED
    assert "net.onnx, other.onnx" in found.reason


def test_a_folder_of_pictures_is_counted_closely(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert one(tmp_path).kind is Kind.DATA
    assert one(tmp_path, closely=True).detail == "6 images in 2 folders"


def test_folders_without_anything_readable_are_refused(tmp_path: Path) -> None:
    assert "is empty" in one(tmp_path).reason
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "notes.md").write_text("hello")
    assert "holds no model and no data" in one(tmp_path, closely=True).reason


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"\x00")
    assert "is empty" in one(tmp_path, closely=True).reason


def test_a_saved_model_is_refused_with_how_to_convert_it(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    assert "tf2onnx" in one(tmp_path).hint


def test_json_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"a": 1}))
    assert one(path).kind is Kind.REFUSED
