"""What storing weights in fewer bits would give, from a sketch: with NumPy only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.spec.preview import Histogram, LayerPrediction, LayerSketch, Prediction, Sketch
from compress_studio.steps.kernels.layer_names import match_layers
from compress_studio.steps.kernels.weight_blocks import BLOCKS, split_shape

if TYPE_CHECKING:
    from compress_studio.steps.graph_fp16 import Fp16Params
    from compress_studio.steps.int8_params import Int8Params
    from compress_studio.steps.quantize_weights import QuantizeWeightsParams

FLOAT_BITS = 32
NODE_BYTES = 60
"""What a node and the names it needs take in the file, about."""
WORTHWHILE = 0.9
MANY_SCALES = 256
SMALLEST_HALF, LARGEST_HALF = 6.1e-5, 65504.0
KEPT = "kept in float as asked"


def predict_int8(params: Int8Params, sketch: Sketch) -> Prediction:
    """quantize.static and quantize.dynamic: which layers get 8 bits, the bytes, the error of the weights."""
    facts: Any = sketch.facts
    tables = sketch.arrays
    kept = _kept(sketch.layers, params.keep)
    changed = _changed(sketch.layers, kept)
    bits = params.weight_bits()
    top = 2 ** (bits - 1) - 1
    decibels = _decibels(tables["energy"], tables["reach"] / (12 * top * top))
    spared = float(tables["saved"][_rows(sketch.layers, kept)].sum())
    counts = tables["counts"][changed].sum(axis=0)
    title = f"Weights on their grid · {bits} bit"
    return Prediction(
        parameters=facts["parameters"],
        nonzero=facts["nonzero"],
        macs=facts["macs"],
        bytes=facts["after"] + spared if changed.any() else sketch.bytes,
        sparsity=1 - facts["nonzero"] / max(facts["parameters"], 1),
        histogram=Histogram(title, tables["edges"] * top, counts, (-float(top), float(top)), None, "steps"),
        layers=_layers(sketch.layers, kept, changed, np.full(len(changed), bits), decibels),
        share_title="bits",
        note="" if changed.any() else "No layer is left to quantize.",
    )


def predict_half(params: Fp16Params, sketch: Sketch) -> Prediction:
    """graph.fp16: which layers are halved, and the bytes."""
    facts: Any = sketch.facts
    tables = sketch.arrays
    words: list[str] = facts["words"]
    kept = _kept(sketch.layers, params.keep, words) | {one.name for one in sketch.layers if one.op in params.keep}
    changed = _changed(sketch.layers, kept)
    spared = float(tables["saved"][_rows(sketch.layers, kept)].sum())
    lines = (float(np.log10(SMALLEST_HALF)), float(np.log10(LARGEST_HALF)))
    sizes = tables["counts"].sum(axis=0)
    return Prediction(
        parameters=facts["parameters"],
        nonzero=facts["nonzero"],
        macs=facts["macs"],
        bytes=facts["after"] + spared if changed.any() else sketch.bytes,
        sparsity=1 - facts["nonzero"] / max(facts["parameters"], 1),
        histogram=Histogram("Sizes of weights · range of half precision", tables["edges"], sizes, lines, None, "10^"),
        layers=_layers(sketch.layers, kept, changed, np.full(len(changed), 16), None),
        share_title="bits",
        note="" if changed.any() else "No layer is left to change.",
    )


def predict_weights(params: QuantizeWeightsParams, sketch: Sketch) -> Prediction:
    """quantize.weights: bits, bytes and error of each layer."""
    facts: Any = sketch.facts
    tables = sketch.arrays
    bits = int(params.bits.value)
    block = params.block if params.block is not None else (32 if bits == 4 else None)
    kept = _kept(sketch.layers, params.keep)
    saved, small = _saved(sketch, params, bits, block)
    changed = _changed(sketch.layers, kept) & ~small
    once = _first_uses(facts["shapes"])
    levels = (2 ** (bits - 1) - 1) if params.symmetric else (2**bits - 1)
    noise = _between(tables["noise"][:, :, 0 if params.symmetric else 1], block) / (12 * levels * levels)
    top = float(2 ** (bits - 1) - 1)
    counts = tables["counts"][changed].sum(axis=0)
    return Prediction(
        parameters=facts["parameters"],
        nonzero=facts["nonzero"],
        macs=facts["macs"],
        bytes=sketch.bytes - float(saved[changed & once].sum()),
        sparsity=1 - facts["nonzero"] / max(facts["parameters"], 1),
        histogram=Histogram(
            f"Weights on their grid · {bits} bit", tables["edges"] * top, counts, (-top, top), None, "steps"
        )
        if block is None
        else Histogram("Weights in their channel", tables["edges"], counts),
        layers=_layers(
            sketch.layers,
            kept,
            changed,
            np.full(len(changed), bits),
            _decibels(tables["energy"], noise),
            {sketch.layers[row].name for row in np.flatnonzero(small)},
        ),
        share_title="bits",
        note="" if changed.any() else f"No layer gets smaller with {bits} bits.",
    )


def _saved(
    sketch: Sketch, params: QuantizeWeightsParams, bits: int, block: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Bytes that each layer saves, and the layers for which it is not worth it."""
    facts: Any = sketch.facts
    saved, small = np.zeros(len(sketch.layers)), np.zeros(len(sketch.layers), bool)
    for row, (layer, (shape, out, into, _)) in enumerate(zip(sketch.layers, facts["shapes"], strict=True)):
        cut = split_shape(layer.op, tuple(shape), out, into, block)
        half = cut.scales > MANY_SCALES
        own = layer.parameters * bits // 8 + cut.scales * (2 if half else 4) + 3 * NODE_BYTES
        small[row] = not layer.blocked and own >= WORTHWHILE * layer.bytes
        if params.form.value == "running" and layer.op in {"MatMul", "Gemm"} and len(shape) == 2:
            size = 1 << (max(block or 32, 16).bit_length() - 1)
            own = layer.parameters * bits // 8 + shape[out] * -(-shape[into] // size) * 4 + NODE_BYTES
        elif len(cut.shape) != len(shape):
            own += NODE_BYTES + 8 * len(shape)
        if half:
            own += NODE_BYTES
        if not params.symmetric:
            own += cut.scales * bits // 8 + 2 * NODE_BYTES
        saved[row] = layer.bytes - own
    return saved, small


