"""cluster.weights: exact clusters, small files, folded at load, zeros kept."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.errors import Cancelled, Refused
from compress_studio.graph.canonical import canonicalize
from compress_studio.graph.layers import set_array, weight_layers
from compress_studio.graph.saving import load, save
from compress_studio.graph.session import open_session
from compress_studio.graph.weights import find_weights, logical_size, zeros
from compress_studio.spec.ports import OnnxNet
from compress_studio.steps.cluster_weights import ClusterWeightsParams, cluster_weights
from compress_studio.steps.kernels import palette as palettes
from compress_studio.steps.kernels.palette_store import DIGITS, Form, pack
from tests.toys import networks
from tests.toys.context import ToyContext


def wide_net(opset: int = 17, rows: int = 33) -> ir.Model:
    """A convolution large enough to be worth a palette, whose weights do not fill the last packed integer."""
    text = f"""<ir_version: 8, opset_import: ["" : {opset}]>
    wide (float[N, 7, 5, 5] x) => (float[N, {rows}, 3, 3] y) {{ y = Conv <kernel_shape = [3, 3]> (x, w) }}"""
    return ir.from_proto(_with_weight(onnx.parser.parse_model(text), rows))


def _with_weight(model: onnx.ModelProto, rows: int) -> onnx.ModelProto:
    weight = np.random.default_rng(0).standard_normal((rows, 7, 3, 3)).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    return model


def clustered(tmp_path: Path, model: ir.Model, **values: object) -> tuple[ToyContext, Path, Path]:
    source = save(model, tmp_path / "source" / "model.onnx")
    ctx = ToyContext(tmp_path)
    result = cluster_weights(ctx, ClusterWeightsParams.read(values), OnnxNet(source))
    return ctx, source, result.path


def folded_operators(path: Path, tmp_path: Path) -> list[str]:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "folded.onnx")
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node]


def effective_weight(path: Path, tmp_path: Path) -> np.ndarray:
    """The weight that the runtime computes with."""
    folded_operators(path, tmp_path)
    model = onnx.load(tmp_path / "folded.onnx")
    name = next(node.input[1] for node in model.graph.node if node.op_type == "Conv")
    return next(onnx.numpy_helper.to_array(one) for one in model.graph.initializer if one.name == name)


@given(
    st.lists(
        st.tuples(st.floats(-5, 5, width=16), st.floats(0.01, 3)), min_size=2, max_size=14, unique_by=lambda p: p[0]
    ),
    st.integers(1, 6),
)
def test_the_intervals_are_the_best_there_are(pairs: list[tuple[float, float]], count: int) -> None:
    points, sums = (np.array(column) for column in zip(*sorted(pairs), strict=True))
    count = min(count, len(points))
    edges = palettes.optimal_intervals(points, sums, count)
    assert edges[0] == 0
    assert edges[-1] == len(points)
    assert len(edges) == count + 1

    def error(start: int, end: int) -> float:
        part, mass = points[start:end], sums[start:end]
        return float((mass * (part - np.average(part, weights=mass)) ** 2).sum())

    best = np.full((count + 1, len(points) + 1), np.inf)
    best[0, 0] = 0
    for row in range(1, count + 1):
        for end in range(row, len(points) + 1):
            best[row, end] = min(best[row - 1, start] + error(start, end) for start in range(row - 1, end))
    found = sum(error(start, end) for start, end in pairwise(edges))
    assert found == pytest.approx(best[count, len(points)], abs=1e-7)


@given(st.sampled_from(sorted(DIGITS)), st.integers(1, 70), st.integers(0, 99))
def test_packed_indices_come_back_as_digits(bits: int, size: int, seed: int) -> None:
    indices = np.random.default_rng(seed).integers(0, 1 << bits, size).astype(np.uint8)
    form = Form(bits, native=False)
    packed = pack(indices, form).astype(np.int32)
    digits = packed // (1 << bits) ** np.arange(form.digits) % (1 << bits)
    assert (digits.ravel()[:size] == indices).all()
    assert (packed >= 0).all()


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("opset", [7, 9, 10, 13, 17, 21, 26])
def test_every_form_is_folded_at_load_and_gives_the_clustered_weights(tmp_path: Path, bits: int, opset: int) -> None:
    ctx, source, path = clustered(tmp_path, wide_net(opset), bits=bits)
    assert folded_operators(path, tmp_path) == ["Conv"]
    assert load(path).opset_imports[""] == opset
    before = weight_layers(load(source))[0].array
    after = effective_weight(path, tmp_path)
    noise = float(np.square(before - after).sum() / np.square(before).sum())
    assert 10 * np.log10(1 / noise) == pytest.approx(ctx.facts["sqnr_db_by_layer"]["w"], abs=0.1)  # type: ignore[index, call-overload]
    assert path.stat().st_size < source.stat().st_size * (bits + 3) / 32 + 1300


@pytest.mark.parametrize("scales", ["tensor", "channel"])
def test_the_number_of_values_is_what_the_bits_allow(tmp_path: Path, scales: str) -> None:
    _, _, path = clustered(tmp_path, wide_net(), bits=3, scales=scales)
    weight = effective_weight(path, tmp_path)
    counts = [len(np.unique(row)) for row in weight]
    assert max(counts) <= 8
    if scales == "tensor":
        assert len(np.unique(weight)) == 8


def test_zeros_stay_zeros(tmp_path: Path) -> None:
    model = wide_net()
    layer = weight_layers(model)[0]
    sparse = np.where(np.abs(layer.array) < 0.7, 0, layer.array).astype(np.float32)
    set_array(layer.weight, sparse)
    _, _, path = clustered(tmp_path, model, bits=3)
    after = effective_weight(path, tmp_path)
    assert (after[sparse == 0] == 0).all()
    assert (after[sparse != 0] != 0).all()


def test_one_bit_refuses_a_sparse_layer_with_a_reason(tmp_path: Path) -> None:
    model = wide_net()
    layer = weight_layers(model)[0]
    set_array(layer.weight, np.where(np.abs(layer.array) < 0.7, 0, layer.array).astype(np.float32))
    with pytest.raises(Refused):
        clustered(tmp_path, model, bits=1)


def test_a_clustered_layer_is_still_known_and_not_clustered_again(tmp_path: Path) -> None:
    _, _, path = clustered(tmp_path, wide_net(), bits=4)
    layer = weight_layers(load(path))[0]
    assert layer.key == "w"
    assert "Gather" in layer.through
    ctx = ToyContext(tmp_path)
    with pytest.raises(Refused):
        cluster_weights(ctx, ClusterWeightsParams(), OnnxNet(path))
    assert ctx.skipped == [("w", "is stored as a palette already")]


@pytest.mark.parametrize("name", ["lstm", "transformer", "tied", "residual", "if"])
def test_other_kinds_of_layers_are_clustered_or_have_a_reason(tmp_path: Path, name: str) -> None:
    model = networks.ALL[name]()
    layers = len(weight_layers(model))
    source = save(model, tmp_path / "source" / "model.onnx")
    ctx = ToyContext(tmp_path)
    try:
        result = cluster_weights(ctx, ClusterWeightsParams(), OnnxNet(source))
    except Refused:
        assert len(ctx.skipped) == layers
        return
    changed, total = ctx.changes[0]
    assert changed + len(ctx.skipped) == total == layers
    open_session(result.path)


def test_half_precision_weights_stay_half_precision(tmp_path: Path) -> None:
    model = wide_net()
    value = model.graph.initializers["w"]
    half = value.const_value.numpy().astype(np.float16)  # type: ignore[union-attr]
    set_array(value, half)
    cast = ir.node("Cast", [value], attributes={"to": ir.DataType.FLOAT.value})
    cast.outputs[0].name = "wide"
    model.graph.insert_before(model.graph[0], [cast])
    model.graph[1].replace_input_with(1, cast.outputs[0])
    _, source, path = clustered(tmp_path, model, bits=4)
    assert path.stat().st_size < source.stat().st_size * 0.7
    assert folded_operators(path, tmp_path) == ["Conv"]


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    source = save(wide_net(), tmp_path / "source" / "model.onnx")
    ctx = ToyContext(tmp_path)
    ctx.cancel()
    with pytest.raises(Cancelled):
        cluster_weights(ctx, ClusterWeightsParams(), OnnxNet(source))


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("opset", [9, 17, 21])
def test_parameters_and_zeros_are_counted_as_if_they_were_plain(tmp_path: Path, bits: int, opset: int) -> None:
    model = wide_net(opset)
    if bits > 1:
        layer = weight_layers(model)[0]
        set_array(layer.weight, np.where(np.abs(layer.array) < 0.7, 0, layer.array).astype(np.float32))
    _, _, path = clustered(tmp_path, model, bits=bits)
    counted = [(logical_size(one), zeros(one)) for one in find_weights(load(path))]
    weight = effective_weight(path, tmp_path)
    assert counted == [(weight.size, int((weight == 0).sum()))]


def test_opening_a_clustered_network_keeps_it_small(tmp_path: Path) -> None:
    _, _, path = clustered(tmp_path, wide_net(), bits=2)
    model = load(path)
    canonicalize(model)
    again = save(model, tmp_path / "again.onnx")
    assert again.stat().st_size < path.stat().st_size * 1.2
