"""Statistics of tensors inside a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import Cancelled, UserError
from compress_studio.graph import statistics
from compress_studio.spec.data import Batch
from tests.toys.networks import Net


@pytest.fixture
def model() -> ir.Model:
    net = Net()
    weight, bias = net.weight("w", 4, 3, 3, 2), net.constant("b", net.rng.standard_normal(4))
    net.op("Conv", ["x", weight, bias], "c", strides=[2, 1], pads=[1, 0, 2, 1], dilations=[2, 1])
    net.op("Relu", ["c"], "r")
    net.op("ReduceMean", ["r"], "y", axes=[2, 3], keepdims=0)
    return net.model({"x": ["N", 3, 7, 6]}, {"y": ["N", 4]})


def batches(count: int = 3, size: int = 5) -> list[Batch]:
    rng = np.random.default_rng(1)
    return [Batch({"x": rng.standard_normal((size, 3, 7, 6)).astype(np.float32)}, None) for _ in range(count)]


def values_of(model: ir.Model, *names: str) -> dict[str, np.ndarray]:
    seen: list[dict[str, np.ndarray]] = []
    statistics.stream(model, names, batches(), seen.append)
    return {name: np.concatenate([one[name] for one in seen]) for name in names}


def test_a_tensor_inside_is_shown_batch_by_batch(model: ir.Model) -> None:
    seen: list[dict[str, np.ndarray]] = []
    count = statistics.stream(model, ["x", "c", "r", "y", "w"], batches(), seen.append)
    assert count == 15
    assert len(seen) == 3
    np.testing.assert_array_equal(seen[0]["r"], np.maximum(seen[0]["c"], 0))
    np.testing.assert_array_equal(seen[2]["x"], batches()[2].inputs["x"])
    np.testing.assert_allclose(seen[1]["y"], seen[1]["r"].mean(axis=(2, 3)), rtol=1e-5)
    assert model.graph.initializers["w"].const_value is not None
    np.testing.assert_array_equal(seen[0]["w"], model.graph.initializers["w"].const_value.numpy())


def test_the_network_itself_stays_as_it_was(model: ir.Model) -> None:
    before = ir.to_proto(model).SerializeToString()
    statistics.extremes(model, ["c"], batches())
    assert ir.to_proto(model).SerializeToString() == before


def test_an_unknown_tensor_is_named(model: ir.Model) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        statistics.stream(model, ["c", "nowhere"], batches(), lambda _: None)


def test_data_that_do_not_fit_are_a_user_error(model: ir.Model) -> None:
    with pytest.raises(UserError, match="does not run on these data"):
        statistics.stream(model, ["c"], [Batch({"x": np.zeros((1, 2, 7, 6), np.float32)}, None)], lambda _: None)


def test_a_cancel_stops_before_the_next_batch(model: ir.Model) -> None:
    seen: list[int] = []

    def check() -> None:
        if seen:
            raise Cancelled

    with pytest.raises(Cancelled):
        statistics.stream(model, ["c"], batches(), lambda _: seen.append(1), check=check)
    assert seen == [1]


def test_extremes_equal_those_of_all_values(model: ir.Model) -> None:
    values = values_of(model, "x", "c", "r")
    found = statistics.extremes(model, ["x", "c", "r"], batches())
    for name, array in values.items():
        assert found[name] == pytest.approx((array.min(), array.max()))


def test_second_moments_equal_those_of_all_rows(model: ir.Model) -> None:
    rows = np.moveaxis(values_of(model, "r")["r"], 1, -1).reshape(-1, 4).astype(np.float64)
    found = statistics.second_moments(model, {"r": 1}, batches())["r"]
    assert found.count == len(rows)
    np.testing.assert_allclose(found.second, rows.T @ rows, rtol=1e-4)
    np.testing.assert_allclose(found.covariance, np.cov(rows.T, bias=True), rtol=1e-3, atol=1e-5)


def test_patches_times_weights_are_the_convolution(model: ir.Model) -> None:
    values = values_of(model, "x", "c")
    rows = statistics.patch_rows([3, 2], [2, 1], [1, 0, 2, 1], [2, 1])(values["x"])
    weight, bias = (model.graph.initializers[name].const_value.numpy() for name in "wb")  # type: ignore[union-attr]
    product = rows @ weight.reshape(4, -1).T + bias
    expected = np.moveaxis(values["c"], 1, -1)
    np.testing.assert_allclose(product.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)


def test_patches_in_pieces_give_the_same_moments(model: ir.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = statistics.patch_rows([3, 2], pads=[1, 0, 1, 1])
    whole = statistics.second_moments(model, {"x": rows}, batches())["x"]
    monkeypatch.setattr(statistics, "ROWS_AT_ONCE", 1)
    pieces = statistics.second_moments(model, {"x": rows}, batches())["x"]
    assert pieces.count == whole.count
    np.testing.assert_allclose(pieces.second, whole.second, rtol=1e-4, atol=1e-3)


def test_channel_norms_are_the_norms_over_all_samples(model: ir.Model) -> None:
    array = values_of(model, "c")["c"].astype(np.float64)
    found = statistics.channel_norms(model, {"c": 1}, batches())["c"]
    np.testing.assert_allclose(found, np.sqrt((array**2).sum(axis=(0, 2, 3))), rtol=1e-5)


def test_only_one_batch_is_alive_at_a_time(model: ir.Model) -> None:
    import weakref

    alive: list[weakref.ref[np.ndarray]] = []

    def source() -> Iterator[Batch]:
        for _ in range(6):
            assert sum(one() is not None for one in alive) <= 2
            batch = batches(1)[0]
            alive.append(weakref.ref(batch.inputs["x"]))
            yield batch
            del batch

    statistics.stream(model, ["r"], source(), lambda _: None)


def test_weights_in_a_second_file_are_found(model: ir.Model, tmp_path: Path) -> None:
    ir.save(model, tmp_path / "net.onnx", external_data="net.data")
    loaded = ir.load(tmp_path / "net.onnx")
    found = statistics.extremes(loaded, ["c", "r"], batches())
    assert found == statistics.extremes(model, ["c", "r"], batches())
