"""What the dialog of weights shows, as plain values, and what follows from them. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from compress_studio.artifacts.codefiles import parse_arguments
from compress_studio.artifacts.factories import Factory
from compress_studio.artifacts.families import Family
from compress_studio.base.errors import BadInput
from compress_studio.engine.records import Failure


class Way(StrEnum):
    """Where the network comes from."""

    FILE = "file"
    """A function in a file of Python code."""
    PACKAGE = "package"
    """A function of an installed package."""
    PICKLE = "pickle"
    """The file itself, which holds a pickled network."""


class Phase(StrEnum):
    """What the dialog is doing."""

    READY = "ready"
    TRYING = "trying"


@dataclass(frozen=True, slots=True)
class Distribution:
    """How the numbers of a tensor are distributed."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    low: float
    high: float
    mean: float
    std: float
    zeros: int
    not_a_number: int
    counted: int
    """Of how many numbers; large tensors are sampled."""


@dataclass(frozen=True, slots=True)
class TensorRow:
    """One tensor of the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    distribution: Distribution | None = None
    not_a_number: int = 0

    @property
    def count(self) -> int:
        """Numbers in it."""
        total = 1
        for size in self.shape:
            total *= size
        return total


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A part of the checkpoint that holds tensors."""

    name: str
    """Empty for its outermost dictionary."""
    holds: str
    tensors: int
    parameters: int


@dataclass(frozen=True, slots=True)
class WeightsLook:
    """What the file holds."""

    form: str
    bytes: int
    parameters: int
    tensors: tuple[TensorRow, ...]
    entries: tuple[EntryRow, ...]
    remarks: tuple[str, ...]
    imports: tuple[str, ...]
    """What unpickling would import."""
    entry: str
    """The entry that is shown."""
    pickled_class: str
    counted: bool
    """Whether the distributions are there."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes by name."""
        return {one.name: one.shape for one in self.tensors}


@dataclass(frozen=True, slots=True)
class ArchitectureChoice:
    """What was chosen, as the parameters of the first step take it."""

    architecture: str = ""
    arguments: str = ""
    entry: str = ""
    dims: str = ""

    @property
    def code(self) -> tuple[str, str]:
        """What decides which code runs."""
        return self.architecture, self.entry

    def values(self) -> dict[str, str]:
        """By the names of the parameters."""
        return {
            "architecture": self.architecture,
            "arguments": self.arguments,
            "entry": self.entry,
            "dims": self.dims,
        }


@dataclass(frozen=True, slots=True)
class Need:
    """Something that would run, and whether it is allowed already."""

    digest: str
    what: str
    given: bool = False


@dataclass(frozen=True, slots=True)
class CodeLook:
    """What is known of the code that was named, without running it."""

    choice: ArchitectureChoice
    """For which this was found."""
    factories: tuple[Factory, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    """Names and text of the files that belong to it."""
    digest: str = ""
    """Of these files."""
    message: str = ""
    """Why it cannot be used; empty when it can."""
    hint: str = ""
    complete: bool = False
    """Whether enough was chosen to ask what would run."""
    needs: tuple[Need, ...] | None = None
    """What would run; None until that is known."""
    imports: tuple[str, ...] = ()
    """What unpickling would import, when the file itself is unpickled."""

    @property
    def ready(self) -> bool:
        """Whether it can be tried."""
        return self.complete and self.needs is not None and not self.message

    @property
    def lacking(self) -> tuple[Need, ...]:
        """What is not allowed yet."""
        return tuple(one for one in self.needs or () if not one.given)


class Kind(StrEnum):
    """How a weight does not fit."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A weight of the network beside that of the file."""

    name: str
    network: str
    """Its shape there; empty when it is not there."""
    file: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What trying gave."""

    choice: ArchitectureChoice
    ok: bool
    fits: int = 0
    rows: tuple[Misfit, ...] = ()
    renamed: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    """Names and shapes of what forward takes."""
    message: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()

    def count(self, kind: Kind) -> int:
        """Weights that do not fit in one way."""
        return sum(one.kind is kind for one in self.rows)


@dataclass(frozen=True, slots=True)
class WeightsState:
    """Everything that the dialog shows."""

    path: Path
    way: Way = Way.FILE
    choice: ArchitectureChoice = ArchitectureChoice()
    look: WeightsLook | None = None
    look_failure: Failure | None = None
    family: Family | None = None
    installed: bool = False
    """Whether the package of the family is."""
    proposed: str = ""
    """Sizes of the input that the weights suggest."""
    code: CodeLook | None = None
    trusted: bool = False
    phase: Phase = Phase.READY
    outcome: Outcome | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being tried."""
        return self.phase is Phase.TRYING

    @property
    def only_code(self) -> bool:
        """Whether the file is code that brings its own weights."""
        return self.path.suffix == ".py"

    @property
    def examined(self) -> bool:
        """Whether what is known of the code belongs to what is chosen."""
        return self.code is not None and self.code.choice.code == self.choice.code

    @property
    def needs_consent(self) -> bool:
        """Whether something is to be allowed before it can be tried."""
        return self.code is not None and self.examined and bool(self.code.lacking)

    @property
    def can_try(self) -> bool:
        """Whether the button does something."""
        ready = not self.busy and self.examined and self.code is not None and self.code.ready
        return ready and not wrong_arguments(self.choice.arguments) and (self.trusted or not self.needs_consent)

    @property
    def current(self) -> bool:
        """Whether the outcome belongs to what is chosen."""
        return self.outcome is not None and self.outcome.choice == self.choice

    @property
    def can_open(self) -> bool:
        """Whether it was tried with success, and nothing was changed since."""
        return self.phase is Phase.READY and self.current and self.outcome is not None and self.outcome.ok


def wrong_arguments(text: str) -> str:
    """Why arguments cannot be read; empty when they can."""
    try:
        parse_arguments(text)
    except BadInput as error:
        return f"{error.message} {error.hint}".replace("arguments=", "")
    return ""


def first_way(choice: ArchitectureChoice, *, pickled: bool) -> Way:
    """How the dialog begins: as it was chosen before, else with what the file suggests."""
    if choice.architecture:
        where, function = split_architecture(choice.architecture)
        if where.endswith(".py"):
            return Way.FILE if function or not pickled else Way.PICKLE
        return Way.PACKAGE if function else Way.FILE
    return Way.PICKLE if pickled else Way.FILE


def split_architecture(text: str) -> tuple[str, str]:
    """File or module, and function: "net.py:make" gives ("net.py", "make"); what is still being written is a file."""
    where, _, function = text.rpartition(":")
    if text.endswith(".py") or not where or not function.replace(".", "_").isidentifier():
        return text, ""
    return where, function


def join_architecture(where: str, function: str) -> str:
    """What the parameter takes; a file without a function provides only classes."""
    where, function = where.strip(), function.strip()
    if not where:
        return ""
    return f"{where}:{function}" if function else where


def absolute_code(text: str, path: Path) -> str:
    """The same with the whole path of the file, which is looked for where we are and beside the weights."""
    where, function = split_architecture(text.strip())
    if not where.endswith(".py") or Path(where).is_absolute():
        return text.strip()
    here, near = Path(where).absolute(), path.absolute().parent / where
    return join_architecture(str(here if here.is_file() else near), function)
