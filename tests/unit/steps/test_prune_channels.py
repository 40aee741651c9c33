"""The step prune.channels on small networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import BadInput, Cancelled, Refused
from compress_studio.graph.saving import save
from compress_studio.graph.session import open_session, run
from compress_studio.spec.data import Part
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import spec_of
from compress_studio.steps.kernels import channel_plan
from compress_studio.steps.prune_channels import PruneChannelsParams, prune_channels
from tests.toys import networks
from tests.toys.context import ToyContext, ToyData

Prune = Callable[..., tuple[ir.Model, ToyContext]]


@pytest.fixture
def prune(tmp_path: Path) -> Prune:
    """Run the step on a model; returns the new model and what was said."""

    def go(
        model: ir.Model, *, synthetic: bool = False, fixed_batch: int | None = None, **values: object
    ) -> tuple[ir.Model, ToyContext]:
        data = ToyData.for_model(model, 200)
        data.synthetic = synthetic
        data.fixed_batch = fixed_batch
        ctx = ToyContext(tmp_path, data)
        path = save(model, tmp_path / f"source{len(list(tmp_path.iterdir()))}.onnx")
        result = prune_channels(ctx, PruneChannelsParams.read(values), OnnxNet(path))
        assert Part.TEST not in data.asked
        return ir.load(result.path), ctx

    return go


def share(ctx: ToyContext) -> float:
    return 1 - ctx.facts["macs_after"] / ctx.facts["macs_before"]  # type: ignore[operator]


def shape(model: ir.Model, name: str) -> tuple[int, ...]:
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    return tuple(int(size) for size in tensor.shape.numpy())


@pytest.mark.parametrize("name", ["conv", "residual", "depthwise", "mlp"])
@pytest.mark.parametrize("amount", [0.2, 0.5])
def test_the_wanted_share_of_the_work_goes(prune: Prune, name: str, amount: float) -> None:
    _, ctx = prune(networks.ALL[name](), amount=amount)
    assert share(ctx) >= amount - 0.02
    assert "amount_not_reached" not in ctx.codes
    assert ctx.facts["proof_difference"] <= 1e-4 * ctx.facts["proof_scale"]  # type: ignore[operator]


@pytest.mark.parametrize("scope", ["uniform", "global"])
@pytest.mark.parametrize("criterion", ["l1", "l2", "bn", "taylor"])
def test_every_criterion_gives_a_network_of_the_same_interface(prune: Prune, criterion: str, scope: str) -> None:
    source = networks.residual_net()
    model, ctx = prune(source, amount=0.4, criterion=criterion, scope=scope)
    assert [value.name for value in model.graph.inputs] == ["x"]
    assert [value.name for value in model.graph.outputs] == ["y"]
    x = np.zeros((5, 3, 8, 8), np.float32)
    assert run(open_session(model), {"x": x})["y"].shape == (5, 4)
    assert len(ctx.changes) == 1
    assert 0 < ctx.changes[0][0] <= ctx.changes[0][1]


def test_facts_count_the_real_work(prune: Prune) -> None:
    model, ctx = prune(networks.mlp(), amount=0.3, repair="none")
    weights = [shape(model, name) for name in ("fc1.weight", "fc2.weight", "fc3.weight")]
    assert ctx.facts["macs_before"] == 12 * 32 + 32 * 24 + 24 * 5
    assert ctx.facts["macs_after"] == sum(a * b for a, b in weights)


def test_frozen_layers_are_told_with_their_reason(prune: Prune) -> None:
    _, ctx = prune(networks.transformer(), amount=0.2)
    reasons = dict(ctx.skipped)
    assert reasons["head"] == "its channels are the network's output y"
    assert "LayerNormalization" in reasons["attn.out"]


def test_layers_can_be_left_alone_by_pattern(prune: Prune) -> None:
    model, ctx = prune(networks.conv_net(), amount=0.2, skip=("conv*",))
    assert shape(model, "conv1.weight")[0] == 8
    assert shape(model, "fc1.weight")[0] < 32
    assert dict(ctx.skipped)["conv2"] == "left alone by choice"


def test_a_pattern_without_a_layer_is_a_mistake(prune: Prune) -> None:
    with pytest.raises(BadInput, match="there is no such layer"):
        prune(networks.conv_net(), skip=("nothing*",))


def test_a_network_without_free_channels_is_refused_with_the_reason(prune: Prune) -> None:
    with pytest.raises(Refused, match="feed back into themselves") as caught:
        prune(networks.lstm_net())
    assert "factorize.lowrank" in caught.value.hint


def test_bn_without_batch_norm_is_refused(prune: Prune) -> None:
    with pytest.raises(Refused, match="no batch normalization"):
        prune(networks.conv_net(), criterion="bn")


def test_an_amount_out_of_reach_is_a_warning(prune: Prune) -> None:
    _, ctx = prune(networks.transformer(), amount=0.9)
    message = dict(ctx.warnings)["amount_not_reached"]
    assert "not 90%" in message
    assert "must stay" in message


def test_counts_are_multiples(prune: Prune) -> None:
    net = networks.Net(3)
    x = net.relu(net.conv("x", "a", 64, 3))
    x = net.relu(net.conv(x, "b", 64, 64))
    net.gemm(net.op("Flatten", [net.op("GlobalAveragePool", [x], "pool")], "flat"), "fc", 4, 64, "y")
    model = net.model({"x": ["N", 3, 6, 6]}, {"y": ["N", 4]})
    result, _ = prune(model, amount=0.4, multiple=16)
    assert shape(result, "a.weight")[0] % 16 == 0
    assert shape(result, "b.weight")[0] % 16 == 0


def test_small_groups_stay_prunable(prune: Prune) -> None:
    result, _ = prune(networks.residual_net(), amount=0.5, multiple=16)
    assert shape(result, "block1.conv1.weight")[0] < 16


def test_the_minimum_is_kept(prune: Prune) -> None:
    result, _ = prune(networks.mlp(), amount=0.95, minimum=0.5, multiple=1)
    assert shape(result, "fc1.weight")[0] >= 16


def test_nothing_asked_nothing_removed(prune: Prune) -> None:
    source = networks.mlp()
    result, ctx = prune(source, amount=0.0)
    assert shape(result, "fc1.weight") == shape(source, "fc1.weight")
    assert ctx.changes == [(0, 3)]


@pytest.mark.parametrize("name", ["residual", "conv", "depthwise", "mlp"])
def test_repair_brings_the_outputs_nearer(prune: Prune, name: str) -> None:
    source = networks.ALL[name](5)
    data = ToyData.for_model(source, 64, seed=9).inputs
    expected = run(open_session(source), data)["y"]

    def error(repair: str) -> float:
        model, _ = prune(networks.ALL[name](5), amount=0.4, repair=repair)
        return float(np.square(run(open_session(model), data)["y"] - expected).mean())

    none, statistics, squares = error("none"), error("statistics"), error("least_squares")
    assert squares < 0.8 * none
    assert statistics < 1.05 * none


@pytest.mark.parametrize("name", ["depthwise", "mlp"])
@pytest.mark.parametrize("repair", ["least_squares", "statistics"])
def test_repair_is_as_good_when_samples_come_one_at_a_time(prune: Prune, name: str, repair: str) -> None:
    source = networks.ALL[name](5)
    data = ToyData.for_model(source, 64, seed=9).inputs
    expected = run(open_session(source), data)["y"]

    def error(fixed_batch: int | None, kind: str) -> float:
        model, _ = prune(networks.ALL[name](5), amount=0.4, repair=kind, fixed_batch=fixed_batch)
        return float(np.square(run(open_session(model), data)["y"] - expected).mean())

    assert error(1, repair) < 1.2 * error(None, repair)
    assert error(1, repair) < 1.05 * error(None, "none")


def test_without_data_nothing_is_repaired_and_it_is_said(prune: Prune) -> None:
    one, ctx = prune(networks.conv_net(), synthetic=True)
    other, _ = prune(networks.conv_net(), repair="none")
    assert ctx.codes == ["synthetic_data"]
    assert np.array_equal(
        one.graph.initializers["fc1.weight"].const_value.numpy(),  # type: ignore[union-attr]
        other.graph.initializers["fc1.weight"].const_value.numpy(),  # type: ignore[union-attr]
    )


def test_duplicated_channels_are_restored_exactly(prune: Prune) -> None:
    """Half of the hidden units copy the other half: least squares loses nothing."""
    net = networks.Net(1)
    half = net.rng.standard_normal((16, 6))
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    weight = net.constant("a.weight", np.concatenate([half, half * 0.5]))
    bias = net.constant("a.bias", np.concatenate([np.ones(16), np.ones(16) * 0.5]))
    x = net.relu(net.op("Gemm", ["x", weight, bias], "a.out", transB=1))
    out = net.constant("b.weight", np.sign(net.rng.standard_normal((32, 4))))
    net.op("MatMul", [x, out], "y")
    source = net.model({"x": ["N", 6]}, {"y": ["N", 4]})
    data = ToyData.for_model(source, 32, seed=3).inputs
    expected = run(open_session(source), data)["y"]
    result, ctx = prune(source, amount=0.5, multiple=1)
    assert share(ctx) >= 0.48
    found = run(open_session(result), data)["y"]
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_half_precision_networks(prune: Prune) -> None:
    model = networks.mlp()
    half = ir.to_proto(model)
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted = ir.from_proto(convert_float_to_float16(half))
    result, ctx = prune(converted, amount=0.3)
    assert share(ctx) >= 0.28
    assert result.graph.inputs[0].dtype == ir.DataType.FLOAT16


def test_a_failing_group_is_left_alone(prune: Prune, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong rule for one layer costs that layer only."""
    from compress_studio.graph.channels.rules import RULES

    monkeypatch.setitem(RULES, "Softmax", RULES["Relu"])
    net = networks.Net()
    x = net.op("Softmax", [net.linear("x", "fc1", 16, 6)], "shares", axis=-1)
    x = net.relu(net.linear(x, "fc2", 16, 16))
    net.gemm(x, "fc3", 4, 16, "y")
    result, ctx = prune(net.model({"x": ["N", 6]}, {"y": ["N", 4]}), amount=0.5)
    assert "could not be proved right" in dict(ctx.skipped)["fc1"]
    assert shape(result, "fc1.weight") == (6, 16)
    assert shape(result, "fc2.weight")[1] < 16


