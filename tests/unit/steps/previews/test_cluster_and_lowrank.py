"""The previews of clustering and factorizing say what the steps then do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compress_studio.base.errors import BadInput, Refused
from tests.toys import networks
from tests.unit.steps.previews.bench import bench

CLUSTERS: list[tuple[str, dict[str, Any]]] = [
    ("conv", {}),
    ("residual", {"bits": 2}),
    ("transformer", {"bits": 5, "scales": "tensor"}),
    ("lstm", {"bits": 8}),
    ("mlp", {"bits": 4, "layers": {"*": 2}}),
    ("tied", {"bits": 3}),
]


@pytest.mark.parametrize(("net", "values"), CLUSTERS, ids=str)
def test_the_predicted_palettes_are_those_of_the_step(net: str, values: dict[str, Any], tmp_path: Path) -> None:
    one = bench("cluster.weights", networks.ALL[net](), tmp_path)
    said = one.predict(**values)
    if not any(row.text.endswith("bit") for row in said.layers):
        with pytest.raises(Refused):
            one.run(**values)
        return
    facts, ctx = one.run(**values)
    assert said.bytes == pytest.approx(facts["bytes"], rel=0.06, abs=600)
    assert {row.name for row in said.layers if row.note} == {name for name, _ in ctx.skipped}


def test_layers_get_the_bits_that_they_were_given(tmp_path: Path) -> None:
    one = bench("cluster.weights", networks.conv_net(), tmp_path)
    _, plain = one.run(bits=4)
    _, own = one.run(bits=4, layers={"fc1": 2})
    assert own.facts["sqnr_db_by_layer"]["fc1"] < plain.facts["sqnr_db_by_layer"]["fc1"] - 6
    assert own.facts["sqnr_db_by_layer"]["conv2"] == plain.facts["sqnr_db_by_layer"]["conv2"]
    said = one.predict(bits=4, layers={"fc1": 2})
    assert {row.name: row.text for row in said.layers}["fc1"] == "2 bit"


RANKS: list[tuple[str, dict[str, Any]]] = [
    ("conv", {"method": "svd", "ratio": 0.5}),
    ("conv", {"method": "svd", "ratio": 0.3, "scope": "layer", "multiple": 1}),
    ("mlp", {"method": "pca", "ratio": 0.5}),
    ("transformer", {"method": "svd", "ratio": 0.4, "multiple": 2}),
    ("conv", {"method": "spatial", "ratio": 0.4, "multiple": 1}),
    ("conv", {"method": "svd", "ratio": 0.5, "layers": {"conv2": 0.2}}),
]


@pytest.mark.parametrize(("net", "values"), RANKS, ids=str)
def test_the_predicted_ranks_are_those_of_the_step(net: str, values: dict[str, Any], tmp_path: Path) -> None:
    one = bench("factorize.lowrank", networks.ALL[net](), tmp_path)
    said = one.predict(**values)
    told = {row.name: row.text for row in said.layers if row.text.startswith("rank")}
    assert told
    facts, ctx = one.run(**values)
    real = {name: f"rank {rank}" for name, rank in ctx.facts["rank_by_layer"].items()}
    assert {name: text.split(" ·")[0] for name, text in told.items()} == real
    assert said.parameters == pytest.approx(facts["parameters"], rel=0.02)
    assert said.macs == pytest.approx(facts["macs"], rel=0.02)
    assert said.bytes == pytest.approx(facts["bytes"], rel=0.06, abs=600)


@pytest.mark.parametrize("step", ["cluster.weights", "factorize.lowrank"])
@pytest.mark.parametrize("where", ["run", "predict"])
def test_a_layer_that_is_not_there_is_refused_with_near_names(step: str, where: str, tmp_path: Path) -> None:
    one = bench(step, networks.conv_net(), tmp_path)
    with pytest.raises(BadInput) as caught:
        getattr(one, where)(layers={"convx": 0.9 if step == "factorize.lowrank" else 4})
    assert "conv1" in caught.value.hint
