"""Agreement with a source: equal networks, known differences, broken outputs, outputs that are no scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from compress_studio.meters import reference as remembered
from compress_studio.meters.agreement import EQUAL_DB, METER
from compress_studio.meters.comparing import divergence
from compress_studio.spec.ports import OnnxNet
from tests.unit.meters.bench import bench, linear, measured

RNG = np.random.default_rng(5)
X = RNG.standard_normal((90, 4)).astype(np.float32)
WEIGHT = RNG.standard_normal((4, 7))


def test_a_network_agrees_with_itself(tmp_path: Path) -> None:
    net = linear(tmp_path, WEIGHT)
    got = measured(METER, bench(tmp_path, net, x_test=X), [net], net)[0]
    assert got["agreement"].value == got["agreement_top5"].value == 1.0
    assert got["kl"].value == 0.0
    assert got["cosine"].value == pytest.approx(1.0)
    assert got["sqnr_db"].value == EQUAL_DB
    assert got["sqnr_db"].detail["equal"] is True


def test_differences_are_what_numpy_says(tmp_path: Path) -> None:
    source = linear(tmp_path, WEIGHT, "source")
    other = WEIGHT + RNG.normal(0, 0.3, WEIGHT.shape)
    subject = linear(tmp_path, other, "subject")
    got = measured(METER, bench(tmp_path, source, x_test=X), [subject], source)[0]
    one, two = X @ WEIGHT.astype(np.float32), X @ other.astype(np.float32)
    assert got["agreement"].value == pytest.approx((one.argmax(1) == two.argmax(1)).mean())
    cosine = (one * two).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    assert got["cosine"].value == pytest.approx(cosine.mean(), rel=1e-5)
    assert got["sqnr_db"].value == pytest.approx(10 * np.log10((one**2).sum() / ((one - two) ** 2).sum()), rel=1e-4)
    p, q = (np.exp(v) / np.exp(v).sum(1, keepdims=True) for v in (one.astype(float), two.astype(float)))
    assert got["kl"].value == pytest.approx((p * np.log(p / q)).sum(1).mean(), rel=1e-3)
    worst = got["cosine"].detail["worst"]
    assert isinstance(worst, list)
    assert worst[0]["name"] == f"x_test[{int(cosine.argmin())}]"  # type: ignore[index, call-overload]
    assert worst[0]["index"] == int(cosine.argmin())  # type: ignore[index, call-overload]


def test_probabilities_need_no_softmax() -> None:
    p, q = np.asarray([[0.5, 0.5]]), np.asarray([[0.25, 0.75]])
    assert divergence(p, q, probabilities=True)[0] == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert divergence(np.log(p), np.log(q), probabilities=False)[0] == pytest.approx(0.5 * np.log(4 / 3))


def test_vectors_are_compared_by_direction_only(tmp_path: Path) -> None:
    for name in ("embedding", "features"):
        net = linear(tmp_path, WEIGHT, name, output=name)
        got = measured(METER, bench(tmp_path, net, x_test=X), [net], net)[0]
        assert "agreement" not in got
        assert got["cosine"].value == pytest.approx(1.0)


def test_one_column_has_no_agreement(tmp_path: Path) -> None:
    net = linear(tmp_path, WEIGHT[:, :1], output="score")
    got = measured(METER, bench(tmp_path, net, x_test=X), [net], net)[0]
    assert "agreement" not in got
    assert "cosine" in got


def test_outputs_that_became_not_a_number_disagree_and_are_counted(tmp_path: Path) -> None:
    source = linear(tmp_path, WEIGHT, "source")
    subject = linear(tmp_path, np.full_like(WEIGHT, np.nan), "subject")
    got = measured(METER, bench(tmp_path, source, x_test=X), [subject], source)[0]
    assert got["agreement"].value == 0.0
    assert got["cosine"].value == 0.0
    assert got["cosine"].detail["nan_outputs"] == 90
    assert "sqnr_db" not in got


def test_a_source_that_gives_no_numbers_has_nothing_to_agree_with(tmp_path: Path) -> None:
    net = linear(tmp_path, np.full_like(WEIGHT, np.nan), "broken-source")
    assert measured(METER, bench(tmp_path, net, x_test=X), [net], net) == [{}]


def test_random_inputs_are_enough(tmp_path: Path) -> None:
    net = linear(tmp_path, WEIGHT, ending=["Softmax"])
    got = measured(METER, bench(tmp_path, net), [net], net)[0]
    assert got["agreement"].value == 1.0
    assert got["agreement"].n == 256


def test_the_reference_runs_once_for_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = linear(tmp_path, WEIGHT, "only-once")
    context = bench(tmp_path, net, x_test=X)
    first = METER.run(context, [net], net)
    opened: list[Path] = []
    monkeypatch.setattr(remembered, "open_network", lambda path, threads: opened.append(path))
    assert METER.run(context, [net], net) == first
    assert opened == []


def test_another_export_is_compared_by_place_when_names_and_float_types_differ(tmp_path: Path) -> None:
    source = linear(tmp_path, WEIGHT, "source")
    model = onnx.load(source.path)
    model.graph.node[0].input[0] = model.graph.input[0].name = "input.1"
    model.graph.node[0].output[0] = model.graph.output[0].name = "result"
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(WEIGHT.astype(np.float16), "w"))
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    half = OnnxNet(tmp_path / "half.onnx", "half")
    onnx.save(model, half.path)
    got = measured(METER, bench(tmp_path, source, x_test=X), [half], source)[0]
    assert got["agreement"].value > 0.95
    assert got["cosine"].value > 0.999


def test_large_outputs_go_to_scratch_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "IN_MEMORY", 100)
    net = linear(tmp_path, WEIGHT, "spilled")
    got = measured(METER, bench(tmp_path, net, x_test=X), [net], net)[0]
    assert got["agreement"].value == 1.0
    assert list(tmp_path.glob("reference-*.npy"))


def test_labels_give_the_change_of_accuracy_on_the_same_samples(tmp_path: Path) -> None:
    source = linear(tmp_path, WEIGHT, "source")
    other = WEIGHT + RNG.normal(0, 0.5, WEIGHT.shape)
    subject = linear(tmp_path, other, "subject")
    labels = RNG.integers(0, 7, len(X))
    got = measured(METER, bench(tmp_path, source, x_test=X, y_test=labels), [subject], source)[0]["top1_change"]
    before, after = ((X @ w.astype(np.float32)).argmax(1) == labels for w in (WEIGHT, other))
    assert got.value == pytest.approx(after.mean() - before.mean())
    assert got.detail["gained"] == int((after & ~before).sum())
    assert got.n == len(X)
