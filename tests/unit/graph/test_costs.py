"""Parameters, zeros and operations are counted as they logically are, however a network is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.graph import costs, shapes
from compress_studio.graph.layers import set_array
from tests.toys import networks


def counted(model: ir.Model, dims: dict[str, int] | None = None) -> costs.Costs:
    return costs.cost(model, shapes.trace(model, dims))


def single(
    op: str, shape: list[int | str], weights: dict[str, Any], out: list[int | str], **attributes: Any
) -> ir.Model:
    net = networks.Net()
    for name, array in weights.items():
        net.constant(name, array)
    net.op(op, ["x", *weights], "y", **attributes)
    return net.model({"x": shape}, {"y": out})


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("model", "macs"),
    [
        (single("Conv", ["N", 3, 9, 9], {"w": ones(8, 3, 3, 3)}, ["N", 8, 7, 7]), 8 * 49 * 27),
        (single("Conv", ["N", 8, 9, 9], {"w": ones(8, 1, 3, 3)}, ["N", 8, 7, 7], group=8), 8 * 49 * 9),
        (single("Conv", ["N", 4, 20], {"w": ones(6, 4, 5)}, ["N", 6, 8], strides=[2]), 6 * 8 * 20),
        (single("ConvTranspose", ["N", 4, 5, 5], {"w": ones(4, 6, 2, 2)}, ["N", 6, 6, 6]), 100 * 24),
        (single("Gemm", ["N", 7], {"w": ones(5, 7), "b": ones(5)}, ["N", 5], transB=1), 35),
        (single("MatMul", ["N", 3, 7], {"w": ones(7, 5)}, ["N", 3, 5]), 105),
        (single("Einsum", ["N", 3, 7], {"w": ones(7, 5)}, ["N", 3, 5], equation="bij,jk->bik"), 105),
        (single("Einsum", ["N", 3, 7], {"w": ones(7, 5)}, ["N", 3, 5], equation="...j,jk->...k"), 105),
    ],
)
def test_each_operator_counts_its_products_per_sample(model: ir.Model, macs: int) -> None:
    assert counted(model).macs == macs


def test_a_recurrent_layer_counts_every_step_and_direction() -> None:
    assert counted(networks.lstm_net(), {"T": 5}).macs == 5 * 2 * (32 * 6 + 32 * 8) + 16 * 4


def test_products_of_activations_count_too() -> None:
    length = 10
    dense = length * (4 * 16 * 16 + 2 * 16 * 32) + 16 * 4
    attention = 2 * 2 * length * length * 8
    assert counted(networks.transformer(), {"L": length}).macs == dense + attention


def test_a_fixed_batch_counts_per_sample_like_a_free_one() -> None:
    free = counted(networks.conv_net()).macs
    fixed = networks.conv_net()
    fixed.graph.inputs[0].shape = ir.Shape([10, 1, 8, 8])
    fixed.graph.outputs[0].shape = ir.Shape([10, 4])
    assert counted(fixed).macs == free == 8 * 64 * 9 + 16 * 16 * 72 + 64 * 32 + 32 * 4


def test_parameters_are_weights_and_not_settings() -> None:
    found = counted(networks.transformer())
    expected = 32 * 16 + 4 * (16 * 16 + 16) + 16 * 32 + 32 + 32 * 16 + 16 + 4 * 16 + 16 * 4 + 4
    assert found.parameters == found.nonzero == expected


def test_a_tied_weight_is_counted_once_but_multiplies_twice() -> None:
    found = counted(networks.tied_net())
    assert (found.parameters, found.macs) == (24, 48)


def test_weights_inside_branches_are_counted() -> None:
    assert counted(networks.if_net()).parameters == 6 * 8 + 8 + 2 * 8 * 4


def test_zeros_and_values_that_are_no_numbers_are_counted() -> None:
    model = networks.mlp()
    weight = ones(32, 12)
    weight[:4] = 0
    weight[9, 9] = np.nan
    set_array(model.graph.initializers["fc1.weight"], weight)
    found = counted(model)
    assert found.parameters - found.nonzero == 48
    assert found.not_a_number == 1
    row = found.rows[0]
    assert (row.name, row.op, row.parameters, row.nonzero) == ("fc1", "Gemm", 32 * 12 + 32, 32 * 12 + 32 - 48)
    assert (row.macs, row.bytes, row.dtype, row.out_shape) == (384, 4 * 416, "FLOAT", (2, 32))


def test_without_shapes_everything_but_the_operations_is_counted() -> None:
    found = costs.cost(networks.mlp(), None)
    assert found.macs is None
    assert found.parameters == 1333


def stored(values: np.ndarray, dtype: ir.DataType, name: str = "w") -> ir.Value:
    tensor = ir.Tensor(values, name=name) if dtype.bitwidth == 8 else ir.Tensor(values, dtype=dtype, name=name)
    return ir.Value(name=name, shape=ir.Shape(values.shape), type=ir.TensorType(dtype), const_value=tensor)


def behind(model: ir.Model, name: str, value: ir.Value, *nodes: ir.Node) -> None:
    """Let the readers of an initializer read the last of some nodes on another stored tensor."""
    old = model.graph.initializers[name]
    for number, node in enumerate(nodes):
        node.outputs[0].name = f"unpacked{number}"
    old.replace_all_uses_with(nodes[-1].outputs[0])
    del model.graph.initializers[name]
    model.graph.register_initializer(value)
    model.graph.insert_before(model.graph[0], list(nodes))


def constant(model: ir.Model, name: str, array: np.ndarray) -> ir.Value:
    value = ir.Value(
        name=name, shape=ir.Shape(array.shape), type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
        const_value=ir.Tensor(array, name=name),
    )  # fmt: skip
    model.graph.register_initializer(value)
    return value


def quantized(kind: str) -> ir.Model:
    """mlp with fc2.weight [32, 24] stored in another form; 8 of its values are zero."""
    model = networks.mlp(opset=21)
    rng = np.random.default_rng(0)
    values = rng.integers(1, 7, (32, 24)).astype(np.int8)
    values.reshape(-1)[:8] = 0
    scale = constant(model, "scale", np.float32(0.1).reshape(()))
    if kind == "half":
        value = stored(values.astype(np.float16), ir.DataType.FLOAT16)
        behind(model, "fc2.weight", value, ir.node("Cast", [value], {"to": 1}))
    elif kind == "per tensor":
        value = stored(values, ir.DataType.INT8)
        behind(model, "fc2.weight", value, ir.node("DequantizeLinear", [value, scale]))
    elif kind == "per channel":
        zero = np.arange(24, dtype=np.int8)
        value = stored(values + zero, ir.DataType.INT8)
        channel = constant(model, "scales", np.full(24, 0.1, np.float32))
        zeros = constant(model, "zeros", zero)
        behind(model, "fc2.weight", value, ir.node("DequantizeLinear", [value, channel, zeros], {"axis": 1}))
    elif kind == "4 bit blocks":
        value = stored(values, ir.DataType.INT4)
        blocks = constant(model, "scales", np.full((2, 24), 0.1, np.float32))
        attributes = {"axis": 0, "block_size": 16}
        behind(model, "fc2.weight", value, ir.node("DequantizeLinear", [value, blocks], attributes))
    elif kind == "palette":
        value = stored(values.astype(np.uint8), ir.DataType.UINT4)
        book = constant(model, "book", np.arange(16, dtype=np.float32))
        cast = ir.node("Cast", [value], {"to": 6})
        behind(model, "fc2.weight", value, cast, ir.node("Gather", [book, cast.outputs[0]]))
    else:
        value = stored(values + np.int8(3), ir.DataType.INT8)
        zero = constant(model, "zero", np.float32(3).reshape(1, 1))
        cast = ir.node("Cast", [value], {"to": 1})
        moved = ir.node("Sub", [cast.outputs[0], zero])
        behind(model, "fc2.weight", value, cast, moved, ir.node("Mul", [moved.outputs[0], scale]))
    return model


@pytest.mark.parametrize("kind", ["half", "per tensor", "per channel", "4 bit blocks", "palette", "cast and scale"])
def test_a_stored_form_counts_as_the_weight_that_it_stands_for(kind: str) -> None:
    plain = counted(networks.mlp())
    found = counted(quantized(kind))
    assert found.parameters == plain.parameters
    assert found.parameters - found.nonzero == 8
    assert found.macs == plain.macs
    row = next(row for row in found.rows if row.op == "MatMul")
    assert row.parameters == 32 * 24
    assert row.bytes < 4 * 32 * 24


def quantized_by_runtime(tmp_path: Path, kind: str, model: ir.Model) -> ir.Model:
    from onnxruntime import quantization as tools

    from compress_studio.graph.saving import load, save

    source, target = save(model, tmp_path / "source.onnx"), tmp_path / "target.onnx"
    if kind == "dynamic":
        tools.quantize_dynamic(source, target)
    else:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(str(source), block_size=32, is_symmetric=kind == "symmetric")
        quantizer.process()
        quantizer.model.save_model_to_file(str(target))
    return load(target)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("dynamic", "conv"), ("dynamic", "mlp"), ("dynamic", "lstm"), ("symmetric", "mlp"), ("other", "mlp")],
)
@pytest.mark.filterwarnings("ignore")
def test_networks_quantized_by_the_runtime_have_the_operations_of_the_original(
    tmp_path: Path, kind: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = networks.ALL[name]()
    plain = counted(model)
    found = counted(quantized_by_runtime(tmp_path, kind, model))
    caplog.clear()  # the tools of the runtime log advice
    assert found.macs == plain.macs
    assert found.parameters == plain.parameters


def test_bytes_are_told_by_type() -> None:
    found = counted(quantized("per tensor"))
    assert found.bytes_by_type["INT8"] == 32 * 24
    assert sum(found.bytes_by_type.values()) == 4 * (1333 - 768) + 768 + 4


def test_a_weight_whose_size_is_asked_for_belongs_to_the_layer_that_computes_with_it() -> None:
    net = networks.Net()
    net.constant("w", ones(8, 3, 3, 3))
    net.op("Shape", ["w"], "sizes")
    net.op("Cast", ["sizes"], "size", to=1)
    net.op("Conv", ["x", "w"], "y")
    model = net.model({"x": ["N", 3, 9, 9]}, {"y": ["N", 8, 7, 7], "size": [4]})
    [row] = counted(model).rows
    assert (row.op, row.parameters, row.macs) == ("Conv", 216, 8 * 49 * 27)
