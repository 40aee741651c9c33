"""Comparing the outputs of two networks, batch by batch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.spec.data import Task

if TYPE_CHECKING:
    from compress_studio.spec.data import Batch, DataSource

TOP = 5
SCORE_NAMES = re.compile(r"logit|prob|score|class|softmax|pred|label|target", re.IGNORECASE)
VECTOR_NAMES = re.compile(r"embed|feature|hidden|pool|encod|latent|state|box|coord|vector", re.IGNORECASE)
TINY = 1e-12
IGNORED = -100
"""A label that does not count, by custom of token-level data."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The output that holds one score per class."""

    name: str
    probabilities: bool
    """True: rows are not negative and sum to 1, so that no softmax is needed."""
    threshold: float | None = None
    """For a single score per sample: above it the answer is yes."""

    def right(self, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Which answers are the true ones; an answer that is not a number is wrong."""
        if self.threshold is not None:
            rows = values.reshape(len(truth), -1)[:, 0]
            return np.asarray(np.isfinite(rows) & ((rows > self.threshold) == (truth > 0)))
        rows = values.reshape(len(truth), -1)
        return np.asarray(~np.isnan(rows).any(axis=1) & (rows.argmax(axis=1) == truth))


@dataclass(slots=True)
class Comparison:
    """What was found so far; one number per sample and measure."""

    scores: Scores | None
    labelled: bool = False
    """Labels are class numbers (or yes and no) of the scores, so that right and wrong answers can be paired."""
    gained: int = 0
    """Answers that the reference gets wrong and the subject right."""
    lost: int = 0
    """Answers that the reference gets right and the subject wrong."""
    paired: int = 0
    """Answers with a label."""
    top1: list[np.ndarray] = field(default_factory=list)
    top5: list[np.ndarray] = field(default_factory=list)
    kl: list[np.ndarray] = field(default_factory=list)
    cosine: list[np.ndarray] = field(default_factory=list)
    signal: list[np.ndarray] = field(default_factory=list)
    noise: list[np.ndarray] = field(default_factory=list)
    same: list[np.ndarray] = field(default_factory=list)
    """For networks without floating-point outputs: whether all outputs are equal."""
    index: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    broken: int = 0
    """Samples where the subject gives NaN or infinity and the reference does not."""
    reshaped: int = 0
    """Samples whose outputs have another shape than the reference's."""

    def add(self, expected: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray], batch: Batch) -> None:
        """Compare one batch."""
        count = len(batch)
        floats = [
            name for name in expected if expected[name].dtype.kind == "f" or expected[name].dtype.name == "bfloat16"
        ]
        wrong = [name for name in floats if name not in got or got[name].shape != expected[name].shape]
        if wrong:
            self._reshaped(count, batch)
            return
        if not floats:
            equal = np.ones(count, bool)
            for name, value in expected.items():
                own = got.get(name)
                equal &= _rows_equal(value, own, count) if own is not None else False
            self.same.append(equal)
            return
        one = np.concatenate([_rows(expected[name], count) for name in floats], axis=1)
        two = np.concatenate([_rows(got[name], count) for name in floats], axis=1)
        self._distances(one, two, batch)
        if self.scores is not None and self.scores.name in got:
            self._scores(expected[self.scores.name], got[self.scores.name], count)
            if self.labelled and batch.labels is not None:
                self._pair(expected[self.scores.name], got[self.scores.name], batch.labels)

    def _reshaped(self, count: int, batch: Batch) -> None:
        self.reshaped += count
        self.cosine.append(np.zeros(count))
        self.signal.append(np.full(count, np.nan))
        self.noise.append(np.full(count, np.nan))
        if self.scores is not None:
            self.top1.append(np.zeros(count, bool))
        self._remember(np.arange(count), batch)

    def _distances(self, one: np.ndarray, two: np.ndarray, batch: Batch) -> None:
        """Samples where the reference itself is not finite say nothing and are left out."""
        usable = finite_rows(one)
        bad = usable & ~finite_rows(two)
        self.broken += int(bad.sum())
        two = np.where(np.isfinite(two), two, 0.0)
        one = np.where(usable[:, None], one, 0.0)
        signal, own = (one * one).sum(axis=1), (two * two).sum(axis=1)
        noise = ((one - two) ** 2).sum(axis=1)
        both = np.sqrt(signal * own)
        empty = (signal <= TINY) & (own <= TINY)
        cosine = np.where(empty, 1.0, (one * two).sum(axis=1) / np.maximum(both, TINY))
        cosine = np.where(bad, 0.0, np.clip(cosine, -1.0, 1.0))
        self.cosine.append(cosine[usable])
        self.signal.append(np.where(bad, np.nan, signal)[usable])
        self.noise.append(np.where(bad, np.nan, noise)[usable])
        self._remember(np.flatnonzero(usable), batch)

    def _remember(self, rows: np.ndarray, batch: Batch) -> None:
        self.index += [batch.first + int(at) for at in rows]
        if batch.names:
            self.names += [batch.names[int(at)] for at in rows]

    def _pair(self, expected: np.ndarray, got: np.ndarray, labels: np.ndarray) -> None:
        assert self.scores is not None
        truth = labels.reshape(-1).astype(np.int64)
        before = self.scores.right(expected, truth)
        after = self.scores.right(got, truth)
        counted = truth != IGNORED
        self.paired += int(counted.sum())
        self.gained += int((after & ~before & counted).sum())
        self.lost += int((before & ~after & counted).sum())

    def _scores(self, expected: np.ndarray, got: np.ndarray, count: int) -> None:
        assert self.scores is not None
        if self.scores.threshold is not None:
            one, two = _rows(expected, count)[:, 0], _rows(got, count)[:, 0]
            middle = self.scores.threshold
            self.top1.append(np.isfinite(two) & ((one > middle) == (two > middle)))
            return
        one, two = class_rows(expected).astype(np.float64), class_rows(got).astype(np.float64)
        usable = finite_rows(one)
        one, two = one[usable], two[usable]
        good = finite_rows(two)
        best = one.argmax(axis=1)
        self.top1.append(good & (np.where(good[:, None], two, 0.0).argmax(axis=1) == best))
        if one.shape[1] > TOP:
            own = two[np.arange(len(two)), best]
            self.top5.append(good & ((two > own[:, None]).sum(axis=1) < TOP))
        self.kl.append(divergence(one[good], two[good], probabilities=self.scores.probabilities))


