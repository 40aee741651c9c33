"""What cluster.weights would do, from its sketch: with NumPy only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.spec.preview import Histogram, LayerPrediction, Prediction, Sketch
from compress_studio.steps.kernels.layer_names import match_layers, values_by_layer
from compress_studio.steps.kernels.palette_size import palette_bytes

if TYPE_CHECKING:
    from compress_studio.steps.cluster_weights import ClusterWeightsParams

SMALLEST = 256
UNPACKING_BYTES = 420
"""What the nodes that take packed indices apart take in the file, with their names, beyond the step's own estimate."""
LLOYD = 12
"""Rounds after which the shown values have settled as far as eyes can tell."""


def predict(params: ClusterWeightsParams, sketch: Sketch) -> Prediction:
    """Bytes, bits by layer, and where the values of the palette lie."""
    facts: Any = sketch.facts
    tables = sketch.arrays
    names = [layer.name for layer in sketch.layers]
    unwanted = match_layers(names, params.skip)
    own = values_by_layer(names, params.layers)
    saved = 0.0
    bits: dict[str, int] = {}
    reasons: dict[str, str] = {}
    changed = np.zeros(len(facts["targets"]), bool)
    for row, group in enumerate(facts["targets"]):
        wanted = int(next((own[name] for name in group if name in own), params.bits))
        less, reason = _one(params, facts, tables, row, wanted)
        if any(name in unwanted for name in group):
            reason = "left out as asked"
        elif facts["embeddings"][row] and not params.embeddings:
            reason = "is a table of embeddings"
        if reason:
            reasons |= dict.fromkeys(group, reason)
        else:
            bits |= dict.fromkeys(group, wanted)
            saved += less
            changed[row] = True
    return Prediction(
        parameters=facts["parameters"],
        nonzero=facts["nonzero"],
        macs=facts["macs"],
        bytes=sketch.bytes - saved,
        sparsity=1 - facts["nonzero"] / max(facts["parameters"], 1),
        histogram=_histogram(params.bits, tables, changed),
        layers=_layers(sketch, bits, reasons),
        share_title="bits",
        note="" if bits else "No layer gets smaller with these settings.",
    )


def _one(params: ClusterWeightsParams, facts: Any, tables: Any, row: int, bits: int) -> tuple[float, str]:
    """Bytes that one weight saves, or why it is left alone."""
    size, itemsize = int(tables["size"][row]), int(tables["itemsize"][row])
    if size < SMALLEST:
        return 0.0, f"has {size} weights, fewer than a palette pays for"
    if bits == 1 and tables["sparse"][row]:
        return 0.0, "is sparse, and one bit cannot hold zero and both signs; choose 2 bits"
    scales = int(tables["scales"][row]) if params.scales.value == "channel" else 0
    after = palette_bytes(size, 1 << bits, bits, scales, itemsize, native=facts["native"])
    before = size * itemsize
    packed = 0 if bits > 5 or (facts["native"] and bits == 4) else UNPACKING_BYTES
    return (float(before - after - packed), "") if after < before else (0.0, "would not get smaller")


def _histogram(bits: int, tables: Any, changed: np.ndarray) -> Histogram:
    """All weights, each in units of the strength of its channel, with the values they would be put to."""
    edges, counts = tables["edges"], tables["counts"][changed].sum(axis=0)
    title = f"Weights in units of their channel · {1 << bits} values"
    if not counts.any():
        return Histogram(title, edges, counts)
    return Histogram(title, edges, counts, _values(edges, counts.astype(np.float64), 1 << bits))


def _values(edges: np.ndarray, counts: np.ndarray, number: int) -> tuple[float, ...]:
    """k-means of a histogram by Lloyd's method, from places where its cube root is shared out (Panter, Dite 1951)."""
    middle = (edges[:-1] + edges[1:]) / 2
    dense = np.cumsum(np.cbrt(counts))
    values = np.interp((np.arange(number) + 0.5) / number * dense[-1], dense, middle)
    for _ in range(LLOYD):
        nearest = np.searchsorted((values[1:] + values[:-1]) / 2, middle)
        mass = np.bincount(nearest, counts, number)
        sums = np.bincount(nearest, counts * middle, number)
        values = np.where(mass > 0, sums / np.where(mass > 0, mass, 1), values)
        values.sort()
    return tuple(float(one) for one in np.unique(values))


def _layers(sketch: Sketch, bits: dict[str, int], reasons: dict[str, str]) -> tuple[LayerPrediction, ...]:
    found: list[LayerPrediction] = []
    for layer in sketch.layers:
        if layer.name in bits:
            found.append(LayerPrediction(layer.name, bits[layer.name] / 32, f"{bits[layer.name]} bit"))
        else:
            share = min(1.0, 8 * layer.bytes / max(layer.parameters, 1) / 32)
            reason = layer.blocked or reasons.get(layer.name, "")
            found.append(LayerPrediction(layer.name, share, "left alone", reason))
    return tuple(found)
