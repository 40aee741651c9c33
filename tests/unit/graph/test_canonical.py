"""The canonical form computes the same, and steps find what they look for in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from compress_studio.artifacts.formats import open_onnx
from compress_studio.base.errors import BadInput
from compress_studio.graph import canonical
from compress_studio.graph.canonical import canonicalize
from compress_studio.graph.layers import weight_layers
from compress_studio.graph.samples import synthetic
from compress_studio.graph.saving import save
from compress_studio.graph.session import open_session, run
from tests.toys import networks


def outputs(model: ir.Model) -> dict[str, np.ndarray]:
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    return run(open_session(model, optimize=False), synthetic(model, 3, 7))


def interface(model: ir.Model) -> list[tuple[str | None, str, str]]:
    return [(one.name, str(one.type), str(one.shape)) for one in [*model.graph.inputs, *model.graph.outputs]]


def same(model: ir.Model) -> canonical.CanonicalReport:
    """Canonicalize and compare with the original on other samples than canonicalize uses."""
    before, face = outputs(model), interface(model)
    report = canonicalize(model)
    assert canonical.largest_difference(before, outputs(model)) <= 1e-5
    assert interface(model) == face
    names = [node.name for graph in model.graphs() for node in graph]
    assert len(set(names)) == len(names)
    assert all(names)
    return report


@pytest.mark.parametrize("name", networks.ALL)
def test_every_toy_network_stays_bit_identical_and_can_be_saved(name: str, tmp_path: Path) -> None:
    model = networks.ALL[name]()
    assert same(model).max_difference == 0
    save(model, tmp_path / "m.onnx")


@pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 12])
def test_an_old_opset_is_raised_to_13_and_no_further(opset: int) -> None:
    model = networks.conv_net(opset=opset)
    report = same(model)
    assert report.opset_raised == (opset, 13)
    assert model.opset_imports[""] == 13
    assert [layer.name for layer in weight_layers(model)] == ["conv1", "conv2", "fc1", "fc2"]


@pytest.mark.parametrize("opset", [13, 17, 22, 26])
def test_a_newer_opset_stays(opset: int) -> None:
    model = networks.conv_net(opset=opset)
    assert same(model).opset_raised is None
    assert model.opset_imports[""] == opset


def to_constants(model: ir.Model) -> None:
    """Store every initializer of the main graph as a Constant node behind an Identity."""
    for name, value in list(model.graph.initializers.items()):
        del model.graph.initializers[name]
        tensor = value.const_value
        assert tensor is not None
        constant = ir.node("Constant", [], attributes={"value": tensor})
        constant.outputs[0].name = f"{name}_constant"
        copy = ir.node("Identity", [constant.outputs[0]])
        copy.outputs[0].name = f"{name}_copy"
        value.const_value = None
        value.replace_all_uses_with(copy.outputs[0])
        model.graph.insert_before(model.graph[0], [constant, copy])


@pytest.mark.parametrize("name", networks.ALL)
def test_weights_in_constant_nodes_behind_identities_are_found(name: str) -> None:
    model = networks.ALL[name]()
    count = len(weight_layers(model))
    to_constants(model)
    assert weight_layers(model) == []
    same(model)
    assert len(weight_layers(model)) == count
    assert not any(node.op_type in {"Constant", "Identity"} for node in model.graph)


def test_weights_that_are_also_inputs_become_fixed() -> None:
    model = networks.mlp()
    model.graph.inputs.extend(list(model.graph.initializers.values()))
    feeds = synthetic(model, 3, 0)
    assert list(feeds) == ["x"]
    before = run(open_session(model), feeds)
    report = canonicalize(model)
    assert [value.name for value in model.graph.inputs] == ["x"]
    assert "inputs with a stored value" in report.changes[0]
    np.testing.assert_array_equal(before["y"], run(open_session(model), feeds)["y"])


def test_functions_become_nodes() -> None:
    function = helper.make_function(
        "local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    weight = numpy_helper.from_array(np.ones((3, 3), np.float32), "w")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in "xy")
    nodes = [helper.make_node("Twice", ["x"], ["t"], domain="local"), helper.make_node("MatMul", ["t", "w"], ["y"])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    proto = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], [weight]), functions=[function], opset_imports=opsets, ir_version=8
    )
    model = ir.from_proto(proto)
    same(model)
    assert [node.op_type for node in model.graph] == ["Add", "MatMul"]
    assert not model.functions


def test_a_transposed_weight_is_stored_transposed_and_a_tied_one_is_not() -> None:
    model = networks.mlp()
    weight = model.graph.initializers["fc2.weight"]
    assert weight.const_value is not None
    from compress_studio.graph.layers import set_array

    set_array(weight, np.ascontiguousarray(weight.const_value.numpy().T))
    use = next(iter(weight.uses()))
    turned = ir.node("Transpose", [weight], attributes={"perm": [1, 0]})
    turned.outputs[0].name = "turned"
    use.node.replace_input_with(use.idx, turned.outputs[0])
    model.graph.insert_before(use.node, [turned])
    same(model)
    assert not any(node.op_type == "Transpose" for node in model.graph)
    tied = networks.tied_net()
    same(tied)
    assert any(node.op_type == "Transpose" for node in tied.graph)


def test_a_vector_that_two_layers_share_is_copied_and_a_matrix_is_not() -> None:
    model = networks.residual_net()
    shared = model.graph.initializers["block2.bn1.bias"]
    model.graph.initializers["block2.bn2.bias"].replace_all_uses_with(shared)
    same(model)
    assert len(shared.uses()) == 1


def test_a_branch_and_the_weights_it_reads_stay_as_they_are() -> None:
    model = networks.if_net()
    before = {name: value.const_value for name, value in model.graph.initializers.items()}
    same(model)
    assert set(before) == set(model.graph.initializers)


def test_names_noted_by_the_exporter_are_given_to_nodes_and_weights() -> None:
    model = networks.mlp()
    node = next(node for node in model.graph if node.op_type == "MatMul")
    weight = model.graph.initializers["fc2.weight"]
    weight.name = "val_7"
    node.name = "node_MatMul_3"
    node.metadata_props["pkg.torch.onnx.name_scopes"] = "['', 'encoder.layers.0', 'encoder.layers.0.qkv', 'linear']"
    node.metadata_props["pkg.torch.onnx.stack_trace"] = "x" * 1000
    same(model)
    layer = weight_layers(model)[1]
    assert layer.name == "encoder.layers.0.qkv"
    assert layer.key == "encoder.layers.0.qkv.weight"
    assert not layer.node.metadata_props


@pytest.mark.parametrize(
    ("name", "op", "people"),
    [
        ("/layers/layers.0/conv1/Conv", "Conv", "layers.0.conv1"),
        ("/layers/layers.1/short/short.0/Conv_2", "Conv", "layers.1.short.0"),
        ("/features/features.1/conv/conv.0/conv.0.0/Conv", "Conv", "features.1.conv.0.0"),
        ("/encoder/layer.0/attention/self/query/MatMul", "MatMul", "encoder.layer.0.attention.self.query"),
        ("fc1", "Gemm", "fc1"),
        ("Conv_0", "Conv", "Conv_0"),
        ("", "Conv", "Conv"),
    ],
)
def test_scopes_are_joined_as_people_write_them(name: str, op: str, people: str) -> None:
    from compress_studio.graph.layers import people_name

    assert people_name(ir.node(op, [], name=name)) == people


def test_description_and_metadata_stay_and_recorded_shapes_go() -> None:
    model = networks.conv_net(opset=11)
    model.metadata_props["classes"] = "a,b"
    model.doc_string = "what it is"
    same(model)
    assert model.metadata_props["classes"] == "a,b"
    assert model.doc_string == "what it is"
    inner = [value for node in model.graph for value in node.outputs if not value.is_graph_output()]
    assert all(value.shape is None for value in inner)


def test_a_rewriting_that_changes_outputs_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    model = networks.mlp()
    before = outputs(model)

    def wrong(model: ir.Model, report: canonical.CanonicalReport) -> None:
        from compress_studio.graph.layers import set_array

        set_array(model.graph.initializers["fc1.bias"], np.full(32, 9, np.float32))

    monkeypatch.setattr(canonical, "ALL", (*canonical.ALL, wrong))
    report = canonicalize(model)
    np.testing.assert_array_equal(before["y"], outputs(model)["y"])
    assert "left out" in report.changes[-1]


def test_a_network_that_draws_random_numbers_is_not_called_proved() -> None:
    model = networks.mlp()
    noise = ir.node("RandomNormalLike", [model.graph.inputs[0]])
    noise.outputs[0].name = "noise"
    total = ir.node("Add", [model.graph.inputs[0], noise.outputs[0]])
    total.outputs[0].name = "noisy"
    first = next(iter(model.graph))
    first.replace_input_with(0, total.outputs[0])
    model.graph.insert_before(first, [noise, total])
    assert not canonicalize(model).proved


def test_a_network_that_does_not_run_says_why() -> None:
    model = networks.mlp()
    model.graph.inputs[0].shape = ir.Shape(["N", 11])
    with pytest.raises(BadInput, match="does not run"):
        canonicalize(model)


def test_every_model_of_the_collection_stays_bit_identical(assets: Path, tmp_path: Path) -> None:
    for path in sorted(assets.glob("models/*/*.onnx")):
        model = open_onnx(path)
        face = interface(model)
        assert canonicalize(model).max_difference == 0
        assert interface(model) == face
        save(model, tmp_path / "m.onnx")
        names = [layer.name for layer in weight_layers(model)]
        assert not any(name.startswith(("val_", "onnx::")) for name in names)


def unusual(nodes: list[onnx.NodeProto], out: list[int | str] | None = None) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, d) for n, d in (("x", ["N", 4]), ("y", out)))
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(helper.make_graph(nodes, "g", [x], [y], [weight]), opset_imports=opsets, ir_version=8)


def written(path: Path, proto: onnx.ModelProto) -> Path:
    path.write_bytes(proto.SerializeToString())
    return path


def test_an_output_without_a_shape_and_sequences_inside_can_be_saved(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("SplitToSequence", ["x"], ["s"], axis=1),
        helper.make_node("ConcatFromSequence", ["s"], ["c"], axis=1),
        helper.make_node("MatMul", ["c", "w"], ["y"]),
    ]
    model = open_onnx(written(tmp_path / "a.onnx", unusual(nodes)))
    assert canonicalize(model).max_difference == 0
    save(model, tmp_path / "b.onnx")


def test_nodes_of_equal_names_are_told_apart(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", pair, [out], name="n") for pair, out in ((["x", "w"], "a"), (["a", "w"], "y"))]
    model = open_onnx(written(tmp_path / "a.onnx", unusual(nodes, ["N", 4])))
    same(model)


def test_sparse_weights_become_plain(tmp_path: Path) -> None:
    proto = unusual([helper.make_node("MatMul", ["x", "s"], ["y"])], ["N", 4])
    values = numpy_helper.from_array(np.array([1, 2], np.float32), "s")
    places = numpy_helper.from_array(np.array([1, 6], np.int64), "s_places")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4, 4]))
    model = open_onnx(written(tmp_path / "a.onnx", proto))
    plain = model.graph.initializers["s"].const_value
    assert plain is not None
    assert plain.numpy()[0, 1] == 1
    assert plain.numpy()[1, 2] == 2
    same(model)


def test_a_loop_is_left_as_it_is(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("MatMul", ["a", "w"], ["b"]), helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("a", TensorProto.FLOAT, None)],
        [value("on", TensorProto.BOOL, []), value("b", TensorProto.FLOAT, None)],
    )
    trips = helper.make_node("Constant", [], ["trips"], value=numpy_helper.from_array(np.array(3, np.int64)))
    model = open_onnx(
        written(
            tmp_path / "a.onnx",
            unusual([trips, helper.make_node("Loop", ["trips", "", "x"], ["y"], body=body)], ["N", 4]),
        )
    )
    same(model)
    assert [node.op_type for node in model.graph] == ["Loop"]


def unoptimized_export() -> ir.Model:
    """A convolution as the exporter of PyTorch 2 writes it without optimization: its missing bias is computed zeros."""
    text = """<ir_version: 10, opset_import: ["" : 18]>
    g (float[n, 3, 8, 8] image) => (float[n, 4, 8, 8] out) {
        size = Shape <start = 0, end = 1> (weight)
        one = Constant <value_ints = [1]> ()
        shape = Expand (size, one)
        nought = Constant <value = float {0}> ()
        zero = CastLike (nought, image)
        bias = Expand (zero, shape)
        conv = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (image, weight, bias)
        norm = BatchNormalization (conv, gamma, beta, mean, variance)
        low = Constant <value_float = 0.0> ()
        high = Constant <value_float = 6.0> ()
        low_cast = CastLike (low, norm)
        high_cast = CastLike (high, norm)
        out = Clip (norm, low_cast, high_cast)
    }"""
    proto = onnx.parser.parse_model(text)
    rng = np.random.default_rng(0)
    arrays = {"weight": rng.normal(size=(4, 3, 3, 3)), "variance": rng.uniform(0.5, 2, 4)}
    arrays |= {name: rng.normal(size=4) for name in ("gamma", "beta", "mean")}
    proto.graph.initializer.extend(
        numpy_helper.from_array(one.astype(np.float32), name) for name, one in arrays.items()
    )
    return ir.from_proto(proto)


def test_a_bias_computed_from_the_size_of_a_weight_is_stored() -> None:
    model = unoptimized_export()
    same(model)
    assert [node.op_type for node in model.graph] == ["Conv", "BatchNormalization", "Clip"]
    [layer] = weight_layers(model)
    assert layer.bias is not None
    assert layer.bias.const_value is not None
    assert not layer.bias.const_value.numpy().any()


def test_types_that_are_nowhere_noted_are_inferred_for_a_cast_like() -> None:
    model = unoptimized_export()
    for node in model.graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.type = value.shape = None
    same(model)
    assert "CastLike" not in {node.op_type for node in model.graph}


def test_a_stored_half_precision_weight_is_not_unpacked_by_its_cast() -> None:
    text = """<ir_version: 10, opset_import: ["" : 18]>
    g (float[n, 2] x) => (float[n, 2] y) { wide = Cast <to = 1> (narrow)  y = Add (x, wide) }"""
    proto = onnx.parser.parse_model(text)
    proto.graph.initializer.append(numpy_helper.from_array(np.array([1, 2], np.float16), "narrow"))
    model = ir.from_proto(proto)
    same(model)
    assert [node.op_type for node in model.graph] == ["Cast", "Add"]
