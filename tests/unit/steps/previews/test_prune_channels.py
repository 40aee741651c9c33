"""The preview of prune.channels says what the step then does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compress_studio.base.errors import BadInput, Refused
from tests.toys import networks
from tests.unit.steps.previews.bench import bench, shares

NETS = ("conv", "residual", "depthwise", "mlp", "transformer")
VALUES: list[dict[str, Any]] = [
    {"amount": 0.3, "multiple": 1},
    {"amount": 0.6, "multiple": 4, "scope": "uniform"},
    {"amount": 0.5, "multiple": 1, "criterion": "l1", "minimum": 0.4},
    {"amount": 0.0},
]


@pytest.mark.parametrize("values", VALUES, ids=str)
@pytest.mark.parametrize("net", NETS)
def test_the_predicted_sizes_are_those_of_the_step(net: str, values: dict[str, Any], tmp_path: Path) -> None:
    one = bench("prune.channels", networks.ALL[net](), tmp_path)
    before = one.predict(one.sketch(**values), amount=0.0)
    facts, ctx = one.run(**values)
    said = one.predict(**values)
    assert said.parameters == facts["parameters"]
    assert said.macs == pytest.approx(facts["macs"], rel=0.01)
    assert said.bytes == pytest.approx(facts["bytes"], rel=0.1, abs=600)
    removed: Any = ctx.facts["removed"]
    told = {name: share for name, share in shares(said).items() if share}
    for group, (gone, size) in removed.items():
        first = group.split("#")[0]
        if first in told and group == first:
            assert told[first] == pytest.approx(gone / size, abs=0.51), group
    if removed:
        assert said.parameters < (before.parameters or 0)


def test_a_layer_with_a_share_of_its_own_loses_it_with_all_that_are_joined_to_it(tmp_path: Path) -> None:
    one = bench("prune.channels", networks.conv_net(), tmp_path)
    values: dict[str, Any] = {"amount": 0.2, "multiple": 1, "layers": {"conv2": 0.5, "fc1": 0.0}}
    facts, ctx = one.run(**values)
    assert ctx.facts["removed"]["conv2"] == [8, 16]
    assert "fc1" not in ctx.facts["removed"]
    said = one.predict(**values)
    assert said.parameters == facts["parameters"]
    assert shares(said)["conv2"] == 0.5


def test_a_share_for_a_layer_whose_channels_must_stay_is_answered_with_the_reason(tmp_path: Path) -> None:
    one = bench("prune.channels", networks.conv_net(), tmp_path)
    _, ctx = one.run(amount=0.2, multiple=1, layers={"fc2": 0.5})
    said = dict(ctx.warnings)
    assert "fc2 keeps its channels" in said["layer_stays"]


@pytest.mark.parametrize("where", ["run", "predict"])
def test_a_layer_that_is_not_there_is_refused_with_near_names(where: str, tmp_path: Path) -> None:
    one = bench("prune.channels", networks.conv_net(), tmp_path)
    with pytest.raises(BadInput) as caught:
        getattr(one, where)(layers={"convx": 0.5})
    assert "conv1" in caught.value.hint


def test_a_network_without_prunable_channels_has_no_sketch_and_says_why(tmp_path: Path) -> None:
    net = networks.Net()
    net.gemm("x", "only", 4, 16, "y")
    one = bench("prune.channels", net.model({"x": ["N", 16]}, {"y": ["N", 4]}), tmp_path)
    with pytest.raises(Refused, match="No channels of this network can be removed"):
        one.sketch()


def test_the_shaded_part_of_the_histogram_is_the_number_of_channels_that_go(tmp_path: Path) -> None:
    one = bench("prune.channels", networks.residual_net(), tmp_path)
    _, ctx = one.run(amount=0.5, multiple=1)
    histogram = one.predict(amount=0.5, multiple=1).histogram
    assert histogram is not None
    assert histogram.affected is not None
    gone = sum(pair[0] for pair in ctx.facts["removed"].values())
    assert float((histogram.counts * histogram.affected).sum()) == pytest.approx(gone)
    assert f"{gone:,} of" in histogram.title
