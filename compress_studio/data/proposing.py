"""Proposing how 8-bit pixels are scaled when nothing says it: the usual ways are tried on labelled samples.

A wrong scale makes a good network look broken (16 % instead of 92 % for one that wants a mean and a deviation), so
dividing by 255 is only the last resort. Test samples are never looked at, and what was chosen is said as a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.data.checking import try_run
from compress_studio.spec.data import Task

if TYPE_CHECKING:
    from compress_studio.data.fitting import Fit
    from compress_studio.data.source import Joined
    from compress_studio.data.tasks import Meaning

SAMPLES = 128
PIECE = 16
FEWEST = 8
MARGIN = 0.02
"""By how much another way must be better than dividing by 255 …"""
SURE = 2.0
"""… and by how many deviations of chance: the same samples are judged both ways, so only those that differ count."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class Scaling:
    """One usual way to scale pixels."""

    words: str
    scale: float
    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    def of(self, fit: Fit, guess: str) -> Fit:
        """The fit with this scaling."""
        return replace(fit, scale=self.scale, mean=self.mean, std=self.std, guess=guess)


def propose(network: Path, joined: Joined, rows: np.ndarray, meaning: Meaning, batch: int | None) -> Mapping[str, Fit]:
    """Better fits for inputs whose scale was guessed, by input name; empty when there is nothing to go by.

    Args: rows are samples that are not test samples; meaning says what the labels are.
    """
    guessed = [name for name, feed in joined.feeds.items() if feed.fit.guess]
    rows = rows[:SAMPLES]
    if joined.labels is None or meaning.task is not Task.CLASSIFY:
        return {}
    if len(guessed) != 1 or len(rows) < max(FEWEST, batch or 1):
        return {}
    name = guessed[0]
    fit = joined.feeds[name].fit
    ways = _ways(joined, name, rows)
    answers = [_right(network, joined, name, way.of(fit, ""), rows, meaning.output, batch) for way in ways]
    if not answers[0].size:
        return {}
    shares = [float(one.mean()) for one in answers]
    usual = next((at for at, way in enumerate(ways) if way.scale == fit.scale and way.mean is None), 0)
    best = int(np.argmax(shares))
    if not _better(answers[best], answers[usual]):
        best = usual
    way = ways[best]
    others = max(share for at, share in enumerate(shares) if at != best)
    found = (
        f"{way.words} gives the most right answers ({shares[best]:.0%})"
        if best != usual or shares[best] > others + MARGIN
        else f"none gives clearly more right answers than {way.words} ({shares[best]:.0%}), which is used"
    )
    guess = (
        f"Nothing says how the pixels for input {name} are scaled. Of {len(ways)} usual ways, tried on "
        f"{len(rows)} labelled samples that are not test samples, {found}. "
        "Declare scale, mean and std in data.toml to be sure."
    )
    return {name: way.of(fit, guess)}


def _ways(joined: Joined, name: str, rows: np.ndarray) -> list[Scaling]:
    feed = joined.feeds[name]
    plain = replace(feed.fit, scale=1 / 255, mean=None, std=None)
    values = plain(feed.rows.take(np.sort(rows))).astype(np.float64)
    mean, std = _moments(values)
    ways = [
        Scaling("dividing by 255", 1 / 255),
        Scaling("leaving them as they are", 1.0),
        Scaling("scaling them to −1 … 1", 1 / 255, np.asarray(0.5), np.asarray(0.5)),
        Scaling("dividing by 255 with the mean and deviation of these data", 1 / 255, mean, std),
    ]
    shape = feed.fit.shape
    if len(shape) == 3 and shape[0] == 3:
        own, spread = (np.asarray(one).reshape(3, 1, 1) for one in IMAGENET)
        ways.append(Scaling("dividing by 255 with the mean and deviation of ImageNet", 1 / 255, own, spread))
    elif len(shape) == 3 and shape[2] == 3:
        own, spread = (np.asarray(one) for one in IMAGENET)
        ways.append(Scaling("dividing by 255 with the mean and deviation of ImageNet", 1 / 255, own, spread))
    return ways


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation, rounded so that a few samples more or less change nothing that matters; per channel."""
    axes: tuple[int, ...] | None = None
    if values.ndim == 4 and values.shape[1] == 3:
        axes = (0, 2, 3)
    elif values.ndim == 4 and values.shape[3] == 3:
        axes = (0, 1, 2)
    mean = np.round(values.mean(axis=axes, keepdims=axes is not None), 3)
    std = np.maximum(np.round(values.std(axis=axes, keepdims=axes is not None), 3), 0.01)
    return (mean[0], std[0]) if axes is not None else (np.asarray(mean), np.asarray(std))


def _better(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether one way gives more right answers than another, beyond chance."""
    gained, lost = int((one & ~two).sum()), int((two & ~one).sum())
    return gained - lost > max(MARGIN * one.size, SURE * float(np.sqrt(gained + lost)))


def _right(
    network: Path,
    joined: Joined,
    name: str,
    fit: Fit,
    rows: np.ndarray,
    output: str,
    batch: int | None,
) -> np.ndarray:
    """Which answers are right with one fit."""
    assert joined.labels is not None
    changed = replace(joined, feeds={**joined.feeds, name: replace(joined.feeds[name], fit=fit)})
    size = batch or PIECE
    pieces = [rows[start : start + size] for start in range(0, len(rows), size)]
    pieces = [one for one in pieces if (batch is None or len(one) == batch) and _one_length(joined, one)]
    told = try_run(network, (changed.read(index)[0] for index in pieces), [output])
    right = [np.zeros(0, bool)]
    for index, values in zip(pieces, told, strict=True):
        labels = joined.labels[index].reshape(-1)
        answers = np.nan_to_num(values[output]).reshape(labels.size, -1).argmax(axis=1)
        right.append(answers == labels)
    return np.concatenate(right)


def _one_length(joined: Joined, index: np.ndarray) -> bool:
    lengths = joined.table.lengths
    return lengths is None or len(np.unique(lengths[index])) == 1
