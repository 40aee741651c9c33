"""The output coreml: Core ML, for devices by Apple."""

from __future__ import annotations

from compress_studio.outputs.tflite_file import only_floats
from compress_studio.outputs.torch_params import TorchParams
from compress_studio.spec.output import OutputSpec, Requirement

KERNELS = "compress_studio.outputs.kernels"

coreml_package = OutputSpec(
    id="coreml",
    title="Core ML",
    suffixes=(".mlpackage",),
    summary="A Core ML program for devices by Apple; one batch size (1 unless chosen). Proved on macOS only.",
    write=f"{KERNELS}.mobile_files:write_coreml",
    verify=f"{KERNELS}.mobile_files:verify_coreml",
    params=TorchParams,
    needs=(Requirement("coremltools", "pip install coremltools"),),
    carries=only_floats,
)
