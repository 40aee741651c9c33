"""The output tflite: TensorFlow Lite (LiteRT), for phones and small devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compress_studio.outputs.torch_params import TorchParams, carries
from compress_studio.spec.output import OutputSpec, Requirement
from compress_studio.spec.step import Verdict

KERNELS = "compress_studio.outputs.kernels"


def only_floats(facts: Mapping[str, Any], params: TorchParams) -> Verdict:
    """Quantization has a form of its own there and would come through as arithmetic on floats."""
    kind = facts.get("quantized", "none")
    if kind != "none":
        what = "computes with integers" if kind == "int8" else "stores quantized weights"
        return Verdict.no(
            f"This network {what}, which the converter would turn into slow arithmetic on floats.",
            "Export the network before it was quantized, and let the converter quantize it.",
        )
    return carries(facts, params)


tflite_file = OutputSpec(
    id="tflite",
    title="TensorFlow Lite",
    suffixes=(".tflite",),
    summary="A LiteRT model for phones and small devices; one batch size (1 unless chosen).",
    write=f"{KERNELS}.mobile_files:write_tflite",
    verify=f"{KERNELS}.mobile_files:verify_tflite",
    params=TorchParams,
    needs=(Requirement("litert_torch", "pip install litert-torch"),),
    carries=only_floats,
)
