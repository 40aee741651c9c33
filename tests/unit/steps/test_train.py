"""The steps that train: fine-tuning on labels and distilling from a teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import BadInput, Cancelled, Refused
from compress_studio.graph.layers import WeightLayer, set_array, weight_layers
from compress_studio.graph.saving import load, save
from compress_studio.graph.session import open_session, run
from compress_studio.spec.data import Part
from compress_studio.spec.ports import OnnxNet
from compress_studio.steps.train_distil import Compare, DistilParams, train_distil
from compress_studio.steps.train_finetune import FinetuneParams, train_finetune
from compress_studio.steps.training_params import BatchNorm, Optimizer
from compress_studio.view import training
from tests.toys.context import ToyContext, ToyData
from tests.toys.networks import conv_net, lstm_net, mlp, residual_net, tied_net, transformer

CLASSES = 4


def stored(model: ir.Model, folder: Path, name: str = "model.onnx") -> OnnxNet:
    return OnnxNet(save(model, folder / name))


def answers(net: OnnxNet, data: ToyData) -> np.ndarray:
    return next(iter(run(open_session(net.path), dict(data.inputs)).values()))


def labelled(model: ir.Model, folder: Path, count: int = 240) -> ToyData:
    """Samples whose labels the network itself gave, so that there is something to win back."""
    data = ToyData.for_model(model, count)
    scores = answers(stored(model, folder, "labels.onnx"), data)
    return ToyData(data.inputs, scores.reshape(count, -1).argmax(1).astype(np.int64))


def disturbed(model: ir.Model, amount: float = 0.5, seed: int = 1) -> ir.Model:
    """The same network with noise on its weights."""
    rng = np.random.default_rng(seed)
    for layer in weight_layers(model):
        array = layer.array
        noise = rng.standard_normal(array.shape) * array.std() * amount
        set_array(layer.weight, (array + noise).astype(array.dtype))
    return model


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    return float((a.reshape(len(a), -1).argmax(1) == b.reshape(len(b), -1).argmax(1)).mean())


@pytest.mark.parametrize("make", [conv_net, residual_net, mlp, transformer, lstm_net, tied_net])
def test_distilling_brings_a_disturbed_network_nearer_to_its_teacher(make: object, tmp_path: Path) -> None:
    assert callable(make)
    teacher = stored(make(), tmp_path, "teacher.onnx")
    student = stored(disturbed(make()), tmp_path)
    data = ToyData.for_model(load(teacher.path), 240)
    ctx = ToyContext(tmp_path, data)
    params = DistilParams(epochs=4, batch=16, learning_rate=3e-3)
    result = train_distil(ctx, params, student, teacher)
    right = answers(teacher, data)
    before = np.square(answers(student, data) - right).mean()
    after = np.square(answers(result, data) - right).mean()
    assert after < before
    assert ctx.changes[0][0] > 0
    assert ctx.points["loss"]
    assert len(ctx.points["validation"]) >= 2
    assert Part.TEST not in data.asked


def test_finetuning_wins_accuracy_back(tmp_path: Path) -> None:
    data = labelled(mlp(), tmp_path, 600)
    student = stored(disturbed(mlp(), 1.0), tmp_path)
    ctx = ToyContext(tmp_path, data)
    result = train_finetune(ctx, FinetuneParams(epochs=3, batch=16, learning_rate=3e-3), student)
    assert data.labels is not None
    right = np.eye(answers(student, data).shape[1])[data.labels]
    assert agreement(answers(result, data), right) > agreement(answers(student, data), right) + 0.1
    assert len(ctx.changes) == 1


def test_batch_normalization_is_put_in_and_folded_back_without_a_trace(tmp_path: Path) -> None:
    teacher = stored(conv_net(), tmp_path, "teacher.onnx")
    student = stored(disturbed(conv_net()), tmp_path)
    ctx = ToyContext(tmp_path, ToyData.for_model(conv_net(), 240))
    result = train_distil(ctx, DistilParams(epochs=3, batch=16, batch_norm=BatchNorm.ON), student, teacher)
    assert ctx.facts["score_after"] < ctx.facts["score_before"]  # type: ignore[operator]
    before, after = load(student.path), load(result.path)
    assert [node.op_type for node in after.graph] == [node.op_type for node in before.graph]
    assert set(after.graph.initializers) == set(before.graph.initializers)


def test_the_result_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    teacher = stored(conv_net(), tmp_path, "teacher.onnx")
    student = stored(disturbed(conv_net()), tmp_path)
    data = ToyData.for_model(load(teacher.path), 80)
    params = DistilParams(epochs=2, batch=16)
    first, second = (train_distil(ToyContext(tmp_path, data, seed=5), params, student, teacher) for _ in range(2))
    assert first.path.read_bytes() == second.path.read_bytes()


def test_zeros_survive_training(tmp_path: Path) -> None:
    model = disturbed(conv_net())
    rng = np.random.default_rng(0)
    for layer in weight_layers(model):
        mask = rng.random(layer.array.shape) < 0.5
        set_array(layer.weight, np.where(mask, 0, layer.array).astype(layer.array.dtype))
    student, teacher = stored(model, tmp_path), stored(conv_net(), tmp_path, "teacher.onnx")
    data = ToyData.for_model(model, 160)
    result = train_distil(ToyContext(tmp_path, data), DistilParams(epochs=2, batch=16), student, teacher)
    for before, after in zip(weight_layers(load(student.path)), weight_layers(load(result.path)), strict=True):
        assert not after.array[before.array == 0].any()
    assert result.path.read_bytes() != student.path.read_bytes()


def test_half_precision_weights_are_trained_and_stay_half(tmp_path: Path) -> None:
    model = disturbed(mlp())
    for layer in weight_layers(model):
        value = layer.weight
        uses = tuple(value.uses())
        set_array(value, layer.array.astype(np.float16))
        cast = ir.node("Cast", [value], attributes={"to": 1}, name=f"cast_{value.name}")
        model.graph.insert_before(model.graph[0], cast)
        for node, index in uses:
            node.replace_input_with(index, cast.outputs[0])
    student, teacher = stored(model, tmp_path), stored(mlp(), tmp_path, "teacher.onnx")
    data = ToyData.for_model(mlp(), 160)
    ctx = ToyContext(tmp_path, data)
    result = train_distil(ctx, DistilParams(epochs=3, batch=16, learning_rate=3e-3), student, teacher)
    assert ctx.changes[0][0] > 0
    assert all(layer.array.dtype == np.float16 for layer in weight_layers(load(result.path)))


def test_a_frozen_layer_stays_as_it_is(tmp_path: Path) -> None:
    student, teacher = stored(disturbed(mlp()), tmp_path), stored(mlp(), tmp_path, "teacher.onnx")
    first = weight_layers(load(student.path))[0]
    ctx = ToyContext(tmp_path, ToyData.for_model(mlp(), 160))
    params = DistilParams(epochs=2, batch=16, freeze=(first.name,))
    result = train_distil(ctx, params, student, teacher)
    assert np.array_equal(weight_layers(load(result.path))[0].array, first.array)
    assert (first.name, "frozen, as asked") in ctx.skipped


def test_an_unknown_layer_to_freeze_is_named(tmp_path: Path) -> None:
    net = stored(mlp(), tmp_path)
    ctx = ToyContext(tmp_path, ToyData.for_model(mlp(), 60))
    with pytest.raises(BadInput, match="no layer nowhere"):
        train_distil(ctx, DistilParams(freeze=("nowhere",)), net, net)


def test_without_labels_finetuning_points_to_distilling(tmp_path: Path) -> None:
    net = stored(mlp(), tmp_path)
    with pytest.raises(Refused, match=r"train\.distil"):
        train_finetune(ToyContext(tmp_path, ToyData.for_model(mlp())), FinetuneParams(), net)


def test_without_a_teacher_distilling_is_refused(tmp_path: Path) -> None:
    net = stored(mlp(), tmp_path)
    with pytest.raises(Refused, match="no teacher"):
        train_distil(ToyContext(tmp_path, ToyData.for_model(mlp())), DistilParams(), net, None)


def test_labels_that_do_not_fit_are_refused_with_their_range(tmp_path: Path) -> None:
    data = ToyData.for_model(mlp(), 60)
    wrong = ToyData(data.inputs, np.full(60, 1000))
    with pytest.raises(Refused, match="1000"):
        train_finetune(ToyContext(tmp_path, wrong), FinetuneParams(), stored(mlp(), tmp_path))


def test_training_that_explodes_gives_back_the_network_as_it_came(tmp_path: Path) -> None:
    net = stored(mlp(), tmp_path)
    data = ToyData.for_model(mlp(), 240)
    ctx = ToyContext(tmp_path, data)
    params = DistilParams(
        epochs=3, batch=4, learning_rate=1.0, optimizer=Optimizer.SGD, clip=0, warmup=0, compare=Compare.SQUARES
    )
    params = params.model_copy(update={"learning_rate": 1e4})
    result = train_distil(ctx, params, stored(disturbed(mlp(), 0.01), tmp_path, "student.onnx"), net)
    assert "diverged" in ctx.codes
    assert np.isfinite(answers(result, data)).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("make", [mlp, conv_net, residual_net])
def test_a_network_that_is_its_own_teacher_is_left_unchanged_with_a_warning(
    make: Callable[..., ir.Model], seed: int, tmp_path: Path
) -> None:
    net = stored(make(seed), tmp_path)
    ctx = ToyContext(tmp_path, ToyData.for_model(make(), 160))
    result = train_distil(ctx, DistilParams(epochs=1, batch=16), net, net)
    assert "no_improvement" in ctx.codes
    assert ctx.changes[0][0] == 0
    assert np.array_equal(answers(result, ToyData.for_model(make())), answers(net, ToyData.for_model(make())))


@pytest.mark.parametrize(("best_epoch", "words"), [(0, "realigned statistics alone"), (1, "did not reach")])
def test_why_a_layer_was_not_trained_is_told(
    best_epoch: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "fit", lambda *_: training.FitResult(1.0, 0.5, best_epoch=best_epoch, improved=True))
    ctx = ToyContext(tmp_path, ToyData.for_model(mlp(), 160))
    net = stored(mlp(), tmp_path)
    train_distil(ctx, DistilParams(epochs=1, batch=16), net, net)
    assert len(ctx.skipped) == ctx.changes[0][1]
    assert all(words in reason for _, reason in ctx.skipped)


def test_synthetic_inputs_are_told(tmp_path: Path) -> None:
    net = stored(mlp(), tmp_path)
    data = ToyData.for_model(mlp(), 60)
    data.synthetic = True
    ctx = ToyContext(tmp_path, data)
    train_distil(ctx, DistilParams(epochs=1), net, net)
    assert "synthetic_data" in ctx.codes


def test_training_can_be_cancelled_between_batches(tmp_path: Path) -> None:
    net = stored(mlp(), tmp_path)
    ctx = ToyContext(tmp_path, ToyData.for_model(mlp(), 240))
    ctx.cancel_at = 30
    with pytest.raises(Cancelled):
        train_distil(ctx, DistilParams(epochs=50, batch=8), net, net)
    assert ctx.checks == 31


def test_integer_weights_are_refused_with_the_right_order(tmp_path: Path) -> None:
    model = mlp()
    for layer in weight_layers(model):
        _store_as_integers(model, layer)
    net = stored(model, tmp_path)
    with pytest.raises(Refused, match="before quantization"):
        train_distil(ToyContext(tmp_path, ToyData.for_model(mlp(), 60)), DistilParams(), net, net)


def _store_as_integers(model: ir.Model, layer: WeightLayer) -> None:
    scale = float(np.abs(layer.array).max() / 127)
    uses = tuple(layer.weight.uses())
    set_array(layer.weight, np.round(layer.array / scale).astype(np.int8))
    factor = ir.Value(name=f"{layer.key}.scale", const_value=ir.Tensor(np.array(scale, np.float32)))
    model.graph.register_initializer(factor)
    node = ir.node("DequantizeLinear", [layer.weight, factor], name=f"dequantize.{layer.key}")
    model.graph.insert_before(model.graph[0], node)
    for user, index in uses:
        user.replace_input_with(index, node.outputs[0])


def test_a_network_with_a_fixed_batch_is_trained_with_that_batch(tmp_path: Path) -> None:
    def fixed() -> ir.Model:
        model = conv_net()
        for value in model.graph.inputs:
            assert value.shape is not None
            value.shape = ir.Shape([10, *list(value.shape)[1:]])
        return model

    data = ToyData.for_model(conv_net(), 240)
    data.fixed_batch = 10
    ctx = ToyContext(tmp_path, data)
    teacher = stored(fixed(), tmp_path, "teacher.onnx")
    train_distil(ctx, DistilParams(epochs=2, batch=64), stored(disturbed(fixed()), tmp_path), teacher)
    assert ctx.changes[0][0] > 0


def test_hidden_tensors_can_be_matched_and_labels_mixed_in(tmp_path: Path) -> None:
    data = labelled(conv_net(), tmp_path)
    ctx = ToyContext(tmp_path, data)
    params = DistilParams(epochs=2, batch=16, features=True, label_mix=0.3)
    net = stored(disturbed(conv_net()), tmp_path)
    train_distil(ctx, params, net, stored(conv_net(), tmp_path, "teacher.onnx"))
    assert ctx.changes[0][0] > 0
    assert ctx.facts["score_after"] < ctx.facts["score_before"]  # type: ignore[operator]
