"""The output openvino: the intermediate representation of OpenVINO, for processors and graphics by Intel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from compress_studio.spec.output import OutputSpec, Requirement
from compress_studio.spec.params import Params, Ui
from compress_studio.spec.step import Verdict

KERNELS = "compress_studio.outputs.kernels"
ONLY_HERE = frozenset({"DynamicQuantizeLSTM", "QAttention", "QGemm", "MatMulBnb4", "MatMulFpQ4"})


class OpenVinoParams(Params):
    """What can be chosen for an OpenVINO file."""

    half: Annotated[
        bool, Ui("Store in float16", "Weights in float32 take half the space; results change a little.")
    ] = False


def carries(facts: Mapping[str, Any], params: OpenVinoParams) -> Verdict:
    """Operators of ONNX Runtime alone are not read by OpenVINO."""
    lacking = sorted(set(facts.get("operators", {})) & ONLY_HERE)
    if lacking:
        return Verdict.no(f"OpenVINO does not know {', '.join(lacking)}.", "Export the network before this step.")
    return Verdict.yes()


openvino_ir = OutputSpec(
    id="openvino",
    title="OpenVINO",
    suffixes=(".xml",),
    summary="OpenVINO's .xml and .bin, for processors and graphics by Intel.",
    write=f"{KERNELS}.openvino_files:write",
    verify=f"{KERNELS}.openvino_files:verify",
    params=OpenVinoParams,
    needs=(Requirement("openvino", "pip install openvino"),),
    carries=carries,
)
