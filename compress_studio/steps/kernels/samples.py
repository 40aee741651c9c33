"""Samples for the steps that fit weights to data without training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from compress_studio.spec.data import Part

if TYPE_CHECKING:
    from compress_studio.spec.data import Batch
    from compress_studio.spec.step import StepContext


def to_fit(ctx: StepContext, size: int, limit: int) -> Iterator[Batch]:
    """The samples to calibrate with and, where they are fewer than limit, some of those to tune with.

    Least squares on some dozens of samples fits their chance; what may be trained on may be fitted to.
    """
    seen = 0
    for part in (Part.CALIBRATE, Part.TUNE):
        if seen < limit:
            for batch in ctx.data.part(part).batches(size, limit - seen):
                seen += len(batch)
                yield batch