def _between(noise: np.ndarray, block: int | None) -> np.ndarray:
    """Noise for a block size between those that are known, on a scale of powers of two."""
    if block is None:
        return noise[:, 0]
    known = np.log2([one for one in BLOCKS if one is not None])
    place = float(np.interp(np.log2(block), known, np.arange(len(known)))) + 1
    low = min(int(place), noise.shape[1] - 1)
    high = min(low + 1, noise.shape[1] - 1)
    return noise[:, low] + (place - low) * (noise[:, high] - noise[:, low])


def _first_uses(shapes: Sequence[Sequence[Any]]) -> np.ndarray:
    """Whether a layer is the first that reads its weight: a shared weight is stored once."""
    seen: set[str] = set()
    first: list[bool] = []
    for *_, key in shapes:
        first.append(key not in seen)
        seen.add(key)
    return np.array(first, bool)


def _kept(layers: Sequence[LayerSketch], keep: Sequence[str], others: Collection[str] = ()) -> set[str]:
    return set(match_layers([layer.name for layer in layers], [name for name in keep if name not in others]))


def _changed(layers: Sequence[LayerSketch], kept: Collection[str]) -> np.ndarray:
    return np.array([not layer.blocked and layer.name not in kept for layer in layers], bool)


def _rows(layers: Sequence[LayerSketch], names: Collection[str]) -> np.ndarray:
    return np.array([not layer.blocked and layer.name in names for layer in layers], bool)


def _decibels(energy: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Signal to quantization noise of the weights: a step of the grid makes step² / 12 (Widrow 1956)."""
    return 10 * np.log10(np.maximum(energy, 1e-30) / np.maximum(noise, 1e-30))


def _layers(
    layers: Sequence[LayerSketch],
    kept: Collection[str],
    changed: np.ndarray,
    bits: np.ndarray,
    decibels: np.ndarray | None,
    small: Collection[str] = (),
) -> tuple[LayerPrediction, ...]:
    found: list[LayerPrediction] = []
    for row, layer in enumerate(layers):
        if changed[row]:
            text = f"{int(bits[row])} bit"
            if decibels is not None and 0 < decibels[row] < 150:
                text += f" · {decibels[row]:.0f} dB"
            found.append(LayerPrediction(layer.name, float(bits[row]) / FLOAT_BITS, text))
            continue
        reason = layer.blocked or (KEPT if layer.name in kept else "")
        reason = reason or ("too small: the scales would take more than is saved" if layer.name in small else "")
        stored = min(1.0, 8 * layer.bytes / max(layer.parameters, 1) / FLOAT_BITS)
        found.append(LayerPrediction(layer.name, stored, "left alone", reason))
    return tuple(found)
