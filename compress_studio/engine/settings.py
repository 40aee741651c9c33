"""What a run is told besides the project."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from compress_studio.project.project import Project
from compress_studio.spec.data import DataRequest
from compress_studio.spec.runtime import BUILT_IN


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Where and how a run works. What is left empty is taken from the project."""

    data: DataRequest | None = None
    """None: the data of the project."""
    device: str = "auto"
    """ "auto": what the project says."""
    threads: int = 1
    """Of timings."""
    compute_threads: int = field(default_factory=_processors)
    """Of steps and of meters that take no times."""
    seed: int | None = None
    """None: the seed of the project."""
    runtime: str = BUILT_IN
    use_cache: bool = True
    """False: compute and measure again; the new results are kept."""
    measure: bool = True
    """False: no meters."""
    reference: str = ""
    """Node whose result everything is measured against; empty: the source of each node."""

    def data_of(self, project: Project) -> DataRequest:
        """The data set of a run of this project."""
        return project.data if self.data is None else self.data

    def seed_of(self, project: Project) -> int:
        """The seed of a run of this project."""
        return project.seed if self.seed is None else self.seed

    def device_of(self, project: Project) -> str:
        """The device that was asked for, not resolved yet."""
        return project.device if self.device == "auto" else self.device
