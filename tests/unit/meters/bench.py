"""A meter context and tiny networks to measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compress_studio.base.errors import Cancelled
from compress_studio.data.opening import open_data
from compress_studio.spec.data import DataRequest, DataSource
from compress_studio.spec.meter import MeterSpec, Reading
from compress_studio.spec.ports import OnnxNet


@dataclass
class Bench:
    """Implements MeterContext and records the progress."""

    scratch: Path
    data: DataSource
    seed: int = 0
    threads: int = 1
    said: list[float] = field(default_factory=list)
    stop_after: int | None = None

    def progress(self, fraction: float, note: str = "") -> None:
        self.said.append(fraction)

    def check(self) -> None:
        if self.stop_after is not None:
            self.stop_after -= 1
            if self.stop_after < 0:
                raise Cancelled


def linear(
    folder: Path, weight: np.ndarray, name: str = "net", output: str = "logits", ending: Sequence[str] = ()
) -> OnnxNet:
    """A network x @ weight, followed by operators without parameters."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["t0"])]
    for at, op in enumerate(ending):
        nodes.append(helper.make_node(op, [f"t{at}"], [f"t{at + 1}"]))
    nodes[-1].output[0] = output
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", weight.shape[0]])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", weight.shape[1]])],
        [numpy_helper.from_array(weight.astype(np.float32), "w")],
    )
    path = folder / f"{name}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return OnnxNet(path, name)


def bench(folder: Path, net: OnnxNet, **arrays: np.ndarray) -> Bench:
    """A context with these arrays as the data; all of them are test samples."""
    path = folder / "data.npz"
    if not arrays:
        return Bench(folder, open_data(DataRequest(), net.path))
    extra = {name.replace("_test", "_train"): value[:2] for name, value in arrays.items()}
    np.savez(path, **arrays, **extra)
    return Bench(folder, open_data(DataRequest(str(path)), net.path))


def measured(
    meter: MeterSpec, context: Bench, subjects: Sequence[OnnxNet], reference: OnnxNet
) -> list[dict[str, Reading]]:
    """Readings by name for each subject."""
    rows = meter.run(context, subjects, reference)
    assert all(0 <= one <= 1 for one in context.said)
    return [{one.name: one for one in readings} for readings in rows]
