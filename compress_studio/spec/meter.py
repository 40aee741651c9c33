"""What a meter is: something that measures facts of finished networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from compress_studio.base.digest import Json
from compress_studio.spec.data import DataSource
from compress_studio.spec.ports import OnnxNet


class MeterContext(Protocol):
    """What a running meter may use."""

    @property
    def scratch(self) -> Path: ...

    @property
    def data(self) -> DataSource: ...

    @property
    def seed(self) -> int: ...

    @property
    def threads(self) -> int: ...

    def progress(self, fraction: float, note: str = "") -> None: ...

    def check(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured number with its uncertainty."""

    name: str
    """ "top1", "agreement", "median_ms", "bytes", …"""
    value: float
    unit: str = ""
    low: float | None = None
    """Lower end of the 95 % interval, where there is one."""
    high: float | None = None
    n: int = 0
    """Number of samples behind it."""
    detail: dict[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """A kind of measurement."""

    id: str
    version: int
    title: str
    summary: str
    run: Callable[[MeterContext, Sequence[OnnxNet], OnnxNet], list[list[Reading]]]
    """run(ctx, subjects, reference): one list of readings per subject. The reference is the source of the pipeline."""
    needs_data: bool = False
    needs_reference: bool = False
    """True: the reference's digest is part of the conditions."""
    together: bool = False
    """True: subjects are measured in one interleaved session, in the quiet measure lane (latency)."""
    per_machine: bool = False
    """True: never shown for another machine."""
    depends_on: tuple[str, ...] = ()
