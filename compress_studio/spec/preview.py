"""What a window shows of a step before it runs: a sketch of the weights, made once, and predictions computed from it.

A worker process makes the sketch of a network; the window then computes a prediction for every value of a slider, with
NumPy only. What a sketch cannot tell stays None: nothing here is ever shown as measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.base.digest import Json


@dataclass(frozen=True, slots=True)
class LayerSketch:
    """One layer that carries weights, as it arrives at the step."""

    name: str
    op: str
    parameters: int
    nonzero: int
    macs: int
    """Per sample; 0 when unknown."""
    bytes: int
    """As stored now."""
    blocked: str = ""
    """Why the step leaves this layer alone; empty when it may change it."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What the predictions of one step need to know of one network; small, picklable, no torch."""

    layers: tuple[LayerSketch, ...]
    bytes: int
    """Of the file that arrives."""
    arrays: Mapping[str, np.ndarray] = field(default_factory=lambda: {})
    """Whatever the predict function of the step reads: quantiles, histograms, spectra, …"""
    facts: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    note: str = ""
    """What must be said about every prediction from this sketch, such as "ranked by magnitude here"."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """A distribution with what the step would do to it."""

    title: str
    """ "Weights · threshold 0.137"."""
    edges: np.ndarray
    counts: np.ndarray
    """One fewer than edges."""
    lines: tuple[float, ...] = ()
    """Where thresholds, clipping limits or grid ends lie, on the axis of the edges."""
    affected: np.ndarray | None = None
    """Share of each bin, 0 to 1, that the step would remove or clip; None: nothing to shade."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class LayerPrediction:
    """What would become of one layer."""

    name: str
    share: float
    """What the bar shows, 0 to 1: removed weights or channels, kept rank, bits of 32, …"""
    text: str
    """What stands beside the bar: "42 %", "4 bit", "left alone"."""
    note: str = ""
    """Why, when it is left alone."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a step would give with these parameters, computed from a sketch. None: cannot be told before the run."""

    parameters: float | None = None
    nonzero: float | None = None
    macs: float | None = None
    bytes: float | None = None
    sparsity: float | None = None
    """Share of weights that would be zero, 0 to 1."""
    histogram: Histogram | None = None
    layers: tuple[LayerPrediction, ...] = ()
    share_title: str = "changed"
    """Heading of the bars of the layers: "removed", "rank kept", "bits"."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the real step gave on a few samples: tried beside the pipeline, never a result of it."""

    samples: int
    """How many samples both networks answered."""
    agreement: float | None = None
    """Share of answers that are those of the source, 0 to 1; None when the outputs are no scores."""
    agreement_low: float | None = None
    agreement_high: float | None = None
    """The 95 % interval of the share."""
    cosine: float | None = None
    """Mean cosine of the outputs to those of the source."""
    top1: float | None = None
    """Share of right answers on these samples; None without labels."""
    top1_low: float | None = None
    top1_high: float | None = None
    top1_before: float | None = None
    """Share of right answers of the source on the same samples."""
    parameters: int | None = None
    nonzero: int | None = None
    bytes: int | None = None
    """Of the file that the step wrote."""
    seconds: float = 0.0
    """How long trying took."""
    note: str = ""
    """What must be said beside it, such as that the samples are synthetic."""
    outdated: bool = False
    """It belongs to other parameters, or another input, than those of now."""
