"""The built-in output formats, one module each; read through the entry-point group compress_studio.outputs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from compress_studio.spec.output import OutputSpec

API = 1

MODULES = ("onnx_file", "torch_program", "torch_script", "torch_source", "openvino_ir", "tflite_file", "coreml_package")
"""In the order in which they are offered."""


def _declared() -> Iterator[OutputSpec]:
    for name in MODULES:
        module = importlib.import_module(f"{__name__}.{name}")
        yield from (one for one in vars(module).values() if isinstance(one, OutputSpec))


OUTPUTS: tuple[OutputSpec, ...] = tuple(_declared())
