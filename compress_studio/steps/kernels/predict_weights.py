"""What prune.weights would do, from its sketch: with NumPy only, within a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.spec.preview import Histogram, LayerPrediction, Prediction, Sketch
from compress_studio.steps.kernels.layer_names import match_layers, values_by_layer
from compress_studio.steps.kernels.predict_words import percent

if TYPE_CHECKING:
    from compress_studio.steps.prune_weights import PruneWeightsParams


def predict(params: PruneWeightsParams, sketch: Sketch) -> Prediction:
    """Zeros in all and by layer, and the weights that go."""
    facts: Any = sketch.facts
    groups: list[list[str]] = facts["targets"]
    names = [layer.name for layer in sketch.layers]
    unwanted = match_layers(names, params.skip)
    chosen = np.array(
        [
            not any(name in unwanted for name in group) and not (table and not params.embeddings)
            for group, table in zip(groups, facts["embeddings"], strict=True)
        ],
        bool,
    )
    if not chosen.any():
        return Prediction(facts["parameters"], facts["nonzero"], facts["macs"], sketch.bytes, note="No layer is left.")
    own = values_by_layer(names, params.layers)
    fixed = np.array([next((own[name] for name in group if name in own), np.nan) for group in groups])
    tables = sketch.arrays
    removed, limit = _removed(params, tables, chosen, fixed)
    zeros = np.where(chosen, np.maximum(tables["zeros"], removed), tables["zeros"])
    fresh = float((zeros - tables["zeros"]).sum())
    nonzero = facts["nonzero"] - fresh
    return Prediction(
        parameters=facts["parameters"],
        nonzero=nonzero,
        macs=facts["macs"],
        bytes=sketch.bytes,
        sparsity=1 - nonzero / max(facts["parameters"], 1),
        histogram=_histogram(params, tables, chosen, removed, limit),
        layers=_layers(sketch, groups, chosen, zeros / np.maximum(tables["sizes"], 1), unwanted),
        share_title="zeros",
        note="The file keeps its size; zipped it gets smaller." if fresh else "",
    )


def _removed(
    params: PruneWeightsParams, tables: Any, chosen: np.ndarray, fixed: np.ndarray
) -> tuple[np.ndarray, float | None]:
    """Weights that go in each target, as the step counts them, and the one score below which they go, if it is one."""
    sizes: np.ndarray = tables["sizes"]
    most = sizes - 1
    if params.mode.value == "threshold":
        place = np.interp(params.threshold, tables["raw_grid"], np.arange(len(tables["raw_grid"])))
        return np.where(chosen, np.minimum(_at(tables["raw_below"], float(place)), most), 0), params.threshold
    alone = chosen & ~np.isnan(fixed)
    joined = chosen & np.isnan(fixed)
    limit: float | None = None
    if params.scope.value == "global":
        name = "fair" if params.balance.value == "adaptive" else "raw"
        removed, score = _together(tables[f"{name}_below"], tables[f"{name}_grid"], sizes, joined, params.sparsity)
        limit = score if name == "raw" and not alone.any() else None
    else:
        removed = _alone(params, tables, np.full(len(sizes), params.sparsity))
    removed = np.where(joined, removed, 0)
    return np.where(alone, _alone(params, tables, np.where(alone, fixed, 0.0)), removed), limit


def _alone(params: PruneWeightsParams, tables: Any, shares: np.ndarray) -> np.ndarray:
    """So large a share of each target."""
    sizes: np.ndarray = tables["sizes"]
    if params.criterion.value == "wanda":
        widths = sizes // np.maximum(tables["rows"], 1)
        return np.minimum(np.rint(shares * widths), np.maximum(widths - 1, 0)) * tables["rows"]
    return np.minimum(np.rint(shares * sizes), sizes - 1)


def _together(
    below: np.ndarray, grid: np.ndarray, sizes: np.ndarray, joined: np.ndarray, share: float
) -> tuple[np.ndarray, float]:
    """What each target loses when all compete for one share, and the score at which it ends."""
    if not joined.any():
        return np.zeros(len(sizes)), 0.0
    wanted = min(round(share * int(sizes[joined].sum())), int(sizes[joined].sum()) - int(joined.sum()))
    total = below[joined].sum(axis=0, dtype=np.int64)
    place = int(np.searchsorted(total, wanted))
    if place == 0:
        return np.zeros(len(sizes)), 0.0
    if place >= len(total):
        return np.minimum(below[:, -1], sizes - 1).astype(np.float64), float(grid[-1])
    step = (wanted - total[place - 1]) / max(total[place] - total[place - 1], 1)
    at = place - 1 + step
    score = max(0.0, float(grid[place - 1])) * (1 - step) + max(0.0, float(grid[place])) * step
    return np.minimum(_at(below, at), sizes - 1), score


def _at(table: np.ndarray, place: float) -> np.ndarray:
    """A column of a table between two of its columns."""
    low = min(int(place), table.shape[1] - 1)
    high = min(low + 1, table.shape[1] - 1)
    return table[:, low] + (place - low) * (table[:, high].astype(np.float64) - table[:, low])


def _histogram(
    params: PruneWeightsParams, tables: Any, chosen: np.ndarray, removed: np.ndarray, limit: float | None
) -> Histogram:
    """The weights (or the scores, where these say something else) with what goes."""
    plain = params.criterion.value == "magnitude"
    kind = "weight" if plain else "score"
    edges, counts = tables[f"{kind}_edges"], tables[f"{kind}_counts"][chosen]
    ends = _limits(tables, removed)[chosen]
    low = np.minimum(np.abs(edges[:-1]), np.abs(edges[1:]))
    high = np.maximum(np.abs(edges[:-1]), np.abs(edges[1:]))
    inside = np.clip((ends[:, None] - low) / np.maximum(high - low, 1e-30), 0.0, 1.0)
    sums = counts.sum(axis=0)
    affected = (counts * inside).sum(axis=0) / np.maximum(sums, 1)
    lines: tuple[float, ...] = ()
    title = "Weights" if plain else "Importance"
    busy = ends[(ends > 0) & (removed[chosen] > 0)]
    if limit is not None:
        lines, title = _both(limit, plain), f"{title} · threshold {limit:.3g}"
    elif len(busy):
        title = f"{title} · thresholds {busy.min():.3g} to {busy.max():.3g}, by layer"
        lines = _both(float(np.median(busy)), plain)
    return Histogram(title, edges, sums, lines, affected)


def _both(limit: float, signed: bool) -> tuple[float, ...]:
    return (-limit, limit) if signed else (limit,)


def _limits(tables: Any, removed: np.ndarray) -> np.ndarray:
    """The score below which the weights of each target go."""
    quantiles: np.ndarray = tables["quantiles"]
    columns = quantiles.shape[1] - 1
    places = np.clip(removed / np.maximum(tables["sizes"] - 1, 1), 0.0, 1.0) * columns
    low = np.minimum(places.astype(np.int64), columns)
    high = np.minimum(low + 1, columns)
    rows = np.arange(len(quantiles))
    ends = quantiles[rows, low] + (places - low) * (quantiles[rows, high] - quantiles[rows, low])
    return np.where(removed > 0, ends, 0.0)


def _layers(
    sketch: Sketch, groups: list[list[str]], chosen: np.ndarray, shares: np.ndarray, unwanted: Any
) -> tuple[LayerPrediction, ...]:
    place = {name: number for number, group in enumerate(groups) for name in group}
    found: list[LayerPrediction] = []
    for layer in sketch.layers:
        number = place.get(layer.name)
        if number is not None and chosen[number]:
            found.append(LayerPrediction(layer.name, float(shares[number]), percent(shares[number])))
            continue
        reason = layer.blocked or ("left out as asked" if layer.name in unwanted else "")
        if not reason and number is not None:
            reason = "is a table of embeddings" if layer.op == "Gather" else "shares its weights with one left out"
        share = 1 - layer.nonzero / max(layer.parameters, 1)
        found.append(LayerPrediction(layer.name, share, "left alone", reason))
    return tuple(found)
