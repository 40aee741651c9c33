"""The output coreml: Core ML, for devices by Apple."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from compress_studio.outputs.mobile_params import MobileParams, carries
from compress_studio.spec.output import OutputSpec, Requirement
from compress_studio.spec.params import Ui

KERNELS = "compress_studio.outputs.kernels"


class Target(StrEnum):
    """Systems by the name that coremltools gives them."""

    IOS15 = "iOS15"
    IOS16 = "iOS16"
    IOS17 = "iOS17"
    IOS18 = "iOS18"


class CoreMlParams(MobileParams):
    """What can be chosen for a Core ML package."""

    target: Annotated[
        Target,
        Ui(
            "Oldest system",
            "The oldest system that must open it: iOS 15 is macOS 12, and so on up to iOS 18, macOS 15.",
        ),
    ] = Target.IOS15
    half: Annotated[
        bool,
        Ui("Compute in float16", "Half the file, and needed for the Neural Engine; results change a little."),
    ] = False


coreml_package = OutputSpec(
    id="coreml",
    title="Core ML",
    suffixes=(".mlpackage",),
    summary="A Core ML program for devices by Apple; one batch size (1 unless chosen). Run for proof on macOS only.",
    write=f"{KERNELS}.coreml_files:write",
    verify=f"{KERNELS}.coreml_files:verify",
    params=CoreMlParams,
    needs=(Requirement("coremltools", "pip install coremltools"),),
    carries=carries,
)
