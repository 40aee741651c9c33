"""Agreement with the source network on the test samples; needs no labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from compress_studio.base.memory import LARGE, give_back
from compress_studio.spec.data import Part, Task
from compress_studio.spec.meter import MeterContext, MeterSpec, Reading
from compress_studio.spec.ports import OnnxNet

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.base.digest import Json
    from compress_studio.meters.comparing import Comparison

WORST = 5
EQUAL_DB = 150.0
"""Reported for outputs that are equal to the last bit of single precision, where the ratio is infinite."""


def measure(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    """Agreement of every subject with the reference."""
    from compress_studio.meters.comparing import Comparison, scores_output
    from compress_studio.meters.reference import reference_outputs
    from compress_studio.meters.running import batch_size, each_batch, open_network, outputs_of, tensor_outputs

    size = batch_size(ctx.data)
    share = 1 / (len(subjects) + 1)
    stored = reference_outputs(ctx, reference, size, share)
    give_back(LARGE)
    if not stored:
        return [[] for _ in subjects]
    scores = scores_output(stored[0], ctx.data)
    labelled = ctx.data.task in {Task.CLASSIFY, Task.BINARY} and ctx.data.part(Part.TEST).labelled
    readings: list[list[Reading]] = []
    for number, subject in enumerate(subjects, start=1):
        session = open_network(subject.path, ctx.threads)
        names = _same_outputs(tensor_outputs(session), list(stored[0]))
        comparison = Comparison(scores, labelled)
        for batch, expected in zip(each_batch(ctx, size, number * share, share), stored, strict=True):
            got = outputs_of(session, batch, list(names.values()))
            comparison.add(expected, {name: got[own] for name, own in names.items()}, batch)
        readings.append(_readings(comparison, ctx.seed))
    return readings


def _same_outputs(own: list[str], expected: list[str]) -> dict[str, str]:
    """{name in the reference: name in the subject}: by name, else by place when there are as many of them."""
    shared = {name: name for name in expected if name in own}
    if not shared and len(own) == len(expected):
        return dict(zip(expected, own, strict=True))
    return shared


def _readings(got: Comparison, seed: int) -> list[Reading]:
    import numpy as np

    detail: dict[str, Json] = {}
    if got.broken:
        detail["nan_outputs"] = got.broken
    if got.reshaped:
        detail["changed_shapes"] = got.reshaped
    rows: list[Reading] = []
    if got.scores is not None:
        detail["output"] = got.scores.name
        rows += _shares(got, detail)
        rows += _change(got, detail)
        rows += _kl(got, detail, seed)
    cosine = np.concatenate(got.cosine) if got.cosine else np.zeros(0)
    if len(cosine):
        rows.append(_mean("cosine", cosine, {**detail, "worst": _worst(got, cosine)}, seed))
        rows += _sqnr(got, detail, seed)
    elif got.same:
        rows += _equal_integers(got, detail)
    return rows


def _shares(got: Comparison, detail: dict[str, Json]) -> list[Reading]:
    from compress_studio.meters.intervals import wilson

    rows: list[Reading] = []
    for name, hits in (("agreement", got.top1), ("agreement_top5", got.top5)):
        n = sum(len(one) for one in hits)
        if n:
            same = int(sum(one.sum() for one in hits))
            low, high = wilson(same, n)
            rows.append(Reading(name, same / n, "", low, high, n, dict(detail)))
    return rows


def _change(got: Comparison, detail: dict[str, Json]) -> list[Reading]:
    """How much accuracy changed on the same samples: far more certain than the difference of two accuracies."""
    from compress_studio.meters.intervals import paired_change

    if not got.paired:
        return []
    value, low, high = paired_change(got.gained, got.lost, got.paired)
    counts: dict[str, Json] = {"gained": got.gained, "lost": got.lost}
    return [Reading("top1_change", value, "", low, high, got.paired, {**detail, **counts})]


def _kl(got: Comparison, detail: dict[str, Json], seed: int) -> list[Reading]:
    import numpy as np

    values = np.concatenate(got.kl) if got.kl else np.zeros(0)
    values = values[np.isfinite(values)]
    return [_mean("kl", values, detail, seed, "nats")] if len(values) else []


def _sqnr(got: Comparison, detail: dict[str, Json], seed: int) -> list[Reading]:
    import numpy as np

    from compress_studio.meters.intervals import resampled

    signal, noise = np.concatenate(got.signal), np.concatenate(got.noise)
    kept = np.isfinite(signal) & np.isfinite(noise)
    signal, noise = signal[kept], noise[kept]
    if not len(signal) or signal.sum() == 0:
        return []

    def decibels(index: np.ndarray) -> float:
        ratio = float(signal[index].sum()) / max(float(noise[index].sum()), 1e-300)
        return min(EQUAL_DB, float(10 * np.log10(max(ratio, 1e-15))))

    low, high = resampled(decibels, len(signal), np.random.default_rng([seed, 31]))
    equal: dict[str, Json] = {"equal": True} if noise.sum() == 0 else {}
    return [Reading("sqnr_db", decibels(np.arange(len(signal))), "dB", low, high, len(signal), {**detail, **equal})]


def _equal_integers(got: Comparison, detail: dict[str, Json]) -> list[Reading]:
    from compress_studio.meters.intervals import wilson

    n = sum(len(one) for one in got.same)
    hits = int(sum(one.sum() for one in got.same))
    low, high = wilson(hits, n)
    return [Reading("agreement", hits / n, "", low, high, n, {**detail, "of": "integer outputs"})]


def _mean(name: str, values: np.ndarray, detail: dict[str, Json], seed: int, unit: str = "") -> Reading:
    from compress_studio.meters.intervals import mean_interval

    low, high = mean_interval(values, seed)
    return Reading(name, float(values.mean()), unit, low, high, len(values), dict(detail))


def _worst(got: Comparison, cosine: np.ndarray) -> list[Json]:
    """The samples whose outputs changed most; distance is 1 − cosine."""
    import numpy as np

    order = np.argsort(cosine, kind="stable")[:WORST]
    return [
        {
            "index": got.index[int(at)],
            "name": got.names[int(at)] if got.names else "",
            "distance": round(max(0.0, 1 - float(cosine[at])), 6),
        }
        for at in order
    ]


METER = MeterSpec(
    id="agreement",
    version=2,
    title="Agreement with the source",
    summary="How often and how closely the outputs follow those of the source network; needs no labels.",
    run=measure,
    needs_data=True,
    needs_reference=True,
    depends_on=("onnxruntime",),
)
