"""A network without anything to compress is refused with the true reason."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from compress_studio.base.errors import Refused
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.registry import load_steps
from compress_studio.spec.step import SPEC_ATTRIBUTE
from tests.toys.context import ToyContext, ToyData
from tests.toys.networks import Net
from tests.unit.steps.quantizing import Ran

CHANGING = [
    "graph.fp16",
    "prune.weights",
    "prune.channels",
    "factorize.lowrank",
    "cluster.weights",
    "quantize.static",
    "quantize.dynamic",
    "quantize.weights",
]
TRAINING = ["train.distil"]


def run_step(step_id: str, model: ir.Model, tmp_path: Path) -> None:
    spec = load_steps().get(step_id)
    if step_id not in TRAINING:
        Ran(SimpleNamespace(**{SPEC_ATTRIBUTE: spec}), model, tmp_path)
        return
    path = tmp_path / "m.onnx"
    ir.save(model, path)
    net = OnnxNet(path)
    spec.run(ToyContext(tmp_path, ToyData.for_model(model, 60)), spec.params(), net, net)


def tree() -> ir.Model:
    """x [N, 4] → scores [N, 1]: one decision."""
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["scores"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_values=[0.5, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[1.0, 2.0],
        n_targets=1,
    )
    graph = helper.make_graph(
        [node],
        "tree",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    return ir.from_proto(helper.make_model(graph, opset_imports=opsets, ir_version=8))


def integers() -> ir.Model:
    """x [N, 8] → y [N, 4] int32: a product of integers."""
    net = Net()
    net.op("DynamicQuantizeLinear", ["x"], "q")
    net.nodes[-1].output.extend(["s", "z"])
    net.constant("w", np.ones((8, 4)), np.int8)
    product = net.op("MatMulInteger", ["q", "w", "z"], "product")
    net.op("Cast", [product], "y", to=TensorProto.FLOAT)
    return net.model({"x": ["N", 8]}, {"y": ["N", 4]})


@pytest.mark.parametrize("step_id", CHANGING + TRAINING)
def test_decision_trees_hold_nothing_to_compress_and_that_is_said(tmp_path: Path, step_id: str) -> None:
    with pytest.raises(Refused, match="no layers with weights: it computes with TreeEnsembleRegressor") as caught:
        run_step(step_id, tree(), tmp_path)
    assert caught.value.hint is not None
    assert "use it as it is" in caught.value.hint


@pytest.mark.parametrize("step_id", CHANGING + TRAINING)
def test_a_network_of_integers_is_not_said_to_have_no_weights(tmp_path: Path, step_id: str) -> None:
    with pytest.raises(Refused, match=r"already quantized|stored as integers"):
        run_step(step_id, integers(), tmp_path)


@pytest.mark.parametrize("step_id", CHANGING)
def test_weights_that_no_layer_reads_are_said(tmp_path: Path, step_id: str) -> None:
    net = Net()
    net.weight("w", 6, 5)
    net.op("Einsum", ["x", "w"], "y", equation="nd,dk->nk")
    with pytest.raises(Refused, match="read by Einsum"):
        run_step(step_id, net.model({"x": ["N", 6]}, {"y": ["N", 5]}), tmp_path)
