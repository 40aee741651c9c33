"""Joining arrays to networks: what is fed, what is refused, what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from compress_studio.base.errors import BadInput, Refused
from compress_studio.data.opening import open_data
from compress_studio.spec.data import DataRequest, Part, Task
from tests.unit.data.building import FLOAT, INT64, UINT8, codes, everything, network, opened, samples

RNG = np.random.default_rng(1)


def pictures(count: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, *(shape or (6, 6))), dtype=np.uint8)


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "data.npz"
    np.savez(path, allow_pickle=False, **arrays)
    return path


def test_the_own_test_part_is_the_test_part_in_file_order(tmp_path: Path) -> None:
    x, y = pictures(100), RNG.integers(0, 4, 100)
    path = saved(tmp_path, x_train=x[:60], y_train=y[:60], x_test=x[60:], y_test=y[60:])
    source = opened(network(tmp_path), path, scale="1/255")
    batches = everything(source, Part.TEST)
    fed = np.concatenate([batch.inputs["x"] for batch in batches])
    assert fed.dtype == np.float32
    np.testing.assert_allclose(fed[:, 0] * 255, x[60:], atol=1e-3)
    labels = np.concatenate([batch.labels for batch in batches if batch.labels is not None])
    np.testing.assert_array_equal(labels, y[60:])
    assert batches[0].names[:2] == ("x_test[0]", "x_test[1]")
    assert batches[1].first == 7
    assert samples(source, Part.CALIBRATE) | samples(source, Part.TUNE) == {f"x_train[{at}]" for at in range(60)}
    assert not samples(source, Part.CALIBRATE) & samples(source, Part.TUNE)


def test_data_without_parts_are_split_the_same_way_every_time(tmp_path: Path) -> None:
    path = saved(tmp_path, x=pictures(200).astype(np.float32), y=RNG.integers(0, 4, 200))
    net = network(tmp_path)
    first, second, other = opened(net, path), opened(net, path), opened(net, path, seed=1)
    parts = [samples(first, part) for part in Part]
    assert sum(len(one) for one in parts) == 200
    assert len(set.union(*parts)) == 200
    assert [len(one) for one in parts] == [32, 68, 100]
    assert parts == [samples(second, part) for part in Part]
    assert parts[2] != samples(other, Part.TEST)
    assert first.digest == second.digest != other.digest
    assert first.describe()["parts"] == {"calibrate": 32, "tune": 68, "test": 100}


def test_a_test_part_alone_is_still_split_so_that_calibration_sees_no_test_sample(tmp_path: Path) -> None:
    source = opened(network(tmp_path), saved(tmp_path, x_test=pictures(48).astype(np.float32)))
    assert len(source.part(Part.TEST)) == 30
    assert len(source.part(Part.CALIBRATE)) == 9
    assert not samples(source, Part.TEST) & (samples(source, Part.CALIBRATE) | samples(source, Part.TUNE))


def test_pixels_without_a_declared_scale_are_guessed_with_a_word_about_it(tmp_path: Path) -> None:
    x = pictures(80)
    source = opened(network(tmp_path), saved(tmp_path, x=x))
    assert "preprocessing_guessed" in codes(source)
    assert max(batch.inputs["x"].max() for batch in everything(source, Part.TEST)) <= 1.0
    declared = opened(network(tmp_path), tmp_path / "data.npz", scale="1/255", mean=[0.5], std=[0.25])
    assert "preprocessing_guessed" not in codes(declared)
    batch = everything(declared, Part.TEST)[0]
    index = int(batch.names[0][2:-1])
    np.testing.assert_allclose(batch.inputs["x"][0, 0], (x[index] / 255 - 0.5) / 0.25, rtol=1e-5, atol=1e-6)


def test_the_scaling_that_gives_right_answers_is_proposed(tmp_path: Path) -> None:
    """Class = sign of the standardised sum: dividing by 255 alone would give one answer for all."""
    x = pictures(300)
    weight = np.stack([-np.ones(36), np.ones(36)], axis=1).astype(np.float32)
    standard = (x / 255 - x.mean() / 255).reshape(300, -1).sum(axis=1)
    y = (standard > 0).astype(np.int64)
    source = opened(network(tmp_path, classes=2, weight=weight), saved(tmp_path, x=x, y=y))
    message = dict(source.notes)["preprocessing_guessed"]
    assert "mean and deviation of these data" in message or "−1 … 1" in message
    assert "not test samples" in message


def test_pixels_stored_as_floating_point_numbers_are_noticed(tmp_path: Path) -> None:
    x = pictures(300).astype(np.float32)
    source = opened(network(tmp_path), saved(tmp_path, x=x))
    assert "whole numbers" in dict(source.notes)["preprocessing_guessed"]
    assert max(batch.inputs["x"].max() for batch in everything(source, Part.TEST)) > 1
    for scaled in (x / 255, x + 0.5, x / 16):
        assert "preprocessing_guessed" not in codes(opened(network(tmp_path), saved(tmp_path, x=scaled)))
    saved(tmp_path, x=x)
    assert "preprocessing_guessed" not in codes(opened(network(tmp_path), tmp_path / "data.npz", scale=1))


def test_the_scaling_of_floating_point_pixels_is_proposed_from_labels(tmp_path: Path) -> None:
    x = pictures(300).astype(np.float32)
    weight = np.stack([-np.ones(36), np.ones(36)], axis=1).astype(np.float32)
    y = ((x / 255 - x.mean() / 255).reshape(300, -1).sum(axis=1) > 0).astype(np.int64)
    source = opened(network(tmp_path, classes=2, weight=weight), saved(tmp_path, x=x, y=y))
    assert "usual ways" in dict(source.notes)["preprocessing_guessed"]
    assert min(batch.inputs["x"].min() for batch in everything(source, Part.TEST)) < 0


def test_ids_are_cast_as_they_are(tmp_path: Path) -> None:
    x = RNG.integers(0, 200, (50, 9)).astype(np.uint8)
    net = network(tmp_path, {"ids": (INT64, ["n", 9])})
    batch = everything(opened(net, saved(tmp_path, x_test=x)), Part.TEST)[0]
    assert batch.inputs["ids"].dtype == np.int64
    np.testing.assert_array_equal(batch.inputs["ids"][0], x[int(batch.names[0][7:-1])])


def test_half_precision_values_reach_a_float_input_in_single_precision(tmp_path: Path) -> None:
    net = network(tmp_path, {"x": (FLOAT, ["n", 5])})
    source = opened(net, saved(tmp_path, x=np.ones((40, 5), np.float16)))
    assert everything(source, Part.TEST)[0].inputs["x"].dtype == np.float32


def test_fractions_are_refused_for_an_input_of_whole_numbers(tmp_path: Path) -> None:
    net = network(tmp_path, {"x": (UINT8, ["n", 5])})
    source = opened(net, saved(tmp_path, x=np.full((40, 5), 0.5, np.float32)))
    with pytest.raises(BadInput, match="whole numbers"):
        everything(source, Part.TEST)
    source = opened(net, saved(tmp_path, x=np.full((40, 5), 300, np.int32)))
    with pytest.raises(BadInput, match="300"):
        everything(source, Part.TEST)


@pytest.mark.parametrize(
    ("shape", "dims", "fed"),
    [
        ((6, 6), [1, 6, 6], (1, 6, 6)),
        ((6, 6), [6, 6, 1], (6, 6, 1)),
        ((6, 8, 3), [3, 6, 8], (3, 6, 8)),
        ((3, 6, 8), [6, 8, 3], (6, 8, 3)),
        ((36,), [1, 6, 6], (1, 6, 6)),
        ((6, 6), [36], (36,)),
        ((36, 1), [36], (36,)),
    ],
)
def test_axes_are_arranged_as_the_network_wants(
    tmp_path: Path, shape: tuple[int, ...], dims: list[int], fed: tuple[int, ...]
) -> None:
    x = RNG.standard_normal((40, *shape)).astype(np.float32)
    source = opened(network(tmp_path, {"x": (FLOAT, ["n", *dims])}), saved(tmp_path, x=x))
    batch = everything(source, Part.TEST)[0]
    assert batch.inputs["x"].shape[1:] == fed
    raw = x[int(batch.names[0][2:-1])]
    expected = raw
    if len(shape) == 3:
        expected = np.moveaxis(raw, -1, 0) if shape[2] == 3 else np.moveaxis(raw, 0, -1)
    np.testing.assert_array_equal(batch.inputs["x"][0], expected.reshape(fed))


def test_a_wrong_shape_is_refused_with_both_shapes_and_pictures_can_be_converted(tmp_path: Path) -> None:
    path = saved(tmp_path, x=pictures(40, 9, 9, 3))
    with pytest.raises(BadInput, match=r"9 × 9 × 3 per sample, the network wants 1 × 6 × 6") as caught:
        opened(network(tmp_path), path)
    assert "image = true" in caught.value.hint
    converted = opened(network(tmp_path), path, image=True, scale="1/255")
    assert everything(converted, Part.TEST)[0].inputs["x"].shape == (7, 1, 6, 6)


def test_several_inputs_are_fed_by_name_and_part(tmp_path: Path) -> None:
    net = network(tmp_path, {"ids": (INT64, ["n", 8]), "mask": (INT64, ["n", 8])})
    ids = RNG.integers(0, 9, (60, 8))
    mask = (ids > 4).astype(np.int8)
    arrays = {"ids_train": ids[:40], "mask_train": mask[:40], "ids_test": ids[40:], "mask_test": mask[40:]}
    source = opened(net, saved(tmp_path, **arrays))
    batch = everything(source, Part.TEST)[0]
    np.testing.assert_array_equal(batch.inputs["mask"], batch.inputs["ids"] > 4)
    with pytest.raises(BadInput, match="nothing for input mask"):
        opened(net, saved(tmp_path, ids=ids))


def test_an_input_that_is_the_same_for_all_samples_comes_with_every_batch(tmp_path: Path) -> None:
    net = network(tmp_path, {"x": (FLOAT, ["n", 5]), "limits": (FLOAT, [2, 3]), "alpha": (FLOAT, [])})
    limits = np.arange(6.0).reshape(2, 3)
    path = saved(tmp_path, x=np.ones((40, 5), np.float32), limits=limits, alpha=np.asarray(0.5))
    batch = everything(opened(net, path), Part.TEST)[0]
    np.testing.assert_array_equal(batch.inputs["limits"], limits.astype(np.float32))
    assert batch.inputs["alpha"].shape == ()
    assert len(batch) == 7


def test_a_fixed_batch_is_honoured_and_the_rest_left_out(tmp_path: Path) -> None:
    net = network(tmp_path, {"x": (FLOAT, [10, 5])})
    source = opened(net, saved(tmp_path, x=np.ones((55, 5), np.float32)))
    batches = everything(source, Part.TEST, size=3)
    assert {len(batch) for batch in batches} == {10}
    assert len(source.part(Part.CALIBRATE)) == 20
    with pytest.raises(BadInput, match="exactly 10"):
        opened(net, saved(tmp_path, x=np.ones((9, 5), np.float32)))


def test_padded_sequences_are_cut_to_their_true_length_and_never_mixed(tmp_path: Path) -> None:
    net = network(tmp_path, {"x": (FLOAT, ["n", "t", 4])})
    lengths = RNG.integers(2, 6, 60)
    x = np.zeros((60, 9, 4), np.float32)
    for at, length in enumerate(lengths):
        x[at, :length] = length
    source = opened(net, saved(tmp_path, x=x, lengths=lengths, y=lengths % 4))
    seen: list[str] = []
    for batch in everything(source, Part.TEST):
        assert (batch.inputs["x"] == batch.inputs["x"].shape[1]).all()
        seen += batch.names
    assert len(seen) == len(set(seen)) == len(source.part(Part.TEST))
    shuffled = list(source.part(Part.TUNE).batches(4, shuffle=3))
    assert all((batch.inputs["x"] == batch.inputs["x"].shape[1]).all() for batch in shuffled)


def test_shuffling_is_repeatable_and_a_limit_keeps_its_number(tmp_path: Path) -> None:
    source = opened(network(tmp_path), saved(tmp_path, x=np.ones((100, 6, 6), np.float32)))
    part = source.part(Part.TUNE)
    one = [name for batch in part.batches(8, limit=20, shuffle=5) for name in batch.names]
    two = [name for batch in part.batches(8, limit=20, shuffle=5) for name in batch.names]
    plain = [name for batch in part.batches(8, limit=20) for name in batch.names]
    assert one == two != plain
    assert len(one) == len(plain) == 20


def test_rows_with_nan_are_named_and_left_out_unless_asked(tmp_path: Path) -> None:
    x = np.ones((50, 6, 6), np.float32)
    x[17, 2, 3] = np.nan
    path = saved(tmp_path, x_test=x)
    source = opened(network(tmp_path), path)
    assert "x_test[17]" in dict(source.notes)["nan_features"]
    assert all("x_test[17]" not in samples(source, part) for part in Part)
    kept = opened(network(tmp_path), path, keep_nan=True)
    assert any("x_test[17]" in samples(kept, part) for part in Part)


def test_one_sample_works_and_says_that_it_means_nothing(tmp_path: Path) -> None:
    source = opened(network(tmp_path), saved(tmp_path, x_test=pictures(1), y_test=np.zeros(1, np.int64)))
    assert "few_samples" in codes(source)
    assert len(everything(source, Part.TEST)) == 1
    with pytest.raises(Refused, match="too few samples to calibrate"):
        source.part(Part.CALIBRATE).batches(4)


def test_labels_that_fit_no_output_are_not_used_and_the_reason_is_said(tmp_path: Path) -> None:
    x = np.ones((40, 6, 6), np.float32)
    source = opened(network(tmp_path, classes=9), saved(tmp_path, x=x, y=RNG.random(40)))
    assert source.task is Task.NONE
    assert "9 columns" in dict(source.notes)["labels_unused"]
    outside = opened(network(tmp_path), saved(tmp_path, x=x, y=np.full(40, 7)))
    assert "4 classes" in dict(outside.notes)["labels_unused"]
    with pytest.raises(BadInput, match="allows 0 to 3"):
        opened(network(tmp_path), saved(tmp_path, x=x, y=np.full(40, 7)), task="classify")


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    ("labels", "classes", "task"),
    [
        (np.arange(40) % 4, 4, Task.CLASSIFY),
        (np.eye(4)[np.arange(40) % 4], 4, Task.CLASSIFY),
        (np.asarray(["d", "a", "b", "c"] * 10), 4, Task.CLASSIFY),
        (np.arange(40) % 2, 1, Task.BINARY),
        (np.linspace(0, 1, 40), 1, Task.REGRESS),
        (np.linspace(0, 1, 120).reshape(40, 3), 3, Task.REGRESS),
    ],
)
def test_the_task_follows_from_labels_and_output(
    tmp_path: Path, labels: np.ndarray, classes: int, task: Task, *, declared: bool
) -> None:
    x = np.ones((40, 6, 6), np.float32)
    source = opened(network(tmp_path, classes=classes, declared=declared), saved(tmp_path, x=x, y=labels))
    assert source.task is task
    assert source.describe()["output"] == "logits"
    if labels.dtype.kind == "U":
        assert source.classes == ("a", "b", "c", "d")


def test_without_labels_there_is_no_task_and_no_labels_in_batches(tmp_path: Path) -> None:
    source = opened(network(tmp_path), saved(tmp_path, x=np.ones((40, 6, 6), np.float32)))
    assert source.task is Task.NONE
    assert not source.part(Part.TEST).labelled
    assert everything(source, Part.TEST)[0].labels is None


def test_an_array_of_another_length_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.ones((40, 6, 6), np.float32), y=np.zeros(39, np.int64))
    with pytest.raises(BadInput, match="40 samples, but 39 labels"):
        opened(network(tmp_path), path)


def test_without_a_path_the_inputs_are_random_and_marked(tmp_path: Path) -> None:
    net = network(tmp_path)
    source = opened(net, "")
    assert source.synthetic
    assert source.describe()["synthetic"] is True
    whole = np.concatenate([batch.inputs["x"] for batch in everything(source, Part.TEST, size=50)])
    pieces = np.concatenate([batch.inputs["x"] for batch in everything(source, Part.TEST, size=7)])
    assert len(whole) == 256
    np.testing.assert_array_equal(whole, pieces)
    tune = everything(source, Part.TUNE, size=50)[0].inputs["x"]
    assert not np.array_equal(tune, whole[:50])
    again = everything(opened(net, ""), Part.TEST, size=256)[0].inputs["x"]
    np.testing.assert_array_equal(again, whole)


def test_synthetic_inputs_keep_a_fixed_batch_and_constants(tmp_path: Path) -> None:
    fixed = opened(network(tmp_path, {"x": (FLOAT, [10, 5])}), "")
    assert {len(batch) for batch in everything(fixed, Part.TEST, size=3)} == {10}
    mixed = opened(network(tmp_path, {"x": (FLOAT, ["n", 5]), "limits": (FLOAT, [2, 3])}), "")
    batch = everything(mixed, Part.TEST, size=6)[0]
    assert batch.inputs["x"].shape == (6, 5)
    assert batch.inputs["limits"].shape == (2, 3)


def test_a_network_that_fails_on_the_data_is_named_as_the_cause(tmp_path: Path) -> None:
    net = network(tmp_path, {"x": (FLOAT, ["n", 7])}, declared=False)
    model = onnx.load(net)
    del model.graph.input[0].type.tensor_type.shape.dim[1]
    model.graph.input[0].type.tensor_type.shape.dim.add().dim_param = "free"
    onnx.save(model, net)
    with pytest.raises(BadInput, match="does not run on the data"):
        opened(net, saved(tmp_path, x=np.ones((40, 3), np.float32), y=np.zeros(40, np.int64)))


def test_random_states_of_a_recurrent_layer_have_their_samples_on_the_second_axis(tmp_path: Path) -> None:
    path = network(tmp_path, {"x": (FLOAT, ["n", 3]), "h0": (FLOAT, [2, "n", 4])})
    source = open_data(DataRequest(), path)
    for size in (1, 7, 64):
        batch = next(iter(source.part(Part.TEST).batches(size)))
        assert batch.inputs["x"].shape == (size, 3)
        assert batch.inputs["h0"].shape == (2, size, 4)
    one, seven = (np.concatenate([b.inputs["h0"] for b in source.part(Part.TEST).batches(n, 20)], 1) for n in (1, 7))
    np.testing.assert_array_equal(one, seven)


def test_samples_are_counted_where_a_recurrent_layer_counts_them(tmp_path: Path) -> None:
    """The first state of a recurrent layer is layers × N × width, the data hold a row per sample."""
    model = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17]>
        states (float[2, N, 3] h0, float[N, 5] x) => (float[N, 5] y, float[2, N, 3] h1)
        { y = Relu(x) h1 = Relu(h0) }
    """)
    onnx.save(model, tmp_path / "states.onnx")
    x, h0 = RNG.standard_normal((40, 5), np.float32), RNG.standard_normal((40, 2, 3), np.float32)
    source = opened(tmp_path / "states.onnx", saved(tmp_path, x=x, h0=h0))
    batch = next(iter(source.part(Part.TEST).batches(7)))
    assert len(batch) == 7
    assert batch.inputs["x"].shape == (7, 5)
    assert batch.inputs["h0"].shape == (2, 7, 3)
    at = int(batch.names[3].split("[")[1].rstrip("]"))
    np.testing.assert_array_equal(batch.inputs["h0"][:, 3], h0[at])
    np.testing.assert_array_equal(batch.inputs["x"][3], x[at])
