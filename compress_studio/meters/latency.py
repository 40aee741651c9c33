"""Latency by interleaved rounds: every round visits every network once, so that a busy machine slows all alike.

The order within a round is drawn anew, so that no network always runs behind the same other one. A sample in which the
system gave the processor to somebody else is taken again. Small networks are opened several times, because where their
memory happens to lie changes their speed by some percent; the intervals span what the openings gave.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compress_studio.artifacts.external import model_files
from compress_studio.base.errors import UserError
from compress_studio.spec.data import Batch, Part
from compress_studio.spec.meter import MeterContext, MeterSpec, Reading
from compress_studio.spec.ports import OnnxNet

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort

    from compress_studio.base.digest import Json

SECONDS_EACH = 3.0
SECONDS_ALL = 40.0
SAMPLE_SECONDS = 0.002
"""The least time of one sample: shorter networks run several times per sample."""
MOST_ROUNDS = 400
FEWEST_ROUNDS = 7
WARM_UP = 3
AGAIN = 4
"""How often a disturbed sample is taken again at most."""
DISTURBED = 1.05
"""Elapsed time of a sample over the processor time of its thread, above which somebody else had the processor."""
FINE_CLOCK = 1e-6
"""Resolution in seconds that the clock of a thread must have to tell."""
OPENINGS = 3
OPENED_ONCE = 50_000_000
"""Bytes of a network's file above which it is opened only once."""
QUANTILES = 41
"""How many points of the distribution are kept, from the fastest to the slowest round."""


@dataclass(slots=True)
class Runner:
    """One network, open once or several times, with its input."""

    sessions: list[ort.InferenceSession]
    feed: dict[str, np.ndarray]
    outputs: list[str]
    inner: int = 1
    """Runs per sample."""

    alone: bool = False
    """Runs in the calling thread only, whose clock tells whether it was disturbed."""

    def sample(self, turn: int) -> float:
        """Seconds of one run, the mean of the inner runs; turn chooses the opening."""
        run, outputs, feed = self.sessions[turn % len(self.sessions)].run, self.outputs, self.feed
        best = math.inf
        for _ in range(AGAIN if self.alone else 1):
            busy, started = time.thread_time(), time.perf_counter()
            for _ in range(self.inner):
                run(outputs, feed)
            elapsed, busy = time.perf_counter() - started, time.thread_time() - busy
            best = min(best, elapsed)
            if elapsed <= DISTURBED * busy:
                break
        return best / self.inner


def measure(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    """Latency of every subject, and its ratio to the reference; above 1 is faster."""
    batch = next(ctx.data.part(Part.TEST).batches(1, limit=1), None)
    if batch is None:
        raise UserError("There is no test sample to time the networks with.", "Give at least one sample.")
    networks = [*subjects, reference, reference]
    runners = [_runner(one, batch, ctx.threads) for one in networks]
    rounds = _prepare(runners, ctx)
    seconds = _rounds(runners, rounds, ctx)
    base = _alternating(seconds)
    openings = max(len(one.sessions) for one in runners)
    detail = {**_conditions(ctx, batch, rounds), "openings": openings, **_null_test(seconds, openings, ctx.seed)}
    return [_readings(seconds[:, at], base, openings, detail, ctx.seed + at) for at in range(len(subjects))]


def _runner(network: OnnxNet, batch: Batch, threads: int) -> Runner:
    from compress_studio.meters.running import feed_for, open_network, outputs_of

    sessions = [open_network(network.path, threads)]
    if sum(one.stat().st_size for one in model_files(network.path)) <= OPENED_ONCE:
        sessions += [open_network(network.path, threads) for _ in range(OPENINGS - 1)]
    for session in sessions:
        outputs_of(session, batch)
    alone = threads == 1 and time.get_clock_info("thread_time").resolution <= FINE_CLOCK
    outputs = [one.name for one in sessions[0].get_outputs()]
    return Runner(sessions, feed_for(sessions[0], batch.inputs), outputs, alone=alone)


def _prepare(runners: Sequence[Runner], ctx: MeterContext) -> int:
    """Warm up, choose how often each network runs per sample, and how many rounds fit into the time."""
    per_round = 0.0
    for one in runners:
        ctx.check()
        fastest = min(one.sample(turn) for turn in range(WARM_UP * len(one.sessions)))
        one.inner = max(1, min(10_000, round(SAMPLE_SECONDS / max(fastest, 1e-7) + 0.5)))
        per_round += fastest * one.inner
    budget = min(SECONDS_ALL, SECONDS_EACH * (len(runners) - 1))
    return max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(budget / per_round)))


