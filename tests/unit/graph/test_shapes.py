"""Every tensor gets a shape, made-up inputs run, and what cannot be known is asked for."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.graph import samples, shapes
from compress_studio.graph.session import open_session, open_tapped, run
from tests.toys import networks


@pytest.mark.parametrize("name", networks.ALL)
def test_the_shapes_are_those_that_the_runtime_gives(name: str) -> None:
    model = networks.ALL[name]()
    found = shapes.trace(model)
    tensors = [value.name or "" for node in model.graph for value in node.outputs]
    feeds = samples.synthetic(model, found.batch, 0, found.binding)
    for tensor, array in run(open_tapped(model, tensors), feeds, tensors).items():
        assert found.of(tensor) == array.shape
        dtype = found.dtype(tensor)
        assert dtype is not None
        assert dtype.numpy() == array.dtype


@pytest.mark.parametrize("name", networks.ALL)
def test_the_first_axis_of_inputs_and_outputs_grows_with_the_batch(name: str) -> None:
    model = networks.ALL[name]()
    found = shapes.trace(model)
    for value in [*model.graph.inputs, *model.graph.outputs]:
        assert found.batch_axes[value.name or ""] == (0,)
    assert not any(found.batch_dependent(weight) for weight in model.graph.initializers)


def test_given_sizes_are_used() -> None:
    found = shapes.trace(networks.transformer(), {"N": 3, "L": 7})
    assert found.of("embedded") == (3, 7, 16)
    assert found.batch == 3


def test_operators_unknown_to_shape_inference_are_traced() -> None:
    model = networks.mlp()
    nodes = list(model.graph)
    nodes[1].op_type, nodes[1].domain = "Gelu", "com.microsoft"
    model.opset_imports["com.microsoft"] = 1
    found = shapes.trace(model)
    assert found.of("fc2.out") == (2, 24)
    assert found.batch_axes["fc2.out"] == (0,)


def test_sizes_are_tried_until_one_lets_the_network_run() -> None:
    model = networks.transformer()
    table = model.graph.initializers["split"]
    assert table.const_value is not None
    table.const_value = ir.Tensor(np.array([0, 64, 2, 8], np.int64), name="split")
    assert shapes.resolve(model)["L"] == 64


def test_a_size_that_cannot_be_found_is_asked_for_by_name() -> None:
    model = networks.fixed_length_net(37)
    with pytest.raises(BadInput, match=r"L .*not in the file.*dims=L=SIZE"):
        shapes.resolve(model)
    assert shapes.trace(model, {"L": 37}).of("turned") == (2, 4, 37)


def test_an_input_without_a_shape_is_asked_for() -> None:
    model = networks.mlp()
    model.graph.inputs[0].shape = None
    with pytest.raises(BadInput, match="input x has no shape"):
        shapes.trace(model)


def test_a_tensor_that_is_larger_than_the_memory_is_refused_before_it_is_made() -> None:
    model = networks.mlp()
    with pytest.raises(BadInput, match="more memory than there is"):
        shapes.trace(model, {"N": 10**13})


def test_a_fixed_batch_is_kept_and_known() -> None:
    model = networks.conv_net()
    model.graph.inputs[0].shape = ir.Shape([10, 1, 8, 8])
    found = shapes.trace(model)
    assert found.batch == 10
    assert found.batch_dependent("conv1.out")
    assert samples.synthetic(model, 3, 0)["x"].shape == (10, 1, 8, 8)


def test_the_same_seed_gives_the_same_samples() -> None:
    model = networks.lstm_net()
    first, again, other = (samples.synthetic(model, 4, seed)["x"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_integers_stay_within_the_table_that_they_index() -> None:
    ids = samples.synthetic(networks.transformer(), 50, 0)["ids"]
    assert ids.dtype == np.int64
    assert ids.min() == 0
    assert ids.max() == 31


def test_an_offset_before_the_table_moves_the_range() -> None:
    net = networks.Net()
    net.constant("two", 2, np.int64)
    net.weight("table", 10, 4)
    net.op("Gather", ["table", net.op("Add", ["ids", "two"], "moved")], "rows")
    net.gemm(net.op("Flatten", ["rows"], "flat"), "fc", 3, 12, "y")
    model = net.model({"ids": ["N", 3]}, {"y": ["N", 3]}, integer=True)
    ids = samples.synthetic(model, 100, 0)["ids"]
    assert ids.max() == 7
    assert ids.min() == 0


def test_a_channel_count_that_the_file_leaves_free_follows_from_the_weight() -> None:
    model = networks.conv_net()
    model.graph.inputs[0].shape = ir.Shape(["N", "C", 8, 8])
    assert shapes.trace(model).of("x") == (2, 1, 8, 8)


def test_text_and_truth_values_are_made_up_too() -> None:
    inputs = [
        ir.Value(name="text", type=ir.TensorType(ir.DataType.STRING), shape=ir.Shape(["N"])),
        ir.Value(name="flag", type=ir.TensorType(ir.DataType.BOOL), shape=ir.Shape(["N"])),
    ]
    nodes = [ir.node("Identity", [inputs[0]]), ir.node("Not", [inputs[1]])]
    for node, kind in zip(nodes, (ir.DataType.STRING, ir.DataType.BOOL), strict=True):
        node.outputs[0].name = f"{kind.name.lower()}_out"
        node.outputs[0].type = ir.TensorType(kind)
    graph = ir.Graph(inputs, [node.outputs[0] for node in nodes], nodes=nodes, opset_imports={"": 17}, name="g")
    model = ir.Model(graph, ir_version=8)
    feeds = samples.synthetic(model, 3, 0)
    assert feeds["flag"].dtype == np.bool_
    assert all(isinstance(word, str) for word in feeds["text"])
    assert len(run(open_session(model), feeds)["string_out"]) == 3


def traced_with_length(length: int, *, opset: int = 17) -> ir.Model:
    """A network whose input leaves its length free, while a Reshape holds the length of the exporter's example."""
    net = networks.Net()
    net.constant("baked", [-1, length * 4], np.int64)
    flat = net.op("Reshape", ["x", "baked"], "flat")
    net.gemm(flat, "fc", 3, length * 4, "y")
    net.constant("steps", [0, length, 4], np.int64)
    net.op("Reshape", ["x", "steps"], "again")
    return net.model({"x": ["N", "L", 4]}, {"y": ["N", 3]}, opset=opset)


def test_a_size_that_the_exporter_wrote_into_the_graph_is_found() -> None:
    assert shapes.resolve(traced_with_length(23))["L"] == 23


def test_a_graph_that_never_opens_is_not_blamed_on_its_sizes() -> None:
    model = networks.transformer()
    next(node for node in model.graph if node.op_type == "Softmax").domain = "nobody.knows"
    model.opset_imports["nobody.knows"] = 1
    with pytest.raises(BadInput, match="does not run") as caught:
        shapes.resolve(model)
    assert "sizes of" not in caught.value.message
