"""Estimates: the real step with the real parameters on a few samples, beside the pipeline and never in its cache."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.base.digest import canonical_json
from compress_studio.base.errors import Refused
from compress_studio.engine.channel import current
from compress_studio.engine.work import WorkContext, WorkSetting
from compress_studio.inspection.few import FewSamples
from compress_studio.inspection.naming import known_runtime
from compress_studio.meters.comparing import Comparison, scores_output
from compress_studio.meters.intervals import wilson
from compress_studio.meters.running import feed_for, open_network, tensor_outputs
from compress_studio.spec.data import Batch, Part, Task
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.preview import Estimate

if TYPE_CHECKING:
    import onnxruntime as ort

    from compress_studio.base.digest import Json
    from compress_studio.spec.data import DataSource
    from compress_studio.spec.step import StepSpec

MOST = 256
"""Samples that are compared."""
LEAST = 32
WORK = 4_000_000_000
"""Multiply-accumulates that the comparison may take, about: large networks are compared on fewer samples."""
FITTED = 64
"""Samples that a step may calibrate on while it is tried."""
BATCH = 64


@dataclass(frozen=True, slots=True)
class Reference:
    """What the original network answers to a few samples."""

    batches: tuple[Batch, ...]
    outputs: tuple[Mapping[str, np.ndarray], ...]
    labelled: bool

    @property
    def samples(self) -> int:
        """How many there are."""
        return sum(len(batch) for batch in self.batches)


def estimate(
    setting: WorkSetting, step: str, params: Mapping[str, Json], network: str, digest: str, scratch: str
) -> Estimate:
    """Run a step in scratch with few samples and compare its result with the source of the pipeline.

    Raises what the step raises: Refused, BadInput, Cancelled.
    """
    runtime = known_runtime(setting.runtime)
    spec = runtime.steps.get(step)
    if not spec.estimates:
        raise Refused(f"{spec.title} cannot be tried quickly.", "Run it to see what it gives.")
    begun = time.perf_counter()
    values = spec.params.read(params)
    with tempfile.TemporaryDirectory(prefix="estimate-", dir=scratch, ignore_cleanup_errors=True) as folder:
        context = TrialContext(setting, Path(folder))
        reference = _reference(*_names(setting))
        result = _run(spec, context, values, OnnxNet(Path(network), digest))
        context.check()
        return _compare(context, reference, result.path, begun)


class TrialContext(WorkContext):
    """The context of a step that is tried: few samples, the same ones every time."""

    def __init__(self, setting: WorkSetting, scratch: Path) -> None:
        super().__init__(setting, scratch, current())
        self._few = setting

    @property
    def data(self) -> DataSource:
        return _few(*_names(self._few))


def _names(setting: WorkSetting) -> tuple[str, str, str, int, str]:
    """What the samples depend on, in a form that can be remembered by."""
    options = canonical_json(setting.data_options).decode()
    return setting.runtime, setting.data_path, options, setting.data_seed, setting.data_network


def _run(spec: StepSpec, context: TrialContext, values: Any, network: OnnxNet) -> OnnxNet:
    """The step on its first input; a second input gets the same network, other optional ones stay empty."""
    first = spec.inputs[0].name
    inputs = {port.name: None if port.optional else network for port in spec.inputs}
    return spec.run(context, values, **{**inputs, first: network})


@lru_cache(maxsize=4)
def _few(runtime: str, path: str, options: str, seed: int, network: str) -> FewSamples:
    import json

    from compress_studio.spec.data import DataRequest

    source = known_runtime(runtime).open_data(DataRequest(path, json.loads(options), seed), Path(network))
    return FewSamples(source, {Part.CALIBRATE: FITTED, Part.TUNE: MOST})


@lru_cache(maxsize=4)
def _reference(runtime: str, path: str, options: str, seed: int, network: str) -> Reference:
    """The samples to compare on, from the part that may be trained on, and the answers of the source."""
    data = _few(runtime, path, options, seed, network)
    session = open_network(Path(network), 1)
    names = tensor_outputs(session)
    part = data.part(Part.TUNE)
    batches: list[Batch] = []
    outputs: list[Mapping[str, np.ndarray]] = []
    room = _room(runtime, network)
    for batch in part.batches(min(BATCH, room), room):
        current().check()
        batches.append(batch)
        outputs.append(_answers(session, batch, names))
    labelled = data.task in {Task.CLASSIFY, Task.BINARY} and part.labelled
    return Reference(tuple(batches), tuple(outputs), labelled)


def _room(runtime: str, network: str) -> int:
    """How many samples can be compared in a moment."""
    macs = known_runtime(runtime).inspect(Path(network)).get("macs") or 1
    return int(min(MOST, max(LEAST, WORK // max(int(macs), 1))))


def _answers(session: ort.InferenceSession, batch: Batch, names: list[str]) -> Mapping[str, np.ndarray]:
    values = session.run(names, feed_for(session, batch.inputs))
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def _compare(context: TrialContext, reference: Reference, path: Path, begun: float) -> Estimate:
    """How close a network is to the source on the samples of the reference."""
    data = context.data
    if not reference.batches:
        raise Refused("There are no samples to compare on.", "Give more data.")
    scores = scores_output(reference.outputs[0], data)
    comparison = Comparison(scores, reference.labelled)
    session = open_network(path, 1)
    names = [name for name in tensor_outputs(session) if name in reference.outputs[0]]
    right = before = total = 0
    for batch, expected in zip(reference.batches, reference.outputs, strict=True):
        context.check()
        got = _answers(session, batch, names)
        comparison.add(expected, got, batch)
        if scores is not None and reference.labelled and batch.labels is not None and scores.name in got:
            truth = batch.labels.reshape(-1).astype(np.int64)
            right += int(scores.right(got[scores.name], truth).sum())
            before += int(scores.right(expected[scores.name], truth).sum())
            total += len(truth)
    same, answers = _hits(comparison.top1 or comparison.same)
    low, high = wilson(same, answers)
    cosine = np.concatenate(comparison.cosine) if comparison.cosine else np.zeros(0)
    parameters, nonzero = _counted(path)
    right_low, right_high = wilson(right, total)
    return Estimate(
        samples=reference.samples,
        agreement=same / answers if answers else None,
        agreement_low=low if answers else None,
        agreement_high=high if answers else None,
        cosine=float(cosine.mean()) if len(cosine) else None,
        top1=right / total if total else None,
        top1_low=right_low if total else None,
        top1_high=right_high if total else None,
        top1_before=before / total if total else None,
        parameters=parameters,
        nonzero=nonzero,
        bytes=sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*")),
        seconds=time.perf_counter() - begun,
        note="On random inputs, because there are no data." if data.synthetic else "",
    )


def _hits(rows: list[np.ndarray]) -> tuple[int, int]:
    return int(sum(one.sum() for one in rows)), sum(len(one) for one in rows)


def _counted(path: Path) -> tuple[int, int]:
    """Parameters and those of them that are not zero."""
    from compress_studio.graph.costs import cost
    from compress_studio.graph.saving import load

    costs = cost(load(path), None)
    return costs.parameters, costs.nonzero
