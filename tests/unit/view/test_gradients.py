"""The importance of single weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.graph.saving import load, save
from compress_studio.view.gradients import importance
from tests.toys.context import ToyContext, ToyData
from tests.toys.networks import conv_net, mlp


def saved(model: ir.Model, folder: Path) -> Path:
    return save(model, folder / "model.onnx")


@pytest.mark.parametrize("classes", [0, 3])
def test_every_weight_gets_a_finite_importance_of_its_own_shape(tmp_path: Path, classes: int) -> None:
    path = saved(conv_net(), tmp_path)
    ctx = ToyContext(tmp_path, ToyData.for_model(load(path), classes=classes))
    scores = importance(path, ctx.data, 16, ctx)
    stored = load(path).graph.initializers
    assert scores
    for name, score in scores.items():
        assert score.shape == tuple(stored[name].const_value.shape)  # type: ignore[union-attr]
        assert np.isfinite(score).all()
        assert (score >= 0).all()


def test_importance_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    path = saved(mlp(), tmp_path)
    data = ToyData.for_model(load(path))
    first, second = (importance(path, data, 16, ToyContext(tmp_path, data, seed=3)) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_weight_of_zero_matters_nothing(tmp_path: Path) -> None:
    model = mlp()
    weight = next(
        v for v in model.graph.initializers.values() if v.const_value is not None and len(v.const_value.shape) == 2
    )
    array = weight.const_value.numpy().copy()  # type: ignore[union-attr]
    array[0] = 0
    weight.const_value = ir.Tensor(array, name=weight.name)
    path = saved(model, tmp_path)
    data = ToyData.for_model(model)
    score = importance(path, data, 8, ToyContext(tmp_path, data))[weight.name or ""]
    assert not score[0].any()
    assert score[1:].any()


def test_cancelling_stops_within_a_batch(tmp_path: Path) -> None:
    from compress_studio.base.errors import Cancelled

    path = saved(mlp(), tmp_path)
    data = ToyData.for_model(load(path))
    ctx = ToyContext(tmp_path, data)
    ctx.cancel()
    with pytest.raises(Cancelled):
        importance(path, data, 16, ctx)
