"""Tiny networks with given inputs, and data sets on disk, for tests of the data package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compress_studio.data.opening import open_data
from compress_studio.data.source import Source
from compress_studio.spec.data import Batch, DataRequest, Part

Dims = Sequence[int | str | None]
FLOAT, INT64, UINT8, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8, TensorProto.STRING


def network(
    folder: Path,
    inputs: Mapping[str, tuple[int, Dims]] | None = None,
    classes: int = 4,
    weight: np.ndarray | None = None,
    declared: bool = True,
) -> Path:
    """A network that flattens its first input, multiplies it with a weight and adds nothing else.

    Other inputs are passed through Shape, so that they are used without mattering.
    """
    inputs = inputs or {"x": (FLOAT, ["n", 1, 6, 6])}
    first, (kind, dims) = next(iter(inputs.items()))
    width = int(np.prod([one for one in dims[1:] if isinstance(one, int)])) if len(dims) > 1 else 1
    if weight is None:
        weight = np.random.default_rng(0).standard_normal((width, classes)).astype(np.float32)
    nodes = [] if kind == FLOAT else [helper.make_node("Cast", [first], ["f"], to=FLOAT)]
    nodes.append(helper.make_node("Flatten", [first if kind == FLOAT else "f"], ["flat"]))
    free = any(not isinstance(one, int) for one in dims[1:])
    if free:
        nodes.append(helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1))
        weight = np.ones((1, classes), np.float32) * np.arange(classes, dtype=np.float32)
    nodes.append(helper.make_node("MatMul", ["mean" if free else "flat", "w"], ["logits"]))
    outputs = [helper.make_tensor_value_info("logits", FLOAT, ["n", classes] if declared else None)]
    for at, name in enumerate(list(inputs)[1:]):
        nodes.append(helper.make_node("Shape", [name], [f"shape{at}"]))
        outputs.append(helper.make_tensor_value_info(f"shape{at}", INT64, [len(inputs[name][1])]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, one, list(shape)) for name, (one, shape) in inputs.items()],
        outputs,
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder / "network.onnx"
    onnx.save(model, path)
    return path


def opened(network_path: Path, data: Path | str, seed: int = 0, **options: Any) -> Source:
    """The data set joined to the network."""
    return open_data(DataRequest(str(data), options, seed), network_path)


def everything(source: Source, part: Part, size: int = 7) -> list[Batch]:
    """All batches of a part."""
    return list(source.part(part).batches(size))


def samples(source: Source, part: Part) -> set[str]:
    """Names of all samples of a part."""
    return {name for batch in everything(source, part) for name in batch.names}


def codes(source: Source) -> set[str]:
    """Codes of the notes."""
    return {code for code, _ in source.notes}
