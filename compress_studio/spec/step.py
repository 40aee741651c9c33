"""What a step is: a function, its declaration, and what it may do while it runs."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from compress_studio.base.digest import Json
from compress_studio.spec.data import DataSource, SampleShape
from compress_studio.spec.params import NoParams, Params
from compress_studio.spec.ports import OnnxNet, Port


class Lane(StrEnum):
    """Where work runs. Two steps never fight over the processor."""

    COMPUTE = "compute"
    MEASURE = "measure"
    LIGHT = "light"


class Group(StrEnum):
    """The shelves of the step library, in order."""

    SOURCE = "Model"
    GRAPH = "Graph"
    PRUNE = "Prune"
    FACTORIZE = "Factorize"
    QUANTIZE = "Quantize"
    TRAIN = "Train"
    COMBINE = "Combine"
    CUSTOM = "Custom"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a step applies, and if not, why not and what to do."""

    ok: bool
    reason: str = ""
    hint: str = ""

    @classmethod
    def yes(cls) -> Verdict:
        return cls(ok=True)

    @classmethod
    def no(cls, reason: str, hint: str = "") -> Verdict:
        return cls(ok=False, reason=reason, hint=hint)


class StepContext(Protocol):
    """What a running step may use and say. Reached files are read-only; results go into scratch."""

    @property
    def scratch(self) -> Path:
        """A fresh folder; the result is written here and moved into the store by the engine."""
        ...

    @property
    def data(self) -> DataSource:
        """Samples for the network that entered the pipeline; synthetic ones when the user gave none."""
        ...

    def sample_shapes(self, inputs: Sequence[str]) -> Mapping[str, SampleShape]:
        """What samples for inputs of these names look like, for a source that must know it to open its file.

        Empty when the user gave no data. Only for a step that declares asks_data. May raise BadInput.
        """
        ...

    @property
    def has_data(self) -> bool:
        """Whether the user gave data. Only for a step that declares asks_data."""
        ...

    def joined_data(self, network: Path) -> DataSource | None:
        """The user's samples joined to a network that a source has just made from its file, to compare both on them.

        None when the user gave no data. Only for a step that declares asks_data. May raise BadInput.
        """
        ...

    @property
    def seed(self) -> int: ...

    @property
    def threads(self) -> int: ...

    @property
    def device(self) -> str:
        """ "cpu", "cuda", "mps" or "xpu", already resolved."""
        ...

    def progress(self, fraction: float, note: str = "") -> None:
        """How far the step is, 0 to 1. Also the cancel point: may raise Cancelled."""
        ...

    def check(self) -> None:
        """Raise Cancelled when the user asked to stop. Call it at least once a batch."""
        ...

    def point(self, series: str, x: float, y: float) -> None:
        """One point of a live curve, such as the loss."""
        ...

    def note(self, text: str) -> None:
        """A line for the log."""
        ...

    def changed(self, layers: int, total: int) -> None:
        """How many layers were really changed, of how many that carry weights. Must be called once."""
        ...

    def skip(self, layer: str, reason: str) -> None:
        """A layer that was left alone, and why."""
        ...

    def warn(self, code: str, message: str) -> None:
        """Something the user must know about this result; code is a stable snake_case word."""
        ...

    def fact(self, name: str, value: Json) -> None:
        """A detail for the report, such as the thresholds that were found."""
        ...


