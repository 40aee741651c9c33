"""TorchScript with fused attention and with questions about the running program opens, proved equal to PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compress_studio.base.errors import BadInput
from compress_studio.graph.layers import weight_layers
from compress_studio.graph.saving import load
from compress_studio.graph.session import open_session, run
from compress_studio.steps.kernels import torch_import
from compress_studio.steps.kernels.script_program import Followed
from compress_studio.steps.source_model import SourceModelParams, source_model
from tests.toys.context import ToyContext


class Words(torch.nn.Module):
    """What all of them have: an embedding, and scores for four classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.emb = torch.nn.Embedding(20, 8)
        self.out = torch.nn.Linear(8, 4)


class Encoder(Words):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, **options)
        self.enc = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=not options.get("norm_first"))
        for weight in self.enc.parameters():
            # The layers of a new encoder are copies of one.
            torch.nn.init.normal_(weight, std=0.3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.out(self.enc(self.emb(ids)).mean(1))


class Padded(Encoder):
    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        empty = ids == 0
        hidden = self.enc(self.emb(ids), src_key_padding_mask=empty)
        return self.out(hidden.masked_fill(empty.unsqueeze(-1), 0.0).sum(1))


class Causal(Encoder):
    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        later = torch.ones(ids.shape[1], ids.shape[1], device=ids.device).triu(1).bool()
        return self.out(self.enc(self.emb(ids), mask=later).mean(1))


class Weighing(Words):
    def __init__(self) -> None:
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.emb(ids)
        y, weights = self.attention(x, x, x)
        return self.out(y.mean(1)), weights


class Deciding(Encoder):
    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.emb(ids)
        if bool(x.sum() > 0):
            x = self.enc(x)
        return self.out(x.mean(1))


@pytest.fixture(autouse=True)
def _guard(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv(torch_import.GUARD, "1")


def saved(path: Path, net: torch.nn.Module, *, scripted: bool) -> Path:
    ids = torch.randint(1, 20, (2, 6), generator=torch.Generator().manual_seed(0))
    with torch_import._quiet(), torch.no_grad():  # pyright: ignore[reportPrivateUsage]
        program = torch.jit.script(net.eval()) if scripted else torch.jit.trace(net.eval(), ids, check_trace=False)
        torch.jit.save(program, str(path))
    return path


@pytest.mark.parametrize(
    ("net", "scripted"),
    [
        (Encoder(), False),
        (Encoder(activation="gelu", norm_first=True), False),
        (Causal(), False),
        (Padded(), False),
        (Padded(), True),
        (Weighing(), False),
    ],
    ids=["traced", "traced-gelu", "traced-causal", "traced-padded", "scripted-padded", "traced-weights"],
)
def test_fused_attention_opens_and_equals_the_original(net: torch.nn.Module, scripted: bool, tmp_path: Path) -> None:
    ctx = ToyContext(tmp_path)
    file = saved(tmp_path / "net.pt", net, scripted=scripted)
    opened = source_model(ctx, SourceModelParams(path=str(file), dims="ids=NxL"))
    assert ctx.facts["conversion_difference"] <= torch_import.TOLERANCE  # pyright: ignore[reportOperatorIssue]
    ids = torch.randint(1, 20, (3, 9), generator=torch.Generator().manual_seed(1))
    ids[0, 6:] = 0
    with torch.no_grad():
        expected = net(ids)
    expected = expected if isinstance(expected, tuple) else (expected,)
    session = open_session(opened.path)
    assert session.get_inputs()[0].shape == ["N", "L"]
    got = run(session, {session.get_inputs()[0].name: ids.numpy()}).values()
    for one, two in zip(expected, got, strict=True):
        np.testing.assert_allclose(two, one.numpy(), atol=1e-5)


def test_weights_keep_the_names_of_the_program(tmp_path: Path) -> None:
    file = saved(tmp_path / "net.pt", Encoder(), scripted=False)
    opened = source_model(ToyContext(tmp_path), SourceModelParams(path=str(file), dims="ids=NxL"))
    model = load(opened.path)
    assert {"emb.weight", "enc.layers.0.self_attn.in_proj_bias", "enc.layers.1.linear2.bias"} <= set(
        model.graph.initializers
    )
    assert {"enc.layers.0.self_attn.out_proj", "enc.layers.1.linear2", "out"} <= {
        one.name for one in weight_layers(model)
    }


def test_a_branch_that_numbers_decide_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = saved(tmp_path / "net.pt", Deciding(), scripted=True)
    with pytest.raises(BadInput) as caught:
        source_model(ToyContext(tmp_path), SourceModelParams(path=str(file), dims="ids=NxL"))
    assert "PyTorch cannot export net.pt to ONNX" in caught.value.message
    assert "torch.onnx.export" in caught.value.hint


def test_a_traced_sum_of_sizes_is_followed() -> None:
    class Longer(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros(x.size(0) + 1, 2 * x.size(1) - 3)

    with torch_import._quiet():  # pyright: ignore[reportPrivateUsage]
        traced: Any = torch.jit.trace(Longer(), (torch.zeros(2, 5),))
    assert Followed(traced, ())(torch.zeros(4, 7))[0].shape == (5, 11)
