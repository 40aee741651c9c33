"""What prune.channels would do, from its sketch: the same search as in the step, with NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.spec.preview import Histogram, LayerPrediction, Prediction, Sketch
from compress_studio.steps.kernels import channel_plan
from compress_studio.steps.kernels.layer_names import match_layers, values_by_layer

if TYPE_CHECKING:
    from compress_studio.steps.prune_channels import PruneChannelsParams

BINS = 80
SHOWN = 0.995


def predict(params: PruneChannelsParams, sketch: Sketch) -> Prediction:
    """Channels that go, and what is left then."""
    facts: Any = sketch.facts
    tables = sketch.arrays
    sizes: np.ndarray = tables["sizes"]
    keep = _keep(params, sketch)
    lost = sizes - keep
    macs, storage = _model(tables, "macs"), _model(tables, "storage")
    before, after = macs(np.zeros(len(sizes))), macs(lost)
    counts = _numbers(storage, lost) - _numbers(storage, np.zeros(len(sizes)))
    parameters = facts["parameters"] + float(counts @ storage.constants)
    share = 1 - after / before if before else 0.0
    nonzero = facts["nonzero"] * parameters / max(facts["parameters"], 1)
    return Prediction(
        parameters=parameters,
        nonzero=nonzero,
        macs=None if facts["macs"] is None else facts["macs"] - (before - after) / facts["batch"],
        bytes=sketch.bytes + float(counts @ tables["number_bytes"]),
        sparsity=1 - facts["nonzero"] / max(facts["parameters"], 1),
        histogram=_histogram(tables, keep),
        layers=_layers(sketch, facts["layers"], keep, params),
        share_title="channels removed",
        note=_note(params, share),
    )


def _keep(params: PruneChannelsParams, sketch: Sketch) -> np.ndarray:
    """Units that each group keeps, found as the step finds them."""
    facts: Any = sketch.facts
    tables = sketch.arrays
    sizes: np.ndarray = tables["sizes"]
    names = [layer.name for layer in sketch.layers]
    match_layers(names, params.skip)
    own = values_by_layer(names, params.layers)
    free = [
        number
        for number, (id_, layers) in enumerate(zip(facts["ids"], facts["layers"], strict=True))
        if not any(fnmatchcase(name, pattern) for name in (*layers, id_) for pattern in params.skip)
    ]
    keep = sizes.copy()
    if not free:
        return keep
    multiple = params.multiple or channel_plan.lanes()
    choices = [
        channel_plan.fixed(
            channel_plan.allowed(
                int(sizes[one]),
                int(tables["widths"][one]),
                multiple,
                params.minimum,
                convolution=bool(tables["convolution"][one]),
            ),
            [own[name] for name in facts["layers"][one] if name in own],
        )
        for one in free
    ]
    macs = _model(tables, "macs")
    chosen = channel_plan.SizeModel(macs.sizes, macs.shrink[:, free], macs.terms, macs.constants)
    scores = np.split(tables["scores"], np.cumsum(sizes)[:-1])
    some = [int(sizes[one]) for one in free]
    wanted = (
        channel_plan.uniform(some, params.minimum)
        if params.scope.value == "uniform"
        else channel_plan.overall([scores[one] for one in free])
    )
    keep[free] = channel_plan.find_plan(chosen, some, choices, params.amount, wanted).keep
    return keep


def _model(tables: Any, name: str) -> channel_plan.SizeModel:
    return channel_plan.SizeModel(
        tables[f"{name}_sizes"],
        tables[f"{name}_shrink"].astype(np.float64),
        tables[f"{name}_terms"],
        tables[f"{name}_constants"],
    )


def _numbers(storage: channel_plan.SizeModel, lost: np.ndarray) -> np.ndarray:
    """Numbers in each stored tensor."""
    sizes = np.append(storage.sizes - storage.shrink @ np.asarray(lost, np.float64), 1.0)
    return sizes[storage.terms].prod(axis=1)


def _histogram(tables: Any, keep: np.ndarray) -> Histogram:
    """Importance of all channels, in means of their group, with those that go."""
    groups = np.split(tables["scores"], np.cumsum(tables["sizes"])[:-1])
    scores = [channel_plan.scaled(one) for one in groups]
    gone = [one[: len(one) - int(count)] for one, count in zip(scores, keep, strict=True)]
    together = np.concatenate(scores)
    reach = float(np.quantile(together, SHOWN)) * 1.05 or 1.0
    edges = np.linspace(0.0, reach, BINS + 1)
    counts = np.histogram(np.minimum(together, reach), edges)[0]
    removed = np.concatenate(gone)
    lost = np.histogram(np.minimum(removed, reach), edges)[0]
    title = f"Channels by importance · {len(removed):,} of {len(together):,} go"
    lines = (float(np.median([one.max() for one in gone if len(one)])),) if len(removed) else ()
    return Histogram(title, edges, counts, lines, lost / np.maximum(counts, 1), "mean of the group")


def _layers(
    sketch: Sketch, groups: Sequence[Sequence[str]], keep: np.ndarray, params: PruneChannelsParams
) -> tuple[LayerPrediction, ...]:
    sizes = sketch.arrays["sizes"]
    left: dict[str, tuple[int, int]] = {}
    for layers, count, size in zip(groups, keep, sizes, strict=True):
        for name in layers:
            before = left.get(name, (0, 0))
            left[name] = before[0] + int(count), before[1] + int(size)
    found: list[LayerPrediction] = []
    for layer in sketch.layers:
        asked = any(fnmatchcase(layer.name, pattern) for pattern in params.skip)
        if layer.name in left and not asked:
            kept, size = left[layer.name]
            text = f"{size - kept} of {size}" if kept < size else f"none of {size}"
            found.append(LayerPrediction(layer.name, 1 - kept / size, text))
        else:
            reason = "left alone by choice" if asked else layer.blocked or "its channels are read from outside"
            found.append(LayerPrediction(layer.name, 0.0, "left alone", reason))
    return tuple(found)


def _note(params: PruneChannelsParams, share: float) -> str:
    if share < params.amount - channel_plan.SLACK - 1e-9:
        return f"Only {share:.0%} of the work can go with these settings, not {params.amount:.0%}."
    return ""
