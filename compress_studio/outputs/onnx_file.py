"""The output onnx: the network as it is, or with another version of the operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from compress_studio.outputs.stored import zeros
from compress_studio.spec.output import OutputSpec
from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.step import Verdict

KERNELS = "compress_studio.outputs.kernels"
FIRST = {
    "FLOAT8E4M3FN": 19, "FLOAT8E4M3FNUZ": 19, "FLOAT8E5M2": 19, "FLOAT8E5M2FNUZ": 19,
    "INT4": 21, "UINT4": 21, "FLOAT4E2M1": 23, "INT2": 25, "UINT2": 25,
}  # fmt: skip
"""The opset in which a type of numbers came."""
SAID = {"INT4": "4-bit numbers", "UINT4": "4-bit numbers", "INT2": "2-bit numbers", "UINT2": "2-bit numbers"}


CONTRIB = frozenset({"MatMulNBits", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QGemm"})
"""Operators of ONNX Runtime's own that compression brings in."""


class OnnxParams(Params):
    """What can be chosen for an ONNX file."""

    opset: Annotated[
        int | None,
        Range(13, 26, 1),
        Ui("Opset", "Version of the ONNX operators. Automatic: the one that the network has."),
    ] = None


def carries(facts: Mapping[str, Any], params: OnnxParams) -> Verdict:
    """Older operators lack what newer forms of compression need."""
    types = sorted(set(facts.get("bytes_by_type", {})) & set(FIRST), key=lambda name: FIRST[name])
    if params.opset is not None and types and params.opset < FIRST[types[-1]]:
        newest = types[-1]
        return Verdict.no(
            f"Opset {params.opset} has no {SAID.get(newest, newest)}, in which weights of this network are stored.",
            f"Choose opset {FIRST[newest]} or later.",
        )
    return Verdict(ok=True, reason=" ".join(cautions(facts)))


def cautions(facts: Mapping[str, Any]) -> Iterable[str]:
    """What people do not expect of the file, in sentences."""
    if "com.microsoft" in facts.get("opsets", {}):
        own = sorted(set(facts.get("operators", {})) & CONTRIB)
        words = f" ({', '.join(own)})" if own else ""
        yield f"It uses operators of ONNX Runtime's own{words}, which other programs may not open."
    if sparsity := zeros(facts):
        yield f"{sparsity:.0%} of its weights are zero, stored like all other numbers: only the zipped file is smaller."


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