def test_the_same_seed_gives_the_same_bytes(prune: Prune) -> None:
    one, _ = prune(networks.residual_net())
    two, _ = prune(networks.residual_net())
    assert ir.to_proto(one).SerializeToString() == ir.to_proto(two).SerializeToString()


def test_it_stops_when_asked(tmp_path: Path) -> None:
    model = networks.conv_net()
    ctx = ToyContext(tmp_path, ToyData.for_model(model, 60))
    ctx.cancel_at = 3
    with pytest.raises(Cancelled):
        prune_channels(ctx, PruneChannelsParams(), OnnxNet(save(model, tmp_path / "source.onnx")))


def test_the_declaration_is_complete() -> None:
    spec = spec_of(prune_channels)
    assert (spec.id, spec.title) == ("prune.channels", "Remove channels")
    assert spec.needs_data
    assert spec.summary
    assert all(one.ui.label for one in spec.params.fields())


def test_the_factors_of_a_gemm_are_heeded_by_the_repair(prune: Prune) -> None:
    """All hidden units are constant: the bias has to take over what the removed ones gave."""
    net = networks.Net(2)
    weight, bias = net.constant("a.weight", np.zeros((16, 6))), net.constant("a.bias", 1 + net.rng.random(16))
    x = net.relu(net.op("Gemm", ["x", weight, bias], "a.out", transB=1))
    out = net.constant("b.weight", net.rng.standard_normal((4, 16)))
    net.op("Gemm", [x, out, net.constant("b.bias", np.ones(4))], "y", transB=1, alpha=3.0, beta=2.0)
    source = net.model({"x": ["N", 6]}, {"y": ["N", 4]})
    data = ToyData.for_model(source, 8, seed=3).inputs
    expected = run(open_session(source), data)["y"]
    result, _ = prune(source, amount=0.5, multiple=1)
    np.testing.assert_allclose(run(open_session(result), data)["y"], expected, rtol=1e-3)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_thresholds_are_those_of_numpy_to_the_last_bit(kind: type) -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 17, 40):
        scores = np.sort(rng.standard_normal(count).astype(kind))
        shares = [0.0, 0.5, 1.0, *rng.random(50), *(rng.random(20) * 1e-9), *(np.arange(count) / max(count - 1, 1))]
        for share in shares:
            assert channel_plan.quantile(scores, float(share)) == np.quantile(scores, float(share))
