"""A script for the receiver of an exported model, which needs only NumPy and ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence

EXTENSIONS = "extensions"
"""The word for the package onnxruntime-extensions among the places that operators come from."""
SCRIPT = '''"""Runs {name} once. Needs: pip install onnxruntime numpy{packages}{beside}

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

{options}session = ort.InferenceSession(
    str(Path(__file__).with_name("{name}")), {given}providers=["CPUExecutionProvider"]
)
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


def run_script(model: str, operators: Sequence[str] = ()) -> str:
    """The text of a script that runs the model file of that name, which lies beside it.

    operators names where operators come from that ONNX Runtime lacks: "extensions", or libraries, which must lie beside
    the script too.
    """
    stem = model.rsplit(".", 1)[0]
    libraries = [one for one in operators if one != EXTENSIONS]
    lines = ["options = ort.SessionOptions()"] if operators else []
    if EXTENSIONS in operators:
        lines += ['options.register_custom_ops_library(__import__("onnxruntime_extensions").get_library_path())']
    lines += [f"options.register_custom_ops_library(str(Path(__file__).with_name({one!r})))" for one in libraries]
    return SCRIPT.format(
        name=model,
        script=f"run_{stem}.py",
        packages=" onnxruntime-extensions" if EXTENSIONS in operators else "",
        beside=f", and beside it {', '.join(map(_plain, libraries))}" if libraries else "",
        options="".join(f"{line}\n" for line in lines),
        given="options, " if operators else "",
    )


def _plain(name: str) -> str:
    """A name that may come from a stranger's project, without what would end the text that it stands in."""
    return "".join(letter if letter.isalnum() or letter in "._- +" else "?" for letter in name)
