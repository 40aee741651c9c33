"""Operators that ONNX Runtime lacks: said what to do about them, found again by every session, loaded with consent."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from compress_studio.artifacts import operators
from compress_studio.artifacts.codefiles import allowed_by
from compress_studio.artifacts.formats import open_onnx
from compress_studio.base import consents
from compress_studio.base.errors import BadInput
from compress_studio.engine.run_script import run_script
from compress_studio.graph.saving import load
from compress_studio.graph.session import open_session, open_tapped, run
from compress_studio.meters.running import open_network
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import spec_of
from compress_studio.steps.graph_optimize import graph_optimize
from compress_studio.steps.quantize_weights import quantize_weights
from compress_studio.steps.source_model import SourceModelParams, fingerprint, source_model
from compress_studio.view.compare import compare
from compress_studio.view.network import TorchView
from compress_studio.view.reach import unreached
from tests.toys.context import ToyContext

DOMAIN = "my.ops"


def network(folder: Path, op: str = "Triple", domain: str = DOMAIN, outputs: int = 1) -> Path:
    """A network with an operator that ONNX Runtime lacks between two layers."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node(op, ["a"], [f"b{place}" for place in range(outputs)], domain=domain),
        helper.make_node("Identity", [f"b{outputs - 1}"], ["c"]),
        helper.make_node("MatMul", ["c", "v"], ["y"]),
    ]
    weights = {"w": rng.standard_normal((4, 64)), "v": rng.standard_normal((64, 2))}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", 1, ["N", 4])],
        [helper.make_tensor_value_info("y", 1, ["N", 2])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=8), str(path))
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "libtriple.so"
    path.write_bytes(b"a library")
    return path


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The libraries that sessions asked for; in their place the operator is known as a function of the network."""
    found: list[str] = []
    real = ort.InferenceSession

    class Options(ort.SessionOptions):
        def register_custom_ops_library(self, path: str) -> None:
            found.append(path)
            self.known = True

    def opened(source: Any, options: Any, **words: Any) -> Any:
        if not getattr(options, "known", False):
            return real(source, options, **words)
        proto = onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(source)
        body = helper.make_node("Mul", ["i", "three"], ["o"])
        three = helper.make_node("Constant", [], ["three"], value_float=3.0)
        ops = [helper.make_opsetid("", 17)]
        proto.functions.append(helper.make_function(DOMAIN, "Triple", ["i"], ["o"], [three, body], ops))
        return real(proto.SerializeToString(), options, **words)

    monkeypatch.setattr(ort, "SessionOptions", Options)
    monkeypatch.setattr(ort, "InferenceSession", opened)
    return found


def expected(path: Path, array: np.ndarray) -> np.ndarray:
    weights = {one.name: numpy_helper.to_array(one) for one in onnx.load(str(path)).graph.initializer}
    return 3 * array @ weights["w"] @ weights["v"]


def test_the_refusal_says_where_operators_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"uses the operator my\.ops:Triple, which ONNX Runtime does not know") as caught:
        open_onnx(network(tmp_path))
    assert "operators of the domain my.ops" in caught.value.hint
    assert "in the first step: --step source.model:custom_ops=LIBRARY." in caught.value.hint
    model = ir.load(network(tmp_path, "NegPos", "ai.onnx.contrib"))
    monkeypatch.setattr(operators.importlib.util, "find_spec", lambda name: None)
    assert "pip install onnxruntime-extensions" in operators.advice(model)
    with pytest.raises(BadInput, match="is not installed") as caught:
        operators.parse_libraries("extensions", tmp_path / "net.onnx")
    assert caught.value.hint == "Install it: pip install onnxruntime-extensions"
    monkeypatch.setattr(operators.importlib.util, "find_spec", lambda name: object())
    assert (
        "which is installed; give it in the first step: --step source.model:custom_ops=extensions"
        in operators.advice(model)
    )


def test_a_library_is_loaded_only_with_consent_to_its_content(tmp_path: Path, library: Path, loaded: list[str]) -> None:
    path = network(tmp_path)
    params = SourceModelParams(path=str(path), custom_ops="libtriple.so")
    with pytest.raises(BadInput, match=r"would run the library libtriple\.so \(digest [0-9a-f]{40}\)") as caught:
        source_model(ToyContext(tmp_path), params)
    assert f'--allow-code "{library}"' in caught.value.hint
    assert loaded == []
    digest, what = allowed_by(str(library))
    assert what == "the library libtriple.so"
    consents.give(digest, what)
    result = source_model(ToyContext(tmp_path), params).path
    assert set(loaded) == {str(library)}
    consents.take_back(digest)
    with pytest.raises(BadInput, match=r"which you have not allowed"):
        open_session(result)
    consents.give(digest, what)
    library.write_bytes(b"another library")
    with pytest.raises(BadInput, match="not where it was or has changed"):
        open_session(result)


def test_the_library_is_found_through_steps_and_by_every_session(
    tmp_path: Path, library: Path, loaded: list[str]
) -> None:
    path = network(tmp_path)
    consents.give(*allowed_by(str(library)))
    ctx = ToyContext(tmp_path)
    net = source_model(ctx, SourceModelParams(path=str(path), custom_ops=str(library)))
    assert ctx.facts["custom_operators"] == [{"name": "libtriple.so", "digest": allowed_by(str(library))[0]}]
    array = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    for step in (graph_optimize, quantize_weights):
        net = step(ToyContext(tmp_path), spec_of(step).params(), OnnxNet(net.path))
        model = load(net.path)
        assert any(node.op_type == "Triple" for node in model.graph)
        assert str(tmp_path) not in json.dumps(dict(model.metadata_props))
        for session in (
            open_session(net.path),
            open_session(net.path.read_bytes()),
            open_session(model),
            open_tapped(model, []),
            open_network(net.path, 1),
        ):
            (got,) = run(session, {"x": array}).values()
            wanted = expected(path, array)
            assert np.abs(got - wanted).max() < 0.05 * np.abs(wanted).max()
    assert set(loaded) == {str(library)}


def test_a_network_with_operators_of_a_library_is_trained_behind_them(
    tmp_path: Path, library: Path, loaded: list[str]
) -> None:
    consents.give(*allowed_by(str(library)))
    params = SourceModelParams(path=str(network(tmp_path)), custom_ops=str(library))
    result = source_model(ToyContext(tmp_path), params).path
    model = load(result)
    view = TorchView(model)
    assert [node.op_type for node in view.hosted] == ["Triple"]
    assert set(unreached(model, ["y"], view.hosted)) == {"w"}
    assert compare(view, result, {"x": np.ones((3, 4), np.float32)}) < 1e-5


def test_the_library_is_part_of_the_key(tmp_path: Path, library: Path) -> None:
    path = network(tmp_path)
    params = SourceModelParams(path=str(path), custom_ops="libtriple.so")
    key = fingerprint(params)
    assert key != fingerprint(SourceModelParams(path=str(path)))
    library.write_bytes(b"another library")
    assert fingerprint(params) != key
    library.unlink()
    with pytest.raises(BadInput, match=r"custom_ops=libtriple\.so: there is no such file"):
        fingerprint(params)
    (tmp_path / "text.txt").write_text("x")
    with pytest.raises(BadInput, match="that is no library"):
        operators.parse_libraries("text.txt", path)


def test_a_library_that_cannot_be_loaded_is_said(tmp_path: Path, library: Path) -> None:
    path = network(tmp_path)
    consents.give(*allowed_by(str(library)))
    with pytest.raises(BadInput, match=r"The library libtriple\.so cannot be loaded"):
        source_model(ToyContext(tmp_path), SourceModelParams(path=str(path), custom_ops="libtriple.so"))


@pytest.mark.parametrize(
    "text", ["", "nothing", "{}", "[1]", '[{"name": "libevil.so"}]', '[{"name": "libevil.so", "digest": "../x"}]']
)
def test_what_a_strangers_network_declares_loads_nothing(tmp_path: Path, text: str, loaded: list[str]) -> None:
    proto = onnx.load(str(network(tmp_path)))
    helper.set_model_props(proto, {operators.PROPERTY: text})
    onnx.save(proto, str(tmp_path / "net.onnx"))
    (tmp_path / "libevil.so").write_bytes(b"evil")
    with pytest.raises(BadInput, match=r"does not know|not allowed"):
        open_onnx(tmp_path / "net.onnx")
    assert loaded == []


def test_the_script_of_an_export_registers_the_operators() -> None:
    text = run_script("m.onnx", ["extensions", "libtriple.so"])
    compile(text, "run_m.py", "exec")
    assert "pip install onnxruntime numpy onnxruntime-extensions, and beside it libtriple.so" in text
    assert text.count("register_custom_ops_library") == 2
    evil = run_script("m.onnx", ['lib"""\nraise SystemExit\n"""\'.so', "lib\\.so"])
    assert not any(isinstance(one, ast.Raise) for one in ast.walk(ast.parse(evil)))
    plain = run_script("m.onnx")
    compile(plain, "run_m.py", "exec")
    assert "register" not in plain
    assert "options" not in plain


def test_operators_of_the_package_run(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime_extensions")
    path = network(tmp_path, "NegPos", "ai.onnx.contrib", outputs=2)
    ctx = ToyContext(tmp_path)
    net = source_model(ctx, SourceModelParams(path=str(path), custom_ops="extensions"))
    array = np.ones((2, 4), np.float32)
    weights = {one.name: numpy_helper.to_array(one) for one in onnx.load(str(path)).graph.initializer}
    (got,) = run(open_session(net.path), {"x": array}).values()
    assert np.allclose(got, np.maximum(array @ weights["w"], 0) @ weights["v"], atol=1e-4)
    assert [one["name"] for one in ctx.facts["custom_operators"]] == ["extensions"]  # pyright: ignore
