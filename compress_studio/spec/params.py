"""Parameters of steps: declared once, read by forms, the command line, help pages, cache keys, search and tests."""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import annotated_types
import pydantic

from compress_studio.base.digest import Json
from compress_studio.base.errors import BadInput

SWITCH_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
NEVER_HIDDEN: Mapping[str, frozenset[str]] = types.MappingProxyType({})


class RandomSource(Protocol):
    """The part of random.Random that sampling needs."""

    def random(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Range(annotated_types.GroupedMetadata):
    """The values a number may take, and the grid on which it is chosen."""

    lo: float
    hi: float
    step: float | None = None
    log: bool = False

    def __iter__(self) -> Iterator[annotated_types.BaseMetadata]:
        yield annotated_types.Ge(self.lo)
        yield annotated_types.Le(self.hi)

    def snap(self, value: float) -> float:
        """The nearest allowed value: inside the limits and on the grid. The only place where values meet the grid."""
        value = min(max(value, self.lo), self.hi)
        if self.step is None:
            return float(f"{value:.6g}") if self.lo <= float(f"{value:.6g}") <= self.hi else value
        count = round((value - self.lo) / self.step)
        snapped = self.lo + count * self.step
        digits = max(0, 12 - math.ceil(math.log10(max(abs(snapped), self.step, 1e-12))))
        return min(max(round(snapped, min(digits, 15)), self.lo), self.hi)

    def to_unit(self, value: float) -> float:
        """Where a value lies between the limits, 0 to 1, for sliders."""
        if self.hi == self.lo:
            return 0.0
        if self.log:
            return math.log(value / self.lo) / math.log(self.hi / self.lo)
        return (value - self.lo) / (self.hi - self.lo)

    def from_unit(self, unit: float) -> float:
        """The allowed value nearest to a place between the limits, 0 to 1."""
        unit = min(max(unit, 0.0), 1.0)
        if self.log:
            return self.snap(self.lo * (self.hi / self.lo) ** unit)
        return self.snap(self.lo + unit * (self.hi - self.lo))

    def sample(self, rng: RandomSource) -> float:
        """A random allowed value, for search and property tests."""
        return self.from_unit(rng.random())


@dataclass(frozen=True, slots=True)
class Ui:
    """How a parameter is shown to people."""

    label: str
    help: str = ""
    unit: str = ""
    group: str = ""
    advanced: bool = False
    shown_when: Mapping[str, frozenset[str]] = field(default_factory=lambda: NEVER_HIDDEN)
    """Names of other parameters with the values at which this one matters; empty: always shown."""
    changes_result: bool = True
    """False: not part of the cache key."""
    per_layer: bool = False
    """A list or map whose names are those of layers: forms show it as a column of the layer table."""


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter as its readers see it."""

    name: str
    kind: str
    """One of "float", "int", "bool", "choice", "str", "list" (of strings), "map" (of names to numbers)."""
    default: Any
    ui: Ui
    range: Range | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    """None is allowed and means "decide for me"."""

    def parse(self, text: str) -> Any:
        """The value that a word on the command line stands for; raises BadInput when it stands for none."""
        word = text.strip()
        if self.optional and word.lower() in {"none", "auto", ""}:
            return None
        try:
            if self.kind == "bool":
                return {
                    "true": True,
                    "yes": True,
                    "on": True,
                    "1": True,
                    "false": False,
                    "no": False,
                    "off": False,
                    "0": False,
                }[word.lower()]
            if self.kind == "int":
                return int(word)
            if self.kind == "float":
                return float(word[:-1]) / 100 if word.endswith("%") else float(word)
            if self.kind == "list":
                return [part.strip() for part in word.split("+") if part.strip()]
            if self.kind == "map":
                return dict(_entry(part) for part in word.split("+") if part.strip())
        except (ValueError, KeyError):
            raise BadInput(f"{self.name}={text}: {self.expects()}.") from None
        return word

    def expects(self) -> str:
        """What a good value looks like, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "bool":
            return "true or false"
        if self.kind == "list":
            return "names joined by +"
        if self.kind == "map":
            span = f" from {self.range.lo:g} to {self.range.hi:g}" if self.range is not None else ""
            return f"name:number joined by +, each number{span}"
        words = {"int": "a whole number", "float": "a number", "str": "text"}[self.kind]
        if self.range is not None:
            words += f" from {self.range.lo:g} to {self.range.hi:g}"
        return words + (", or auto" if self.optional else "")


class Params(pydantic.BaseModel):
    """Base of the parameter sets of steps. Subclasses annotate each field with a Ui and, for numbers, a Range."""

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", use_enum_values=False, validate_default=True, allow_inf_nan=False
    )

    renamed: ClassVar[Mapping[str, str]] = {}
    """Old name to new name, for projects saved by earlier versions."""
    removed: ClassVar[frozenset[str]] = frozenset()
    """Names that earlier versions had and that mean nothing now."""

    @classmethod
    def fields(cls) -> Iterator[Field]:
        """The parameters in the order of their declaration."""
        return iter(_fields(cls))

    @classmethod
    def field_named(cls, name: str) -> Field | None:
        """The parameter of that name, or None."""
        return next((one for one in cls.fields() if one.name == name), None)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> typing.Self:
        """Check values by name and fill in the defaults.

        Raises BadInput with the label of the parameter and what it expects.
        """
        known = {cls.renamed.get(name, name): value for name, value in values.items() if name not in cls.removed}
        try:
            return cls.model_validate(known)
        except pydantic.ValidationError as error:
            raise BadInput(_readable(cls, error)) from None

    def canonical(self) -> dict[str, Json]:
        """Only what changes the result, defaults included: the part of the cache key.

        An empty map says nothing and is left out, so that a step may learn about exceptions without new keys.
        """
        shown = self.plain()
        return {
            one.name: shown[one.name]
            for one in type(self).fields()
            if one.ui.changes_result and not (one.kind == "map" and not shown[one.name])
        }

    def plain(self) -> dict[str, Json]:
        """All values by name, as JSON; maps in the order of their names."""
        values = self.model_dump(mode="json")
        for one in type(self).fields():
            if one.kind == "map":
                values[one.name] = dict(sorted(values[one.name].items()))
        return values


