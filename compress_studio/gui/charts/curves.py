"""From results to the curves of trainings; pure, so that it can be tested without a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np

from compress_studio.engine.runstate import NodeResult

Points: TypeAlias = tuple[tuple[float, float], ...]
LOSS = "loss"
TITLES = {"loss": "Loss", "validation": "Error on held-out samples"}
"""Series as the steps that train name them. The error is what the best state is chosen by: less is better."""
MOST_POINTS = 800
"""Points of a curve that are drawn; more cannot be told apart."""
SMOOTHED = 40
"""A smooth curve is the mean over this part of all points."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One series of one node."""

    node: str
    label: str
    series: str
    points: Points
    live: bool = False

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that the training chart shows."""

    curves: tuple[Curve, ...] = ()
    hidden: frozenset[str] = frozenset()
    """Nodes that the user left out."""
    running: bool = False
    cached: bool = False
    """There are trained results, but their curves were not kept."""
    log: bool = False

    @property
    def nodes(self) -> tuple[tuple[str, str], ...]:
        """(node, label) of all that have curves."""
        return tuple(dict.fromkeys((one.node, one.label) for one in self.curves))

    def shown(self, *, loss: bool) -> list[Curve]:
        """The curves of the left plot (loss) or of the right one (everything else)."""
        return [one for one in self.curves if one.node not in self.hidden and (one.series == LOSS) == loss]


def make_curves(
    labels: Mapping[str, str],
    results: Mapping[str, NodeResult],
    run: Mapping[str, NodeResult],
    live: frozenset[str],
) -> tuple[Curve, ...]:
    """The curves of all nodes, those of the run that goes on before those of the run before it."""
    found: list[Curve] = []
    for node, label in labels.items():
        series = _series(run.get(node)) or _series(results.get(node))
        names = sorted(series, key=lambda name: (name not in TITLES, name))
        found += [Curve(node, label, name, series[name], node in live) for name in names if series[name]]
    return tuple(found)


def arrays(points: Points) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the points whose values are finite."""
    flat = np.fromiter(chain.from_iterable(points), np.float64, 2 * len(points)).reshape(-1, 2)
    good = flat[np.isfinite(flat).all(axis=1)]
    return good[:, 0], good[:, 1]


def thin(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """As few points as look the same: the lowest and the highest of every stretch, in their order."""
    count = len(x)
    if count <= most:
        return x, y
    stretches = most // 2
    size = count // stretches
    used = size * stretches
    rows = y[:used].reshape(stretches, size)
    ends = np.sort(np.stack([rows.argmin(axis=1), rows.argmax(axis=1)], axis=1), axis=1)
    index = np.unique(
        np.append((ends + size * np.arange(stretches)[:, None]).ravel(), [0, *range(used, count), count - 1])
    )
    return x[index], y[index]


def smooth(y: np.ndarray) -> np.ndarray:
    """The mean over the points just before each point; the same for few points."""
    window = len(y) // SMOOTHED
    if window < 2:
        return y
    total = np.concatenate([[0.0], np.cumsum(y)])
    ends = np.arange(1, len(y) + 1)
    starts = np.maximum(ends - window, 0)
    return (total[ends] - total[starts]) / (ends - starts)


def spread(values: Sequence[float], low: float, high: float, gap: float) -> list[float]:
    """Move places apart so that labels at them do not cover each other: order kept, within low and high if it fits."""
    order = sorted(range(len(values)), key=lambda at: values[at])
    placed = [0.0] * len(values)
    edge = low
    for at in order:
        placed[at] = max(values[at], edge)
        edge = placed[at] + gap
    edge = high
    for at in reversed(order):
        placed[at] = min(placed[at], edge)
        edge = placed[at] - gap
    return placed


def _series(result: NodeResult | None) -> Mapping[str, Points]:
    return {} if result is None else result.series
