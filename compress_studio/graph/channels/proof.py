"""The proof that removal did what it says: the shorter network computes what the silenced one computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.saving import first_line
from compress_studio.graph.session import open_session, run

if TYPE_CHECKING:
    import onnx_ir as ir

TOLERANCE = 1e-4
HALF_TOLERANCE = 2e-2
"""Half precision sums in another order differ by some units of 2⁻¹¹."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How far two networks are apart on the same inputs."""

    ok: bool
    difference: float
    """Largest absolute difference of any output."""
    scale: float
    """Largest absolute value of that output."""
    reason: str = ""
    """Why it failed, where it is not the difference."""


def prove(removed: ir.Model, masked: ir.Model, inputs: Mapping[str, np.ndarray]) -> Proof:
    """Run both networks in ONNX Runtime on the processor and compare all outputs.

    Args: inputs by name, one batch. Outputs must agree within 1e-4 of their largest value (2e-2 in half precision);
    whole numbers exactly. Values that are not finite must be so in both.
    """
    try:
        one = run(open_session(removed, optimize=False), inputs)
    except Exception as error:  # noqa: BLE001 - whatever the runtime says, the removal is refused with its words
        return Proof(False, float("inf"), 0.0, f"the shorter network does not run: {first_line(error)}")
    other = run(open_session(masked, optimize=False), inputs)
    worst = Proof(True, 0.0, 0.0)
    for name, expected in other.items():
        proof = compare(one[name], expected)
        if not proof.ok:
            return proof
        if proof.difference * max(worst.scale, 1e-30) >= worst.difference * max(proof.scale, 1e-30):
            worst = proof
    return worst


def compare(found: np.ndarray, expected: np.ndarray) -> Proof:
    """One output against what it should be."""
    if found.shape != expected.shape:
        return Proof(False, float("inf"), 0.0, f"an output has shape {found.shape}, not {expected.shape}")
    if expected.dtype.kind != "f":
        same = bool(np.array_equal(found, expected))
        return Proof(same, 0.0 if same else float("inf"), 1.0, "" if same else "an output of whole numbers differs")
    tolerance = HALF_TOLERANCE if expected.dtype == np.float16 else TOLERANCE
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(found)):
        return Proof(False, float("inf"), 0.0, "an output is not finite in one of the two")
    if not finite.any():
        return Proof(True, 0.0, 0.0)
    wanted, got = expected[finite].astype(np.float64), found[finite].astype(np.float64)
    difference, scale = float(np.abs(wanted - got).max()), float(np.abs(wanted).max())
    ok = difference <= tolerance * max(scale, 1e-30)
    return Proof(ok, difference, scale, "" if ok else f"removed and silenced differ by {difference:.2g} of {scale:.2g}")
