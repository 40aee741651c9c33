"""How a weight is cut into parts with a scale each; pure numbers, shared by the step and its preview."""

from __future__ import annotations

import math
from dataclasses import dataclass

RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
BLOCKS = (None, 16, 32, 64, 128, 256)
"""Block sizes for which a preview knows the noise; None: an output channel."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a weight is cut into parts with a scale each."""

    shape: tuple[int, ...]
    """The weight in this shape has an axis whose indices share a scale."""
    keep: tuple[int, ...]
    """The axes along which scales differ."""

    @property
    def scales(self) -> int:
        """How many scales there are."""
        return math.prod(self.shape[axis] for axis in self.keep)


def split_shape(op: str, shape: tuple[int, ...], out: int, into: int, block: int | None) -> Blocks:
    """Parts of a weight: output channels, or blocks of about block weights that feed the same output."""
    rank = len(shape)
    fixed = {out, 0} if op in RECURRENT else {out}
    if op == "MatMul":
        fixed |= set(range(rank - 2))
    per_channel = Blocks(shape, tuple(sorted(fixed)))
    if block is None:
        return per_channel
    if out == 0 and op != "MatMul":
        size = _divisor(math.prod(shape[1:]), block)
        return Blocks((shape[0], math.prod(shape[1:]) // size, size), (0, 1)) if size else per_channel
    size = _divisor(shape[into], block)
    if not size:
        return per_channel
    cut = (*shape[:into], shape[into] // size, size, *shape[into + 1 :])
    kept = {one if one < into else one + 1 for one in fixed} | {into}
    return Blocks(cut, tuple(sorted(kept)))


def _divisor(length: int, block: int) -> int:
    """The divisor of length nearest to block (between a half and twice of it); 0: keep the whole length together."""
    if length <= block:
        return 0
    good = [size for size in range(max(block // 2, 8), 2 * block + 1) if length % size == 0 and size < length]
    return min(good, key=lambda size: abs(math.log(size / block)), default=0)
