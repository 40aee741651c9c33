"""What a window shows of a file of weights: its tensors with their distributions, the family, what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.artifacts.checkpoints import look as look_at_weights
from compress_studio.artifacts.tensors import read
from compress_studio.artifacts.weight_groups import choose, groups
from compress_studio.base.errors import BadInput
from compress_studio.engine.channel import current
from compress_studio.graph.facts import inspect
from compress_studio.graph.weights import pieces
from compress_studio.inspection.archives import model_file

if TYPE_CHECKING:
    from compress_studio.artifacts.checkpoints import Tensor

BINS = 64
SAMPLED = 1 << 20
"""Numbers of a tensor that are counted at most; of larger ones every n-th row is."""


def look(path: str, entry: str = "", bins: int = BINS) -> dict[str, Any]:
    """The facts of a file of weights (see graph.facts.inspect) with a histogram of every tensor.

    Each row of "tensors" gets "edges" (bins + 1), "counts", "min", "max", "mean", "std", "zeros" and "not_a_number";
    they are missing where the type cannot be read. Tensors are mapped one after the other, so that the memory stays
    at the size of the largest.

    Args: entry is the part of the file that holds the weights, as in source.model; empty: the largest. bins: 0 leaves
    the distributions away, which is quick.
    Raises BadInput when there are no tensors, and Cancelled between two tensors when somebody asked to stop.
    """
    with model_file(Path(path)) as model:
        return _look(model, entry, bins)


def _look(path: Path, entry: str, bins: int) -> dict[str, Any]:
    facts: dict[str, Any] = dict(inspect(path))
    checkpoint = look_at_weights(path)
    chosen = choose(groups(checkpoint), checkpoint.path.name, entry)
    facts["tensors"] = [
        {
            "name": name,
            "shape": list(tensor.shape),
            "dtype": tensor.dtype,
            "bytes": tensor.bytes,
            **(_distribution(tensor, bins) if bins else {}),
        }
        for name, tensor in chosen.tensors.items()
    ]
    facts["tensors_total"], facts["parameters"] = len(chosen.tensors), chosen.parameters
    facts["entry"], facts["pickled_class"] = chosen.name, chosen.pickled_class
    return facts


def _distribution(tensor: Tensor, bins: int) -> dict[str, Any]:
    current().check()
    try:
        array = read(tensor)
    except BadInput:
        return {}
    if not array.size or array.dtype.kind not in "fiub":
        return {}
    flat = array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1)
    flat = flat[:: max(1, array.size // SAMPLED)]
    low, high, total, squares, count, zeros, bad = np.inf, -np.inf, 0.0, 0.0, 0, 0, 0
    for piece in pieces(flat):
        values = np.asarray(piece, np.float64)
        good = values[np.isfinite(values)]
        bad += values.size - good.size
        zeros += int(np.count_nonzero(good == 0))
        if good.size:
            low, high = min(low, float(good.min())), max(high, float(good.max()))
            total, squares, count = total + float(good.sum()), squares + float((good**2).sum()), count + good.size
    if not count:
        return {"not_a_number": bad}
    reach = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts, edges = np.zeros(bins, np.int64), np.linspace(*reach, bins + 1)
    for piece in pieces(flat):
        values = np.asarray(piece, np.float64)
        counts += np.histogram(values[np.isfinite(values)], edges)[0]
    mean = total / count
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "min": low,
        "max": high,
        "mean": mean,
        "std": max(squares / count - mean**2, 0.0) ** 0.5,
        "zeros": zeros,
        "not_a_number": bad,
    }
