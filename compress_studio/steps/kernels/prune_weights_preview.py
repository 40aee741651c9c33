"""The sketch behind the preview of prune.weights: how the scores of each layer are spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import weight_layers
from compress_studio.graph.saving import load
from compress_studio.spec.preview import Sketch
from compress_studio.steps.kernels import weight_scores
from compress_studio.steps.kernels.sketch_layers import QuietSkips, describe_layers, file_bytes, totals
from compress_studio.steps.kernels.targets import find_targets

if TYPE_CHECKING:
    from compress_studio.base.digest import Json
    from compress_studio.spec.ports import OnnxNet
    from compress_studio.spec.step import StepContext
    from compress_studio.steps.prune_weights import PruneWeightsParams

PLACES = (401, 201, 101)
"""Places of the tables: each a multiple of the hundredths that the slider has. Fewer for many layers."""
MANY = (300, 1000)
BINS = 128
SHOWN = 0.9995
"""Share of the weights inside the histogram; the few beyond are counted in its last bins."""
MOST = 1 << 26
"""Scores that are sorted together; of more a part stands for all."""


def sketch(ctx: StepContext, params: PruneWeightsParams, network: OnnxNet) -> Sketch:
    """Tables of the scores by which prune.weights ranks, for every layer that it may change."""
    from compress_studio.steps.prune_weights import scored_targets

    model = load(network.path)
    quiet = QuietSkips(ctx)
    targets, _ = find_targets(model, quiet, embeddings=True)  # type: ignore[arg-type]
    scored = scored_targets(quiet, params, network, model, targets)  # type: ignore[arg-type]
    layers = describe_layers(network.path, weight_layers(model), quiet.skipped)
    weights = [np.asarray(target.array, np.float32) for target, _ in scored]
    rows = [target.array.shape[target.layers[0].out_axis] for target, _ in scored]
    arrays = tables_of(weights, [scores for _, scores in scored], rows, ctx.check) if scored else {}
    data = params.criterion.value != "magnitude"
    facts: dict[str, Json] = {
        **totals(network.path),
        "criterion": params.criterion.value,
        "targets": [[layer.name for layer in target.layers] for target, _ in scored],
        "embeddings": [any(layer.op == "Gather" for layer in target.layers) for target, _ in scored],
    }
    note = "Ranked with random inputs, because there are no data." if data and ctx.data.synthetic else ""
    return Sketch(layers, file_bytes(network.path), arrays, facts, note)


def tables_of(
    weights: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    rows: Sequence[int],
    check: Callable[[], None] = lambda: None,
) -> dict[str, np.ndarray]:
    """What predict reads, of weights with their scores. Args: rows are the output channels of each weight."""
    places = PLACES[sum(len(scores) > limit for limit in MANY)]
    fractions = np.linspace(0.0, 1.0, places)
    sorted_raw: list[np.ndarray] = []
    sorted_fair: list[np.ndarray] = []
    for one in scores:
        check()
        raw = np.sort(one, axis=None)
        fair = weight_scores.layer_adaptive(raw)
        raw[-1] = fair[-1] = np.inf
        sorted_raw.append(raw)
        sorted_fair.append(fair)
    sizes = np.array([one.size for one in sorted_raw], np.int64)
    tables: dict[str, np.ndarray] = {"sizes": sizes, "fractions": fractions}
    for name, kind in (("raw", sorted_raw), ("fair", sorted_fair)):
        check()
        tables[f"{name}_grid"] = grid = _grid(kind, fractions)
        tables[f"{name}_below"] = np.array([np.searchsorted(one, grid, "right") for one in kind], np.int32)
    tables["quantiles"] = np.array(
        [
            one[np.minimum(np.rint(fractions * (one.size - 1)).astype(np.int64), max(one.size - 2, 0))]
            for one in sorted_raw
        ],
        np.float32,
    )
    tables["zeros"] = np.array([one.size - np.count_nonzero(one) for one in weights], np.int64)
    tables["rows"] = np.array(rows, np.int64)
    return {**tables, **_histograms(weights, scores)}


def _grid(rows: list[np.ndarray], fractions: np.ndarray) -> np.ndarray:
    """Scores at which so large shares of all scores are reached; exact up to MOST scores."""
    size = sum(one.size for one in rows)
    stride = -(-size // MOST)
    together = np.sort(np.concatenate([one[stride // 2 :: stride] for one in rows]))
    finite = max(int(np.searchsorted(together, np.inf)), 1)
    places = np.rint(fractions * len(together)).astype(np.int64) - 1
    grid = together[np.clip(places, 0, finite - 1)]
    return np.where(places < 0, np.float32(-1.0), grid).astype(np.float32)


def _histograms(weights: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Histograms by layer of the weights, and of the scores."""
    reach = _reach([np.abs(one).ravel() for one in weights])
    edges = np.linspace(-reach, reach, BINS + 1)
    counts = [np.histogram(np.clip(one, -reach, reach), edges)[0] for one in weights]
    most = _reach([one[np.isfinite(one)] for one in scores])
    score_edges = np.linspace(0.0, most, BINS + 1)
    of_scores = [np.histogram(np.clip(one, 0.0, most), score_edges)[0] for one in scores]
    return {
        "weight_edges": edges,
        "weight_counts": np.array(counts, np.int32),
        "score_edges": score_edges,
        "score_counts": np.array(of_scores, np.int32),
    }


def _reach(sizes: list[np.ndarray]) -> float:
    """The size below which nearly all of these numbers lie."""
    total = sum(one.size for one in sizes)
    stride = max(1, total // (1 << 21))
    some = np.concatenate([one[::stride] for one in sizes]) if total else np.zeros(1)
    reach = float(np.quantile(some, SHOWN)) if some.size else 0.0
    return reach if reach > 0 else max((float(one.max(initial=0.0)) for one in sizes), default=0.0) or 1.0
