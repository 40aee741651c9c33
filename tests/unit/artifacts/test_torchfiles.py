"""PyTorch programs are described, and unsafe ones refused, from their bytes alone."""

from __future__ import annotations

import copy
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.artifacts.exported import is_plain_expression, problem_of
from compress_studio.artifacts.external import model_files
from compress_studio.artifacts.sniffing import Format
from compress_studio.artifacts.torchfiles import holds_examples, look
from compress_studio.base.errors import BadInput

NESTING = json.dumps([1, {"type": "builtins.tuple", "context": "null", "children_spec": []}])
NODE = {"target": "torch.ops.aten.relu.default", "inputs": [], "outputs": []}
SIZE = {"as_expr": {"expr_str": "Symbol('s77', positive=True, integer=True)", "hint": {"as_int": 2}}}
PROGRAM: dict[str, Any] = {
    "graph_module": {
        "graph": {
            "nodes": [NODE],
            "tensor_values": {"x": {"dtype": 7, "sizes": [SIZE, {"as_int": 3}]}},
        },
        "signature": {"input_specs": [{"user_input": {"arg": {"as_tensor": {"name": "x"}}}}]},
        "module_call_graph": [{"signature": {"in_spec": NESTING, "out_spec": NESTING}}],
    }
}
WEIGHT = {"path_name": "weight_0", "use_pickle": False, "tensor_meta": {"dtype": 7, "sizes": [{"as_int": 3}]}}


class Payload:
    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (Path("touched"),)  # pyright: ignore[reportReturnType]


def archive(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as stream:
        for name, content in entries.items():
            stream.writestr(f"m/{name}", content)
    return path


def exported(path: Path, model: Any = PROGRAM, weights: Any = None, **more: bytes) -> Path:
    config = {"config": {"w": WEIGHT, "tied": WEIGHT} if weights is None else weights}
    entries = {
        "archive_format": b"pt2",
        "models/model.json": json.dumps(model).encode(),
        "data/weights/model_weights_config.json": json.dumps(config).encode(),
        "data/weights/weight_0": bytes(12),
    }
    return archive(path, entries | {name.replace("__", "/"): content for name, content in more.items()})


def script(path: Path, code: str = "", data: bytes = pickle.dumps({}, protocol=2)) -> Path:
    return archive(path, {"data.pkl": data, "constants.pkl": b"", "code/net.py": code.encode()})


def changed(**nodes: Any) -> dict[str, Any]:
    model = copy.deepcopy(PROGRAM)
    model["graph_module"]["graph"]["nodes"][0].update(nodes)
    return model


def test_an_exported_program_tells_its_inputs_and_weights(tmp_path: Path) -> None:
    facts = look(exported(tmp_path / "m.pt2"), Format.PT2)
    assert facts.tensors == {"w": (3,), "tied": (3,)}
    assert facts.parameters == 3
    assert [(one.name, one.shape, one.dtype) for one in facts.inputs] == [("x", ("s77", 3), "FLOAT")]
    assert model_files(tmp_path / "m.pt2") == [tmp_path / "m.pt2"]


@pytest.mark.parametrize(
    "target",
    [
        "torch.os.system",
        "torch.ops.load_library",
        "torch.ops.aten.save.default",
        "torch.ops.custom.run.default",
        "_operator.methodcaller",
        "_operator.attrgetter",
        "torch.ops.higher_order.flat_apply",
        "#extension",
        "os.system",
    ],
)
def test_an_operator_that_is_none_of_a_network_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(BadInput, match="no operator of a network"):
        look(exported(tmp_path / "m.pt2", changed(target=target)), Format.PT2)


@pytest.mark.parametrize("name", ["x=print(1)", "a b", "x\n", "x;y", "a-b"])
def test_a_name_that_would_become_code_is_refused(tmp_path: Path, name: str) -> None:
    argument = {"name": name, "arg": {"as_int": 1}, "kind": 2}
    with pytest.raises(BadInput, match="is none"):
        look(exported(tmp_path / "m.pt2", changed(inputs=[argument])), Format.PT2)
    with pytest.raises(BadInput, match="would run code"):
        look(exported(tmp_path / "m.pt2", weights={name: WEIGHT}), Format.PT2)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch x')",
        "().__class__",
        "s0.func",
        "[x for x in (1,)]",
        "lambda: 1",
        "Symbol('a b')",
        "exec('1')",
        "f'{s0}'",
        "open('x')",
        "s0 if True else 2",
        "S('x')",
        "s0[0]",
        "(",
        "",
        7,
    ],
)
def test_a_size_that_is_more_than_arithmetic_is_refused(tmp_path: Path, text: Any) -> None:
    model = copy.deepcopy(PROGRAM)
    model["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][0] = {"as_expr": {"expr_str": text}}
    with pytest.raises(BadInput, match="not a plain expression"):
        look(exported(tmp_path / "m.pt2", model), Format.PT2)


@given(st.text())
def test_an_accepted_size_holds_no_attribute_and_no_private_name(text: str) -> None:
    if is_plain_expression(text):
        assert "__" not in text
        assert "lambda" not in text
        assert ".s" not in text


@pytest.mark.parametrize(
    "text",
    [
        "s77",
        "2*s0 + 1",
        "Mul(Integer(64), Symbol('s77', positive=True, integer=True))",
        "Max(1, FloorDiv(s0, 2))",
        "s0 <= 10",
        "Eq(Mod(s0, 4), 0)",
    ],
)
def test_sizes_as_pytorch_writes_them_are_accepted(text: str) -> None:
    assert is_plain_expression(text)


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "collections.defaultdict", "context": '{"default_factory_module": "os"}', "children_spec": []},
        {"type": "builtins.dict", "context": '[{"__enum__": true, "fqn": "os:x", "name": "y"}]', "children_spec": []},
        {"type": "mine.Type", "context": "null", "children_spec": []},
    ],
)
def test_nested_inputs_of_types_that_must_be_imported_are_refused(spec: dict[str, Any]) -> None:
    tree = json.dumps([1, {"type": "builtins.tuple", "context": "null", "children_spec": [spec]}])
    assert "imported" in problem_of({"in_spec": tree})
    assert not problem_of({"in_spec": NESTING})