def _rounds(runners: Sequence[Runner], rounds: int, ctx: MeterContext) -> np.ndarray:
    """Seconds per run, (rounds, networks)."""
    import numpy as np

    count = len(runners)
    seconds = np.zeros((rounds, count))
    rng = np.random.default_rng([ctx.seed, 29])
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            for at in rng.permutation(count):
                seconds[number, at] = runners[at].sample(number)
            ctx.check()
            if number % 10 == 9 or number == rounds - 1:
                ctx.progress((number + 1) / rounds)
    finally:
        if collecting:
            gc.enable()
    return seconds


def _alternating(seconds: np.ndarray) -> np.ndarray:
    """The reference of every round: one of its two columns in turn.

    Their mean would be disturbed more often than a single sample, and every ratio to it too large.
    """
    import numpy as np

    rounds, count = seconds.shape
    number = np.arange(rounds)
    return seconds[number, count - 1 - number % 2]


def _readings(own: np.ndarray, base: np.ndarray, openings: int, detail: dict[str, Json], seed: int) -> list[Reading]:
    import numpy as np

    low, high = _interval(own * 1000, openings, seed)
    quarter, middle, three = (float(one) for one in np.percentile(own * 1000, [25, 50, 75]))
    paired = base / own
    ratio_low, ratio_high = _interval(paired, openings, seed)
    n = len(own)
    return [
        Reading("median_ms", middle, "ms", low, high, n, {**detail, "quantiles_ms": _quantiles(own * 1000)}),
        Reading("p25_ms", quarter, "ms", n=n),
        Reading("p75_ms", three, "ms", n=n),
        Reading("ratio", float(np.median(paired)), "×", ratio_low, ratio_high, n, dict(detail)),
    ]


def _quantiles(values: np.ndarray) -> list[Json]:
    """The distribution in evenly spaced quantiles, to draw it from; four digits are more than it is worth."""
    import numpy as np

    return [float(f"{one:.4g}") for one in np.quantile(values, np.linspace(0.0, 1.0, QUANTILES))]


def _interval(values: np.ndarray, openings: int, seed: int) -> tuple[float, float]:
    """The bootstrap interval of the median over rounds, wide enough to hold the median of every opening."""
    import numpy as np

    from compress_studio.meters.intervals import median_interval

    low, high = median_interval(values, seed)
    medians = [float(np.median(values[turn::openings])) for turn in range(min(openings, len(values)))]
    return min(low, *medians), max(high, *medians)


def _null_test(seconds: np.ndarray, openings: int, seed: int) -> dict[str, Json]:
    """The reference against itself: how far from 1 a ratio is on this machine when nothing differs."""
    import numpy as np

    paired = seconds[:, -2] / seconds[:, -1]
    low, high = _interval(paired, openings, seed)
    return {"aa_ratio": float(np.median(paired)), "aa_low": low, "aa_high": high}


def _conditions(ctx: MeterContext, batch: Batch, rounds: int) -> dict[str, Json]:
    import onnxruntime as ort

    from compress_studio.base.processor import processor

    machine = processor()
    return {
        "threads": ctx.threads,
        "rounds": rounds,
        "batch": len(batch),
        "shapes": {one: list(value.shape) for one, value in batch.inputs.items()},
        "synthetic": ctx.data.synthetic,
        "cpu": machine.name,
        "flags": [*machine.instruction_sets],
        "runtime": f"onnxruntime {ort.__version__}",
        "provider": "CPUExecutionProvider",
    }


METER = MeterSpec(
    id="latency",
    version=4,
    title="Latency",
    summary="Time of one inference, measured in turns with the source network on this machine.",
    run=measure,
    needs_data=True,
    needs_reference=True,
    together=True,
    per_machine=True,
    depends_on=("onnxruntime",),
)
