"""A script for the receiver of an exported model, which needs only NumPy and ONNX Runtime."""

from __future__ import annotations

SCRIPT = '''"""Runs {name} once. Needs: pip install onnxruntime numpy

    python {script}                    random inputs
    python {script} samples.npz        arrays by input name
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

TYPES = {{"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
         "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8,
         "tensor(bool)": np.bool_}}

session = ort.InferenceSession(str(Path(__file__).with_name("{name}")), providers=["CPUExecutionProvider"])
given = dict(np.load(sys.argv[1])) if len(sys.argv) > 1 else {{}}
feed = {{}}
for one in session.get_inputs():
    shape = [size if isinstance(size, int) else 1 for size in one.shape]
    kind = TYPES[one.type]
    made = np.random.default_rng(0).standard_normal(shape) if np.dtype(kind).kind == "f" else np.zeros(shape)
    feed[one.name] = np.asarray(given.get(one.name, made)).astype(kind)
for one, value in zip(session.get_outputs(), session.run(None, feed)):
    print(one.name, np.shape(value), value)
'''


def run_script(model: str) -> str:
    """The text of a script that runs the model file of that name, which lies beside it."""
    stem = model.rsplit(".", 1)[0]
    return SCRIPT.format(name=model, script=f"run_{stem}.py")
