"""Networks that are hard to show: large, nameless, nested, with repeating and very long names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(path: Path, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], width: int, last: str) -> Path:
    """A file with one input x of shape (N, width) and one output."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])
    y = helper.make_tensor_value_info(last, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def nameless(number: int, kind: str) -> str:
    """No operator has a name."""
    return ""


def scoped(number: int, kind: str) -> str:
    """Names as exporters of PyTorch write them."""
    return f"/layers/layers.{number // 10}/part{number % 10 // 5}/{kind}_{number}"


def big(path: Path, count: int, name: Callable[[int, str], str] = nameless, width: int = 8) -> Path:
    """Residual blocks of five operators: MatMul, Add, Relu, Mul and the sum with the start of the block."""
    rng = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = [numpy_helper.from_array(np.float32(0.5).reshape(1), "half")]
    tensor = start = "x"
    for number in range(count):
        kind = ("MatMul", "Add", "Relu", "Mul", "Add")[number % 5]
        inputs = [tensor, start] if number % 5 == 4 else [tensor]
        if number % 5 in {0, 1}:
            shape = (width, width) if number % 5 == 0 else (width,)
            weights.append(numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32) * 0.1, f"w{number}"))
            inputs.append(f"w{number}")
        elif number % 5 == 3:
            inputs.append("half")
        nodes.append(helper.make_node(kind, inputs, [f"t{number}"], name=name(number, kind)))
        tensor = f"t{number}"
        start = tensor if number % 5 == 4 else start
    return write(path, nodes, weights, width, tensor)
