"""How many bytes a palette takes in a file; pure numbers, shared by the step and its preview."""

from __future__ import annotations

BITS_EACH = {1: 1.0, 2: 2.0, 3: 3.2, 4: 4.0, 5: 16 / 3}
"""Bits in the file per index, by the bits that an index needs; more take a byte each."""
NODE_BYTES = 60
"""What a node and the names it needs take in the file, about."""


def bits_each(bits: int, *, native: bool) -> float:
    """Bits in the file per index. Args: native says that ONNX has integers of four bits here."""
    return 4.0 if native and bits == 4 else BITS_EACH.get(bits, 8.0)


def palette_bytes(size: int, values: int, bits: int, scales: int, itemsize: int, *, native: bool) -> int:
    """About how many bytes a weight of that size takes. Args: values and scales count them; itemsize of a value."""
    whole = (native and bits == 4) or bits > 5
    nodes = (2 if whole else 5) + (2 if scales else 0)
    return int(size * bits_each(bits, native=native) / 8 + values * itemsize + scales * 2 + nodes * NODE_BYTES)
