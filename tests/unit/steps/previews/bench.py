"""A step and its preview side by side, on a network of a test."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx_ir as ir

from compress_studio.graph.facts import inspect
from compress_studio.graph.saving import save
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.preview import Prediction, Sketch
from compress_studio.spec.registry import load_steps
from compress_studio.spec.step import StepSpec
from tests.toys.context import ToyContext, ToyData


@dataclass
class Bench:
    """One step on one network."""

    spec: StepSpec
    path: Path
    data: Any
    folder: Path

    def sketch(self, **values: Any) -> Sketch:
        """What the worker makes."""
        return named(self.spec.sketch)(self.context(), self.spec.params.read(values), OnnxNet(self.path, "digest"))

    def predict(self, sketch: Sketch | None = None, **values: Any) -> Prediction:
        """What the window shows."""
        sketch = self.sketch(**values) if sketch is None else sketch
        return named(self.spec.predict)(self.spec.params.read(values), sketch)

    def run(self, **values: Any) -> tuple[dict[str, Any], ToyContext]:
        """Facts of what the step really gives."""
        ctx = self.context()
        result = self.spec.run(ctx, self.spec.params.read(values), **{self.spec.inputs[0].name: OnnxNet(self.path)})
        return dict(inspect(result.path)), ctx

    def context(self) -> ToyContext:
        return ToyContext(self.folder, self.data)


def named(name: str) -> Callable[..., Any]:
    """A function by its name."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def bench(step: str, model: ir.Model, folder: Path, data: Any = None) -> Bench:
    """A step beside a network in memory."""
    path = save(model, folder / "source" / "model.onnx")
    return Bench(load_steps().get(step), path, data or ToyData.for_model(model), folder)


def shares(prediction: Prediction) -> dict[str, float]:
    """What the bars show, of the layers that are changed."""
    return {one.name: one.share for one in prediction.layers if not one.note}