def divergence(one: np.ndarray, two: np.ndarray, *, probabilities: bool) -> np.ndarray:
    """The Kullback-Leibler divergence of two from one, row by row, in nats (S. Kullback, R. Leibler, 1951)."""
    log_one, log_two = _logs(one, probabilities), _logs(two, probabilities)
    return np.maximum(0.0, (np.exp(log_one) * (log_one - log_two)).sum(axis=1))


def scores_output(outputs: Mapping[str, np.ndarray], data: DataSource) -> Scores | None:
    """The output that holds class scores, judged by labels, name, shape and values; None when none looks like it."""
    declared = data.describe().get("output")
    if data.task is Task.REGRESS:
        return None
    if isinstance(declared, str) and declared in outputs:
        value = outputs[declared]
        if data.task is Task.BINARY:
            inside = bool(value.min() >= 0 and value.max() <= 1)
            return Scores(declared, False, 0.5 if inside else 0.0)
        return Scores(declared, are_probabilities(class_rows(value)))
    for name, value in outputs.items():
        if value.dtype.kind != "f" or not _looks_like_scores(name, value):
            continue
        return Scores(name, are_probabilities(class_rows(value)))
    return None


def are_probabilities(rows: np.ndarray) -> bool:
    """True when every row is a distribution."""
    values = rows.astype(np.float64)
    return bool(values.size and np.all(values >= -1e-6) and np.all(np.abs(values.sum(axis=1) - 1) < 1e-2))


def class_rows(value: np.ndarray) -> np.ndarray:
    """Scores as (answers, classes): axes of length 1 after the batch go, tokens become answers of their own."""
    sizes = [one for one in value.shape[1:] if one != 1] or [1]
    return value.reshape(-1, sizes[-1])


def finite_rows(rows: np.ndarray) -> np.ndarray:
    """Which rows hold neither NaN nor infinity."""
    return np.asarray(np.isfinite(rows).all(axis=1))


def _looks_like_scores(name: str, value: np.ndarray) -> bool:
    sizes = [one for one in value.shape[1:] if one != 1]
    if not sizes or sizes[-1] < 2 or len(sizes) > 2:
        return False
    rows = class_rows(value)
    if SCORE_NAMES.search(name) or are_probabilities(rows):
        return True
    if VECTOR_NAMES.search(name) or len(sizes) == 2:
        return False
    lengths = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1))
    return not bool(np.all(np.abs(lengths - 1) < 1e-3))


def _logs(rows: np.ndarray, probabilities: bool) -> np.ndarray:
    if probabilities:
        positive = np.maximum(rows, TINY)
        return np.log(positive / positive.sum(axis=1, keepdims=True))
    shifted = rows - rows.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _rows(value: np.ndarray, count: int) -> np.ndarray:
    """One row per sample; an output that does not count samples is the same for all of them."""
    values = np.asarray(value, np.float64)
    if values.ndim and len(values) == count:
        return values.reshape(count, -1)
    return np.tile(values.reshape(1, -1), (count, 1))


def _rows_equal(one: np.ndarray, two: np.ndarray, count: int) -> np.ndarray:
    if one.shape != two.shape:
        return np.zeros(count, bool)
    same = np.asarray(one == two)
    if same.ndim and len(same) == count:
        return np.asarray(same.reshape(count, -1).all(axis=1))
    return np.full(count, bool(same.all()))
