"""The previews hold on the bundled samples, with their own data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compress_studio.base.paths import resource
from compress_studio.graph.saving import load, save
from compress_studio.spec.data import DataRequest
from compress_studio.spec.registry import load_steps
from compress_studio.spec.runtime import BUILT_IN, load_runtime
from tests.unit.steps.previews.bench import Bench

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("fashion", "prune.weights", {"sparsity": 0.7}),
    ("letters", "prune.channels", {"amount": 0.4, "repair": "none"}),
    ("fashion", "prune.channels", {"amount": 0.5, "repair": "none"}),
    ("fashion", "quantize.weights", {"bits": "4"}),
    ("letters", "quantize.static", {"samples": 64}),
    ("fashion", "cluster.weights", {"bits": 3}),
    ("letters", "factorize.lowrank", {"ratio": 0.4, "refit": False}),
    ("fashion", "graph.fp16", {}),
]


@pytest.mark.parametrize(("sample", "step", "values"), CASES, ids=str)
def test_a_prediction_holds_on_a_sample(sample: str, step: str, values: dict[str, Any], tmp_path: Path) -> None:
    folder = resource("samples") / sample
    path = save(load(folder / f"{sample}.onnx"), tmp_path / "source" / "model.onnx")
    data = load_runtime(BUILT_IN).open_data(DataRequest(str(folder / f"{sample}.npz")), path)
    one = Bench(load_steps().get(step), path, data, tmp_path)
    said = one.predict(**values)
    facts, _ = one.run(**values)
    assert said.parameters == pytest.approx(facts["parameters"], rel=1e-4)
    assert said.bytes == pytest.approx(facts["bytes"], rel=0.02)
    if said.nonzero is not None and step == "prune.weights":
        assert said.nonzero == pytest.approx(facts["nonzero"], rel=0.002)
    if said.macs is not None:
        assert said.macs == pytest.approx(facts["macs"], rel=0.01)