@pytest.mark.parametrize(
    "name", ["data__constants__custom_obj_0", "data__constants__opaque_obj_0", "data__aotinductor__m__x.so"]
)
def test_what_only_unpickling_or_a_compiled_library_can_restore_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="would run code"):
        look(exported(tmp_path / "m.pt2", **{name: b"x"}), Format.PT2)


@pytest.mark.parametrize("place", ["opaque_obj_0/x", "custom_obj_1", "../x"])
def test_weights_in_strange_places_are_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(BadInput, match="would run code"):
        look(exported(tmp_path / "m.pt2", weights={"w": WEIGHT | {"path_name": place}}), Format.PT2)


def test_a_pickle_inside_an_exported_program_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inner = archive(tmp_path / "inner.pt", {"data.pkl": pickle.dumps(Payload(), protocol=2)}).read_bytes()
    for content in (inner, pickle.dumps(Payload(), protocol=2)):
        with pytest.raises(BadInput, match="would run code"):
            look(exported(tmp_path / "m.pt2", **{"data__sample_inputs__model.pt": content}), Format.PT2)
    assert not (tmp_path / "touched").exists()


def test_a_pickle_inside_a_torchscript_program_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="would run code"):
        look(script(tmp_path / "m.pt", data=pickle.dumps(Payload(), protocol=2)), Format.TORCHSCRIPT)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "code",
    [
        'torch.save(x, "f")',
        'ops.aten.save(x, "f")',
        'y = torch.from_file("f")',
        'getattr(torch, "sa\\x76e")(x, "f")',
        'getattr(torch, "sa" + "ve")',
    ],
)
def test_a_torchscript_program_that_reaches_files_is_refused(tmp_path: Path, code: str) -> None:
    with pytest.raises(BadInput, match="read or write files"):
        look(script(tmp_path / "m.pt", code), Format.TORCHSCRIPT)


def test_children_with_numbers_for_names_are_not_taken_for_tricks(tmp_path: Path) -> None:
    path = script(tmp_path / "m.pt", 'x = (getattr(self.layers, "0")).forward(x, )')
    assert look(path, Format.TORCHSCRIPT).tensors == {}
    assert not holds_examples(path)


def test_two_files_of_one_name_are_refused_whatever_their_case(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.pt", {"data.pkl": b"", "constants.pkl": b"", "code/a.py": b"", "CODE/A.py": b""})
    with pytest.raises(BadInput, match="several files of one name"):
        look(path, Format.TORCHSCRIPT)


def test_a_program_of_another_form_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="form that is not known"):
        look(exported(tmp_path / "m.pt2", {}), Format.PT2)


def test_an_archive_that_grows_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("m/data.pkl", bytes(300 << 20))
        stream.writestr("m/constants.pkl", b"")
    with pytest.raises(BadInput, match="would unpack to"):
        look(path, Format.TORCHSCRIPT)
