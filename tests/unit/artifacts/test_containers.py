"""Folders and archives with one model inside open like that model; several are listed, traps refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import onnx
import pytest
import torch
from google.protobuf import json_format
from onnx import parser
from safetensors.torch import save_file

from compress_studio.artifacts import converters
from compress_studio.artifacts.advice import opening_of
from compress_studio.artifacts.checkpoints import look
from compress_studio.artifacts.containers import model_in, unpack
from compress_studio.artifacts.refusals import refuse
from compress_studio.artifacts.sniffing import Format
from compress_studio.base.errors import BadInput
from compress_studio.graph.facts import inspect
from compress_studio.steps.source_model import SourceModelParams, fingerprint, source_model
from tests.toys.context import ToyContext

TEXT = '<ir_version: 8, opset_import: ["": 17]> net (float[N, 3] x) => (float[N, 3] y) { y = Relu(x) }'


def saved(path: Path) -> Path:
    onnx.save(parser.parse_model(TEXT), path)
    return path


def zipped(path: Path, *files: Path, names: tuple[str, ...] = ()) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file, name in zip(files, names or tuple(file.name for file in files), strict=True):
            archive.write(file, name)
    return path


def test_an_archive_with_one_model_opens_like_the_model(tmp_path: Path) -> None:
    notes = tmp_path / "readme.txt"
    notes.write_text("hello")
    path = zipped(tmp_path / "all.zip", saved(tmp_path / "net.onnx"), notes, names=("deep/net.onnx", "readme.txt"))
    assert inspect(path)["archive"] == "all.zip"
    key = fingerprint(SourceModelParams(path=str(path)))
    assert key
    ctx = ToyContext(tmp_path)
    source_model(ctx, SourceModelParams(path=str(path)))
    assert ctx.facts["file"] == "net.onnx"
    assert ctx.facts["original_bytes"] == (tmp_path / "net.onnx").stat().st_size


def test_several_models_are_listed_and_none_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    with pytest.raises(BadInput, match="is a folder, not a model file, and it holds no model"):
        model_in(folder)
    one = saved(folder / "one.onnx")
    assert model_in(folder) == one
    two = saved(folder / "two.onnx")
    with pytest.raises(BadInput, match=r"with 2 models: one\.onnx, two\.onnx"):
        model_in(folder)
    with pytest.raises(BadInput, match="with 2 models"):
        inspect(zipped(tmp_path / "all.zip", one, two))


def test_an_archive_cannot_write_outside_of_its_folder(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bad.zip", saved(tmp_path / "net.onnx"), names=("../net2.onnx",))
    target = tmp_path / "in" / "side"
    target.mkdir(parents=True)
    with pytest.raises(BadInput, match="outside of its folder"):
        unpack(path, target)
    assert not (tmp_path / "in" / "net2.onnx").exists()


def test_a_folder_of_transformers_says_its_class_and_the_command(tmp_path: Path) -> None:
    save_file({"bert.embeddings.word_embeddings.weight": torch.zeros(5, 4)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"], "model_type": "bert"}))
    path = model_in(tmp_path)
    assert path.name == "model.safetensors"
    text = " ".join(opening_of(look(path)))
    assert "pip install transformers" in text
    assert f"compress-studio run {path} --step graph.optimize" in text


def test_text_and_json_forms_of_onnx_open(tmp_path: Path) -> None:
    text, rows = tmp_path / "net.onnxtxt", tmp_path / "net.json"
    text.write_text(TEXT)
    rows.write_text(json_format.MessageToJson(parser.parse_model(TEXT)))
    for path in (text, rows):
        source_model(ToyContext(tmp_path), SourceModelParams(path=str(path)))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Format.TFLITE, "Install it: pip install tensorflow tf2onnx"),
        (Format.SAVED_MODEL, "Install it: pip install tensorflow tf2onnx"),
        (Format.KERAS, "Install it: pip install keras"),
        (Format.HDF5, "model.save('model.keras')"),
        (Format.ORT, "which cannot be taken back"),
        (Format.GGUF, "llama.cpp"),
    ],
)
def test_models_of_other_programs_say_the_exact_command(
    tmp_path: Path, kind: Format, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converters, "has", lambda package: False)
    assert words in refuse(tmp_path / "net.x", kind).hint
