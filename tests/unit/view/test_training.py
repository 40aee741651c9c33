"""Feeding, objectives and the training loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.errors import Refused, UserError
from compress_studio.graph.saving import load, save
from compress_studio.spec.data import Part, Task
from compress_studio.view import feed as feeding
from compress_studio.view import training
from compress_studio.view.feed import Feed
from compress_studio.view.heads import Head, Kind, find_heads
from compress_studio.view.network import TorchView
from compress_studio.view.objectives import Distillation, Rows, Supervised, distance, labels_for
from compress_studio.view.training import Optimizer, Options, Schedule, fit, rate_at, zero_masks
from tests.toys.context import ToyContext, ToyData, ToySplit
from tests.toys.networks import mlp


def numbered(count: int) -> ToySplit:
    """Samples that hold their own number."""
    return ToySplit({"x": np.arange(count, dtype=np.float32)[:, None]}, np.arange(count))


def numbers(batches: list[Rows]) -> list[int]:
    return [int(one) for rows in batches for one in rows.inputs["x"][:, 0]]


@pytest.mark.parametrize("memory", [0, 10**9])
def test_held_out_samples_are_never_trained_on(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "IN_MEMORY", memory)
    monkeypatch.setattr(feeding, "POOL", 3)
    feed = Feed(numbered(160), 8, seed=1)
    held = numbers(list(feed.held_out()))
    for epoch in (1, 2):
        trained = numbers(list(feed.epoch(epoch)))
        assert sorted(held + trained) == list(range(160))
        assert len(trained) == feed.training


def test_epochs_come_in_different_orders_and_again_in_the_same() -> None:
    feed = Feed(numbered(160), 8, seed=1)
    first, second = numbers(list(feed.epoch(1))), numbers(list(feed.epoch(2)))
    assert first != second
    assert first == numbers(list(Feed(numbered(160), 8, seed=1).epoch(1)))
    assert first != numbers(list(Feed(numbered(160), 8, seed=2).epoch(1)))


def test_labels_and_answers_stay_with_their_samples() -> None:
    feed = Feed(numbered(100), 8, seed=0, enrich=lambda inputs: {"t": inputs["x"] * 2})
    for rows in feed.epoch(1):
        assert rows.labels is not None
        assert np.array_equal(rows.labels, rows.inputs["x"][:, 0])
        assert np.array_equal(rows.targets["t"], rows.inputs["x"] * 2)


def test_few_samples_serve_both_purposes_and_none_are_an_error() -> None:
    feed = Feed(numbered(6), 64, seed=0)
    assert feed.shared
    assert sorted(numbers(list(feed.held_out()))) == sorted(numbers(list(feed.epoch(1)))) == list(range(6))
    with pytest.raises(UserError, match="no samples"):
        Feed(numbered(0), 8, seed=0)


def test_sequences_of_different_length_keep_their_batches() -> None:
    class Lengths(ToySplit):
        def batches(self, size, limit=None, shuffle=None):  # type: ignore[no-untyped-def]
            for index, batch in enumerate(super().batches(size, limit, shuffle)):
                yield type(batch)({"x": np.repeat(batch.inputs["x"], index % 3 + 1, 1)}, batch.labels)

    feed = Feed(Lengths({"x": np.arange(80, dtype=np.float32)[:, None]}, None), 8, seed=0)
    assert len(numbers(list(feed.epoch(1)))) == feed.training


@pytest.mark.parametrize("kind", list(Kind))
def test_a_student_that_answers_like_its_teacher_is_at_distance_zero(kind: Kind) -> None:
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    if kind in {Kind.PROBABILITIES, Kind.CHANCES}:
        x = torch.softmax(x, -1)
    head = Head("y", "y", kind, 1, kind)
    assert abs(float(distance(head, x, x, 3.0))) < 1e-6
    assert float(distance(head, x.roll(1, 0), x, 3.0)) > 1e-3


def test_logits_are_compared_with_what_the_teacher_says_behind_its_softmax() -> None:
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    soft = Head("y", "z", Kind.LOGITS, 1, Kind.PROBABILITIES)
    assert abs(float(distance(soft, x, torch.softmax(x, -1), 2.0))) < 1e-6
    chances = Head("y", "z", Kind.SIGMOID, 1, Kind.CHANCES)
    assert abs(float(distance(chances, x, torch.sigmoid(x), 2.0))) < 1e-6


def test_the_gradient_of_distillation_reaches_the_student() -> None:
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    objective = Distillation([Head("y", "y", Kind.LOGITS, 1, Kind.LOGITS)], label_mix=0.5)
    rows = Rows({"x": np.zeros((5, 1))}, np.array([0, 1, 2, 3, 0]), {"y": np.zeros((5, 4), np.float32)})
    objective.loss({"y": x}, rows).backward()
    assert x.grad is not None
    assert bool(x.grad.abs().sum() > 0)


@pytest.mark.parametrize(
    ("kind", "shape", "labels"),
    [
        (Kind.LOGITS, (3, 4), np.array([0, 3, 1])),
        (Kind.LOGITS, (3, 4), np.array([[0], [3], [1]])),
        (Kind.LOGITS, (2, 5, 4), np.zeros((2, 5), np.int64)),
        (Kind.CHANCES, (3, 1), np.array([0, 1, 1])),
        (Kind.SIGMOID, (3, 4), np.array([0, 3, 1])),
        (Kind.VALUES, (3,), np.array([[0.5], [1.0], [2.0]])),
    ],
)
def test_labels_of_usual_shapes_fit(kind: Kind, shape: tuple[int, ...], labels: np.ndarray) -> None:
    head = Head("y", "y", kind, len(shape) - 1, kind)
    x = torch.full(shape, 0.3)
    assert Supervised(head).loss({"y": x}, Rows({"x": np.zeros(shape)}, labels)).ndim == 0


@pytest.mark.parametrize(
    ("kind", "labels", "word"),
    [(Kind.LOGITS, np.array([0, 9]), "classes"), (Kind.LOGITS, np.zeros(5), "fit"), (Kind.VALUES, np.zeros(5), "fit")],
)
def test_labels_that_do_not_fit_are_explained(kind: Kind, labels: np.ndarray, word: str) -> None:
    with pytest.raises(Refused, match=word):
        labels_for(Head("y", "y", kind, 1, kind), torch.zeros(2, 4), labels)


@pytest.mark.parametrize("kind", [Kind.SIGMOID, Kind.CHANCES])
def test_one_class_per_sample_does_not_fit_an_output_of_images(kind: Kind) -> None:
    with pytest.raises(Refused, match="do not fit"):
        labels_for(Head("y", "y", kind, 3, kind), torch.zeros(2, 3, 8, 8), np.array([0, 1]))


@pytest.mark.parametrize("label", [-1, 4])
def test_a_class_that_an_output_of_chances_lacks_is_explained(label: int) -> None:
    with pytest.raises(Refused, match="4 classes"):
        labels_for(Head("y", "y", Kind.SIGMOID, 1, Kind.SIGMOID), torch.zeros(2, 4), np.array([0, label]))


def heads(text: str, shape: tuple[int, ...], task: Task = Task.NONE) -> list[Head]:
    proto = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]> ' + text)
    model = ir.from_proto(proto)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        outputs = TorchView(model)({"x": torch.randn(shape, generator=generator)})
    return find_heads(model, outputs, task)


@pytest.mark.parametrize(
    ("body", "task", "kind", "tensor"),
    [
        ("y = Softmax(h)", Task.NONE, Kind.LOGITS, "h"),
        ("y = LogSoftmax(h)", Task.NONE, Kind.LOGITS, "y"),
        ("y = Sigmoid(h)", Task.NONE, Kind.SIGMOID, "h"),
        ("y = Neg(h)", Task.CLASSIFY, Kind.LOGITS, "y"),
        ("y = Neg(h)", Task.REGRESS, Kind.VALUES, "y"),
        ("y = Neg(h)", Task.NONE, Kind.VALUES, "y"),
        ("e = Exp(h) s = ReduceSum<keepdims=1>(e, one) y = Div(e, s)", Task.NONE, Kind.PROBABILITIES, "y"),
    ],
)
def test_outputs_are_read_by_their_last_operator_and_values(body: str, task: Task, kind: Kind, tensor: str) -> None:
    text = f"g (float[N,4] x) => (float[N,4] y) <int64[1] one = {{1}}> {{ h = Neg(x) {body} }}"
    (head,) = heads(text, (3, 4), task)
    assert (head.kind, head.tensor) == (kind, tensor)


@pytest.mark.parametrize(
    ("body", "axis"),
    [
        ("logits = Conv(x, w)", 1),
        ("h = Conv(x, w) logits = LeakyRelu(h)", 1),
        ("h = Conv(x, w) logits = Transpose<perm = [0, 2, 3, 1]>(h)", 3),
        ("logits = MatMul(x, m)", 3),
    ],
)
def test_classes_lie_where_the_last_layer_puts_its_channels(body: str, axis: int) -> None:
    weights = "<float[2,3,1,1] w = {1, 2, 3, 4, 5, 6}, float[4,2] m = {1, 2, 3, 4, 5, 6, 7, 8}>"
    (head,) = heads(f"g (float[N,3,4,4] x) => (float[N,A,B,C] logits) {weights} {{ {body} }}", (2, 3, 4, 4))
    assert (head.kind, head.axis) == (Kind.LOGITS, axis)


def test_a_gain_below_rounding_is_no_improvement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([1e-8, 0.0, -1e-8])
    monkeypatch.setattr(training, "evaluate", lambda *_: next(scores))
    net = save(mlp(), tmp_path / "m.onnx")
    view = TorchView(load(net))
    data = ToyData.for_model(mlp(), 64, classes=5)
    (head,) = find_heads(load(net), view(view.tensors(data.inputs)), Task.CLASSIFY)
    feed = Feed(data.part(Part.TUNE), 16, 0)
    assert not fit(view, ToyContext(tmp_path, data), Supervised(head), Options(epochs=2), feed).improved


def test_outputs_of_whole_numbers_are_left_out() -> None:
    text = "g (float[N,4] x) => (float[N,4] logits, int64[N,1] best) { logits = Neg(x) best = ArgMax<axis=1>(logits) }"
    assert [(head.output, head.kind) for head in heads(text, (3, 4))] == [("logits", Kind.LOGITS)]


@given(st.integers(1, 500), st.sampled_from(list(Schedule)), st.floats(0, 0.5))
def test_the_learning_rate_stays_between_nothing_and_all(steps: int, schedule: Schedule, warmup: float) -> None:
    rates = [rate_at(step, steps, Options(schedule=schedule, warmup=warmup)) for step in range(steps)]
    assert all(0 <= rate <= 1 for rate in rates)
    assert rates[0] > 0


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_every_optimizer_makes_the_loss_smaller(optimizer: Optimizer, tmp_path: Path) -> None:
    view = TorchView(mlp())
    data = ToyData.for_model(mlp(), 200, classes=3)
    feed = Feed(data.part(Part.TUNE), 16, 0)
    name = view.output_names[0]
    rate = {Optimizer.SGD: 0.3, Optimizer.MOMENTUM: 0.03}.get(optimizer, 3e-3)
    ctx = ToyContext(tmp_path, data)
    head = Head(name, name, Kind.LOGITS, 1, Kind.LOGITS)
    result = fit(view, ctx, Supervised(head), Options(epochs=4, optimizer=optimizer, learning_rate=rate), feed)
    losses = [y for _, y in ctx.points["loss"]]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    assert result.best <= result.start


def test_patience_ends_training_that_gets_no_better(tmp_path: Path) -> None:
    data = ToyData.for_model(mlp(), 200, classes=3)
    view, feed = TorchView(mlp()), Feed(data.part(Part.TUNE), 16, 0)
    head = Head(view.output_names[0], view.output_names[0], Kind.LOGITS, 1, Kind.LOGITS)
    options = Options(epochs=50, learning_rate=1e-12, patience=2)
    result = fit(view, ToyContext(tmp_path, data), Supervised(head), options, feed)
    assert result.stopped_early
    assert result.epochs < 10


def test_only_matrices_with_zeros_are_masked() -> None:
    view = TorchView(mlp())
    assert zero_masks(view) == []
    first = next(one for one in view.weights.values() if one.dim() == 2)
    with torch.no_grad():
        first[0] = 0
    ((weight, mask),) = zero_masks(view)
    assert weight is first
    assert not mask[0].any()
