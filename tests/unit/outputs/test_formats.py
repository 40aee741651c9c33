"""Networks written for PyTorch and ONNX, opened again and compared with ONNX Runtime."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from onnx import TensorProto, helper

from compress_studio.base.errors import Refused, UserError
from compress_studio.graph.session import open_session, run
from compress_studio.outputs.kernels.torch_files import load_source
from compress_studio.spec.output import OutputSpec, Requirement
from tests.toys import networks
from tests.toys.networks import Net
from tests.unit.outputs.writing import stored, write

TORCH = ("torch.program", "torch.script", "torch.source")
KINDS = ("conv", "depthwise", "transformer", "lstm")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["onnx", "torch.program", "torch.script"])
def test_every_kind_of_network_opens_again_and_answers_the_same(tmp_path: Path, kind: str, output: str) -> None:
    result = write(output, stored(networks.ALL[kind](), tmp_path), tmp_path)
    assert result.ok, result.checks
    assert result.largest < 1e-5
    assert "batch 2 and 33" in result.checks[-1].detail


@pytest.mark.parametrize("kind", ["depthwise", "transformer"])
def test_source_runs_in_a_python_that_has_only_torch(tmp_path: Path, kind: str) -> None:
    result = write("torch.source", stored(networks.ALL[kind](), tmp_path), tmp_path)
    assert result.ok, result.checks
    assert [path.suffix for path in result.written.files] == [".py", ".safetensors"]
    text = result.file.read_text(encoding="utf-8")
    imports = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports <= {"torch", "json", "math", "struct", "pathlib", "__future__"}


@pytest.mark.parametrize("kind", ["residual", "mlp", "lstm", "tied"])
def test_source_computes_what_the_network_computes_under_readable_names(tmp_path: Path, kind: str) -> None:
    from compress_studio.outputs.kernels.torch_files import write_module
    from compress_studio.outputs.torch_params import TorchParams
    from compress_studio.spec.ports import OnnxNet

    model = networks.ALL[kind]()
    path = stored(model, tmp_path)
    write_module(TorchParams(), OnnxNet(path), tmp_path / "small.py")
    module = load_source(tmp_path / "small.py")
    sizes = {"residual": (7, 3, 8, 8), "mlp": (7, 12), "lstm": (7, 13, 6), "tied": (7, 6)}[kind]
    x = np.random.default_rng(3).standard_normal(sizes).astype(np.float32)
    (expected,) = run(open_session(path), {"x": x}).values()
    assert np.allclose(module(torch.from_numpy(x)).numpy(), expected, atol=1e-5)
    weights = {name.replace(".", "_").lower() for name in model.graph.initializers}
    assert {name.lower() for name, _ in module.named_parameters()} <= weights
    assert "small" not in sys.modules


@pytest.mark.parametrize("output", ["torch.program", "torch.script"])
def test_sequences_of_any_length_run(tmp_path: Path, output: str) -> None:
    path = stored(networks.lstm_net(), tmp_path)
    file = write(output, path, tmp_path).file
    module = torch.export.load(file).module() if output == "torch.program" else torch.jit.load(str(file))
    for batch, length in ((4, 9), (2, 31)):
        x = np.random.default_rng(0).standard_normal((batch, length, 6)).astype(np.float32)
        (expected,) = run(open_session(path), {"x": x}).values()
        with torch.no_grad():
            assert np.allclose(module(torch.from_numpy(x)).numpy(), expected, atol=1e-5)


def test_the_inputs_of_a_program_have_the_names_of_the_network(tmp_path: Path) -> None:
    file = write("torch.program", stored(networks.transformer(), tmp_path), tmp_path).file
    assert tuple(torch.export.load(file).graph_signature.user_inputs) == ("ids",)


def test_a_program_does_not_tell_where_it_was_made(tmp_path: Path) -> None:
    file = write("torch.program", stored(networks.mlp(), tmp_path), tmp_path).file
    assert b"site-packages" not in file.read_bytes()
    assert b"view/portable" not in file.read_bytes()


def test_the_batch_size_can_be_fixed(tmp_path: Path) -> None:
    result = write("torch.program", stored(networks.mlp(), tmp_path), tmp_path, batch=4)
    assert result.ok, result.checks
    assert "batch 4 and 4" in result.checks[-1].detail


def shape_net() -> ir.Model:
    """x [N, 2, 3, 4] → y [N, 24]: a Reshape to a shape that is computed as a tensor, as old exporters write it."""
    net = Net()
    net.constant("zero", 0, np.int64)
    net.constant("axis", [0], np.int64)
    net.constant("rest", [-1], np.int64)
    size = net.op("Gather", [net.op("Shape", ["x"], "sizes"), "zero"], "count", axis=0)
    target = net.op("Concat", [net.op("Unsqueeze", [size, "axis"], "first"), "rest"], "target", axis=0)
    net.op("Reshape", ["x", target], "y")
    return net.model({"x": ["N", 2, 3, 4]}, {"y": ["N", 24]})


def test_shapes_computed_as_tensors_are_no_obstacle_and_the_batch_stays_free(tmp_path: Path) -> None:
    for output in ("torch.program", "torch.script"):
        result = write(output, stored(shape_net(), tmp_path), tmp_path)
        assert result.ok, result.checks
        assert result.written.notes == ()


def test_several_outputs_and_integer_results_keep_order_and_type(tmp_path: Path) -> None:
    net = Net()
    scores = net.gemm("x", "fc", 5, 4, "scores")
    net.op("ArgMax", [scores], "best", axis=1, keepdims=0)
    model = net.model({"x": ["N", 4]}, {"scores": ["N", 5]})
    best = next(node.outputs[0] for node in model.graph if node.op_type == "ArgMax")
    best.type, best.shape = ir.TensorType(ir.DataType.INT64), ir.Shape(["N"])
    model.graph.outputs.append(best)
    for output in TORCH[:2]:
        result = write(output, stored(model, tmp_path), tmp_path)
        assert result.ok, result.checks
    found = torch.jit.load(str(result.file))(torch.ones(3, 4))
    assert [one.dtype for one in found] == [torch.float32, torch.int64]


@pytest.mark.parametrize("output", TORCH[:2])
def test_of_two_branches_both_are_computed_and_the_right_result_is_taken(tmp_path: Path, output: str) -> None:
    path = stored(networks.if_net(), tmp_path)
    result = write(output, path, tmp_path)
    assert result.ok, result.checks
    assert "both are computed" in result.caution
    module = torch.export.load(result.file).module() if output == "torch.program" else torch.jit.load(str(result.file))
    for sign in (-1, 1):
        feeds = {value.name or "": _filled(value, sign) for value in networks.if_net().graph.inputs}
        (expected,) = run(open_session(path), feeds).values()
        found = module(*[torch.from_numpy(one) for one in feeds.values()])
        assert np.allclose(found.numpy(), expected, atol=1e-5)


def _filled(value: ir.Value, sign: int) -> np.ndarray:
    sizes = [size if isinstance(size, int) else 5 for size in value.shape or []]
    return sign * np.random.default_rng(0).random(sizes).astype(np.float32)


@pytest.mark.parametrize("output", TORCH)
def test_branches_of_different_shapes_are_refused_with_the_node_and_another_way(tmp_path: Path, output: str) -> None:
    net = Net()
    zero = net.constant("zero", 0.0)
    axes = net.constant("axes", [0, 1], np.int64)
    go = net.op("Greater", [net.op("ReduceSum", ["x", axes], "sum", keepdims=0), zero], "go")
    whole, short = (_branch(kind) for kind in ("whole", "short"))
    net.op("If", [go], "y", then_branch=whole, else_branch=short)
    path = stored(net.model({"x": ["N", 4]}, {"y": ["M", "K"]}), tmp_path)
    with pytest.raises(Refused, match=r"y \(If\).*depends on the data") as raised:
        write(output, path, tmp_path)
    assert "ONNX" in raised.value.hint
    assert not list(tmp_path.glob("small*"))


def _branch(kind: str) -> onnx.GraphProto:
    """The input as it is, or its mean over the last axis."""
    out = helper.make_tensor_value_info(kind, TensorProto.FLOAT, None)
    if kind == "whole":
        return helper.make_graph([helper.make_node("Identity", ["x"], [kind])], kind, [], [out])
    return helper.make_graph([helper.make_node("ReduceMean", ["x"], [kind], axes=[1], keepdims=0)], kind, [], [out])


def test_an_operator_that_torch_lacks_is_named(tmp_path: Path) -> None:
    net = Net()
    net.op("ExpandDims", [net.relu("x"), net.constant("last", 2, np.int32)], "y", "com.microsoft")
    model = net.model({"x": ["N", 8]}, {"y": ["N", 8, 1]})
    with pytest.raises(Refused, match=r"cannot hold these operators: com\.microsoft\.ExpandDims at y"):
        write("torch.program", stored(model, tmp_path), tmp_path)


def test_a_cast_to_half_precision_keeps_the_type_of_the_output(tmp_path: Path) -> None:
    net = Net()
    net.op("Cast", [net.gemm("x", "fc", 5, 4)], "y", to=TensorProto.FLOAT16)
    result = write("torch.program", stored(_with_half_output(net), tmp_path), tmp_path)
    assert result.ok, result.checks
    assert torch.export.load(result.file).module()(torch.ones(3, 4)).dtype == torch.float16


def _with_half_output(net: Net) -> ir.Model:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        net.nodes,
        "half",
        [value("x", TensorProto.FLOAT, ["N", 4])],
        [value("y", TensorProto.FLOAT16, ["N", 5])],
        net.initializers,
    )
    return ir.from_proto(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def test_a_format_whose_package_is_missing_says_how_to_install_it() -> None:
    spec = OutputSpec("x", "Title", (".x",), "", "", "", needs=(Requirement("no_such_package", "pip install it"),))
    with pytest.raises(UserError, match="Title needs no_such_package, which is not installed") as raised:
        spec.require()
    assert raised.value.hint == "Run: pip install it"


SEQUENCES = """g (float[N,6] x) => (float[N,8] y) {
    two = Constant<value_int=2>() none = Constant<value_int=0>() parts = SplitToSequence<axis=1>(x, two)
    more = SequenceInsert(parts, x) less = SequenceErase(more, none) all = ConcatFromSequence<axis=1>(less)
    from = Constant<value_ints=[0]>() to = Constant<value_ints=[8]>() axis = Constant<value_ints=[1]>()
    y = Slice(all, from, to, axis) }"""
SCANNING = """g (float[N,5,4] x) => (float[N,4] y) {
    s = ReduceMean<axes=[1], keepdims=0>(x)
    y, all = Scan<num_scan_inputs=1, scan_input_axes=[1], body = body (float[N,4] a, float[N,4] b)
        => (float[N,4] c, float[N,4] d) { t = Mul(a, b) c = Add(t, b) d = Identity(c) }>(s, x) }"""


@pytest.mark.parametrize("text", [SEQUENCES, SCANNING], ids=["sequences", "scan"])
def test_sequences_and_scans_are_written_out(tmp_path: Path, text: str) -> None:
    model = ir.from_proto(onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]> ' + text))
    result = write("torch.program", stored(model, tmp_path), tmp_path)
    assert result.ok, result.checks
    assert result.written.notes == ()
