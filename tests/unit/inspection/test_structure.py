"""The inside of a network as plain values."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import onnx
import onnx.parser
import onnx_ir as ir
import pytest

from compress_studio.inspection import scopes
from compress_studio.inspection.structure import structure
from tests.toys import networks
from tests.unit.inspection import nets


def saved(model: ir.Model, path: Path) -> str:
    ir.save(model, path)
    return str(path)


def test_every_operator_is_in_exactly_one_group_and_connected(tmp_path: Path) -> None:
    found = structure(saved(networks.residual_net(), tmp_path / "a.onnx"))

    assert all(0 <= node["group"] < len(found["groups"]) for node in found["nodes"])
    touched = {number for edge in found["edges"] for number in edge}
    assert touched == set(range(len(found["nodes"])))
    assert found["groups"][0]["parent"] == -1
    assert found["groups"][0]["count"] == sum(node["op"] not in {"Input", "Output"} for node in found["nodes"])


def test_shapes_say_where_the_batch_is_counted(tmp_path: Path) -> None:
    found = structure(saved(networks.conv_net(), tmp_path / "a.onnx"))

    kind, shape = found["tensors"]["x"]
    assert kind == "float32"
    assert shape.startswith("N×")


def test_the_inside_of_a_branch_is_a_group_that_flows_to_its_operator(tmp_path: Path) -> None:
    found = structure(saved(networks.if_net(), tmp_path / "a.onnx"))

    names = {group["name"] for group in found["groups"] if group["kind"] == "branch"}
    join = next(number for number, node in enumerate(found["nodes"]) if node["op"] == "If")
    assert {"then branch", "else branch"} == names
    assert len([edge for edge in found["edges"] if edge[1] == join]) >= 3


def test_the_body_of_a_loop_is_a_group_with_its_own_inputs(tmp_path: Path) -> None:
    model = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17]>
        net (float[N, 4] x) => (float[N, 4] y)
        <int64 times = {3}, bool go = {1}> {
            y = Loop (times, go, x) <body = inside (int64 i, bool on, float[N, 4] state)
                => (bool still, float[N, 4] next) {
                still = Identity (on)
                next = Add (state, x)
            }>
        }
    """)
    onnx.save(model, tmp_path / "loop.onnx")

    found = structure(str(tmp_path / "loop.onnx"))

    body = next(number for number, group in enumerate(found["groups"]) if group["kind"] == "branch")
    inside = {node["name"]: number for number, node in enumerate(found["nodes"]) if node["group"] == body}
    assert {"i", "on", "state"} <= set(inside)
    loop = next(number for number, node in enumerate(found["nodes"]) if node["op"] == "Loop")
    add = next(number for number, node in enumerate(found["nodes"]) if node["op"] == "Add")
    outer = next(number for number, node in enumerate(found["nodes"]) if node["name"] == "x")
    edges = set(map(tuple, found["edges"]))
    assert {(add, loop), (outer, add), (inside["state"], add)} <= edges


def test_operators_that_only_unpack_weights_are_counted_but_not_shown(tmp_path: Path) -> None:
    model = networks.conv_net()
    before = len(structure(saved(model, tmp_path / "a.onnx"))["nodes"])
    layer = next(node for node in model.graph if node.op_type == "Conv")
    node = ir.node("Identity", [layer.inputs[1]], name="unpack")
    model.graph.insert_before(layer, [node])
    layer.replace_input_with(1, node.outputs[0])

    found = structure(saved(model, tmp_path / "b.onnx"))

    assert found["hidden"] == 1
    assert len(found["nodes"]) == before
    assert any("Identity" in row["through"] for node in found["nodes"] for row in node["weights"])


@pytest.mark.parametrize("name", [nets.nameless, nets.scoped])
def test_five_thousand_operators_stay_readable_small_and_quick(tmp_path: Path, name) -> None:
    path = nets.big(tmp_path / "big.onnx", 5000, name)
    begin = time.monotonic()

    found = structure(str(path))

    assert time.monotonic() - begin < 12, "far beyond the second that it takes"
    assert len(pickle.dumps(found)) < 3_000_000
    sizes = [0] * len(found["groups"])
    for node in found["nodes"]:
        sizes[node["group"]] += 1
    for group in found["groups"][1:]:
        sizes[group["parent"]] += 1
    assert max(sizes) <= scopes.CROWD + 8


def test_names_that_an_exporter_made_up_are_no_scopes() -> None:
    assert scopes.split_name("Conv_12", "Conv") == ()
    assert scopes.split_name("HardSwish.7", "HardSwish") == ()
    assert scopes.split_name("onnx::MatMul_31", "MatMul") == ()
    assert scopes.split_name("layer1.0.conv1", "Conv") == ("layer1.0", "conv1")
    assert scopes.split_name("/model/layers/3/qkv/MatMul", "MatMul") == ("model", "layers.3", "qkv", "MatMul")


def test_a_pattern_is_found_where_it_repeats() -> None:
    signs = ["Conv", "Pad", *(["Conv", "Add", "Relu"] * 20), "Gemm"]

    start, period, times = scopes.find_repeat(signs) or (0, 0, 0)

    assert (period, times) == (3, 20)
    assert start == 2


def test_names_that_come_again_and_again_do_not_nest_without_end() -> None:
    paths = [("a", "b", "a", "b")] * 3 + [("a",)] * 2 + [("b", "a")] * 2

    root = scopes.group(paths, ["Relu"] * len(paths))

    assert root.count() == len(paths)