class NoParams(Params):
    """For steps that have nothing to choose."""


@functools.cache
def _fields(cls: type[Params]) -> tuple[Field, ...]:
    """Reading annotations is slow, and plans ask for every node."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(_field(name, hints[name], info) for name, info in cls.model_fields.items())


def _field(name: str, hint: Any, info: pydantic.fields.FieldInfo) -> Field:
    base, metadata = _unwrap(hint)
    ui = next((one for one in metadata if isinstance(one, Ui)), Ui(label=name.replace("_", " ").capitalize()))
    span = next((one for one in metadata if isinstance(one, Range)), None)
    optional = False
    if typing.get_origin(base) in {typing.Union, types.UnionType}:
        parts = [part for part in typing.get_args(base) if part is not type(None)]
        optional = len(parts) < len(typing.get_args(base))
        base, more = _unwrap(parts[0])
        span = span or next((one for one in more if isinstance(one, Range)), None)
    choices: tuple[str, ...] = ()
    if isinstance(base, type) and issubclass(base, StrEnum):
        kind, choices = "choice", tuple(member.value for member in base)
    elif base is bool:
        kind = "bool"
    elif base is int:
        kind = "int"
    elif base is float:
        kind = "float"
    elif base is str:
        kind = "str"
    elif typing.get_origin(base) in {list, tuple}:
        kind = "list"
    elif typing.get_origin(base) is dict and _unwrap(typing.get_args(base)[1])[0] is float:
        kind = "map"
        _, more = _unwrap(typing.get_args(base)[1])
        span = next((one for one in more if isinstance(one, Range)), span)
    else:
        raise TypeError(f"{name}: parameters of type {base!r} are not supported")
    return Field(name, kind, info.get_default(call_default_factory=True), ui, span, choices, optional)


def _entry(part: str) -> tuple[str, float]:
    """name:number; the name may hold colons itself. Raises ValueError."""
    name, mark, number = part.strip().rpartition(":")
    number = number.strip()
    if not mark or not name.strip():
        raise ValueError(part)
    return name.strip(), float(number[:-1]) / 100 if number.endswith("%") else float(number)


def _unwrap(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    if typing.get_origin(hint) is typing.Annotated:
        first, *metadata = typing.get_args(hint)
        return first, tuple(metadata)
    return hint, ()


def _readable(cls: type[Params], error: pydantic.ValidationError) -> str:
    sentences: list[str] = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else ""
        one = cls.field_named(name)
        if one is None:
            names = ", ".join(each.name for each in cls.fields()) or "it has none"
            sentences.append(f"There is no parameter {name} (known: {names}).")
        else:
            sentences.append(f"{one.ui.label} ({name}) must be {one.expects()}, not {problem['input']}.")
    return " ".join(sentences)
