"""What the command `measure` makes of its arguments."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch

from compress_studio.cli.execution import loaded_runtime
from compress_studio.cli.main import make_parser
from compress_studio.cli.measure import build
from compress_studio.graph.saving import save
from tests.toys.networks import mlp


def test_code_goes_to_weights_in_an_archive_too_and_not_to_a_reference(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(3, 2).state_dict(), tmp_path / "w.pt")
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        archive.write(tmp_path / "w.pt", "w.pt")
    before = save(mlp(), tmp_path / "before.onnx")
    words = ["measure", str(tmp_path / "w.zip"), "--reference", str(before), "--source", "architecture=net.py:make"]
    nodes = build(make_parser().parse_args(words), loaded_runtime()).pipeline.order()
    assert [(Path(str(node.params["path"])).name, node.params.get("architecture", "")) for node in nodes] == [
        ("before.onnx", ""),
        ("w.zip", "net.py:make"),
    ]
