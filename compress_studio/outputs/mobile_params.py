"""What the formats for devices have in common: every size is fixed, and what they cannot carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import pydantic

from compress_studio.outputs.stored import packed_share, zeros
from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.step import Verdict

PACKED_PRODUCTS = frozenset({"MatMulNBits", "MatMulBnb4", "MatMulFpQ4", "GatherBlockQuantized"})
MUCH = 0.3
"""Share of the bytes that must be packed for their unpacking to be worth a sentence."""


class MobileParams(Params):
    """What can be chosen for a file with fixed sizes."""

    batch: Annotated[int, Range(1, 65536), Ui("Batch size", "Samples per run; the file takes no other number.")] = 1
    dims: Annotated[
        str,
        Ui("Sizes", "Sizes of other free dimensions, such as L=128 or H=224+W=224; the file takes no others."),
    ] = ""

    @pydantic.field_validator("dims")
    @classmethod
    def _readable(cls, text: str) -> str:
        sizes_of(text)
        return text


def sizes_of(text: str) -> dict[str, int]:
    """The sizes that "L=128+T=50" names. Raises ValueError for other text."""
    sizes: dict[str, int] = {}
    for part in filter(None, (one.strip() for one in text.split("+"))):
        name, mark, number = part.partition("=")
        if not mark or not name.strip() or not number.strip().isdecimal() or int(number) < 1:
            raise ValueError(f"{part} is no size such as L=128")
        sizes[name.strip()] = int(number)
    return sizes


def carries(facts: Mapping[str, Any], params: MobileParams) -> Verdict:
    """Floats of fixed sizes are carried; quantization has forms of its own there."""
    operators = set(facts.get("operators", {}))
    if facts.get("quantized") == "int8":
        return Verdict.no(
            "This network computes with integers, which the converter would turn into slow arithmetic on floats.",
            "Export the network before it was quantized.",
        )
    if packed := sorted(operators & PACKED_PRODUCTS):
        return Verdict.no(
            f"This network multiplies with packed weights ({', '.join(packed)}), which only ONNX Runtime does.",
            "Export the network before it was quantized.",
        )
    if missing := free_sizes(facts, params):
        names = " and ".join(missing)
        one = len(missing) == 1
        example = "+".join(f"{name}=…" for name in missing)
        return Verdict.no(
            f"Every size is fixed in such a file, and {names} of this network {'is' if one else 'are'} free.",
            f"Say the size{'' if one else 's'}, under “Sizes” or as dims={example}.",
        )
    return Verdict(ok=True, reason=" ".join(cautions(facts)))


def free_sizes(facts: Mapping[str, Any], params: MobileParams) -> list[str]:
    """Names of free dimensions, besides the batch, for which no size was given."""
    from compress_studio.graph.inputs import InputFact, free_names

    rows = [
        InputFact(row["name"], row["dtype"], tuple(row["dims"]) if row.get("dims") is not None else None)
        for row in facts.get("inputs", ())
    ]
    given = sizes_of(params.dims)
    return [name for name in free_names(rows) if name not in given]


def cautions(facts: Mapping[str, Any]) -> Iterable[str]:
    """What becomes of compressed weights, in sentences."""
    if packed_share(facts) > MUCH:
        yield "Its packed weights are unpacked to float32: the file is as large as before they were packed."
    if sparsity := zeros(facts):
        yield f"{sparsity:.0%} of its weights are zero, which the file stores like all other numbers."
