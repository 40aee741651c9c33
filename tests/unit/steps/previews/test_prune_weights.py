"""The preview of prune.weights says what the step then does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compress_studio.base.errors import BadInput
from tests.toys import networks
from tests.unit.steps.previews.bench import bench, shares

NETS = ("conv", "residual", "mlp", "transformer", "lstm", "tied")
VALUES: list[dict[str, Any]] = [
    {"sparsity": 0.5},
    {"sparsity": 0.9},
    {"sparsity": 0.37, "balance": "none"},
    {"sparsity": 0.8, "scope": "layer"},
    {"mode": "threshold", "threshold": 0.1},
    {"sparsity": 0.6, "criterion": "wanda", "scope": "layer"},
    {"sparsity": 0.6, "criterion": "wanda"},
    {"sparsity": 0.4, "embeddings": True},
]


@pytest.mark.parametrize("values", VALUES, ids=str)
@pytest.mark.parametrize("net", NETS)
def test_the_predicted_zeros_are_those_of_the_step(net: str, values: dict[str, Any], tmp_path: Path) -> None:
    one = bench("prune.weights", networks.ALL[net](), tmp_path)
    facts, ctx = one.run(**values)
    said = one.predict(**values)
    assert said.parameters == facts["parameters"]
    assert said.nonzero == pytest.approx(facts["nonzero"], abs=max(2, 0.003 * facts["parameters"]))
    real = ctx.facts["sparsity_by_layer"]
    told = shares(said)
    sizes = {layer.name: layer.parameters for layer in one.sketch(**values).layers}
    for name, share in real.items():
        assert told[name] == pytest.approx(share, abs=max(0.02, 1.5 / sizes[name])), name


def test_layers_with_a_share_of_their_own_get_it_and_the_others_share_out_the_rest(tmp_path: Path) -> None:
    one = bench("prune.weights", networks.conv_net(), tmp_path)
    values: dict[str, Any] = {"sparsity": 0.5, "layers": {"conv2": 0.1, "fc*": 0.9, "fc2": 0.0}}
    facts, ctx = one.run(**values)
    real = ctx.facts["sparsity_by_layer"]
    assert real["conv2"] == pytest.approx(0.1, abs=0.001)
    assert real["fc1"] == pytest.approx(0.9, abs=0.001)
    assert real["fc2"] == 0
    assert real["conv1"] == pytest.approx(0.5, abs=0.01)
    said = one.predict(**values)
    assert said.nonzero == pytest.approx(facts["nonzero"], abs=2)
    assert shares(said)["conv2"] == pytest.approx(0.1, abs=0.001)


@pytest.mark.parametrize("where", ["run", "predict"])
def test_a_share_for_a_layer_that_is_not_there_names_near_ones(where: str, tmp_path: Path) -> None:
    one = bench("prune.weights", networks.conv_net(), tmp_path)
    with pytest.raises(BadInput, match="conv9") as caught:
        getattr(one, where)(layers={"conv9": 0.5})
    assert "conv1" in caught.value.hint


def test_layers_that_are_left_alone_are_shown_with_their_reason(tmp_path: Path) -> None:
    one = bench("prune.weights", networks.conv_net(), tmp_path)
    said = one.predict(skip=["fc2"])
    row = next(row for row in said.layers if row.name == "fc2")
    assert row.note == "left out as asked"
    assert row.text == "left alone"


def test_the_shaded_part_of_the_histogram_is_what_goes(tmp_path: Path) -> None:
    one = bench("prune.weights", networks.conv_net(), tmp_path)
    for values in ({"sparsity": 0.5, "balance": "none"}, {"sparsity": 0.7}):
        histogram = one.predict(**values).histogram
        assert histogram is not None
        assert histogram.affected is not None
        gone = float((histogram.counts * histogram.affected).sum())
        assert gone == pytest.approx(values["sparsity"] * histogram.counts.sum(), rel=0.03)
        assert len(histogram.lines) == 2
        assert histogram.lines[0] == -histogram.lines[1]


def test_an_already_pruned_network_is_not_pruned_twice(tmp_path: Path) -> None:
    model = networks.conv_net()
    first = bench("prune.weights", model, tmp_path / "a")
    first.run(sparsity=0.6)
    pruned = next((tmp_path / "a").rglob("**/model.onnx"))
    from compress_studio.graph.saving import load

    results = [path for path in (tmp_path / "a").rglob("model.onnx") if path != first.path]
    again = bench("prune.weights", load(results[0] if results else pruned), tmp_path / "b")
    for share in (0.3, 0.8):
        facts, _ = again.run(sparsity=share)
        assert again.predict(sparsity=share).nonzero == pytest.approx(facts["nonzero"], abs=3)


def test_a_sketch_of_millions_of_weights_is_small_and_answers_within_a_frame() -> None:
    from compress_studio.spec.preview import LayerSketch, Sketch
    from compress_studio.spec.registry import load_steps
    from compress_studio.steps.kernels.predict_weights import predict
    from compress_studio.steps.kernels.prune_weights_preview import tables_of

    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(40_000).astype(np.float32) * (0.1 + number / 50) for number in range(60)]
    tables = tables_of(arrays, [np.abs(one) for one in arrays], [100] * 60)
    names = [f"layer{number}" for number in range(60)]
    layers = tuple(LayerSketch(name, "Conv", 40_000, 40_000, 0, 160_000) for name in names)
    facts: Any = {
        "parameters": 2_400_000,
        "nonzero": 2_400_000,
        "macs": None,
        "targets": [[name] for name in names],
        "embeddings": [False] * 60,
    }
    sketch = Sketch(layers, 10_000_000, tables, facts)
    assert sum(array.nbytes for array in tables.values()) < 2_000_000
    spec = load_steps().get("prune.weights")
    predict(spec.params.read({}), sketch)
    times: list[float] = []
    for number in range(20):
        params = spec.params.read({"sparsity": number / 20})
        begun = time.perf_counter()
        predict(params, sketch)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 0.030
