"""The steps, meters and output formats that exist: built in and from plug-ins, found the same way."""

from __future__ import annotations

import importlib.metadata
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from compress_studio.base.errors import BadInput
from compress_studio.spec.meter import MeterSpec
from compress_studio.spec.output import OutputSpec
from compress_studio.spec.step import StepSpec

API = 1
STEP_GROUP = "compress_studio.steps"
METER_GROUP = "compress_studio.meters"
OUTPUT_GROUP = "compress_studio.outputs"


class HasId(Protocol):
    """Anything that is registered under an id."""

    @property
    def id(self) -> str: ...


S = TypeVar("S", bound=HasId)


@dataclass(frozen=True, slots=True)
class Broken:
    """A plug-in that could not be loaded; shown with its error, does no harm."""

    name: str
    distribution: str
    error: str


@dataclass(slots=True)
class Registry(Generic[S]):
    """Specs by id, in the order in which they were added."""

    word: str
    specs: dict[str, S] = field(default_factory=lambda: {})
    origins: dict[str, str] = field(default_factory=dict[str, str])
    broken: list[Broken] = field(default_factory=list[Broken])

    def add(self, spec: S, origin: str = "built in") -> None:
        """Register one spec. Raises ValueError naming both owners when the id is taken."""
        if spec.id in self.specs:
            raise ValueError(f"{self.word} {spec.id} comes from both {self.origins[spec.id]} and {origin}")
        self.specs[spec.id] = spec
        self.origins[spec.id] = origin

    def get(self, id: str) -> S:  # noqa: A002 - the word of the catalogue
        """The spec of that id; raises BadInput naming the nearest ones when there is none."""
        try:
            return self.specs[id]
        except KeyError:
            import difflib

            near = difflib.get_close_matches(id, self.specs, n=3, cutoff=0.4)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(self.specs)}."
            message = f"There is no {self.word} {id}." if id else f"The name of a {self.word} is missing."
            raise BadInput(message, hint) from None

    def __contains__(self, id: object) -> bool:  # noqa: A002
        return id in self.specs

    def __iter__(self) -> Iterator[S]:
        return iter(self.specs.values())

    def __len__(self) -> int:
        return len(self.specs)


StepRegistry = Registry[StepSpec]
MeterRegistry = Registry[MeterSpec]
OutputRegistry = Registry[OutputSpec]


def load_steps() -> StepRegistry:
    """All installed steps: entry points of the group compress_studio.steps, the built-ins among them."""
    registry: StepRegistry = Registry("step")
    _load(registry, STEP_GROUP, "STEPS")
    return registry


def load_meters() -> MeterRegistry:
    """All installed meters: entry points of the group compress_studio.meters."""
    registry: MeterRegistry = Registry("meter")
    _load(registry, METER_GROUP, "METERS")
    return registry


def load_outputs() -> OutputRegistry:
    """All installed output formats: entry points of the group compress_studio.outputs."""
    registry: OutputRegistry = Registry("output format")
    _load(registry, OUTPUT_GROUP, "OUTPUTS")
    return registry


def _load(registry: Registry[Any], group: str, attribute: str) -> None:
    points = sorted(importlib.metadata.entry_points(group=group), key=lambda point: point.name != "builtin")
    for point in points:
        owner = point.dist.name if point.dist is not None else "unknown"
        try:
            module = point.load()
            if getattr(module, "API", None) != API:
                raise ValueError(f"made for API {getattr(module, 'API', None)}, this program has API {API}")
            _add_all(registry, getattr(module, attribute), "built in" if point.name == "builtin" else owner)
        except Exception:  # noqa: BLE001 - a plug-in may raise anything, and must not take the program with it
            registry.broken.append(Broken(point.name, owner, traceback.format_exc()))


def _add_all(registry: Registry[Any], specs: Iterable[Any], origin: str) -> None:
    for spec in specs:
        registry.add(spec, origin)
