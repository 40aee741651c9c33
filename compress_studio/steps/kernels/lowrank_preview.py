"""The sketch behind the preview of factorize.lowrank: the spectrum of each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import weight_layers
from compress_studio.graph.saving import load
from compress_studio.spec.preview import Sketch
from compress_studio.steps.kernels.lowrank import Spectrum
from compress_studio.steps.kernels.sketch_layers import QuietSkips, describe_layers, file_bytes, totals

if TYPE_CHECKING:
    from compress_studio.base.digest import Json
    from compress_studio.spec.ports import OnnxNet
    from compress_studio.spec.step import StepContext
    from compress_studio.steps.factorize_lowrank import FactorizeLowrankParams


def sketch(ctx: StepContext, params: FactorizeLowrankParams, network: OnnxNet) -> Sketch:
    """Energies along the directions of every layer that can be two, and what a rank costs."""
    from compress_studio.steps import factorize_lowrank as step

    model = load(network.path)
    quiet = QuietSkips(ctx)
    free = params.model_copy(update={"skip": (), "layers": {}})
    chosen, _, weights = step.find_candidates(quiet, free, model)  # type: ignore[arg-type]
    if params.method.value == "svd":
        spectra: dict[str, Spectrum] = {}
        for one in chosen:
            ctx.check()
            spectra[one.layer.name] = _energies_only(one.weight)
    else:
        spectra, _ = step.find_spectra(quiet, free, model, chosen)  # type: ignore[arg-type]
    budgets = [step.budget_of(one, free, spectra) for one in chosen]
    facts: dict[str, Json] = {
        **totals(network.path),
        "names": [one.layer.name for one in chosen],
        "weights": weights,
        "itemsize": [one.layer.array.dtype.itemsize for one in chosen],
    }
    arrays = {
        "lengths": np.array([len(budget.energies) for budget in budgets], np.int64),
        "energies": np.concatenate([np.zeros(0), *[budget.energies for budget in budgets]]),
        "per_rank": np.array([budget.per_rank for budget in budgets], np.int64),
        "whole": np.array([budget.whole for budget in budgets], np.int64),
        "largest": np.array([budget.largest for budget in budgets], np.int64),
    }
    note = ""
    if params.method.value == "pca" and ctx.data.synthetic:
        note = "Analysed with random inputs, because there are no data."
    layers = describe_layers(network.path, weight_layers(model), quiet.skipped)
    return Sketch(layers, file_bytes(network.path), arrays, facts, note)


def _energies_only(matrix: np.ndarray) -> Spectrum:
    """Squared singular values, from the smaller of the two products of a weight with itself; no directions."""
    out, into = matrix.shape
    product = matrix @ matrix.T if out <= into else matrix.T @ matrix
    values = np.maximum(np.linalg.eigvalsh(product)[::-1], 0.0)
    energies = np.zeros(out)
    energies[: len(values)] = values
    return Spectrum(np.zeros((out, 0)), energies)
