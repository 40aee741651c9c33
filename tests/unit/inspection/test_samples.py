"""Samples as the data card shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compress_studio.base.paths import resource
from compress_studio.inspection.samples import declared, look
from compress_studio.spec.runtime import BUILT_IN

FASHION = resource("samples") / "fashion"
LETTERS = resource("samples") / "letters"


def test_pictures_come_with_their_labels_and_are_small() -> None:
    found = look(BUILT_IN, str(FASHION / "data.toml"), "{}", 0, str(FASHION / "fashion.onnx"))
    assert found["kind"] == "pictures"
    assert len(found["samples"]) == 8
    first = found["samples"][0]
    assert (first["height"], first["width"]) == (28, 28)
    assert len(first["pixels"]) == 28 * 28 * 3
    assert len({one["label"] for one in found["samples"]}) == 8
    assert all(not one["label"].isdigit() for one in found["samples"])


def test_rows_of_a_table_show_their_first_numbers() -> None:
    found = look(BUILT_IN, str(LETTERS / "letters.npz"), "{}", 0, str(LETTERS / "letters.onnx"), 3)
    assert found["kind"] == "rows"
    assert len(found["samples"]) == 3
    assert all(one["values"].endswith("…") for one in found["samples"])


def test_synthetic_inputs_have_no_samples_to_show() -> None:
    assert look(BUILT_IN, "", "{}", 0, str(LETTERS / "letters.onnx"))["kind"] == "none"


def test_data_without_labels_are_shown_without(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(640, dtype=np.float32).reshape(40, 16))
    found = look(BUILT_IN, str(tmp_path / "x.npy"), "{}", 0, str(LETTERS / "letters.onnx"))
    assert {one["label"] for one in found["samples"]} == {""}


def test_large_pictures_are_shrunk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 1, 28, 28), dtype=np.float32))
    found = look(BUILT_IN, str(tmp_path / "x.npy"), "{}", 0, str(FASHION / "fashion.onnx"), 2)
    assert found["kind"] == "pictures"
    assert max(found["samples"][0]["height"], found["samples"][0]["width"]) <= 64


def test_what_a_description_declares_is_told() -> None:
    found = declared(str(FASHION / "data.toml"), '{"task": "none"}')
    assert found["file"]["input"]["image"]["scale"]
    assert "path" not in found["file"]
    assert declared(str(LETTERS / "letters.npz"), "{}") == {"file": {}, "toml": ""}
