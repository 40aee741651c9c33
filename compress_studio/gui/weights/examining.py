"""What is found out about code before it may run: done outside of the window's thread, and never by running it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compress_studio.artifacts.codefiles import Architecture, parse_architecture
from compress_studio.artifacts.factories import Factory, factories
from compress_studio.artifacts.families import Family, configured, guess, likely_dims
from compress_studio.base.errors import BadInput, UserError
from compress_studio.gui.weights.state import ArchitectureChoice, CodeLook, Need, Way, split_architecture

LONGEST = 200_000
"""Letters of a file that are shown."""
CUT = "# The last {more:,} letters of this file are not shown here: open it in an editor before you trust it."
"""Above the text, as nobody looks for it below."""
MODULE_FORM = "Write package.module:function, such as torchvision.models:resnet18."


def examine(path: Path, choice: ArchitectureChoice, way: Way) -> CodeLook:
    """What the named code offers, and which files belong to it."""
    where, function = split_architecture(choice.architecture)
    found: tuple[Factory, ...] = ()
    try:
        if where.endswith(".py"):
            found = tuple(factories(beside(where, path)))
        reason = _unready(where, function, found, way)
        if reason is not None:
            return CodeLook(choice, found, message=reason[0], hint=reason[1])
        code = parse_architecture(choice.architecture, path) if choice.architecture else None
        files, digest = _texts(code) if code is not None else ((), "")
        if code is not None and digest != parse_architecture(choice.architecture, path).digest:
            raise BadInput(f"{code.words} changed while it was read.", "Choose it again.")
        return CodeLook(choice, found, files, digest, complete=True)
    except UserError as error:
        return CodeLook(choice, found, message=error.message, hint=error.hint)


def with_needs(code: CodeLook, answer: Mapping[str, Any]) -> CodeLook:
    """The same with the answer of inspection.weights_trial:what_would_run."""
    needs = tuple(Need(str(one["digest"]), str(one["what"]), bool(one["allowed"])) for one in answer["needs"])
    return replace(code, needs=needs, imports=tuple(map(str, answer["imports"])))


def beside(where: str, path: Path) -> Path:
    """A file of code as it was named, else the one of that name beside the weights. Raises BadInput."""
    named = Path(where).expanduser()
    candidates = [named] if named.is_absolute() else []
    candidates.append(path.parent / (named.name if named.is_absolute() else named))
    for one in candidates:
        if one.is_file():
            return one.absolute()
    raise BadInput(f"There is no file {where}.", "Choose the file that holds the network, or save a template.")


def guess_family(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Family | None, bool, str]:
    """The network that a configuration, or names and shapes suggest, whether its package is there, and input sizes."""
    importlib.invalidate_caches()  # it may have been installed a moment ago
    family = configured(path) or guess(shapes)
    dims = family.dims if family is not None and family.dims else likely_dims(shapes) if shapes else ""
    return family, family is not None and family.installed, dims


def _texts(code: Architecture) -> tuple[tuple[tuple[str, str], ...], str]:
    """The files of code for people to read, and its digest; of packages none are read."""
    if code.folder is None:
        return (), code.digest
    own = sorted(code.files, key=lambda file: file.stem != code.module)
    texts = [(str(one.relative_to(code.folder)), _shown(one.read_text("utf-8", "replace"))) for one in own]
    return tuple(texts), code.digest


def _shown(text: str) -> str:
    """The text; of a very long one the beginning, and that it goes on."""
    more = len(text) - LONGEST
    return text if more <= 0 else f"{CUT.format(more=more)}\n\n{text[:LONGEST]}"


def _unready(where: str, function: str, found: tuple[Factory, ...], way: Way) -> tuple[str, str] | None:
    """What is still to be chosen, as message and hint; both empty where nothing is wrong yet."""
    if way is Way.PICKLE or function:
        return None
    if not where:
        return "", ""
    if way is Way.FILE and not where.endswith(".py"):
        return "", "Choose a file whose name ends with .py."
    if where.endswith(".py"):
        if not found:
            return f"{Path(where).name} has no function that could make a network.", "Add def make() to it."
        return "", ""
    return "", MODULE_FORM
