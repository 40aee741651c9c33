"""Numbers to few bits and back: the arithmetic of every quantizer, on numpy arrays.

Uniform affine quantization: q = clip(round(x / s) + z), x̂ = (q − z) · s (Jacob 2018). Weights are symmetric (z = 0)
unless said, so that a pruned weight stays exactly zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMALLEST_SCALE = float(np.finfo(np.float32).tiny)
HALF_RANGE = (6.2e-5, 65504.0)
"""Normal numbers of half precision."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """An array in few bits."""

    values: np.ndarray
    """int8 or uint8, of the shape that was quantized (block-wise: (rows, blocks, block))."""
    scale: np.ndarray
    """float32, broadcasts against values."""
    zero: np.ndarray | None = None
    """Of the type of values, broadcasts against them; None: 0."""

    def restore(self) -> np.ndarray:
        """The float32 array that the numbers stand for."""
        numbers = self.values.astype(np.float32)
        if self.zero is not None:
            numbers = numbers - self.zero.astype(np.float32)
        return numbers * self.scale


@dataclass(frozen=True, slots=True)
class Affine:
    """Scale and zero point of a tensor of activations, unsigned 8 bits."""

    scale: float
    zero: int

    def apply(self, array: np.ndarray) -> np.ndarray:
        """Quantize and restore: what the network sees instead of the array."""
        steps = np.rint(array / self.scale) + self.zero
        return ((np.clip(steps, 0, 255) - self.zero) * self.scale).astype(np.float32)


def affine(low: float, high: float) -> Affine:
    """Scale and zero point for values from low to high; the range is widened to hold zero exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / 255))
    if not math.isfinite(scale) or scale < SMALLEST_SCALE:
        return Affine(1.0, 0)
    return Affine(scale, int(np.clip(round(-low / scale), 0, 255)))


def symmetric(array: np.ndarray, bits: int = 8, keep: Sequence[int] = (), scale: np.ndarray | None = None) -> Quantized:
    """Quantize symmetrically with one scale per index along the kept axes (none: one scale in all).

    Values lie within ±(2^(bits−1) − 1). A part that is all zero gets scale 1. Raises ValueError for values that are
    not finite.
    """
    _check_finite(array)
    top = 2 ** (bits - 1) - 1
    if scale is None:
        axes = tuple(axis for axis in range(array.ndim) if axis not in {one % array.ndim for one in keep})
        scale = _positive(np.abs(array).max(axis=axes, keepdims=True, initial=0.0) / top)
    values = np.clip(np.rint(array / scale), -top, top).astype(np.int8)
    return Quantized(values, scale)


def closest(array: np.ndarray, bits: int, keep: Sequence[int] = ()) -> Quantized:
    """Quantize symmetrically with the scales, out of a few, that give the smallest squared error.

    Uses all 2^bits values: a scale may be negative, so that the largest weight of either sign can sit at the one end
    that reaches further, and a little smaller than the largest weight asks, which clips that one and helps the rest.
    """
    _check_finite(array)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    axes = tuple(axis for axis in range(array.ndim) if axis not in {one % array.ndim for one in keep})
    widest = np.abs(array).max(axis=axes, keepdims=True, initial=0.0)
    best = _positive(widest / high)
    least = np.full(widest.shape, np.inf, np.float32)
    for divisor in (high, *(high + 1 + 0.5 * step for step in range(4))):
        for sign in (1, -1):
            scale = sign * _positive(widest / divisor)
            error = np.square(np.clip(np.rint(array / scale), low, high) * scale - array).sum(axis=axes, keepdims=True)
            best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return Quantized(np.clip(np.rint(array / best), low, high).astype(np.int8), best)


def asymmetric(array: np.ndarray, bits: int = 8, keep: Sequence[int] = ()) -> Quantized:
    """Quantize to unsigned numbers with a zero point per index along the kept axes; zero stays exactly zero."""
    _check_finite(array)
    top = 2**bits - 1
    axes = tuple(axis for axis in range(array.ndim) if axis not in {one % array.ndim for one in keep})
    low = np.minimum(array.min(axis=axes, keepdims=True, initial=0.0), 0)
    high = np.maximum(array.max(axis=axes, keepdims=True, initial=0.0), 0)
    scale = _positive((high - low) / top)
    return _with_zero(array, scale, np.rint(-low / scale), top)


def blocks_of(array: np.ndarray, block: int) -> np.ndarray:
    """A matrix (rows, columns) as (rows, blocks, block), filled up with zeros at the end of a row."""
    rows, columns = array.shape
    missing = -columns % block
    if missing:
        array = np.pad(array, ((0, 0), (0, missing)))
    return array.reshape(rows, -1, block)


def half_scales(quantized: Quantized, array: np.ndarray, bits: int) -> Quantized | None:
    """The same array quantized with scales that half precision holds exactly; None when they do not fit there."""
    low, high = HALF_RANGE
    sizes = np.abs(quantized.scale)
    if sizes.min(initial=1.0) < low or sizes.max(initial=1.0) > high:
        return None
    scale = quantized.scale.astype(np.float16).astype(np.float32)
    if quantized.zero is not None:
        return _with_zero(array, scale, quantized.zero.astype(np.float32), 2**bits - 1)
    top = 2 ** (bits - 1)
    return Quantized(np.clip(np.rint(array / scale), -top, top - 1).astype(np.int8), scale)


def pack4(values: np.ndarray) -> np.ndarray:
    """Numbers of 4 bits (int8 −8…7 or uint8 0…15), two to a byte, the first in the low half; flat uint8."""
    flat = values.reshape(-1).astype(np.uint8) & 0xF
    if flat.size % 2:
        flat = np.append(flat, np.uint8(0))
    return flat[0::2] | (flat[1::2] << 4)


def unpack4(packed: np.ndarray, count: int, *, signed: bool) -> np.ndarray:
    """The numbers that pack4 put together."""
    flat = np.stack([packed & 0xF, packed >> 4], axis=-1).reshape(-1)[:count]
    if not signed:
        return flat
    return (flat.astype(np.int8) ^ 8) - np.int8(8)


def _with_zero(array: np.ndarray, scale: np.ndarray, zero: np.ndarray, top: int) -> Quantized:
    zero = np.clip(zero, 0, top)
    values = np.clip(np.rint(array / scale) + zero, 0, top)
    return Quantized(values.astype(np.uint8), scale, zero.astype(np.uint8))


def _positive(scale: np.ndarray) -> np.ndarray:
    scale = scale.astype(np.float32)
    return np.where(scale > 0, np.maximum(scale, np.float32(SMALLEST_SCALE)), np.float32(1))


def _check_finite(array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        raise ValueError("not a number or infinite")
