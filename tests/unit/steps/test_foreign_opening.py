"""Networks of other frameworks become the first node of a pipeline only when they compute the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compress_studio.artifacts import converters
from compress_studio.base.errors import BadInput
from compress_studio.graph.session import open_session, run
from compress_studio.steps.kernels import foreign_child, foreign_opening
from compress_studio.steps.kernels.foreign_child import Entry, Original, draw, named_shape
from compress_studio.steps.source_model import SourceModelParams, fingerprint, source_model
from tests.toys.context import ToyContext
from tests.toys.foreignfiles import DENSE, INPUT, keras_file, lite_file

WEIGHT = np.arange(8, dtype=np.float32).reshape(4, 2)


def write(path: Path, weight: np.ndarray = WEIGHT) -> None:
    """A converted network with the names that a converter makes up."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["in:0", "w"], ["y"]), helper.make_node("Identity", ["y"], ["Identity:0"])],
        "net",
        [helper.make_tensor_value_info("in:0", TensorProto.FLOAT, ["unk__1", 4])],
        [helper.make_tensor_value_info("Identity:0", TensorProto.FLOAT, ["unk__2", 2])],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))


def original(weight: np.ndarray = WEIGHT, **more: Any) -> Original:
    call = more.pop("call", lambda rows: [rows[0] @ WEIGHT])
    return Original([Entry("x", ("N", 4), "float32")], ["y"], call, lambda path: write(path, weight), "a way", **more)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """What the process for code would find; it runs in this process, as its code is the test's own."""
    module = types.ModuleType("compress_studio.steps.kernels.foreign_toy")
    state = types.SimpleNamespace(original=original())
    module.open_original = lambda request: state.original  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(foreign_child.READERS, "TFLITE", "foreign_toy")
    monkeypatch.setattr(converters, "has", lambda package: True)

    def run_code(ctx: Any, folder: Path, request: Mapping[str, Any], ask: Any) -> dict[str, Any]:
        return foreign_child.convert(folder, json.loads(json.dumps(request)))

    monkeypatch.setattr(foreign_opening, "run_code", run_code)
    for name in ("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.setenv(name, "")
    return state


def opened(tmp_path: Path, dims: str = "") -> tuple[ToyContext, Path]:
    ctx = ToyContext(tmp_path)
    return ctx, source_model(ctx, SourceModelParams(path=str(lite_file(tmp_path / "net.tflite")), dims=dims)).path


@pytest.mark.usefixtures("reader")
def test_names_of_the_original_and_a_free_batch_are_kept(tmp_path: Path) -> None:
    ctx, path = opened(tmp_path)
    session = open_session(path)
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("x", ["N", 4])]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("y", ["N", 2])]
    rows = np.ones((5, 4), np.float32)
    assert np.allclose(run(session, {"x": rows})["y"], rows @ WEIGHT)
    assert ctx.facts["converted_by"] == "a way"
    assert ctx.facts["conversion_difference"] < 1e-6
    assert ctx.facts["original_bytes"] == (tmp_path / "net.tflite").stat().st_size


def test_a_network_that_computes_something_else_is_refused_with_the_figure(
    tmp_path: Path, reader: types.SimpleNamespace
) -> None:
    reader.original = original(WEIGHT * 1.01)
    with pytest.raises(BadInput, match=r"other outputs than in TensorFlow Lite \(they differ by 0.01 of"):
        opened(tmp_path)


def test_an_original_that_rounds_may_differ_a_little_and_that_is_told(
    tmp_path: Path, reader: types.SimpleNamespace
) -> None:
    reader.original = original(WEIGHT * 1.001, rounds=True)
    ctx, _ = opened(tmp_path)
    assert [code for code, _ in ctx.warnings if code == "conversion_rounds"] == ["conversion_rounds"]


def test_a_network_that_cannot_be_run_is_taken_with_a_warning(tmp_path: Path, reader: types.SimpleNamespace) -> None:
    reader.original = original(call=None)
    ctx, _ = opened(tmp_path)
    assert "conversion_not_compared" in [code for code, _ in ctx.warnings]
    assert "conversion_difference" not in ctx.facts


def test_the_next_way_is_taken_when_the_first_fails(tmp_path: Path, reader: types.SimpleNamespace) -> None:
    broken = original()
    broken.write = lambda path: path.write_bytes(b"no model")
    broken.tries = [original()]
    broken.tries[0].way = "another way"
    reader.original = broken
    ctx, _ = opened(tmp_path)
    assert ctx.facts["converted_by"] == "another way"


