"""Everything that the user saves, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compress_studio.base.digest import Json
from compress_studio.project.pipeline import Pipeline
from compress_studio.spec.data import DataRequest

QUALITY_DROP = "quality_drop"
"""The goal that is always there: how much the first quality figure may fall below the source, as a share (0.01: one
point)."""


@dataclass(frozen=True, slots=True)
class MeterUse:
    """One meter that is applied to every measured node."""

    id: str
    params: Mapping[str, Json] = field(default_factory=dict[str, "Json"])


@dataclass(frozen=True, slots=True)
class Goal:
    """A budget that results are judged by."""

    metric: str
    """A name of a reading ("median_ms", "bytes"), or "quality_drop"."""
    limit: float
    """The most that is allowed."""


DEFAULT_METERS = (MeterUse("size"), MeterUse("accuracy"), MeterUse("agreement"), MeterUse("latency"))
DEFAULT_GOALS = (Goal(QUALITY_DROP, 0.01),)


@dataclass(frozen=True, slots=True)
class Project:
    """A pipeline with its data, its meters and its goals."""

    pipeline: Pipeline = field(default_factory=Pipeline)
    data: DataRequest = field(default_factory=DataRequest)
    meters: tuple[MeterUse, ...] = DEFAULT_METERS
    goals: tuple[Goal, ...] = DEFAULT_GOALS
    title: str = ""
    seed: int = 0
    """Of every step that draws random numbers."""
    device: str = "auto"
    """ "auto", "cpu", "cuda", "mps" or "xpu"."""
    extra: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    """What a file said that nobody here knows; written back untouched."""

    def goal(self, metric: str) -> float | None:
        """The limit set for a metric, or None."""
        return next((goal.limit for goal in self.goals if goal.metric == metric), None)
