"""Networks whose weights need a second file."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress_studio.engine.exporting import ExportRequest
from compress_studio.graph import saving
from compress_studio.outputs.kernels import onnx_files
from compress_studio.project.project import Project
from tests.toys import networks
from tests.unit.outputs.writing import stored, write


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of a few bytes count as too large for one file."""
    monkeypatch.setattr(saving, "EXTERNAL_ABOVE", 100)
    monkeypatch.setattr(onnx_files, "EXTERNAL_ABOVE", 100)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("params", [{}, {"opset": 21}])
def test_the_second_file_is_named_like_the_first_and_said(tmp_path: Path, params: dict[str, int]) -> None:
    path = saving.save(saving.load(stored(networks.mlp(), tmp_path)), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx.data").is_file()
    (tmp_path / "out").mkdir()
    result = write("onnx", path, tmp_path / "out", **params)
    assert result.ok, result.checks
    assert [one.name for one in result.written.files] == ["small.onnx", "small.onnx.data"]
    assert "too large for one file" in result.written.notes[-1]
    assert result.largest == 0.0


def test_the_window_names_both_files_before_it_writes(tmp_path: Path) -> None:
    network = tmp_path / "model.onnx"
    network.write_bytes(b"")
    request = ExportRequest(tmp_path / "out" / "big.onnx", network, "", "n", Project(title="t"), {}, with_report=False)
    assert request.as_measured
    (tmp_path / "model.onnx.data").write_bytes(b"")
    assert not request.as_measured
    assert request.names()["weights"].name == "big.onnx.data"
