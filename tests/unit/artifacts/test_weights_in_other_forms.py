"""Quantized, sparse and pruned weights in checkpoints are read as what they mean, or explained."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compress_studio.artifacts.checkpoints import look
from compress_studio.artifacts.tensors import read
from compress_studio.artifacts.weight_groups import choose, groups, other_forms, remarks


@pytest.fixture
def numbers() -> torch.Tensor:
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


def saved(path: Path, value: Any, *, legacy: bool = False) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, path, _use_new_zipfile_serialization=not legacy)
    return path


def quantized(numbers: torch.Tensor, *, per_channel: bool) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if per_channel:
            scales, zeros = torch.tensor([0.01, 0.02, 0.03]), torch.tensor([0, 1, -2])
            return torch.quantize_per_channel(numbers, scales, zeros, 1, torch.qint8)
        return torch.quantize_per_tensor(numbers, 0.02, 3, torch.quint8)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
def test_quantized_tensors_are_read_as_the_numbers_that_they_stand_for(
    numbers: torch.Tensor, per_channel: bool, legacy: bool, tmp_path: Path
) -> None:
    held = quantized(numbers, per_channel=per_channel)
    checkpoint = look(saved(tmp_path / "w.pt", {"head.weight": held, "head.bias": numbers[0]}, legacy=legacy))
    assert not checkpoint.foreign
    weight, bias = checkpoint.tensors
    np.testing.assert_allclose(read(weight), held.dequantize().numpy(), rtol=1e-6)
    np.testing.assert_array_equal(read(bias), numbers[0].numpy())
    group = choose(groups(checkpoint), "w.pt")
    assert any("8 bits with a scale" in text for text in remarks(checkpoint, [group], group))


def test_sparse_tensors_are_named_with_what_to_do(numbers: torch.Tensor, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = {"a.weight": numbers.to_sparse(), "b.weight": numbers.to_sparse_csr(), "b.bias": numbers[0]}
    checkpoint = look(saved(tmp_path / "w.pt", rows))
    assert checkpoint.sparse == ("a.weight", "b.weight")
    (told,) = other_forms(checkpoint)
    assert "a.weight, b.weight" in told
    assert "to_dense()" in told


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ({"head.weight_orig": (5, 4), "head.weight_mask": (5, 4)}, "torch.nn.utils.prune.remove"),
        ({"head.weight_orig": (5, 4), "head.weight_u": (5,), "head.weight_v": (4,)}, "remove_spectral_norm"),
        ({"head.weight_g": (5, 1), "head.weight_v": (5, 4)}, "remove_weight_norm"),
        ({"head.weight": (5, 4), "attn_mask": (4, 4)}, ""),
    ],
)
def test_weights_in_parts_are_explained(rows: dict[str, tuple[int, ...]], word: str, tmp_path: Path) -> None:
    checkpoint = look(saved(tmp_path / "w.pt", {name: torch.zeros(shape) for name, shape in rows.items()}))
    told = other_forms(checkpoint)
    assert [word in text for text in told] == ([True] if word else [])


def test_weights_of_a_network_that_pytorch_quantized_are_explained(numbers: torch.Tensor, tmp_path: Path) -> None:
    packed = {"head._packed_params._packed_params": (quantized(numbers, per_channel=False), numbers[0])}
    (told,) = other_forms(look(saved(tmp_path / "w.pt", packed)))
    assert "float network" in told


def test_numbers_of_the_training_beside_the_weights_are_not_taken_for_them(
    numbers: torch.Tensor, tmp_path: Path
) -> None:
    state = {"args": argparse.Namespace(lr=1), "model": {"head.weight": numbers}, "rng": torch.zeros(5000).byte()}
    found = groups(look(saved(tmp_path / "w.pt", state)))
    assert choose(found, "w.pt").name == "model"
