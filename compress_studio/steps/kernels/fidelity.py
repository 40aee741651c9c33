"""How close a compressed network is to the one before, on calibration data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from compress_studio.graph.session import open_session, run

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.spec.data import Batch
    from compress_studio.spec.step import StepContext

ENOUGH_AGREEMENT = 0.97
ENOUGH_COSINE = 0.98
NEARLY_EQUAL = 0.9995
"""Cosine above which a lower agreement only means that scores are nearly tied."""

Samples: TypeAlias = "list[tuple[Mapping[str, np.ndarray], dict[str, np.ndarray]]]"
"""Inputs and the answers of the network before, by batch."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The outputs of two networks on the same samples, compared."""

    cosine: float
    """Mean cosine of the outputs per sample, the worst output counting; 0 when a value is not finite."""
    sqnr_db: float
    """Signal to quantization noise, 10 · log₁₀(Σ y² / Σ (y − ŷ)²), of the worst output."""
    agreement: float
    """Share of samples whose largest score is in the same place; 1 for outputs that are no scores."""
    finite: bool
    count: int

    @property
    def good(self) -> bool:
        """Whether the two networks may be taken for the same."""
        close = self.cosine >= ENOUGH_COSINE and self.agreement >= ENOUGH_AGREEMENT
        return self.finite and (close or self.cosine >= NEARLY_EQUAL)


def references(model: ir.Model | Path, batches: Iterable[Batch], threads: int) -> Samples:
    """What a network answers, by batch: a few batches, kept in memory, against which others are compared."""
    session = open_session(model, threads=threads)
    return [(batch.inputs, run(session, batch.inputs)) for batch in batches]


def compare(
    model: ir.Model | Path,
    expected: Samples,
    threads: int = 1,
    check: Callable[[], None] | None = None,
) -> Fidelity:
    """How close the float outputs of a network are to the expected ones."""
    session = open_session(model, threads=threads)
    sums: dict[str, np.ndarray] = {}
    finite, count, same, scored = True, 0, 0, 0
    for inputs, answers in expected:
        if check is not None:
            check()
        found = run(session, inputs)
        count += len(next(iter(inputs.values())))
        for index, (name, want) in enumerate(answers.items()):
            got = found[name]
            if want.dtype.kind != "f" or got.shape != want.shape or want.ndim == 0:
                continue
            good = bool(np.isfinite(got).all()) or not bool(np.isfinite(want).all())
            finite = finite and good
            sums[name] = sums.get(name, np.zeros(4)) + _row(want, got)
            if index == 0 and want.ndim >= 2 and want.shape[-1] > 1:
                scored += want.size // want.shape[-1]
                same += int((want.argmax(-1) == got.argmax(-1)).sum())
    cosine = min((float(row[0] / max(row[1], 1)) for row in sums.values()), default=1.0)
    noise = min((_decibel(float(row[2]), float(row[3])) for row in sums.values()), default=math.inf)
    return Fidelity(
        cosine if finite else 0.0, noise if finite else -math.inf, same / scored if scored else 1.0, finite, count
    )


def report(ctx: StepContext, found: Fidelity) -> None:
    """Tell how close the result is, and warn when it is far away."""
    if not found.count:
        return
    ctx.fact("calibration_cosine", found.cosine)
    ctx.fact("calibration_agreement", found.agreement)
    if not found.good:
        ctx.warn(
            "low_fidelity",
            f"On calibration data the result agrees with the network before on {found.agreement:.1%} of the samples "
            f"(cosine {found.cosine:.3f}).",
        )


def _row(want: np.ndarray, got: np.ndarray) -> np.ndarray:
    """Sum of cosines, samples, Σ y², Σ (y − ŷ)²."""
    one, two = (
        np.nan_to_num(array.reshape(len(array), -1).astype(np.float64), posinf=0, neginf=0) for array in (want, got)
    )
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    both_zero = ~one.any(axis=1) & ~two.any(axis=1)
    cosines = np.where(both_zero, 1.0, (one * two).sum(axis=1) / np.maximum(lengths, 1e-30))
    return np.array([cosines.sum(), len(one), np.square(one).sum(), np.square(one - two).sum()])


def _decibel(signal: float, noise: float) -> float:
    if noise <= 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf
