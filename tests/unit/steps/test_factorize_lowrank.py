"""factorize.lowrank: equal at full rank, best at lower ones, refusals with reasons."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.errors import Cancelled, Refused
from compress_studio.graph.layers import weight_layers
from compress_studio.graph.saving import load, save
from compress_studio.graph.session import open_session, run
from compress_studio.graph.statistics import Moments
from compress_studio.spec.data import Part
from compress_studio.spec.ports import OnnxNet
from compress_studio.steps.factorize_lowrank import FactorizeLowrankParams, factorize_lowrank
from compress_studio.steps.kernels import lowrank, lowrank_ranks
from compress_studio.steps.kernels.lowrank_graph import as_matrix, put_product, put_spatial, set_bias
from tests.toys import networks
from tests.toys.context import ToyContext, ToyData

CONV = "y = Conv <kernel_shape = [3, 5], pads = [1, 2, 0, 1], strides = [2, 1], dilations = [1, 2]> (x, w, b)"
SAME = 'y = Conv <kernel_shape = [3, 3], auto_pad = "SAME_UPPER", strides = [1, 2]> (x, w)'
GEMM = "y = Gemm <transB = 1, alpha = 0.5, beta = 2.0> (x, w, b)"
PLAIN_GEMM = "y = Gemm (x, w)"
MATMUL = "y = MatMul (x, w)"
LAYERS = {
    "conv": (CONV, "float[N, 6, 9, 11] x", "float[N, 8, H, W] y", (8, 6, 3, 5)),
    "same": (SAME, "float[N, 6, 9, 11] x", "float[N, 8, H, W] y", (8, 6, 3, 3)),
    "gemm": (GEMM, "float[N, 12] x", "float[N, 10] y", (10, 12)),
    "plain_gemm": (PLAIN_GEMM, "float[N, 12] x", "float[N, 10] y", (12, 10)),
    "matmul": (MATMUL, "float[N, T, 12] x", "float[N, T, 10] y", (12, 10)),
}


def one_layer(kind: str, *, rank: int | None = None) -> ir.Model:
    text, given_, wanted, shape = LAYERS[kind]
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g ({given_}) => ({wanted}) {{ {text} }}')
    rng = np.random.default_rng(0)
    weight = rng.standard_normal(shape)
    if rank is not None:
        flat = weight.reshape(shape[0], -1)
        left, singular, right = np.linalg.svd(flat, full_matrices=False)
        weight = ((left[:, :rank] * singular[:rank]) @ right[:rank]).reshape(shape)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight.astype(np.float32), "w"))
    if ", b)" in text:
        out = 8 if "Conv" in text else 10
        model.graph.initializer.append(onnx.numpy_helper.from_array(rng.standard_normal(out).astype(np.float32), "b"))
    return ir.from_proto(model)


def outputs(path: Path, inputs: dict[str, np.ndarray]) -> np.ndarray:
    return next(iter(run(open_session(path), inputs).values()))


def factorized(
    tmp_path: Path, model: ir.Model, data: ToyData | None = None, **values: object
) -> tuple[ToyContext, ToyData, Path, Path]:
    source = save(model, tmp_path / "source" / "model.onnx")
    data = data or ToyData.for_model(model, 80)
    ctx = ToyContext(tmp_path, data)
    result = factorize_lowrank(ctx, FactorizeLowrankParams.read(values), OnnxNet(source))
    return ctx, data, source, result.path


def moments_of(rows: np.ndarray) -> Moments:
    return Moments(len(rows), rows.sum(axis=0), rows.T @ rows)


@pytest.mark.parametrize("kind", LAYERS)
def test_at_full_rank_the_two_layers_equal_the_one(tmp_path: Path, kind: str) -> None:
    model = one_layer(kind)
    source = save(model, tmp_path / "source.onnx")
    inputs = dict(ToyData.for_model(model, 5).inputs)
    one = as_matrix(weight_layers(model)[0])
    spectrum = lowrank.weight_spectrum(one.weight)
    bias = one.bias().copy()
    put_product(model, one, *lowrank.factors(one.weight, spectrum, one.out))
    if one.holds_mean:
        set_bias(model, one, lowrank.corrected_bias(spectrum, one.out, bias, np.arange(one.out)))
    path = save(model, tmp_path / "two.onnx")
    assert len(list(load(path).graph)) == 2
    np.testing.assert_allclose(outputs(path, inputs), outputs(source, inputs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["conv", "same"])
def test_a_column_and_a_row_of_full_rank_equal_the_kernel(tmp_path: Path, kind: str) -> None:
    model = one_layer(kind)
    source = save(model, tmp_path / "source.onnx")
    inputs = dict(ToyData.for_model(model, 5).inputs)
    one = as_matrix(weight_layers(model)[0])
    weight = one.weight.reshape(one.shape)
    put_spatial(model, one, *lowrank.spatial_factors(weight, len(lowrank.spatial_energies(weight))))
    path = save(model, tmp_path / "two.onnx")
    np.testing.assert_allclose(outputs(path, inputs), outputs(source, inputs), rtol=1e-4, atol=1e-4)


@given(st.integers(0, 200), st.integers(1, 6))
def test_the_principal_components_are_the_best_projection_of_the_outputs(seed: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    weight, x = rng.standard_normal((7, 5)), rng.standard_normal((60, 5)) * rng.random(5)
    bias = rng.standard_normal(7)
    y = x @ weight.T + bias
    moments = moments_of(y)

    def error(spectrum: lowrank.Spectrum) -> float:
        first, second = lowrank.factors(weight, spectrum, rank)
        return float(
            np.square(x @ (second @ first).T + lowrank.corrected_bias(spectrum, rank, bias, moments.mean) - y).sum()
        )

    best = error(lowrank.output_spectrum(weight, moments, centred=True))
    assert best <= error(lowrank.weight_spectrum(weight)) * (1 + 1e-2) + 1e-6


@given(st.integers(0, 200), st.floats(0.1, 0.9))
def test_ranks_by_energy_stay_within_the_budget_and_spare_flat_spectra(seed: int, ratio: float) -> None:
    rng = np.random.default_rng(seed)
    budgets = [
        lowrank_ranks.Budget(np.sort(rng.random(size) ** 4)[::-1], 2 * size, size * size, size // 2)
        for size in rng.integers(8, 40, 4)
    ]
    ranks = lowrank_ranks.energy_ranks(budgets, ratio)
    used = sum(one.per_rank * rank if rank else one.whole for one, rank in zip(budgets, ranks, strict=True))
    least = sum(one.per_rank for one in budgets)
    assert used <= max(ratio * sum(one.whole for one in budgets), least) + 1e-9
    assert all(0 <= rank <= one.largest for one, rank in zip(budgets, ranks, strict=True))


@pytest.mark.parametrize(
    ("rank", "largest", "multiple", "wanted"),
    [
        (37, 90, None, 32),
        (41, 90, None, 48),
        (41, 45, None, 32),
        (19, 90, None, 16),
        (9, 90, None, 8),
        (3, 9, None, 3),
        (37, 90, 8, 40),
        (2, 90, 16, 16),
        (2, 5, 16, 2),
    ],
)
def test_ranks_are_rounded_and_never_too_large(rank: int, largest: int, multiple: int | None, wanted: int) -> None:
    assert lowrank_ranks.rounded(rank, largest, multiple) == wanted


def test_a_layer_of_low_rank_loses_nothing(tmp_path: Path) -> None:
    _, data, source, path = factorized(tmp_path, one_layer("gemm", rank=3), ratio=0.6, multiple=1)
    np.testing.assert_allclose(
        outputs(path, dict(data.inputs)), outputs(source, dict(data.inputs)), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("method", ["pca", "svd", "spatial"])
@pytest.mark.parametrize("scope", ["energy", "layer"])
def test_parameters_fall_and_every_layer_is_accounted_for(tmp_path: Path, method: str, scope: str) -> None:
    source = networks.residual_net()
    layers = len(weight_layers(source))
    before = sum(layer.array.size for layer in weight_layers(source))
    ctx, data, _, path = factorized(tmp_path, source, method=method, scope=scope, ratio=0.4)
    changed, total = ctx.changes[0]
    assert changed + len(ctx.skipped) == total == layers
    assert sum(layer.array.size for layer in weight_layers(load(path))) < before
    names = [layer.name for layer in weight_layers(load(path))]
    assert sum(name.endswith(".a") for name in names) == sum(name.endswith(".b") for name in names) == changed
    assert Part.TEST not in data.asked


@pytest.mark.parametrize(("name", "word"), [("depthwise", "depthwise"), ("lstm", "recurrent"), ("tied", "shares")])
def test_layers_that_cannot_be_two_have_their_reason(tmp_path: Path, name: str, word: str) -> None:
    source = save(networks.ALL[name](), tmp_path / "source" / "model.onnx")
    ctx = ToyContext(tmp_path, ToyData.for_model(load(source)))
    with contextlib.suppress(Refused):
        factorize_lowrank(ctx, FactorizeLowrankParams(), OnnxNet(source))
    assert any(word in reason for _, reason in ctx.skipped)


def test_random_inputs_are_said_for_pca_only(tmp_path: Path) -> None:
    source = save(one_layer("gemm", rank=3), tmp_path / "source" / "model.onnx")
    for method, said in [("pca", True), ("svd", False)]:
        data = ToyData.for_model(load(source), 80)
        data.synthetic = True
        ctx = ToyContext(tmp_path, data)
        factorize_lowrank(ctx, FactorizeLowrankParams.read({"method": method, "ratio": 0.6}), OnnxNet(source))
        assert ("synthetic_data" in ctx.codes) == said


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    source = save(networks.conv_net(), tmp_path / "source" / "model.onnx")
    ctx = ToyContext(tmp_path, ToyData.for_model(load(source)))
    ctx.cancel()
    with pytest.raises(Cancelled):
        factorize_lowrank(ctx, FactorizeLowrankParams(), OnnxNet(source))


def test_fitting_on_data_makes_up_for_thin_layers_before(tmp_path: Path) -> None:
    def noise(folder: str, *, refit: bool) -> float:
        (tmp_path / folder).mkdir()
        source = deep_net()
        samples = np.random.default_rng(1).standard_normal((400, 4, 8, 8)).astype(np.float32)
        data = ToyData({"x": samples})
        _, _, before, after = factorized(tmp_path / folder, source, data=data, ratio=0.5, refit=refit)
        want, got = (outputs(one, {"x": samples}) for one in (before, after))
        return float(np.square(want - got).mean() / want.var())

    fitted, plain = noise("fitted", refit=True), noise("plain", refit=False)
    assert fitted < 0.97 * plain


def deep_net() -> ir.Model:
    """Five convolutions in a row, each wide enough to be factorized."""
    net, x = networks.Net(), "x"
    for number in range(5):
        x = net.relu(net.conv(x, f"conv{number}", 16, 16 if number else 4))
    net.gemm(net.op("Flatten", [net.op("GlobalAveragePool", [x], "pool")], "flat"), "fc", 8, 16, "y")
    return net.model({"x": ["N", 4, 8, 8]}, {"y": ["N", 8]})


def test_few_samples_to_calibrate_with_are_joined_by_some_to_tune_with(tmp_path: Path) -> None:
    data = ToyData({"x": np.random.default_rng(0).standard_normal((100, 4, 8, 8)).astype(np.float32)})
    factorized(tmp_path, deep_net(), data=data)
    assert set(data.asked) == {Part.CALIBRATE, Part.TUNE}


def test_ranks_lie_on_the_grid_and_use_the_room() -> None:
    energies = 0.8 ** np.arange(64)
    budgets = [lowrank_ranks.Budget(energies, 128, 4096, 31) for _ in range(4)]
    ranks = lowrank_ranks.energy_ranks(budgets, 0.5)
    used = sum(128 * rank if rank else 4096 for rank in ranks)
    assert all(rank == lowrank_ranks.rounded(rank, 31, None) for rank in ranks)
    assert 0.4 * 4 * 4096 < used <= 0.5 * 4 * 4096
