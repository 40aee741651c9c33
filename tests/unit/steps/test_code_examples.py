"""Code that gives example inputs with its network."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress_studio.artifacts.codefiles import allowed_by
from compress_studio.engine import consents
from compress_studio.steps.kernels import torch_import
from compress_studio.steps.source_model import SourceModelParams, source_model
from tests.toys.context import ToyContext

CODE = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(4, 2)

    def forward(self, x, scale=None):
        found = self.head(x)
        return found if scale is None else found * scale

def make():
    return Net().eval(), (torch.zeros(2, 4, requires_grad=True), torch.ones(2, 2))
"""


def test_examples_for_inputs_that_may_be_left_out_are_inputs_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(torch_import.GUARD, "1")
    code = tmp_path / "net.py"
    code.write_text(CODE)
    consents.give(*allowed_by(str(code)))
    ctx = ToyContext(tmp_path)
    source_model(ctx, SourceModelParams(path=str(code), architecture=f"{code}:make"))
    assert any("outputs equal those of PyTorch" in line for line in ctx.log)
