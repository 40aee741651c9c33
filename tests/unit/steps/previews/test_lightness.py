"""What the window loads to predict is NumPy and nothing of a network library."""

from __future__ import annotations

import subprocess
import sys

import pytest

from compress_studio.spec.registry import load_steps

HEAVY = ("torch", "onnx", "onnx_ir", "onnxruntime", "onnxscript", "compress_studio.graph", "compress_studio.artifacts")
PREDICTED = sorted({spec.predict.split(":")[0] for spec in load_steps() if spec.predict})


@pytest.mark.parametrize("module", PREDICTED)
def test_a_prediction_loads_no_network_library(module: str) -> None:
    code = f"import {module}, sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_step_that_changes_weights_has_a_preview_and_no_training_is_estimated() -> None:
    for spec in load_steps():
        assert bool(spec.sketch) == bool(spec.predict)
        unknown = spec.sketch_params - {one.name for one in spec.params.fields()}
        assert not unknown, f"{spec.id}: {unknown}"
        if spec.id.startswith(("prune", "quantize", "cluster", "factorize")):
            assert spec.sketch, spec.id
            assert spec.estimates, spec.id
        if spec.id.startswith(("train", "source")):
            assert not spec.estimates, spec.id
