"""How many units of each group to keep, so that a share of the multiply-accumulates goes away."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.base.processor import processor

if TYPE_CHECKING:
    from compress_studio.graph.channels import Group
    from compress_studio.graph.channels.links import Cost

WIDE, NARROW = 16, 8
"""Channels that one vector of a processor with and without AVX-512 holds; ONNX Runtime blocks convolutions by it."""
STEPS = 64
SLACK = 0.02
"""How far the removed share may stay behind the wanted one."""
CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})


@dataclass(frozen=True, slots=True)
class Plan:
    """Units to keep in each group, and what that costs."""

    keep: dict[Group, int]
    macs_before: float
    macs_after: float

    @property
    def removed_share(self) -> float:
        """Share of the multiply-accumulates that goes away."""
        return 1 - self.macs_after / self.macs_before if self.macs_before else 0.0


class MacModel:
    """Multiply-accumulates as a function of how many units each group has lost, without touching the network."""

    def __init__(self, costs: Sequence[Cost], shapes: Mapping[str, tuple[int, ...]], groups: Sequence[Group]) -> None:
        self.groups = list(groups)
        axes = {axis: number for number, axis in enumerate(dict.fromkeys(one for cost in costs for one in cost.axes))}
        self.sizes = np.array([shapes[name][axis] for name, axis in axes], np.float64)
        self.shrink = np.zeros((len(axes), len(self.groups)))
        for column, group in enumerate(self.groups):
            for member in group.members:
                row = axes.get((member.tensor, member.axis))
                if row is not None:
                    self.shrink[row, column] = member.indices.shape[1]
        self.terms = [(cost.constant, [axes[one] for one in cost.axes]) for cost in costs]

    def __call__(self, lost: Sequence[int] | np.ndarray) -> float:
        """Multiply-accumulates when the groups, in order, have lost that many units."""
        sizes = self.sizes - self.shrink @ np.asarray(lost, np.float64)
        return float(sum(constant * math.prod(sizes[rows]) for constant, rows in self.terms))


def lanes() -> int:
    """The number of channels to round to on this computer: 16 with AVX-512, else 8."""
    return WIDE if "avx512" in processor().instruction_sets else NARROW


def allowed(group: Group, multiple: int, minimum: float, *, convolution: bool) -> list[int]:
    """How many units a group may keep, ascending; always the full size last.

    Multiples of `multiple`, halved for small groups until four of them fit (64 channels: 16, 32: 8, 16: 4): a small
    group must stay prunable, and ONNX Runtime needs at least 4 for its blocked convolutions. Groups without a
    convolution need no more than 8. A unit of several channels (an attention head) counts as so many.
    """
    widths = [member.indices.shape[1] for member in group.members if member.initializer]
    step = multiple if convolution else min(multiple, NARROW)
    while step > 1 and group.size < 4 * step:
        step //= 2
    step = max(1, step // max(widths, default=1)) if max(widths, default=1) > 1 else step
    least = max(1, math.ceil(minimum * group.size))
    counts = [count for count in range(step, group.size, step) if count >= least]
    return [*counts, group.size]


def find_plan(
    macs: MacModel,
    choices: Mapping[Group, list[int]],
    amount: float,
    wanted: Callable[[float], dict[Group, float]],
) -> Plan:
    """The keep counts whose MACs are nearest to the wanted share.

    Args: wanted(t) says for a pressure t from 0 to 1 how many units each group would keep before rounding; it falls
    with t. After the search over t single groups move by at most one step to come closer.
    """
    before = macs([0] * len(macs.groups))
    target = before * (1 - amount)
    best: list[int] | None = None
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        keep = [_nearest(choices[group], wanted(middle)[group]) for group in macs.groups]
        if best is None or _gap(macs, keep, target) < _gap(macs, best, target):
            best = keep
        low, high = (middle, high) if _after(macs, keep) > target else (low, middle)
    assert best is not None
    best = _forced(macs, choices, _refined(macs, choices, best, target), target + SLACK * before)
    return Plan(dict(zip(macs.groups, best, strict=True)), before, _after(macs, best))


def uniform(groups: Sequence[Group], minimum: float) -> Callable[[float], dict[Group, float]]:
    """The same share of every group."""
    return lambda pressure: {group: group.size * (1 - pressure * (1 - minimum)) for group in groups}


def overall(scores: Mapping[Group, np.ndarray]) -> Callable[[float], dict[Group, float]]:
    """One threshold for all units; each group's scores are divided by their mean first."""
    scaled = {group: values / values.mean() if values.mean() > 0 else values for group, values in scores.items()}
    everything = np.sort(np.concatenate(list(scaled.values()))) if scaled else np.zeros(1)

    def wanted(pressure: float) -> dict[Group, float]:
        threshold = np.quantile(everything, pressure)
        return {group: float((values > threshold).sum()) for group, values in scaled.items()}

    return wanted


def weakest(scores: np.ndarray, keep: int) -> np.ndarray:
    """Numbers of the units to remove so that the `keep` most important stay; ascending."""
    return np.sort(np.argsort(scores, kind="stable")[: len(scores) - keep])


def _after(macs: MacModel, keep: Sequence[int]) -> float:
    return macs([group.size - count for group, count in zip(macs.groups, keep, strict=True)])


def _nearest(counts: list[int], wanted: float) -> int:
    return min(counts, key=lambda count: (abs(count - wanted), -count))


def _gap(macs: MacModel, keep: Sequence[int], target: float) -> float:
    """How far a plan is from the target; removing too little counts double."""
    gap = _after(macs, keep) - target
    return 2 * gap if gap > 0 else -gap


def _forced(macs: MacModel, choices: Mapping[Group, list[int]], keep: list[int], limit: float) -> list[int]:
    """Take one more step in single groups while too much is left, each time the smallest one that helps."""
    while _after(macs, keep) > limit:
        trials = [
            [*keep[:number], choices[group][place - 1], *keep[number + 1 :]]
            for number, group in enumerate(macs.groups)
            if (place := choices[group].index(keep[number])) > 0
        ]
        if not trials:
            return keep
        keep = min(trials, key=lambda trial: _gap(macs, trial, limit))
    return keep


def _refined(macs: MacModel, choices: Mapping[Group, list[int]], keep: list[int], target: float) -> list[int]:
    """Move groups by one step each, always the one that helps most, while it helps."""
    moved: set[int] = set()
    while True:
        best, gap = None, _gap(macs, keep, target)
        for number, group in enumerate(macs.groups):
            counts = choices[group]
            place = counts.index(keep[number])
            for other in (place - 1, place + 1):
                if number in moved or not 0 <= other < len(counts):
                    continue
                trial = [*keep[:number], counts[other], *keep[number + 1 :]]
                if _gap(macs, trial, target) < gap * 0.999:
                    best, gap = (number, trial), _gap(macs, trial, target)
        if best is None:
            return keep
        moved.add(best[0])
        keep = best[1]
