"""What workers answer, as the values that the dialog of weights shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from compress_studio.gui.weights.state import (
    ArchitectureChoice,
    Distribution,
    EntryRow,
    Kind,
    Misfit,
    Outcome,
    TensorRow,
    WeightsLook,
)

SHAPE = re.compile(r"(\d+|[A-Z]\w*)( ?[x×] ?(\d+|[A-Z]\w*))*")
""" "Nx3x224x224", "64×3"."""
ENTRY_HINT = re.compile(r"; choose them with entry=[^ ]*(?=\.$)")
"""What the command line is told; here there is a list to choose from."""
FILE_HINT = " as the first step: --step source.model:architecture=FILE.py"
DIMS_HINT = re.compile(r"\bdims=([^\s(]*[^\s(.])")


def read_look(found: Mapping[str, Any]) -> WeightsLook:
    """The answer of inspection.checkpoint_look:look as values."""
    tensors = tuple(_tensor(one) for one in found.get("tensors") or ())
    entries = tuple(
        EntryRow("" if one["entry"] == "(outermost)" else str(one["entry"]), str(one["holds"]),
                 int(one["tensors"]), int(one["parameters"]))
        for one in found.get("entries") or ()
    )  # fmt: skip
    return WeightsLook(
        form=str(found.get("format", "")),
        bytes=int(found.get("bytes", 0)),
        parameters=int(found.get("parameters", 0)),
        tensors=tensors,
        entries=entries,
        remarks=tuple(ENTRY_HINT.sub("", str(text)) for text in found.get("remarks") or ()),
        imports=tuple(map(str, found.get("imports") or ())),
        entry=str(found.get("entry", "")),
        pickled_class=str(found.get("pickled_class", "")),
        counted=any("not_a_number" in one for one in found.get("tensors") or ()),
    )


def _tensor(row: Mapping[str, Any]) -> TensorRow:
    shape = tuple(int(size) for size in row["shape"])
    bad = int(row.get("not_a_number", 0))
    return TensorRow(str(row["name"]), shape, str(row["dtype"]), int(row["bytes"]), _distribution(row), bad)


def _distribution(row: Mapping[str, Any]) -> Distribution | None:
    if "counts" not in row:
        return None
    counts = tuple(map(int, row["counts"]))
    return Distribution(
        edges=tuple(map(float, row["edges"])),
        counts=counts,
        low=float(row["min"]),
        high=float(row["max"]),
        mean=float(row["mean"]),
        std=float(row["std"]),
        zeros=int(row["zeros"]),
        not_a_number=int(row["not_a_number"]),
        counted=sum(counts) + int(row["not_a_number"]),
    )


def read_outcome(found: Mapping[str, Any], choice: ArchitectureChoice) -> Outcome:
    """The answer of inspection.weights_trial:try_architecture as values."""
    error = found.get("error") or {}
    return Outcome(
        choice=choice,
        ok=bool(found.get("ok")),
        fits=int(found.get("fits", 0)),
        rows=tuple(
            Misfit(str(one["name"]), _shape(one.get("network")), _shape(one.get("file")), Kind(one["kind"]))
            for one in found.get("rows") or ()
        ),
        renamed=str(found.get("renamed") or ""),
        inputs=tuple((str(one["name"]), _shape(one.get("shape"))) for one in found.get("inputs") or ()),
        message=str(error.get("message", "")).replace("; dims gives ", "; Input says ").replace("dims=", ""),
        hint=_hint(str(error.get("hint", ""))),
        notes=tuple(map(str, found.get("notes") or ())),
    )


def _hint(text: str) -> str:
    """A hint in the words of the dialog: dims of the command line is Input, architecture is File."""
    found = DIMS_HINT.search(text)
    if found is None:
        return text.replace(FILE_HINT, " under File.")
    if "other sizes" in text:
        return f"Write other sizes into Input than {found[1]}."
    data = " Left empty, the data of the project tell it." if "--data" in text else ""
    return f"Write into Input, for example: {found[1]} (N for a free batch).{data}"


def _shape(value: Any) -> str:
    """A shape as it came, in words; None and nothing are empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return " × ".join(re.split("[x×]", value.replace(" ", ""))) if SHAPE.fullmatch(value) else value
    return " × ".join(map(str, value)) or "scalar"
