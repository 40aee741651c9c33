"""A data set that changes on disk is opened again, one that does not is kept."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from compress_studio.engine import opened_data
from compress_studio.engine.opened_data import open_data
from compress_studio.graph.saving import save
from compress_studio.spec.data import Part
from compress_studio.spec.runtime import BUILT_IN
from tests.toys.networks import mlp


@pytest.fixture(autouse=True)
def looks_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_data, "LOOK_SECONDS", 0.0)


def test_new_contents_under_the_same_name_are_seen(tmp_path: Path) -> None:
    network, data = tmp_path / "model.onnx", tmp_path / "data.npz"
    model = mlp()
    save(model, network)
    name, width = model.graph.inputs[0].name, int(model.graph.inputs[0].shape[1])
    np.savez(data, **{name: np.zeros((40, width), np.float32)})
    words = (BUILT_IN, str(data), "{}", 0, str(network))
    first = open_data(*words)
    assert open_data(*words) is first
    np.savez(data, **{name: np.ones((60, width), np.float32)})
    os.utime(data, ns=(1, 1))
    second = open_data(*words)
    assert second is not first
    batch = next(iter(second.part(Part.TEST).batches(4)))
    assert float(np.min(batch.inputs[name])) == 1.0
