"""The output tflite: TensorFlow Lite (LiteRT), for phones and small devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from compress_studio.outputs.mobile_params import MobileParams, carries
from compress_studio.spec.output import OutputSpec, Requirement
from compress_studio.spec.params import Ui
from compress_studio.spec.step import Verdict

KERNELS = "compress_studio.outputs.kernels"
INSTALL = 'pip install "litert-torch>=0.10" && pip install "pydantic>=2.12"'
"""Packages of LiteRT ask for an older pydantic than this program, and run with the newer one too."""
QUANTIZE = (
    "Export the network before it was quantized, with “Weights in 8 bits” (int8=true): LiteRT then quantizes it in its"
    " own way."
)


class TfliteParams(MobileParams):
    """What can be chosen for a LiteRT file."""

    int8: Annotated[
        bool,
        Ui(
            "Weights in 8 bits",
            "LiteRT's dynamic range: weights in 8 bits, a quarter of the file; inputs of layers are rounded too, while"
            " running.",
        ),
    ] = False


def carries_here(facts: Mapping[str, Any], params: TfliteParams) -> Verdict:
    """As for all devices; what was quantized before is quantized by LiteRT itself instead."""
    verdict = carries(facts, params)
    if not verdict.ok and "quantized" in verdict.hint:
        return Verdict.no(verdict.reason, QUANTIZE)
    return verdict


tflite_file = OutputSpec(
    id="tflite",
    title="TensorFlow Lite",
    suffixes=(".tflite",),
    summary="A LiteRT model for phones and small devices; one batch size (1 unless chosen).",
    write=f"{KERNELS}.mobile_files:write_tflite",
    verify=f"{KERNELS}.mobile_files:verify_tflite",
    params=TfliteParams,
    needs=(Requirement("litert_torch", INSTALL),),
    carries=carries_here,
)
