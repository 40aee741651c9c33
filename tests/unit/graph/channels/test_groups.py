"""What belongs together, what must stay, and why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from compress_studio.graph import channels
from compress_studio.graph.channels import Channels
from compress_studio.graph.channels.components import connected
from compress_studio.graph.channels.rules_shape import runs
from compress_studio.graph.shapes import trace
from tests.toys import networks
from tests.toys.networks import Net


def find(model: ir.Model) -> Channels:
    return channels.find_groups(model, trace(model))


def sizes(model: ir.Model) -> dict[tuple[str, ...], int]:
    return {group.layers: group.size for group in find(model).groups}


def reasons(model: ir.Model) -> dict[str, str]:
    return {row["layer"]: row["reason"] for row in find(model).frozen}


def prove_half(model: ir.Model, found: Channels) -> channels.Proof:
    """Remove every second unit of every group and compare with silencing them."""
    selection = {group: np.arange(0, group.size, 2) for group in found.groups if group.size > 1}
    assert selection
    shorter = model.clone()
    channels.remove(shorter, selection)
    rng = np.random.default_rng(0)
    inputs = {}
    for value in model.graph.inputs:
        shape = [size if isinstance(size, int) else 3 for size in value.shape or []]
        whole = value.dtype is not None and value.dtype.name == "INT64"
        inputs[value.name or ""] = rng.integers(1, 9, shape) if whole else rng.standard_normal(shape).astype(np.float32)
    return channels.prove(shorter, channels.mask(model, selection), inputs)


def test_channels_joined_by_an_addition_form_one_group() -> None:
    found = sizes(networks.residual_net())
    assert found["stem.conv", "block1.conv2"] == 8
    assert found["block2.conv2", "block2.short"] == 16
    assert found["block1.conv1",] == 16


def test_depthwise_and_gate_go_with_the_convolution_in_front() -> None:
    assert sizes(networks.depthwise_net())["stem", "deep", "se.expand"] == 16


def test_attention_heads_are_units() -> None:
    found = find(networks.transformer())
    heads = next(group for group in found.groups if "attn.q" in group.layers)
    assert heads.size == 2
    assert heads.layers == ("attn.q", "attn.k", "attn.v")
    assert heads.consumers == ("attn.out",)


def test_a_shared_weight_is_pruned_in_both_places() -> None:
    model = networks.tied_net()
    found = find(model)
    assert [group.size for group in found.groups] == [4]
    assert prove_half(model, found).ok
    channels.remove(model, {found.groups[0]: [0, 1]})
    assert model.graph.initializers["tied.weight"].const_value.shape.numpy() == (6, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [name for name in networks.ALL if name not in {"lstm", "if"}])
def test_removal_is_silencing_on_every_toy_network(name: str) -> None:
    model = networks.ALL[name]()
    assert prove_half(model, find(model)).ok


def test_the_last_layer_stays_because_it_is_the_output() -> None:
    assert reasons(networks.conv_net()) == {"fc2": "its channels are the network's output y"}


def test_normalization_over_channels_freezes_the_residual_stream() -> None:
    assert "LayerNormalization norm1" in reasons(networks.transformer())["embed"]


def test_what_a_branch_reads_is_frozen() -> None:
    assert "inside a branch or loop" in reasons(networks.if_net())["fc1"]


def test_hidden_units_of_recurrent_layers_stay() -> None:
    assert "feed back" in reasons(networks.lstm_net())["lstm.input"]


def test_an_unknown_operator_freezes_what_it_touches_and_is_named() -> None:
    net = Net()
    x = net.op("Relu", [net.gemm("x", "fc1", 8, 6)], "act")
    x = net.op("Strange", [x], "odd", domain="com.example")
    net.gemm(x, "fc2", 4, 8, "y")
    graph = helper.make_graph(
        net.nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
        net.initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    model = ir.from_proto(helper.make_model(graph, opset_imports=opsets, ir_version=8))
    known = {"x": (2, 6), "fc1.out": (2, 8), "act": (2, 8), "odd": (2, 8), "y": (2, 4)}
    found = channels.find_groups(model, _Table(known))
    assert not found.groups
    assert "Strange odd has no rule" in found.frozen[0]["reason"]


def test_unknown_shapes_freeze_and_say_so() -> None:
    model = networks.mlp()
    found = channels.find_groups(model, _Table({"x": (2, 12)}))
    assert not found.groups
    assert any("not known" in row["reason"] for row in found.frozen)


def test_quantized_weights_say_prune_first() -> None:
    net = Net()
    weight = net.constant("w", np.ones((6, 8)), np.int8)
    scale, zero = net.constant("s", 0.1), net.constant("z", 0, np.int8)
    real = net.op("DequantizeLinear", [weight, scale, zero], "w.real")
    net.gemm(net.relu(net.op("MatMul", ["x", real], "fc1.out")), "fc2", 4, 8, "y")
    found = find(net.model({"x": ["N", 6]}, {"y": ["N", 4]}))
    assert not found.groups
    assert found.frozen[0] == {"layer": "fc1", "reason": "already quantized: prune before quantization"}


def test_every_use_of_a_shared_weight_is_a_layer_of_its_group() -> None:
    net = networks.Net()
    net.weight("tower.weight", 8, 6)
    net.weight("head.weight", 5, 8)
    for side in ("left", "right"):
        hidden = net.relu(net.op("Gemm", [side, "tower.weight"], f"{side}.hidden", transB=1))
        net.op("Gemm", [hidden, "head.weight"], f"{side}.out", transB=1)
    model = net.model({"left": ["N", 6], "right": ["N", 6]}, {"left.out": ["N", 5], "right.out": ["N", 5]})
    found = channels.find_groups(model, trace(model))
    assert [(group.layers, group.consumers) for group in found.groups] == [(("tower", "tower#2"), ("head", "head#2"))]
    assert {row["layer"] for row in found.frozen} == {"head", "head#2"}


def test_vectors_shared_by_chance_do_not_couple_layers() -> None:
    net = Net()
    shared = net.constant("zeros", np.zeros(8))
    first, second = net.weight("a.weight", 8, 6), net.weight("b.weight", 8, 8)
    x = net.relu(net.op("Gemm", ["x", first, shared], "a.out", transB=1))
    x = net.relu(net.op("Gemm", [x, second, shared], "b.out", transB=1))
    net.gemm(x, "c", 4, 8, "y")
    model = net.model({"x": ["N", 6]}, {"y": ["N", 4]})
    assert sizes(model) == {("a",): 8, ("b",): 8}


def test_constants_in_nodes_are_pruned_like_initializers() -> None:
    net = Net()
    net.op("Constant", [], "w", value=helper.make_tensor("t", TensorProto.FLOAT, [6, 8], np.ones(48)))
    net.gemm(net.relu(net.op("MatMul", ["x", "w"], "fc1.out")), "fc2", 4, 8, "y")
    model = net.model({"x": ["N", 6]}, {"y": ["N", 4]})
    found = find(model)
    assert found.groups[0].size == 8
    assert prove_half(model, found).ok


def test_halves_of_a_split_can_go_on_their_own() -> None:
    net = Net()
    both = net.linear("x", "both", 12, 6)
    net.op("Split", [both], "left", axis=-1)
    net.nodes[-1].output.append("right")
    y = net.op("Add", [net.linear("left", "a", 4, 6), net.linear("right", "b", 4, 6)], "sum")
    net.gemm(y, "c", 4, 4, "y")
    model = net.model({"x": ["N", 6]}, {"y": ["N", 4]})
    found = find(model)
    halves = [group for group in found.groups if group.layers == ("both",)]
    assert [group.size for group in halves] == [6, 6]
    shorter = model.clone()
    selection = {halves[0]: [0, 1, 2], halves[1]: [5]}
    channels.remove(shorter, selection)
    x = {"x": np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)}
    assert channels.prove(shorter, channels.mask(model, selection), x).ok


def test_a_computed_target_shape_is_overruled() -> None:
    """Reshape to [Shape(x)[0], constant], as exporters write a flattening."""
    net = Net()
    x = net.relu(net.conv("x", "conv", 8, 3))
    shape = net.op("Shape", [x], "shape")
    batch = net.op("Gather", [shape, net.constant("zero", [0], np.int64)], "batch", axis=0)
    target = net.op("Concat", [batch, net.constant("rest", [8 * 16], np.int64)], "target", axis=0)
    net.gemm(net.op("Reshape", [x, target], "flat"), "fc", 4, 8 * 16, "y")
    model = net.model({"x": ["N", 3, 4, 4]}, {"y": ["N", 4]})
    found = find(model)
    assert [group.layers for group in found.groups] == [("conv",)]
    assert prove_half(model, found).ok


def test_a_size_that_becomes_a_number_freezes_its_axis() -> None:
    """Dividing by the number of channels would change when channels go."""
    net = Net()
    x = net.relu(net.linear("x", "fc1", 8, 6))
    shape = net.op("Shape", [x], "shape")
    width = net.op("Gather", [shape, net.constant("one", 1, np.int64)], "width", axis=0)
    scaled = net.op("Div", [x, net.op("Cast", [width], "real", to=TensorProto.FLOAT)], "scaled")
    net.gemm(scaled, "fc2", 4, 8, "y")
    assert "more than shapes" in reasons(net.model({"x": ["N", 6]}, {"y": ["N", 4]}))["fc1"]


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 18, 21])
def test_older_and_newer_opsets(opset: int) -> None:
    model = networks.conv_net(opset=opset)
    assert prove_half(model, find(model)).ok


def test_slices_of_old_opsets_have_attributes() -> None:
    net = Net()
    x = net.conv("x", "conv", 8, 3)
    x = net.op("Slice", [x], "part", starts=[2], ends=[1000], axes=[1])
    net.gemm(net.op("Flatten", [net.op("GlobalMaxPool", [x], "pool")], "flat"), "fc", 4, 6, "y")
    model = net.model({"x": ["N", 3, 4, 4]}, {"y": ["N", 4]}, opset=9)
    found = find(model)
    assert sorted(group.size for group in found.groups) == [2, 6]  # two channels that nobody reads
    assert prove_half(model, found).ok


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((2, 8, 3, 3), (2, 72), [([0], [0]), ([1, 2, 3], [1])]),
        ((2, 5, 12), (2, 5, 3, 4), [([0], [0]), ([1], [1]), ([2], [2, 3])]),
        ((2, 1, 6), (2, 6), [([0], [0]), ([2], [1])]),
        ((4, 6), (6, 4), [([0, 1], [0, 1])]),
    ],
)
def test_runs_of_a_reshape(before: tuple[int, ...], after: tuple[int, ...], expected: list[object]) -> None:
    assert runs(before, after) == expected


def test_components_are_found_over_long_chains() -> None:
    left = np.arange(999)
    assert len(np.unique(connected(1001, [(left, left + 1)]))) == 2


def test_units_that_do_not_exist_and_empty_axes_are_errors() -> None:
    model = networks.mlp()
    group = find(model).groups[0]
    with pytest.raises(ValueError, match="units 0 to"):
        channels.remove(model, {group: [group.size]})
    with pytest.raises(ValueError, match="nothing would be left"):
        channels.remove(model, {group: range(group.size)})


def test_a_wrong_rule_is_caught_by_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Softmax taken for an elementwise operator, what it mixes would be cut; the proof says no."""
    from compress_studio.graph.channels.rules import RULES

    net = Net()
    x = net.op("Softmax", [net.linear("x", "fc1", 8, 6)], "shares", axis=-1)
    net.gemm(x, "fc2", 4, 8, "y")
    make: Callable[[], ir.Model] = lambda: net.model({"x": ["N", 6]}, {"y": ["N", 4]})  # noqa: E731
    assert "mixed by Softmax" in reasons(make())["fc1"]
    monkeypatch.setitem(RULES, "Softmax", RULES["Relu"])
    model = make()
    proof = prove_half(model, find(model))
    assert not proof.ok
    assert "differ by" in proof.reason


class _Table:
    def __init__(self, known: dict[str, tuple[int, ...]]) -> None:
        self.known = known

    def of(self, name: str) -> tuple[int, ...] | None:
        return self.known.get(name)

    def dtype(self, name: str) -> ir.DataType | None:
        return ir.DataType.FLOAT if name in self.known else None
