"""Previews that are made up, for forms without workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from compress_studio.gui.previews import PreviewState, PreviewWord
from compress_studio.spec.preview import Estimate, Histogram, LayerPrediction, Prediction


class FakePreviews(QObject):
    """Answers like session.previews, at once, and remembers what it was asked."""

    changed = Signal(str)

    def __init__(self, layers: int = 6, bins: int = 64, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.names = [f"blocks.{number}.conv" for number in range(layers)]
        self.edges = np.linspace(-0.6, 0.6, bins + 1)
        self.counts = np.exp(-(np.linspace(-3, 3, bins) ** 2)) * 1e5
        self.watched: list[str | None] = []
        self.predicted: list[float] = []
        self.wanted: list[str] = []
        self.known: dict[str, Estimate] = {}
        self.word = PreviewWord.READY

    def watch(self, node: str | None) -> None:
        self.watched.append(node)

    def state(self, _node: str) -> PreviewState:
        return PreviewState(self.word, estimates=self.word is not PreviewWord.NONE)

    def prediction(self, _node: str, params: Mapping[str, Any] | None = None) -> Prediction | None:
        values = dict(params or {})
        share = float(values.get("sparsity", 0.5))
        own: Mapping[str, float] = values.get("layers") or {}
        self.predicted.append(share)
        line = 0.6 * share
        layers = [
            LayerPrediction(name, own.get(name, share), f"{100 * own.get(name, share):.0f} %") for name in self.names
        ]
        layers[-1] = LayerPrediction(self.names[-1], 0.0, "left alone", "It is not a layer with weights to spare.")
        inside = (np.abs(self.edges[:-1]) < line).astype(float)
        return Prediction(
            parameters=25e6,
            nonzero=25e6 * (1 - share),
            bytes=1e8,
            macs=4.1e9,
            sparsity=share,
            histogram=Histogram(f"Weights · threshold {line:.3f}", self.edges, self.counts, (-line, line), inside),
            layers=tuple(layers),
            share_title="zeros",
        )

    def want_estimate(self, node: str, _params: Mapping[str, Any] | None = None) -> None:
        self.wanted.append(node)

    def estimate(self, node: str) -> Estimate | None:
        return self.known.get(node)

    def estimating(self, _node: str) -> bool:
        return False

    def estimate_failure(self, _node: str) -> None:
        return None
