"""What factorize.lowrank would do, from its sketch: with NumPy only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.spec.preview import Histogram, LayerPrediction, Prediction, Sketch
from compress_studio.steps.kernels.layer_names import match_layers, values_by_layer
from compress_studio.steps.kernels.lowrank_ranks import Budget, choose_ranks
from compress_studio.steps.kernels.predict_words import percent

if TYPE_CHECKING:
    from compress_studio.steps.factorize_lowrank import FactorizeLowrankParams

WORTH = 0.005
NODE_BYTES = 150
"""What a second node and the names around it take in the file, about."""
BINS = 50


def predict(params: FactorizeLowrankParams, sketch: Sketch) -> Prediction:
    """Ranks, parameters and work, and the energy that is kept."""
    facts: Any = sketch.facts
    tables = sketch.arrays
    names = [layer.name for layer in sketch.layers]
    unwanted = match_layers(names, params.skip)
    own = values_by_layer(names, params.layers)
    energies = np.split(tables["energies"], np.cumsum(tables["lengths"])[:-1]) if len(tables["lengths"]) else []
    rows = [row for row, name in enumerate(facts["names"]) if name not in unwanted]
    budgets = [
        Budget(energies[row], *(int(tables[name][row]) for name in ("per_rank", "whole", "largest"))) for row in rows
    ]
    found = choose_ranks(
        budgets,
        [own.get(facts["names"][row]) for row in rows],
        params.ratio,
        params.multiple,
        WORTH * facts["weights"],
        by_energy=params.scope.value == "energy",
    )
    macs = {layer.name: layer.macs for layer in sketch.layers}
    saved = saved_bytes = saved_macs = 0.0
    shown: dict[str, tuple[int, Budget, str]] = {}
    for row, budget, (rank, reason) in zip(rows, budgets, found, strict=True):
        name = facts["names"][row]
        shown[name] = rank, budget, reason
        if rank:
            less = budget.whole - rank * budget.per_rank
            saved += less
            saved_bytes += less * facts["itemsize"][row] - NODE_BYTES
            saved_macs += macs[name] * less / budget.whole
    parameters = facts["parameters"] - saved
    factorized = [(rank, budget) for rank, budget, _ in shown.values() if rank]
    return Prediction(
        parameters=parameters,
        nonzero=None if factorized else facts["nonzero"],
        macs=None if facts["macs"] is None else facts["macs"] - saved_macs,
        bytes=sketch.bytes - saved_bytes,
        histogram=_spectrum(factorized) if factorized else None,
        layers=_layers(sketch, shown, unwanted),
        share_title="rank kept",
        note="" if factorized else "No layer gets smaller with these settings.",
    )


def _spectrum(layers: list[tuple[int, Budget]]) -> Histogram:
    """Energy along the directions of all factorized layers, strongest first, with the part that goes."""
    edges = np.linspace(0.0, 1.0, BINS + 1)
    sums, lost = np.zeros(BINS), np.zeros(BINS)
    kept = whole = 0.0
    for rank, budget in layers:
        total = max(float(budget.energies.sum()), 1e-300)
        shares = budget.energies / total
        place = np.minimum((np.arange(len(shares)) * BINS) // max(len(shares), 1), BINS - 1)
        sums += np.bincount(place, shares, BINS)
        lost += np.bincount(place, np.where(np.arange(len(shares)) >= rank, shares, 0.0), BINS)
        kept += float(shares[:rank].sum())
        whole += 1.0
    title = f"Energy by direction, strongest first · {percent(kept / whole)} kept"
    middle = float(np.mean([rank / max(len(budget.energies), 1) for rank, budget in layers]))
    return Histogram(title, edges, sums, (middle,), lost / np.maximum(sums, 1e-300), "of all directions")


def _layers(sketch: Sketch, shown: dict[str, tuple[int, Budget, str]], unwanted: Any) -> tuple[LayerPrediction, ...]:
    found: list[LayerPrediction] = []
    for layer in sketch.layers:
        rank, budget, reason = shown.get(layer.name, (0, None, ""))
        if rank and budget is not None:
            energy = float(budget.energies[:rank].sum() / max(budget.energies.sum(), 1e-300))
            share = rank / max(len(budget.energies), 1)
            found.append(LayerPrediction(layer.name, share, f"rank {rank} · {percent(energy)} of the energy"))
            continue
        reason = layer.blocked or reason or ("left out as asked" if layer.name in unwanted else "")
        found.append(LayerPrediction(layer.name, 1.0, "left whole", reason))
    return tuple(found)
