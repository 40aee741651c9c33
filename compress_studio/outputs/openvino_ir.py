"""The output openvino: the intermediate representation of OpenVINO, for processors and graphics by Intel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from compress_studio.outputs.stored import holds_palettes, zeros
from compress_studio.spec.output import OutputSpec, Requirement
from compress_studio.spec.params import Params, Ui
from compress_studio.spec.step import Verdict

KERNELS = "compress_studio.outputs.kernels"
INTEGER_PRODUCTS = frozenset({"MatMulInteger", "ConvInteger"})
ONLY_HERE = frozenset({"DynamicQuantizeLSTM", "QAttention", "QGemm", "MatMulBnb4", "MatMulFpQ4"})


class OpenVinoParams(Params):
    """What can be chosen for an OpenVINO file."""

    half: Annotated[
        bool | None,
        Ui(
            "Store in float16",
            "Weights in float32 take half the space; results change a little. Automatic: when the network stores most"
            " of its weights so already.",
        ),
    ] = None


def carries(facts: Mapping[str, Any], params: OpenVinoParams) -> Verdict:
    """Operators of ONNX Runtime alone are not read by OpenVINO; what it unpacks is said."""
    lacking = sorted(set(facts.get("operators", {})) & ONLY_HERE)
    if lacking:
        return Verdict.no(f"OpenVINO does not know {', '.join(lacking)}.", "Export the network before this step.")
    return Verdict(ok=True, reason=" ".join(cautions(facts, params)))


def cautions(facts: Mapping[str, Any], params: OpenVinoParams) -> Iterable[str]:
    """What becomes of compressed weights in OpenVINO, in sentences."""
    operators = set(facts.get("operators", {}))
    if operators & INTEGER_PRODUCTS:
        yield (
            "OpenVINO unpacks weights that are multiplied as integers with ranges taken while running: they take"
            " float32 in the file, four times as much. Static int8 stays small and fast."
        )
    if holds_palettes(facts):
        yield "OpenVINO has no palettes: clustered weights are unpacked and take as much as before clustering."
    if sparsity := zeros(facts):
        yield f"{sparsity:.0%} of its weights are zero, which OpenVINO stores like all other numbers."


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
