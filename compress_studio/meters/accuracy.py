"""Accuracy on labelled test samples: what it is called depends on the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compress_studio.spec.data import Part, Task
from compress_studio.spec.meter import MeterContext, MeterSpec, Reading
from compress_studio.spec.ports import OnnxNet

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.base.digest import Json

TOP = 5


@dataclass(slots=True)
class Collected:
    """What the outputs said, sample by sample; a few numbers each, so that a large test part fits."""

    truth: list[np.ndarray] = field(default_factory=list)
    said: list[np.ndarray] = field(default_factory=list)
    """Class numbers, scores or predicted values."""
    among: list[np.ndarray] = field(default_factory=list)
    """Whether the true class is among the five best."""
    broken: int = 0
    """Samples with an output that is not a number."""
    classes: int = 0


def measure(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    """Accuracy of every subject; nothing when the data have no usable labels."""
    from compress_studio.meters.running import batch_size

    task = ctx.data.task
    if task is Task.NONE or not ctx.data.part(Part.TEST).labelled:
        return [[] for _ in subjects]
    size = batch_size(ctx.data)
    readings: list[list[Reading]] = []
    for number, subject in enumerate(subjects):
        got = _collect(ctx, subject, size, task, number / len(subjects), 1 / len(subjects))
        readings.append(_readings(got, task, ctx.seed))
    return readings


def _collect(ctx: MeterContext, subject: OnnxNet, size: int, task: Task, done: float, share: float) -> Collected:
    from compress_studio.meters.running import each_batch, open_network, outputs_of

    session = open_network(subject.path, ctx.threads)
    name = _output(ctx, [one.name for one in session.get_outputs()])
    got = Collected()
    for batch in each_batch(ctx, size, done, share):
        assert batch.labels is not None
        scores = outputs_of(session, batch, [name])[name]
        _add(got, scores, batch.labels, task)
    return got


def _output(ctx: MeterContext, names: list[str]) -> str:
    """The output that the labels are about."""
    declared = ctx.data.describe().get("output")
    return declared if isinstance(declared, str) and declared in names else names[0]


def _add(got: Collected, scores: np.ndarray, labels: np.ndarray, task: Task) -> None:
    import numpy as np

    scores = scores.astype(np.float32)
    if task is Task.CLASSIFY:
        _add_classes(got, scores, labels)
        return
    rows = scores.reshape(len(labels), -1).astype(np.float64)
    good = np.isfinite(rows).all(axis=1)
    got.broken += int((~good).sum())
    truth = labels.reshape(len(labels), -1).astype(np.float64)
    got.truth.append(truth[good])
    got.said.append(rows[good])


def _add_classes(got: Collected, scores: np.ndarray, labels: np.ndarray) -> None:
    import numpy as np

    from compress_studio.meters.comparing import IGNORED

    flat_labels = labels.reshape(-1).astype(np.int64)
    rows = scores.reshape(len(flat_labels), -1)
    kept = flat_labels != IGNORED
    rows, flat_labels = rows[kept], flat_labels[kept]
    good = ~np.isnan(rows).any(axis=1)
    got.broken += int((~good).sum())
    got.classes = rows.shape[1]
    got.truth.append(flat_labels)
    got.said.append(np.where(good, rows.argmax(axis=1), -1))
    if got.classes > TOP and len(rows):
        own = rows[np.arange(len(rows)), flat_labels]
        got.among.append(good & ((rows > own[:, None]).sum(axis=1) < TOP))


def _readings(got: Collected, task: Task, seed: int) -> list[Reading]:
    import numpy as np

    truth = np.concatenate(got.truth) if got.truth else np.zeros(0)
    if not len(truth):
        return []
    said = np.concatenate(got.said)
    detail: dict[str, Json] = {"nan_outputs": got.broken} if got.broken else {}
    if task is Task.CLASSIFY:
        among = np.concatenate(got.among) if got.among else None
        return _classified(truth, said, among, got.classes, detail, seed)
    if task is Task.BINARY:
        return _scored(truth[:, 0], said[:, 0], got.broken, detail, seed)
    return _regressed(truth, said, detail, seed)


def _share(name: str, hits: int, n: int, detail: dict[str, Json]) -> Reading:
    from compress_studio.meters.intervals import wilson

    low, high = wilson(hits, n)
    return Reading(name, hits / n, "", low, high, n, dict(detail))


def _classified(
    truth: np.ndarray, said: np.ndarray, among: np.ndarray | None, classes: int, detail: dict[str, Json], seed: int
) -> list[Reading]:
    n = len(truth)
    readings = [_share("top1", int((truth == said).sum()), n, detail)]
    if among is not None:
        readings.append(_share("top5", int(among.sum()), n, detail))
    value, low, high = macro_f1(truth, said, classes, seed)
    return [*readings, Reading("macro_f1", value, "", low, high, n, dict(detail))]


def _scored(truth: np.ndarray, said: np.ndarray, broken: int, detail: dict[str, Json], seed: int) -> list[Reading]:
    import numpy as np

    from compress_studio.meters.intervals import resampled

    middle = 0.5 if said.min() >= 0 and said.max() <= 1 else 0.0
    hits = int(((said > middle) == (truth > 0.5)).sum())
    readings = [_share("top1", hits, len(truth) + broken, {**detail, "threshold": middle})]
    value = auc(truth, said)
    if value is None:
        return readings
    low, high = resampled(lambda index: auc(truth[index], said[index]), len(truth), np.random.default_rng([seed, 17]))
    return [*readings, Reading("auc", value, "", low, high, len(truth), dict(detail))]


def _regressed(truth: np.ndarray, said: np.ndarray, detail: dict[str, Json], seed: int) -> list[Reading]:
    import numpy as np

    from compress_studio.meters.intervals import resampled

    n = len(truth)

    def r2(index: np.ndarray) -> float | None:
        real, error = truth[index], said[index] - truth[index]
        spread = ((real - real.mean(axis=0)) ** 2).sum(axis=0)
        return None if (spread == 0).any() else float((1 - (error**2).sum(axis=0) / spread).mean())

    def mae(index: np.ndarray) -> float:
        return float(np.abs(said[index] - truth[index]).mean())

    def rmse(index: np.ndarray) -> float:
        return float(np.sqrt(((said[index] - truth[index]) ** 2).mean()))

    readings: list[Reading] = []
    for number, (name, statistic) in enumerate((("r2", r2), ("mae", mae), ("rmse", rmse))):
        value = statistic(np.arange(n))
        if value is not None:
            low, high = resampled(statistic, n, np.random.default_rng([seed, 19, number]))
            readings.append(Reading(name, value, "", low, high, n, dict(detail)))
    return readings


def macro_f1(truth: np.ndarray, said: np.ndarray, classes: int, seed: int) -> tuple[float, float, float]:
    """The mean F1 of the classes that occur, with its 95 % bootstrap interval.

    Resamples the pairs (truth, prediction) by their counts, which is the same as resampling samples.
    """
    import numpy as np

    pairs, counts = np.unique(np.stack([truth, said]), axis=1, return_counts=True)

    def score(weights: np.ndarray) -> float:
        real = np.bincount(pairs[0], weights, classes)
        seen = pairs[1] >= 0
        told = np.bincount(pairs[1][seen], weights[seen], classes)
        same = pairs[0] == pairs[1]
        hits = np.bincount(pairs[0][same], weights[same], classes)
        total = real + told
        present = total > 0
        return float((2 * hits[present] / total[present]).mean())

    rng = np.random.default_rng([seed, 23])
    draws = rng.multinomial(len(truth), counts / counts.sum(), size=300)
    low, high = np.percentile([score(one.astype(np.float64)) for one in draws], [2.5, 97.5])
    return score(counts.astype(np.float64)), float(low), float(high)


def auc(truth: np.ndarray, scores: np.ndarray) -> float | None:
    """The area under the ROC curve by ranks, ties counting half; None when one class is missing."""
    import numpy as np

    positive = truth > 0.5
    many, few = int(positive.sum()), int((~positive).sum())
    if many == 0 or few == 0:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[positive].sum() - many * (many + 1) / 2) / (many * few))


METER = MeterSpec(
    id="accuracy",
    version=1,
    title="Accuracy",
    summary="Share of right answers, or error, on labelled test samples.",
    run=measure,
    needs_data=True,
    depends_on=("onnxruntime",),
)