@pytest.mark.parametrize("there", [True, False])
def test_a_keras_model_that_tensorflow_cannot_convert_is_tried_with_pytorch(
    tmp_path: Path, reader: types.SimpleNamespace, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    run_code, asked = foreign_opening.run_code, []

    def fails_first(ctx: Any, folder: Path, request: dict[str, Any], ask: Any) -> dict[str, Any]:
        asked.append(request)
        if "torch" not in request:
            raise BadInput("It cannot be converted.", request["hint"])
        return run_code(ctx, folder, request, ask)

    monkeypatch.setattr(foreign_opening, "run_code", fails_first)
    monkeypatch.setattr(foreign_opening, "has", lambda package: there)
    monkeypatch.setitem(foreign_child.READERS, "KERAS", "foreign_toy")
    ctx, params = ToyContext(tmp_path), SourceModelParams(path=str(keras_file(tmp_path / "a.keras", INPUT, DENSE)))
    if there:
        source_model(ctx, params)
        assert [bool(one.get("torch")) for one in asked] == [False, True]
    else:
        with pytest.raises(BadInput) as caught:
            source_model(ctx, params)
        assert caught.value.hint == "Another way may convert it: pip install tensorflow tf2onnx"


def test_what_a_converter_complains_about_is_told_in_one_sentence(
    tmp_path: Path, reader: types.SimpleNamespace
) -> None:
    def fail(path: Path) -> None:
        try:
            raise ValueError("no such operator: Foo.\nmore")
        except ValueError as error:
            raise RuntimeError("long story") from error

    reader.original.write = fail
    with pytest.raises(BadInput) as caught:
        opened(tmp_path)
    assert caught.value.message == "net.tflite cannot be converted to ONNX: ValueError: no such operator: Foo."


def test_without_the_converter_planning_says_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters, "has", lambda package: False)
    params = SourceModelParams(path=str(lite_file(tmp_path / "net.tflite")))
    with pytest.raises(BadInput) as caught:
        fingerprint(params)
    assert caught.value.hint == "Install it: pip install tensorflow tf2onnx"


def test_inside_values_of_the_same_name_give_way_to_outputs(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    write(path)
    foreign_child._dress(path, original())  # pyright: ignore[reportPrivateUsage]
    graph = onnx.load(str(path)).graph
    assert graph.node[0].output[0] == "y_inside"
    assert graph.output[0].name == "y"


def test_weights_beside_a_converted_network_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, beside = tmp_path / "model.onnx", tmp_path / "model.onnx.data"
    weight = np.ones((4, 500), np.float32)
    write(path, weight)
    onnx.save(onnx.load(str(path)), str(path), save_as_external_data=True, location=beside.name)
    monkeypatch.setattr(foreign_child, "LARGE", 0)
    foreign_child._dress(path, original())  # pyright: ignore[reportPrivateUsage]
    assert beside.stat().st_size == weight.nbytes
    assert np.array_equal(numpy_helper.to_array(onnx.load(str(path)).graph.initializer[0]), weight)


def test_numbers_of_classes_that_are_off_by_one_are_another_result(
    tmp_path: Path, reader: types.SimpleNamespace
) -> None:
    def classes(path: Path) -> None:
        graph = helper.make_graph(
            [helper.make_node("ArgMax", ["x"], ["top"], axis=1), helper.make_node("Add", ["top", "one"], ["y"])],
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
            [helper.make_tensor_value_info("y", TensorProto.INT64, ["N", 1])],
            [numpy_helper.from_array(np.ones(1, np.int64), "one")],
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))

    inputs = [Entry("x", ("N", 4), "float32")]
    reader.original = Original(inputs, ["y"], lambda rows: [rows[0].argmax(1, keepdims=True)], classes, "a way")
    with pytest.raises(BadInput, match="other outputs"):
        opened(tmp_path)


def test_random_inputs_fit_their_types_and_masks_cover_the_end_of_a_text() -> None:
    whole = draw(Entry("a", ("N", "L"), "int64", 7), 3, {"L": 50})
    assert whole.shape == (3, 50)
    assert 0 <= whole.min() <= whole.max() == 6
    assert draw(Entry("p", ("N", 99), "uint8"), 3, {}).max() > 200
    mask = draw(Entry("m", ("N", "L"), "int64", -1), 3, {}, 3)
    assert mask.sum() == mask.size - 3
    assert named_shape([None, None, None, 3]) == ("N", "H", "W", 3)
    assert named_shape([1, -1]) == (1, "L")


def test_a_keras_model_is_converted_by_pytorch_alone(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    code = (
        "import sys, keras; keras.Sequential([keras.layers.Input((8, 8, 3), name='image'),"
        " keras.layers.Conv2D(4, 3, activation='relu'), keras.layers.GlobalAveragePooling2D(),"
        " keras.layers.Dense(2, name='answer')]).save(sys.argv[1])"
    )
    ctx, path = real(tmp_path, code, "net.keras")
    session = open_session(path)
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("image", ["N", 8, 8, 3])]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("answer", ["N", 2])]
    assert ctx.facts["conversion_difference"] <= 1e-4


def test_a_folder_of_hugging_face_is_converted_with_free_batch_and_length(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    code = (
        "import sys, transformers as t; t.DistilBertForSequenceClassification(t.DistilBertConfig(vocab_size=50, dim=16,"
        " n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=64)).save_pretrained(sys.argv[1])"
    )
    _, path = real(tmp_path, code, "hub")
    session = open_session(path)
    assert [(one.name, one.shape) for one in session.get_inputs()] == [
        ("input_ids", ["N", "L"]),
        ("attention_mask", ["N", "L"]),
    ]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("logits", ["N", 2])]


def real(tmp_path: Path, code: str, name: str) -> tuple[ToyContext, Path]:
    """What a piece of code of another framework writes, opened."""
    path = tmp_path / name
    env = {**os.environ, "KERAS_BACKEND": "torch", "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=env, capture_output=True)
    ctx = ToyContext(tmp_path)
    return ctx, source_model(ctx, SourceModelParams(path=str(path))).path
