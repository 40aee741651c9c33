"""The output onnx: the network as it is, or with another version of the operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from compress_studio.spec.output import OutputSpec
from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.step import Verdict

KERNELS = "compress_studio.outputs.kernels"
BLOCKED = 21
"""The opset in which DequantizeLinear learned blocks and 4-bit numbers."""


class OnnxParams(Params):
    """What can be chosen for an ONNX file."""

    opset: Annotated[
        int | None,
        Range(13, 26, 1),
        Ui("Opset", "Version of the ONNX operators. Automatic: the one that the network has."),
    ] = None


def carries(facts: Mapping[str, Any], params: OnnxParams) -> Verdict:
    """Older operators lack what newer forms of compression need."""
    types = set(facts.get("bytes_by_type", {}))
    if params.opset is not None and params.opset < BLOCKED and types & {"INT4", "UINT4"}:
        return Verdict.no(
            f"Opset {params.opset} has no 4-bit numbers, in which weights of this network are stored.",
            f"Choose opset {BLOCKED} or later.",
        )
    return Verdict.yes()


onnx_file = OutputSpec(
    id="onnx",
    title="ONNX",
    suffixes=(".onnx",),
    summary="The network as it was made: float32, float16, int8 or int4; runs in ONNX Runtime and most tools.",
    write=f"{KERNELS}.onnx_files:write",
    verify=f"{KERNELS}.proofs:verify_onnx",
    params=OnnxParams,
    carries=carries,
)
