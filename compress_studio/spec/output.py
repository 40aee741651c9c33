"""What an output format is: how a network is written for others, what it cannot carry, and how the file is proved."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress_studio.base.errors import UserError
from compress_studio.spec.params import NoParams, Params
from compress_studio.spec.step import Verdict


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that must be installed."""

    module: str
    """Name by which it is imported."""
    command: str
    """The command that installs it."""

    def present(self) -> bool:
        """Whether it is installed; nothing is imported."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except (ImportError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    files: tuple[Path, ...]
    """The first is the one that the user named."""
    notes: tuple[str, ...] = ()
    """What the user should know about them, in sentences."""


@dataclass(frozen=True, slots=True)
class Check:
    """One proof of a written file."""

    name: str
    ok: bool
    detail: str


def carries_all(facts: Mapping[str, Any], params: Any) -> Verdict:
    """The judgement of formats that hold every network."""
    return Verdict.yes()


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """A file format that a network can be written in."""

    id: str
    """ "torch.program", "onnx", …"""
    title: str
    suffixes: tuple[str, ...]
    """Endings of its files, the usual one first."""
    summary: str
    write: str
    """ "module:function" with write(params, network: OnnxNet, target: Path) -> Written."""
    verify: str
    """ "module:function" with verify(params, network: OnnxNet, target: Path) -> list[Check]: the file opened again."""
    params: type[Params] = NoParams
    needs: tuple[Requirement, ...] = ()
    carries: Callable[[Mapping[str, Any], Any], Verdict] = carries_all
    """carries(facts, params) says before anything is written what the format cannot hold; a doubt is a yes.

    A yes with a reason is something to know: it is shown, and the export goes on.
    """

    def missing(self) -> tuple[Requirement, ...]:
        """The packages that are not installed."""
        return tuple(one for one in self.needs if not one.present())

    def require(self) -> None:
        """Raise UserError with the command that installs what is missing."""
        missing = self.missing()
        if missing:
            names = " and ".join(one.module for one in missing)
            verb = "is" if len(missing) == 1 else "are"
            raise UserError(f"{self.title} needs {names}, which {verb} not installed.", f"Run: {missing[0].command}")


def function_of(name: str) -> Callable[..., Any]:
    """The function that "module:function" names."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
