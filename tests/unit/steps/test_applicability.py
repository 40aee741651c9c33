"""A step that says that it does not apply would have refused, or changed nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compress_studio.base.errors import UserError
from compress_studio.graph.facts import inspect
from compress_studio.graph.saving import load, save
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.registry import load_steps
from compress_studio.spec.step import StepSpec
from tests.toys import networks
from tests.toys.context import ToyContext, ToyData

STEPS = [spec for spec in load_steps() if spec.applies is not None]
MAKERS: dict[str, dict[str, Any]] = {
    "quantize.dynamic": {},
    "quantize.static": {"keep_auto": False},
    "quantize.weights": {},
    "cluster.weights": {},
    "graph.fp16": {},
}


def check(spec: StepSpec, path: Path, folder: Path) -> bool:
    """Whether the step says no; then it must really have nothing to do."""
    assert spec.applies is not None
    params = spec.params.read({})
    verdict = spec.applies(inspect(path), params)
    if verdict.ok:
        return False
    assert verdict.reason.endswith(".")
    assert verdict.hint.endswith(".")
    ctx = ToyContext(folder, ToyData.for_model(load(path), classes=4))
    others = {port.name: OnnxNet(path) for port in spec.inputs}
    try:
        spec.run(ctx, params, **others)
    except UserError:
        return True
    assert ctx.changes == [] or ctx.changes[0][0] == 0, f"{spec.id} would have been useful: {verdict.reason}"
    return True


@pytest.mark.parametrize("net", sorted(networks.ALL))
def test_no_step_says_no_where_it_would_be_useful(net: str, tmp_path: Path) -> None:
    path = save(networks.ALL[net](), tmp_path / "source" / "model.onnx")
    for spec in STEPS:
        check(spec, path, tmp_path)


@pytest.mark.parametrize("maker", sorted(MAKERS))
@pytest.mark.parametrize("net", ["conv", "mlp", "transformer", "lstm"])
def test_no_step_says_no_to_a_compressed_network_where_it_would_be_useful(net: str, maker: str, tmp_path: Path) -> None:
    source = save(networks.ALL[net](), tmp_path / "source" / "model.onnx")
    spec = load_steps().get(maker)
    ctx = ToyContext(tmp_path, ToyData.for_model(load(source)))
    try:
        path = spec.run(ctx, spec.params.read(MAKERS[maker]), network=OnnxNet(source)).path
    except UserError:
        return
    for other in STEPS:
        if not other.id.startswith("train"):
            check(other, path, tmp_path)


@pytest.mark.parametrize(
    ("step", "net", "words"),
    [
        ("prune.channels", "embedding", "no convolutions or dense layers"),
        ("prune.weights", "embedding", "embeddings"),
        ("quantize.static", "embedding", "no convolutions or dense layers"),
        ("quantize.dynamic", "convolution", "convolutions"),
    ],
)
def test_reasons_are_plain_words(step: str, net: str, words: str, tmp_path: Path) -> None:
    made = networks.Net()
    if net == "convolution":
        made.conv("x", "only", 8, 3)
        made.nodes[-1].output[0] = "y"
        model = made.model({"x": ["N", 3, 8, 8]}, {"y": ["N", 8, 8, 8]})
    else:
        made.op("Gather", [made.weight("table.weight", 40, 8), "x"], "y")
        model = made.model({"x": ["N", 4]}, {"y": ["N", 4, 8]}, integer=True)
    spec = load_steps().get(step)
    assert spec.applies is not None
    path = save(model, tmp_path / "model.onnx")
    verdict = spec.applies(inspect(path), spec.params.read({}))
    assert not verdict.ok
    assert words in verdict.reason
    assert verdict.hint


@pytest.mark.assets
@pytest.mark.parametrize("name", ["lstm_voice5/lstm_voice5", "transformer_langid/transformer_langid_dynamo_op20"])
def test_real_networks_get_no_wrong_no(name: str, assets: Path, tmp_path: Path) -> None:
    path = assets / "models" / f"{name}.onnx"
    for spec in STEPS:
        check(spec, path, tmp_path)


def test_facts_of_a_program_that_is_not_converted_yet_say_yes() -> None:
    for spec in STEPS:
        assert spec.applies is not None
        assert spec.applies({"file": "x.pt2", "parameters": 12}, spec.params.read({})).ok
