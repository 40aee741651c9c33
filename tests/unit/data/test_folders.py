"""Folders of pictures and of sequences."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compress_studio.base.errors import BadInput
from compress_studio.spec.data import Part, Task
from tests.unit.data.building import FLOAT, codes, everything, network, opened, samples


def picture(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)


def test_class_per_folder_in_the_order_of_people(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("2", "10", "1"):
        for at in range(12):
            picture(data / name / f"{at}.png", np.full((6, 6), int(name)))
    source = opened(network(tmp_path, classes=3), data, scale=1)
    assert source.classes == ("1", "2", "10")
    assert source.task is Task.CLASSIFY
    for batch in everything(source, Part.TEST):
        assert batch.labels is not None
        for pixels, label, name in zip(batch.inputs["x"], batch.labels, batch.names, strict=True):
            assert (pixels == int(source.classes[label])).all()
            assert name.startswith(source.classes[label] + "/")


def test_folders_that_are_numbers_of_outputs_keep_their_number(tmp_path: Path) -> None:
    for name in ("1", "3"):
        for at in range(20):
            picture(tmp_path / "data" / name / f"{at}.png", np.full((6, 6), int(name)))
    source = opened(network(tmp_path), tmp_path / "data", scale=1)
    assert source.classes == ("0", "1", "2", "3")
    for batch in everything(source, Part.TEST):
        assert batch.labels is not None
        np.testing.assert_array_equal(batch.inputs["x"][:, 0, 0, 0], batch.labels)


def test_train_and_test_folders_are_the_parts_and_share_their_classes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for at in range(10):
        picture(data / "train" / "cat" / f"{at}.bmp", np.zeros((6, 6)))
        picture(data / "train" / "dog" / f"{at}.jpg", np.zeros((6, 6)))
        picture(data / "val" / "dog" / f"{at}.webp", np.zeros((6, 6)))
    source = opened(network(tmp_path), data)
    assert source.classes == ("cat", "dog")
    assert len(source.part(Part.TEST)) == 10
    assert {batch.labels[0] for batch in everything(source, Part.TEST) if batch.labels is not None} == {1}
    assert samples(source, Part.TEST) == {f"dog/{at}.webp" for at in range(10)}


def test_pictures_are_resized_cropped_in_the_middle_and_coloured(tmp_path: Path) -> None:
    values = np.zeros((12, 24, 3))
    values[:, 6:18, 0] = 200
    for at in range(4):
        picture(tmp_path / "data" / f"{at}.png", values)
    net = network(tmp_path, {"x": (FLOAT, ["n", 3, 6, 6])})
    batch = everything(opened(net, tmp_path / "data", scale=1), Part.TEST)[0]
    assert batch.inputs["x"].shape[1:] == (3, 6, 6)
    assert (batch.inputs["x"][:, 0] > 150).all()
    assert (batch.inputs["x"][:, 1:] == 0).all()
    swapped = everything(opened(net, tmp_path / "data", scale=1, color="bgr"), Part.TEST)[0]
    assert (swapped.inputs["x"][:, 2] > 150).all()
    squeezed = everything(opened(net, tmp_path / "data", scale=1, crop=False), Part.TEST)[0]
    assert squeezed.inputs["x"][0, 0, :, 0].max() < 50


def test_channels_last_networks_get_channels_last(tmp_path: Path) -> None:
    for at in range(4):
        picture(tmp_path / "data" / "a" / f"{at}.png", np.zeros((8, 8, 3)))
    net = network(tmp_path, {"x": (FLOAT, ["n", 6, 6, 3])})
    assert everything(opened(net, tmp_path / "data"), Part.TEST)[0].inputs["x"].shape[1:] == (6, 6, 3)


def test_a_free_size_is_guessed_in_words_or_declared(tmp_path: Path) -> None:
    for at in range(4):
        picture(tmp_path / "data" / "a" / f"{at}.png", np.zeros((8, 8, 3)))
    net = network(tmp_path, {"x": (FLOAT, ["n", 3, "h", "w"])})
    source = opened(net, tmp_path / "data", scale=1)
    assert any("224 × 224" in message for _, message in source.notes)
    declared = opened(net, tmp_path / "data", scale=1, size=[10, 12])
    assert "preprocessing_guessed" not in codes(declared)
    assert everything(declared, Part.TEST)[0].inputs["x"].shape[1:] == (3, 10, 12)


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "data" / "a").mkdir(parents=True)
    (tmp_path / "data" / "a" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    source = opened(network(tmp_path), tmp_path / "data", labels="none")
    with pytest.raises(BadInput, match=r"bad\.png"):
        everything(source, Part.TEST)


def test_sequences_of_different_length_come_in_batches_of_one_length(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("no", "yes"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for at in range(20):
            np.save(tmp_path / "data" / name / f"{at}.npy", rng.random((int(rng.integers(3, 6)), 4)).astype(np.float32))
    net = network(tmp_path, {"x": (FLOAT, ["n", "t", 4])}, classes=2)
    source = opened(net, tmp_path / "data")
    assert source.task is Task.CLASSIFY
    batches = everything(source, Part.TEST)
    assert len({batch.inputs["x"].shape[1] for batch in batches}) > 1
    assert sum(len(batch) for batch in batches) == len(source.part(Part.TEST))
    fixed = network(tmp_path, {"x": (FLOAT, ["n", 5, 4])})
    with pytest.raises(BadInput, match="per sample, the network wants 5 × 4"):
        opened(fixed, tmp_path / "data")


def test_an_empty_folder_says_what_could_be_in_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput, match="no data that can be read") as caught:
        opened(network(tmp_path), tmp_path / "data")
    assert ".npz" in caught.value.hint


def test_fewer_class_names_than_outputs_are_not_numbered_by_guessing(tmp_path: Path) -> None:
    for name in ("cat", "owl"):
        for at in range(20):
            picture(tmp_path / "data" / name / f"{at}.png", np.zeros((6, 6)))
    net = network(tmp_path)
    source = opened(net, tmp_path / "data", scale=1)
    assert source.task is Task.NONE
    assert "2 names, output logits has 4 columns" in dict(source.notes)["labels_unused"]
    declared = opened(net, tmp_path / "data", scale=1, classes=["bat", "cat", "dog", "owl"])
    assert declared.task is Task.CLASSIFY
    labels = [batch.labels for batch in everything(declared, Part.TEST) if batch.labels is not None]
    assert set(np.concatenate(labels).tolist()) == {1, 3}


def test_a_class_without_pictures_keeps_its_place(tmp_path: Path) -> None:
    for name in ("cat", "owl", "rat"):
        for at in range(20):
            picture(tmp_path / "data" / name / f"{at}.png", np.zeros((6, 6)))
    (tmp_path / "data" / "dog").mkdir()
    source = opened(network(tmp_path), tmp_path / "data", scale=1)
    assert source.classes == ("cat", "dog", "owl", "rat")
    assert source.task is Task.CLASSIFY


def test_animations_and_tiff_files_are_samples_too(tmp_path: Path) -> None:
    for at in range(8):
        frames = [Image.fromarray(np.full((6, 6), 10 * at + one, np.uint8)) for one in range(2)]
        (tmp_path / "data").mkdir(exist_ok=True)
        frames[0].save(tmp_path / "data" / f"{at}.gif", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / "data" / f"{at}.tif")
    source = opened(network(tmp_path), tmp_path / "data", scale=1)
    assert sum(len(source.part(part)) for part in Part) == 16


def test_pictures_do_not_fill_a_few_features(tmp_path: Path) -> None:
    picture(tmp_path / "data" / "a.png", np.zeros((6, 6)))
    with pytest.raises(BadInput, match="which pictures cannot fill"):
        opened(network(tmp_path, {"x": (FLOAT, ["n", 4])}), tmp_path / "data")


def test_a_folder_that_may_not_be_read_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat", "dog"):
        picture(tmp_path / "data" / name / "a.png", np.zeros((6, 6)))
    scandir = os.scandir

    def guarded(path: Any) -> Any:
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(BadInput, match="dog cannot be read: Permission denied"):
        opened(network(tmp_path), tmp_path / "data")
