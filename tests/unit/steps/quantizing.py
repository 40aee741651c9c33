"""What the tests of quantizing steps share: run a step on a toy network and compare."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort

from compress_studio.graph.session import open_session, run
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import spec_of
from tests.toys.context import ToyContext, ToyData


class Ran:
    """A step that ran on a model: what it said, what it wrote."""

    def __init__(self, step: Any, model: ir.Model, tmp_path: Path, data: ToyData | None = None, **params: Any) -> None:
        self.source = tmp_path / "source.onnx"
        ir.save(model, self.source)
        before = self.source.read_bytes()
        self.data = data or ToyData.for_model(ir.load(self.source), 120)
        self.ctx = ToyContext(tmp_path, self.data)
        spec = spec_of(step)
        self.path = spec.run(self.ctx, spec.params.read(params), OnnxNet(self.source)).path
        self.model = ir.load(self.path)
        assert self.source.read_bytes() == before, "the input file was changed"
        assert len(self.ctx.changes) == 1

    @property
    def changed(self) -> tuple[int, int]:
        return self.ctx.changes[0]

    @property
    def ratio(self) -> float:
        return self.source.stat().st_size / self.path.stat().st_size

    def reason(self, layer: str) -> str:
        return dict(self.ctx.skipped)[layer]

    def answers(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The outputs before and after on all samples."""
        one, two = open_session(self.source), open_session(self.path)
        return run(one, self.data.inputs), run(two, self.data.inputs)

    def cosine(self) -> float:
        before, after = self.answers()
        assert list(before) == list(after)
        found = []
        for name, want in before.items():
            a, b = want.reshape(-1).astype(np.float64), after[name].reshape(-1).astype(np.float64)
            found.append(float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))))
        return min(found)


def fused(path: Path, tmp_path: Path) -> Counter[str]:
    """The operators after the runtime's own optimizations."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(tmp_path / "fused.onnx")
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(tmp_path / "fused.onnx").graph.node)
