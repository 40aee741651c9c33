"""The previews of steps that store weights in fewer bits say what the steps then do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compress_studio.base.errors import BadInput
from tests.toys import networks
from tests.unit.steps.previews.bench import bench

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("quantize.static", "conv", {"keep_auto": False}),
    ("quantize.static", "residual", {"keep_auto": False}),
    ("quantize.static", "mlp", {"keep_auto": False, "keep": ["fc1"]}),
    ("quantize.dynamic", "mlp", {}),
    ("quantize.dynamic", "transformer", {}),
    ("quantize.dynamic", "lstm", {}),
    ("quantize.dynamic", "conv", {"keep": ["fc2"]}),
    ("graph.fp16", "conv", {}),
    ("graph.fp16", "transformer", {}),
    ("graph.fp16", "mlp", {"mode": "full"}),
    ("quantize.weights", "conv", {}),
    ("quantize.weights", "transformer", {"bits": "4"}),
    ("quantize.weights", "mlp", {"bits": "8", "block": 16}),
    ("quantize.weights", "mlp", {"bits": "4", "symmetric": False}),
    ("quantize.weights", "lstm", {"bits": "8"}),
    ("quantize.weights", "conv", {"keep": ["fc1"]}),
]


@pytest.mark.parametrize(("step", "net", "values"), CASES, ids=str)
def test_the_predicted_bytes_and_layers_are_those_of_the_step(
    step: str, net: str, values: dict[str, Any], tmp_path: Path
) -> None:
    model = networks.ALL[net]()
    one = bench(step, model, tmp_path)
    known = {layer.name for layer in one.sketch().layers}
    if set(values.get("keep", ())) - known:
        values = {**values, "keep": [min(known)]}
    facts, ctx = one.run(**values)
    said = one.predict(**values)
    assert said.bytes == pytest.approx(facts["bytes"], rel=0.04, abs=300)
    skipped = {name for name, _ in ctx.skipped}
    told = {row.name for row in said.layers if row.note}
    assert told == skipped
    if said.parameters is not None:
        assert said.parameters == pytest.approx(facts["parameters"], rel=0.02)


@pytest.mark.parametrize("step", ["quantize.static", "quantize.dynamic", "quantize.weights", "graph.fp16"])
@pytest.mark.parametrize("where", ["run", "predict"])
def test_a_layer_to_keep_that_is_not_there_is_refused_with_near_names(step: str, where: str, tmp_path: Path) -> None:
    one = bench(step, networks.mlp(), tmp_path)
    names = [layer.name for layer in one.sketch().layers]
    with pytest.raises(BadInput, match="no layer called") as caught:
        getattr(one, where)(keep=[names[0] + "x"])
    assert names[0] in caught.value.hint


def test_layers_to_keep_may_be_named_by_a_pattern(tmp_path: Path) -> None:
    one = bench("quantize.weights", networks.conv_net(), tmp_path)
    _, ctx = one.run(keep=["conv*"])
    assert {name for name, reason in ctx.skipped if "asked" in reason} == {"conv1", "conv2"}
    said = one.predict(keep=["conv*"])
    assert {row.name for row in said.layers if "asked" in row.note} == {"conv1", "conv2"}


def test_fewer_bits_have_more_noise(tmp_path: Path) -> None:
    one = bench("quantize.weights", networks.mlp(), tmp_path)

    def decibels(bits: str) -> float:
        row = next(row for row in one.predict(bits=bits).layers if "dB" in row.text)
        return float(row.text.split("·")[1].split()[0])

    assert decibels("8") - decibels("4") == pytest.approx(22, abs=6)
