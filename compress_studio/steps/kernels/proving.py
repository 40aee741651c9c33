"""Conversions compared on the user's own samples, besides the made-up inputs on which any error may hide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compress_studio.base.errors import BadInput
from compress_studio.spec.data import Part
from compress_studio.spec.step import StepContext

SAMPLES = 8
TOLERANCE = 1e-4
"""Largest difference to the original, relative to the largest output."""
RECIPE = (
    "Its path through the network depends on the values that it is given. Export it to ONNX where it was made, or"
    " replace branches in Python by operators such as torch.where."
)


@dataclass(frozen=True, slots=True)
class RealInputs:
    """A few samples of the user, ready for a converted network."""

    arrays: Mapping[str, np.ndarray]
    """By input name; the first axis counts samples."""
    names: tuple[str, ...]
    """Of the samples, for people."""


def real_inputs(ctx: StepContext, network: Path) -> RealInputs | None:
    """At most eight samples that are not test samples, as the data set preprocesses them for this network.

    None without data. When the data do not fit the network that is said as a warning: whoever uses the data later says
    what is wrong with them.
    """
    try:
        data = ctx.joined_data(network)
        if data is None or data.synthetic:
            return None
        for part in (Part.CALIBRATE, Part.TUNE):
            batch = next(iter(data.part(part).batches(SAMPLES, limit=SAMPLES)), None)
            if batch is not None and len(batch):
                names = batch.names or tuple(f"number {batch.first + place}" for place in range(len(batch)))
                return RealInputs(batch.inputs, tuple(f"{name} ({part.value})" for name in names))
    except BadInput as error:
        ctx.warn("not_compared_on_data", f"The conversion was compared on made-up inputs only: {error.message}")
        return None
    ctx.warn("not_compared_on_data", "The conversion was compared on made-up inputs only: there are too few samples.")
    return None


def compare_on_samples(
    ctx: StepContext,
    network: Path,
    real: RealInputs,
    original: Callable[[Mapping[str, np.ndarray]], Sequence[np.ndarray]],
    name: str,
) -> None:
    """Compare a converted network with the original on real inputs, and say the difference as a fact and a note.

    Raises BadInput naming the sample when an output differs by more than 1e-4 of the largest, or in its shape.
    """
    from compress_studio.graph.saving import first_line
    from compress_studio.graph.session import open_session, run

    check = "Check that shapes and ranges of the data are what the network was made for."
    try:
        expected = original(real.arrays)
    except BadInput:
        raise
    except Exception as error:
        # A network raises anything for inputs that it was not made for.
        raise BadInput(f"{name} does not run on the samples of the data set: {first_line(error)}", check) from error
    try:
        got = list(run(open_session(network, optimize=False), real.arrays).values())
    except Exception as error:
        # As above, from ONNX Runtime.
        raise BadInput(
            f"{name}: exported to ONNX it does not run on the samples of the data set: {first_line(error)}", check
        ) from error
    if [one.shape for one in got] != [one.shape for one in expected]:
        raise BadInput(
            f"{name}: exported to ONNX its outputs have other shapes than in PyTorch for the sample {real.names[0]}.",
            RECIPE,
        )
    rows = [difference_by_sample(one, two, len(real.names)) for one, two in zip(expected, got, strict=True)]
    by_sample = np.max(rows, axis=0) if rows else np.zeros(1)
    worst = float(by_sample.max())
    if not worst <= TOLERANCE:
        sample = real.names[int(by_sample.argmax())]
        raise BadInput(
            f"{name}: exported to ONNX it gives other outputs than in PyTorch for the sample {sample} (they differ by"
            f" {worst:.2g} of the largest output, {TOLERANCE:g} is allowed).",
            RECIPE,
        )
    ctx.fact("conversion_difference_on_data", worst)
    ctx.fact("compared_samples", len(real.names))
    count = "1 sample" if len(real.names) == 1 else f"{len(real.names)} samples"
    ctx.note(f"On {count} of the data set the outputs equal those of PyTorch within {worst:.1g} of the largest.")


def difference_by_sample(expected: np.ndarray, got: np.ndarray, count: int) -> np.ndarray:
    """The largest absolute difference in each sample over the largest value of all; infinite where finiteness differs.

    An output that does not count samples says the same of all of them.
    """
    one, two = expected.astype(np.float64), got.astype(np.float64)
    if not one.ndim or one.shape[0] != count:
        one, two = one.reshape(1, -1), two.reshape(1, -1)
    one, two = one.reshape(len(one), -1), two.reshape(len(two), -1)
    finite = np.isfinite(one) & np.isfinite(two)
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    apart = np.where(finite, np.abs(np.where(finite, one, 0) - np.where(finite, two, 0)), np.where(same, 0, np.inf))
    largest = max(float(np.abs(one[finite]).max(initial=0.0)), 1e-6)
    return np.broadcast_to(apart.max(axis=1, initial=0.0) / largest, (count,))
