"""In which way files and folders are opened."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import onnx
import pytest
import torch
from onnx import parser

from compress_studio.artifacts import converters
from compress_studio.artifacts.openable import Way, openable

TEXT = '<ir_version: 8, opset_import: ["": 17]> net (float[N, 3] x) => (float[N, 3] y) { y = Relu(x) }'
BERT = {"architectures": ["BertModel"], "model_type": "bert"}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    onnx.save(parser.parse_model(TEXT), path)
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.pth"
    torch.save({"fc.weight": torch.zeros(2, 3)}, path)
    return path


def way(path: Path) -> Way:
    quick, close = openable(path), openable(path, closely=True)
    assert close.way in {quick.way, Way.REFUSED}
    return close.way


def test_networks_open_as_they_are_and_weights_with_code(network: Path, weights: Path, tmp_path: Path) -> None:
    assert way(network) is Way.AS_IT_IS
    (tmp_path / "net.txt").write_text(TEXT)
    assert way(tmp_path / "net.txt") is Way.AS_IT_IS
    assert way(weights) is Way.WEIGHTS
    (tmp_path / "net.py").write_text("def make(): ...\n")
    assert way(tmp_path / "net.py") is Way.CODE


def test_a_pickled_network_needs_consent_and_other_pickles_are_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 3), tmp_path / "whole.pt")
    assert way(tmp_path / "whole.pt") is Way.WEIGHTS
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    found = openable(tmp_path / "list.pkl", closely=True)
    assert found.way is Way.REFUSED
    assert "list.pkl" in found.error().message
    assert found.hint


def test_a_folder_is_the_one_model_in_it(network: Path, weights: Path, tmp_path: Path) -> None:
    found = openable(tmp_path)
    assert found.way is Way.REFUSED
    assert "2 models" in found.reason
    weights.unlink()
    assert openable(tmp_path).path == network
    network.unlink()
    assert "holds no model" in openable(tmp_path).reason


def test_archives_are_opened_when_they_may_hold_a_model(network: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(network, "net.onnx")
    assert way(path) is Way.INSIDE
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", b"x")
    assert "without a model" in openable(path).reason
    path.write_bytes(path.read_bytes()[:40])
    assert openable(path).way is Way.REFUSED


@pytest.mark.parametrize("installed", [True, False])
def test_other_frameworks_open_when_their_converter_is_there(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    monkeypatch.setattr(converters, "has", lambda _package: installed)
    path = tmp_path / "net.tflite"
    path.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(64))
    found = openable(path)
    assert found.way is (Way.CONVERTED if installed else Way.REFUSED)
    assert installed or "pip install" in found.hint
    folder = tmp_path / "hub"
    folder.mkdir()
    weights.rename(folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(BERT))
    found = openable(folder)
    assert found.path == folder / "pytorch_model.bin"
    assert found.way is (Way.CONVERTED if installed else Way.WEIGHTS)
    (folder / "config.json").write_text(json.dumps({**BERT, "auto_map": {"AutoModel": "mine.Model"}}))
    assert openable(folder).way is Way.WEIGHTS, "its own code needs consent"
