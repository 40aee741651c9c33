"""What labels mean when they are incomplete, coded by custom, or only partly there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.data import tasks
from compress_studio.data.facts import TensorFact
from compress_studio.data.proposing import _better
from compress_studio.spec.data import Part, Task
from tests.unit.data.building import FLOAT, everything, network, opened

X = np.random.default_rng(3).standard_normal((80, 3)).astype(np.float32)


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "data.npz", allow_pickle=False, **arrays)
    return folder / "data.npz"


def labels_of(folder: Path, data: Path, classes: int) -> tuple[Task, dict[str, str], set[float]]:
    source = opened(network(folder, {"x": (FLOAT, ["n", 3])}, classes=classes), data)
    seen = {float(one) for batch in everything(source, Part.TEST) if batch.labels is not None for one in batch.labels}
    return source.task, dict(source.notes), seen


@pytest.mark.parametrize("text", [True, False])
def test_samples_without_a_label_are_left_out_and_named(tmp_path: Path, text: bool) -> None:
    values = np.arange(80) % 4
    labels = np.asarray(["a", "b", "c", "d"])[values] if text else values.astype(np.float32)
    labels[5] = "" if text else np.nan
    source = opened(network(tmp_path, {"x": (FLOAT, ["n", 3])}), saved(tmp_path, x=X, y=labels))
    assert source.task is Task.CLASSIFY
    assert "1 of 80 samples have no label, the first is x[5]" in dict(source.notes)["labels_missing"]
    assert sum(len(source.part(part)) for part in Part) == 79


def test_missing_targets_of_a_regression_are_left_out(tmp_path: Path) -> None:
    targets = X.sum(axis=1)
    targets[3] = np.nan
    task, notes, seen = labels_of(tmp_path, saved(tmp_path, x=X, y=targets), 1)
    assert task is Task.REGRESS
    assert "labels_missing" in notes
    assert np.isfinite(list(seen)).all()


def test_minus_one_and_one_are_two_classes(tmp_path: Path) -> None:
    task, _, seen = labels_of(tmp_path, saved(tmp_path, x=X, y=np.where(X[:, 0] > 0, 1, -1)), 1)
    assert task is Task.BINARY
    assert seen == {0.0, 1.0}


def test_labels_counted_from_one_say_what_to_subtract(tmp_path: Path) -> None:
    _, notes, _ = labels_of(tmp_path, saved(tmp_path, x=X, y=np.arange(80) % 4 + 1), 4)
    assert "Subtract 1" in notes["labels_unused"]


def test_unlabelled_test_samples_are_said(tmp_path: Path) -> None:
    data = saved(tmp_path, x_train=X, y_train=np.arange(80) % 4, x_test=X)
    _, notes, seen = labels_of(tmp_path, data, 4)
    assert "accuracy is not measured" in notes["labels_missing"]
    assert not seen


def test_labels_of_no_use_name_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        labels_of(tmp_path, saved(tmp_path, x=X, y=X[:, 0] + 1j), 4)
    assert 'labels = "none"' in caught.value.hint


def test_a_scaling_is_better_only_beyond_chance() -> None:
    wrong, right = np.zeros(8, bool), np.zeros(8, bool)
    right[:1] = True
    assert not _better(right, wrong)
    right[:6] = True
    assert _better(right, wrong)


@pytest.mark.parametrize("declared", [None, Task.CLASSIFY, Task.REGRESS])
def test_one_label_per_sample_means_nothing_for_an_output_of_images(declared: Task | None) -> None:
    output = TensorFact("rec", np.dtype(np.float32), (None, 3, 32, 32))
    labels = [np.arange(40) % 10]
    if declared is None:
        found = tasks.meaning(labels, [output], declared)
        assert found.task is Task.NONE
        assert "3 × 32 × 32" in found.unused
    else:
        with pytest.raises(BadInput, match="3 × 32 × 32"):
            tasks.meaning(labels, [output], declared)
