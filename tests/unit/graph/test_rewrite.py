"""Edits keep the interface of a network and see into its sub-graphs."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from compress_studio.graph import rewrite
from compress_studio.graph.session import open_session, run
from tests.toys import networks


def outputs(model: ir.Model, *shape: int) -> np.ndarray:
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    x = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    return run(open_session(model), {"x": x})["y"]


def test_a_node_behind_an_output_keeps_the_name_of_the_output() -> None:
    model = networks.mlp()
    before = outputs(model, 3, 12)
    two = rewrite.add_initializer(model, "two", np.float32(2))
    rewrite.insert_after(model, model.graph.outputs[0], "Mul", [two])
    assert [value.name for value in model.graph.outputs] == ["y"]
    np.testing.assert_allclose(outputs(model, 3, 12), 2 * before)


def test_a_node_behind_an_input_is_read_by_everybody() -> None:
    model = networks.tied_net()
    before = outputs(model, 3, 6)
    zero = rewrite.add_initializer(model, "zero", np.float32(0))
    rewrite.insert_after(model, model.graph.inputs[0], "Mul", [zero])
    after = outputs(model, 3, 6)
    assert np.any(before)
    assert not np.any(after)


def test_a_weight_that_only_a_branch_reads_can_be_followed_by_a_node() -> None:
    model = networks.if_net()
    before = outputs(model, 3, 6)
    two = rewrite.add_initializer(model, "two", np.float32(2))
    rewrite.insert_after(model, model.graph.initializers["outer.weight"], "Mul", [two])
    np.testing.assert_allclose(outputs(model, 3, 6), 2 * before, rtol=1e-6)


def test_a_weight_that_only_a_branch_reads_is_not_unused() -> None:
    model = networks.if_net()
    assert rewrite.remove_unused(model) == 0
    assert "outer.weight" in model.graph.initializers


def test_dead_nodes_and_what_only_they_read_go_away() -> None:
    model = networks.mlp()
    count = model.graph.num_nodes()
    dead = rewrite.add_initializer(model, "dead", np.float32(2))
    model.graph.append(ir.node("Neg", [ir_output(model.graph, dead)]))
    assert rewrite.remove_unused(model) == 3
    assert model.graph.num_nodes() == count
    assert "dead" not in model.graph.initializers


def ir_output(graph: ir.Graph, value: ir.Value) -> ir.Value:
    node = ir.node("Abs", [value])
    graph.append(node)
    return node.outputs[0]


def test_a_name_that_is_taken_gets_a_number() -> None:
    model = networks.mlp()
    first = rewrite.add_initializer(model, "fc1.weight", np.zeros(2, np.float32))
    second = rewrite.add_initializer(model, "fc1.weight", np.zeros(2, np.float32))
    assert [first.name, second.name] == ["fc1.weight_2", "fc1.weight_3"]


def test_an_initializer_cannot_silently_become_an_output() -> None:
    model = networks.mlp()
    value = rewrite.add_initializer(model, "constant", np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="output y"):
        rewrite.replace_uses(model.graph.outputs[0], value)
