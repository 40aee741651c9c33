"""The distribution of the weights of one layer, before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.base.errors import BadInput
from compress_studio.graph.weights import pieces
from compress_studio.inspection.layers import Pair, pairs
from compress_studio.inspection.stored import StoredLayer, read_network, values_of

if TYPE_CHECKING:
    import onnx_ir as ir

TOO_MANY = 4096
"""Bins at most."""


def histograms(path: str, reference: str, layer: str, bins: int = 128) -> dict[str, Any]:
    """The weights of a layer of a result and of the network that it came from, counted in the same bins.

    Weights stored in other ways (half precision, integers with scales, palettes) are counted as the numbers that they
    stand for; biases are left out where there are matrices or kernels.

    Args: layer is a name as layer_rows gives it, or the name of one of its parts.
    Returns layer, edges (bins + 1), before and after (counts, None when there is no such side), and for each side a
    dict under "before_stats" and "after_stats": count, zeros, not_a_number, min, max, mean, std, bits.

    Raises BadInput when neither network has the layer.
    """
    after = read_network(path)
    before = after if Path(path) == Path(reference) else read_network(reference)
    pair = _find(pairs(before, after), layer)
    bins = int(np.clip(bins, 1, TOO_MANY))
    sides = (_values(before, pair.before), _values(after, pair.after))
    low, high = _limits([array for side in sides for array in side])
    edges = np.linspace(low, high, bins + 1)
    counts = [_counted(side, edges) if side else None for side in sides]
    result: dict[str, Any] = {"layer": pair.name, "edges": edges.tolist(), "before": counts[0], "after": counts[1]}
    for name, layers, arrays in (("before", pair.before, sides[0]), ("after", pair.after, sides[1])):
        result[f"{name}_stats"] = _stats(layers, arrays) if arrays else None
    return result


def _find(rows: list[Pair], layer: str) -> Pair:
    for row in rows:
        if row.name == layer:
            return row
    for row in rows:
        after = tuple(one for one in row.after if one.name == layer)
        if after:
            return Pair(layer, row.before if len(row.after) == 1 else (), after)
        if any(one.name == layer for one in row.before):
            return row
    raise BadInput(f"There is no layer {layer} with weights in this model.", "Choose another layer.")


def _values(model: ir.Model, layers: tuple[StoredLayer, ...]) -> list[np.ndarray]:
    return [values_of(model, weight) for layer in layers for weight in layer.main]


def _limits(arrays: list[np.ndarray]) -> tuple[float, float]:
    lows, highs = [], []
    for array in arrays:
        for piece in pieces(array):
            good = piece[np.isfinite(piece)]
            if good.size:
                lows.append(float(good.min()))
                highs.append(float(good.max()))
    low, high = min(lows, default=-1.0), max(highs, default=1.0)
    if high - low < 1e-12 * max(abs(low), abs(high), 1.0):
        reach = max(abs(high), 1.0) * 0.5
        return low - reach, high + reach
    return low, high


def _counted(arrays: list[np.ndarray], edges: np.ndarray) -> list[int]:
    total = np.zeros(len(edges) - 1, np.int64)
    for array in arrays:
        for piece in pieces(array):
            good = piece[np.isfinite(piece)].astype(np.float32, copy=False)
            total += np.histogram(good, bins=len(edges) - 1, range=(edges[0], edges[-1]))[0]
    return [int(one) for one in total]


def _stats(layers: tuple[StoredLayer, ...], arrays: list[np.ndarray]) -> dict[str, Any]:
    count = none = bad = 0
    total = square = 0.0
    low, high = np.inf, -np.inf
    for array in arrays:
        for piece in pieces(array):
            good = piece[np.isfinite(piece)].astype(np.float64)
            count, bad = count + piece.size, bad + piece.size - good.size
            none += int(np.count_nonzero(good == 0))
            total, square = total + float(good.sum()), square + float(np.square(good).sum())
            if good.size:
                low, high = min(low, float(good.min())), max(high, float(good.max()))
    finite = max(count - bad, 1)
    mean = total / finite
    sizes = [one.zeros[1] for one in layers]
    return {
        "count": count,
        "zeros": none,
        "not_a_number": bad,
        "min": low if count > bad else None,
        "max": high if count > bad else None,
        "mean": mean,
        "std": float(np.sqrt(max(square / finite - mean * mean, 0.0))),
        "bits": round(sum(one.bits * size for one, size in zip(layers, sizes, strict=True)) / max(sum(sizes), 1), 2),
    }