@dataclass(frozen=True, slots=True)
class StepSpec:
    """A kind of operation: what everybody needs to know about it without running it."""

    id: str
    """ "prune.channels": never changes, never reused."""
    version: int
    """Raise it when the same inputs would give other bytes."""
    title: str
    group: Group
    summary: str
    """One sentence, from the first line of the docstring."""
    help: str
    """Markdown, the rest of the docstring: theory, when to use it, traps."""
    params: type[Params]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    run: Callable[..., OnnxNet]
    """run(ctx, params, **{input port: OnnxNet or None}) -> OnnxNet inside ctx.scratch."""
    needs_data: bool = False
    """True: the data digest is part of the key."""
    asks_data: Callable[[Params], bool] | None = None
    """Whether with these parameters a source looks at samples; the data digest is then part of its key too."""
    random: bool = False
    """True: draws random numbers; the seed is part of the key."""
    deterministic: bool = True
    """False: the same inputs may give other bytes; shown with ≈."""
    depends_on: tuple[str, ...] = ()
    """Distributions whose version is part of the key, such as "torch"."""
    uses_device: bool = False
    """True: runs on the chosen device, which is part of the key."""
    fingerprint: Callable[[Params], Json] | None = None
    """More for the key that is not in the parameters, such as the digest of the file that a source reads."""
    applies: Callable[[Mapping[str, Any], Params], Verdict] | None = None
    """Cheap check on the facts of the network (see artifacts.facts), before anything runs."""
    lane: Lane = Lane.COMPUTE
    sketch: str = ""
    """ "module:function" of sketch(ctx, params, network) -> Sketch, done in a worker process; empty: no preview."""
    predict: str = ""
    """ "module:function" of predict(params, sketch) -> Prediction, with NumPy only, within a frame."""
    sketch_params: frozenset[str] = frozenset()
    """Names of the parameters on which the sketch depends; all others only matter to predict."""
    estimates: bool = False
    """True: the step is quick enough to be tried on a few samples while a form is open."""


StepFunction = TypeVar("StepFunction", bound=Callable[..., OnnxNet])
SPEC_ATTRIBUTE = "__step_spec__"


def step(  # the declaration has one argument per fact
    *,
    id: str,  # noqa: A002 - the word of the catalogue
    version: int,
    title: str,
    group: Group,
    needs_data: bool = False,
    asks_data: Callable[[Any], bool] | None = None,
    random: bool = False,
    deterministic: bool = True,
    depends_on: tuple[str, ...] = (),
    uses_device: bool = False,
    fingerprint: Callable[[Any], Json] | None = None,
    applies: Callable[[Mapping[str, Any], Any], Verdict] | None = None,
    sketch: str = "",
    predict: str = "",
    sketch_params: frozenset[str] = frozenset(),
    estimates: bool = False,
) -> Callable[[StepFunction], StepFunction]:
    """Declare a step. Ports come from the annotations: every parameter annotated OnnxNet (or with None) is an input.

    Read the declaration back with spec_of(function).
    """

    def declare(function: StepFunction) -> StepFunction:
        hints = typing.get_type_hints(function)
        names = list(inspect.signature(function).parameters)
        if names[:2] != ["ctx", "params"]:
            raise TypeError(f"{id}: a step begins with (ctx, params), not ({', '.join(names[:2])})")
        summary, _, rest = (inspect.getdoc(function) or "").partition("\n")
        spec = StepSpec(
            id=id,
            version=version,
            title=title,
            group=group,
            summary=summary.strip(),
            help=rest.strip(),
            params=hints.get("params", NoParams),
            inputs=tuple(_port(name, hints[name]) for name in names[2:]),
            outputs=(Port("network", title="Network"),),
            run=function,
            needs_data=needs_data,
            asks_data=asks_data,
            random=random,
            deterministic=deterministic,
            depends_on=depends_on,
            uses_device=uses_device,
            fingerprint=fingerprint,
            applies=applies,
            sketch=sketch,
            predict=predict,
            sketch_params=sketch_params,
            estimates=estimates,
        )
        setattr(function, SPEC_ATTRIBUTE, spec)
        return function

    return declare


def spec_of(function: Callable[..., Any]) -> StepSpec:
    """The declaration of a function decorated with @step."""
    return getattr(function, SPEC_ATTRIBUTE)


def _port(name: str, hint: Any) -> Port:
    parts = typing.get_args(hint) or (hint,)
    if OnnxNet not in parts:
        raise TypeError(f"{name}: a step takes networks after (ctx, params), not {hint!r}")
    return Port(name, optional=type(None) in parts, title=name.replace("_", " ").capitalize())


@dataclass(slots=True)
class StepReport:
    """What a step said about its result while it ran; plain JSON, kept with the result in the cache."""

    layers_changed: int = 0
    layers_total: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    warnings: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    facts: dict[str, Json] = field(default_factory=dict[str, Json])
    log: list[str] = field(default_factory=list[str])
