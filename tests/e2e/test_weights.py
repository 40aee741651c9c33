"""A file of weights from the command line: shown, refused with the exact command, opened after consent."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from tests.e2e.conftest import Cli
from tests.toys import torchnets


def test_weights_are_shown_refused_and_opened_after_consent(cli: Cli, tmp_path: Path) -> None:
    path, code = tmp_path / "weights.pt", Path(shutil.copy(torchnets.__file__, tmp_path / "net.py"))
    torch.save({"state_dict": torchnets.Plain().state_dict()}, path)
    shown = cli("info", path)
    assert shown.code == 0, shown.err
    assert "conv.weight" in shown.out
    assert "What to do next" in shown.out
    assert "def make() -> torch.nn.Module" in shown.out
    words = ["run", path, "--step", "graph.fp16", "--out", tmp_path / "o"]
    refused = cli(*words)
    assert refused.code == 2
    assert "holds only weights" in refused.err
    assert "--allow-code net.py" in refused.err
    words[2:2] = ["--step", "source.model:architecture=net.py:Plain,dims=x=Nx1x8x8"]
    asked = cli(*words)
    assert asked.code == 2
    assert "would run Plain() in net.py (digest " in asked.err
    assert f"--allow-code {code}" in asked.err
    assert "Traceback" not in asked.err + refused.err
    assert not (tmp_path / "o").exists()
    done = cli(*words, "--allow-code", code)
    assert done.code == 0, done.err
    assert (tmp_path / "o" / "model.onnx").is_file()
