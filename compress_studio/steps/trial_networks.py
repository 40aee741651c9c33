"""Small networks on which the contract tries the steps of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.spec.contract import Bench
from compress_studio.spec.data import DataRequest

if TYPE_CHECKING:
    import numpy as np

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
CONVOLUTION = (
    HEADER
    + """ convolution (float[N, 3, 8, 8] x) => (float[N, 4] y) {
    a = Conv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (x, stem_weight, stem_bias)
    b = Relu (a)
    c = Conv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (b, body_weight, body_bias)
    d = Relu (c)
    e = Add (b, d)
    f = GlobalAveragePool (e)
    g = Flatten (f)
    y = Gemm <transB = 1> (g, head_weight, head_bias)
}"""
)
CONVOLUTION_WEIGHTS = {
    "stem_weight": (32, 3, 3, 3),
    "stem_bias": (32,),
    "body_weight": (32, 32, 3, 3),
    "body_bias": (32,),
    "head_weight": (4, 32),
    "head_bias": (4,),
}
PERCEPTRON = (
    HEADER
    + """ perceptron (float[N, 16] x) => (float[N, 4] y) {
    a = MatMul (x, first_weight)
    b = Add (a, first_bias)
    c = Relu (b)
    d = MatMul (c, second_weight)
    e = Add (d, second_bias)
    f = Relu (e)
    y = Gemm (f, head_weight, head_bias)
}"""
)
PERCEPTRON_WEIGHTS = {
    "first_weight": (16, 64),
    "first_bias": (64,),
    "second_weight": (64, 64),
    "second_bias": (64,),
    "head_weight": (64, 4),
    "head_bias": (4,),
}


def make_bench(folder: Path) -> tuple[Mapping[str, Path], Bench]:
    """Networks by name, written into folder, and what steps are tried with: random inputs and ONNX Runtime."""
    from compress_studio.data.opening import open_data

    networks = {
        "convolution": _write(folder / "convolution", CONVOLUTION, CONVOLUTION_WEIGHTS),
        "perceptron": _write(folder / "perceptron", PERCEPTRON, PERCEPTRON_WEIGHTS),
    }
    return networks, Bench(folder, lambda network: open_data(DataRequest(), network), interface)


def interface(path: Path) -> Mapping[str, Any]:
    """Inputs and outputs of a network that was checked and opened: name, type and shape by direction."""
    import onnx

    from compress_studio.graph.session import open_session

    onnx.checker.check_model(str(path))
    session = open_session(path)
    graph = onnx.load(path, load_external_data=False).graph
    session_names = [one.name for one in (*session.get_inputs(), *session.get_outputs())]
    return {
        "inputs": [_seen(one) for one in graph.input if one.name in session_names],
        "outputs": [_seen(one) for one in graph.output],
    }


def _seen(value: Any) -> tuple[str, int, tuple[int | str, ...]]:
    tensor = value.type.tensor_type
    return value.name, tensor.elem_type, tuple(one.dim_param or one.dim_value for one in tensor.shape.dim)


def _write(folder: Path, text: str, shapes: Mapping[str, tuple[int, ...]]) -> Path:
    import numpy as np
    import onnx

    rng = np.random.default_rng(0)
    model = onnx.parser.parse_model(text)
    for name, shape in shapes.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(_random(rng, shape), name))
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np

    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 16
    return (rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)
