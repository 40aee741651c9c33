"""prune.weights: exact counts, criteria, guards, reasons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.digest import digest_file
from compress_studio.base.errors import BadInput, Cancelled, Refused
from compress_studio.graph.layers import weight_layers
from compress_studio.graph.saving import load, save
from compress_studio.spec.data import Part
from compress_studio.spec.ports import OnnxNet
from compress_studio.steps.kernels import thresholds, weight_scores
from compress_studio.steps.prune_weights import PruneWeightsParams, prune_weights
from tests.toys import networks
from tests.toys.context import ToyContext, ToyData


def pruned(tmp_path: Path, model: ir.Model, **values: object) -> tuple[ToyContext, ir.Model]:
    source = save(model, tmp_path / "source" / "model.onnx")
    before = digest_file(source)
    ctx = ToyContext(tmp_path, ToyData.for_model(model))
    result = prune_weights(ctx, PruneWeightsParams.read(values), OnnxNet(source))
    assert digest_file(source) == before
    return ctx, load(result.path)


def zeros(model: ir.Model) -> dict[str, int]:
    return {layer.name: int((layer.array == 0).sum()) for layer in weight_layers(model)}


@given(
    st.lists(st.lists(st.sampled_from([0.0, 1e-30, 0.25, 1.0, 1.5, 3e30, np.inf]), min_size=1, max_size=9), min_size=1),
    st.floats(0, 1),
)
def test_exactly_the_smallest_scores_are_chosen_and_the_first_among_equals(
    rows: list[list[float]], share: float
) -> None:
    scores = [np.array(row, np.float32) for row in rows]
    together = np.concatenate(scores)
    count = round(share * len(together))
    masks = np.concatenate(thresholds.smallest(scores, count))
    expected = np.zeros(len(together), bool)
    expected[np.argsort(together, kind="stable")[:count]] = True
    assert (masks == expected).all()


def test_a_share_of_a_row_is_never_the_whole_row() -> None:
    scores = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert (thresholds.smallest_per_row(scores, 0.99, 0).sum(axis=1) == 3).all()
    assert (thresholds.smallest_per_row(scores, 0.5, 1).sum(axis=0) == 2).all()


def test_the_adaptive_balance_keeps_the_order_within_a_layer_and_ignores_its_scale() -> None:
    scores = np.abs(np.random.default_rng(0).standard_normal((5, 7))).astype(np.float32)
    adapted = weight_scores.layer_adaptive(scores)
    assert (np.argsort(adapted.ravel()) == np.argsort(scores.ravel())).all()
    assert np.allclose(adapted, weight_scores.layer_adaptive(scores * 1000), rtol=1e-5)
    assert adapted.max() == pytest.approx(1.0)


@pytest.mark.parametrize("balance", ["adaptive", "none"])
def test_the_share_of_zeros_is_exact_over_all_layers(tmp_path: Path, balance: str) -> None:
    ctx, model = pruned(tmp_path, networks.conv_net(), sparsity=0.37, balance=balance)
    size = sum(layer.array.size for layer in weight_layers(model))
    assert sum(zeros(model).values()) == round(0.37 * size)
    assert ctx.changes == [(len(weight_layers(model)),) * 2]
    assert ctx.facts["zeros"] == round(0.37 * size)


def test_every_layer_loses_the_same_share_with_scope_layer(tmp_path: Path) -> None:
    _, model = pruned(tmp_path, networks.conv_net(), sparsity=0.5, scope="layer")
    for layer in weight_layers(model):
        assert (layer.array == 0).sum() == round(0.5 * layer.array.size)


def test_weights_below_a_limit_go(tmp_path: Path) -> None:
    source = networks.mlp()
    before = {layer.name: layer.array.copy() for layer in weight_layers(source)}
    _, model = pruned(tmp_path, source, mode="threshold", threshold=0.1)
    for layer in weight_layers(model):
        expected = np.where(np.abs(before[layer.name]) < 0.1, 0, before[layer.name])
        assert (layer.array == expected).all()


def test_no_layer_loses_everything(tmp_path: Path) -> None:
    ctx, model = pruned(tmp_path, networks.conv_net(), mode="threshold", threshold=10.0)
    assert all((layer.array != 0).sum() == 1 for layer in weight_layers(model))
    assert "layer_nearly_empty" in ctx.codes


def test_wanda_keeps_the_weights_of_strong_inputs(tmp_path: Path) -> None:
    source = networks.mlp()
    name = source.graph.inputs[0].name or ""
    data = ToyData.for_model(source)
    strong = data.inputs[name].copy()
    strong[:, 0] *= 1000
    path = save(source, tmp_path / "source" / "model.onnx")
    ctx = ToyContext(tmp_path, ToyData({name: strong}))
    params = PruneWeightsParams.read({"criterion": "wanda", "scope": "layer", "sparsity": 0.5})
    model = load(prune_weights(ctx, params, OnnxNet(path)).path)
    first = weight_layers(model)[0]
    kept = np.moveaxis(first.array, first.in_axis, 0)[0]
    assert (kept != 0).all()
    assert set(ctx.data.asked) <= {Part.CALIBRATE}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "make", [networks.depthwise_net, networks.lstm_net, networks.transformer, networks.tied_net, networks.residual_net]
)
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_wanda_runs_on_every_kind_of_layer(tmp_path: Path, make: object, scope: str) -> None:
    ctx, _ = pruned(tmp_path, make(), criterion="wanda", scope=scope)  # type: ignore[operator]
    assert ctx.changes[0][0] > 0


def test_a_shared_weight_is_pruned_once_and_counts_in_both_layers(tmp_path: Path) -> None:
    source = networks.tied_net()
    shared = [layer for layer in weight_layers(source) if len(layer.weight.uses()) > 1]
    ctx, model = pruned(tmp_path, source, sparsity=0.5, scope="layer", embeddings=True)
    assert len(shared) >= 2
    after = next(layer for layer in weight_layers(model) if layer.key == shared[0].key)
    assert (after.array == 0).sum() == round(0.5 * after.array.size)
    assert ctx.changes == [(len(weight_layers(model)),) * 2]


def test_embeddings_are_left_alone_unless_asked(tmp_path: Path) -> None:
    ctx, _ = pruned(tmp_path, networks.transformer())
    assert any("embeddings" in reason for _, reason in ctx.skipped)
    more, _ = pruned(tmp_path / "more", networks.transformer(), embeddings=True)
    assert more.changes[0][0] > ctx.changes[0][0]


def test_named_layers_are_left_alone_and_a_wrong_name_is_explained(tmp_path: Path) -> None:
    source = networks.conv_net()
    first = weight_layers(source)[0].name
    before = weight_layers(source)[0].array.copy()
    ctx, model = pruned(tmp_path, source, skip=[first])
    assert (weight_layers(model)[0].array == before).all()
    assert (first, "left out as asked") in ctx.skipped
    with pytest.raises(BadInput, match="no layer called nothing"):
        pruned(tmp_path, networks.conv_net(), skip=["nothing"])


def test_half_precision_weights_behind_a_cast_are_pruned_in_half_precision(tmp_path: Path) -> None:
    source = networks.mlp()
    layer = weight_layers(source)[0]
    half = ir.Value(name="half", const_value=ir.Tensor(layer.array.astype(np.float16), name="half"))
    half.shape, half.type = ir.Shape(layer.array.shape), ir.TensorType(ir.DataType.FLOAT16)
    source.graph.register_initializer(half)
    cast = ir.node("Cast", [half], attributes={"to": ir.DataType.FLOAT.value}, name="widen")
    cast.outputs[0].name = "wide"
    source.graph.insert_before(source.graph[0], [cast])
    layer.node.replace_input_with(layer.index, cast.outputs[0])
    _, model = pruned(tmp_path, source, sparsity=0.5, scope="layer")
    after = weight_layers(model)[0]
    assert after.array.dtype == np.float16
    assert (after.array == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_a_layer_with_numbers_that_are_not_finite_is_left_alone_with_a_reason(tmp_path: Path) -> None:
    source = networks.mlp()
    layer = weight_layers(source)[0]
    broken = layer.array.copy()
    broken.ravel()[0] = np.nan
    layer.weight.const_value = ir.Tensor(broken, name=layer.key)
    ctx, _ = pruned(tmp_path, source)
    assert (layer.name, "holds numbers that are not finite") in ctx.skipped


def test_a_network_without_weights_is_refused_with_a_hint(tmp_path: Path) -> None:
    relu = ir.from_onnx_text(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }'
    )
    with pytest.raises(Refused) as caught:
        pruned(tmp_path, relu)
    assert caught.value.hint


def test_random_inputs_are_said_when_the_result_depends_on_data(tmp_path: Path) -> None:
    source = networks.mlp()
    path = save(source, tmp_path / "source" / "model.onnx")
    data = ToyData.for_model(source)
    data.synthetic = True
    for criterion, said in [("wanda", True), ("magnitude", False)]:
        ctx = ToyContext(tmp_path, data)
        prune_weights(ctx, PruneWeightsParams.read({"criterion": criterion}), OnnxNet(path))
        assert ("synthetic_data" in ctx.codes) == said


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    source = networks.mlp()
    path = save(source, tmp_path / "source" / "model.onnx")
    ctx = ToyContext(tmp_path, ToyData.for_model(source))
    ctx.cancel()
    with pytest.raises(Cancelled):
        prune_weights(ctx, PruneWeightsParams(), OnnxNet(path))
