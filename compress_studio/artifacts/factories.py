"""The functions and classes of a Python file that may make a network, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from compress_studio.base.errors import BadInput

LIKELY = ("make", "build", "create", "model", "net", "network", "get_model", "load")
"""Names under which people write such functions."""
MODULES = frozenset({"Module", "Sequential"})


@dataclass(frozen=True, slots=True)
class Factory:
    """Something at the top of a file that can be called."""

    name: str
    arguments: tuple[tuple[str, str], ...] = ()
    """Name and default as it is written; an empty default must be given."""
    network: bool = False
    """Whether it says itself that it makes a network: a class of torch.nn.Module, or annotated so."""
    line: int = 0
    attributes: frozenset[str] = frozenset()
    """Of a class: what it keeps its layers in."""

    @property
    def usual(self) -> bool:
        """Whether people call what makes a network so."""
        return self.name in LIKELY

    @property
    def signature(self) -> str:
        """ "make(classes=10, width)"."""
        return f"{self.name}({', '.join(f'{name}={value}' if value else name for name, value in self.arguments)})"

    @property
    def needed(self) -> tuple[str, ...]:
        """Arguments that must be given."""
        return tuple(name for name, value in self.arguments if not value)


def factories(path: Path) -> list[Factory]:
    """What a file offers to make a network with, the most likely first; nothing is run.

    Raises BadInput for a file that cannot be read.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        raise BadInput(f"{path.name} is no Python code that can be read{where}.", "Correct it.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    networks = _networks(tree)
    found = [one for node in tree.body if (one := _factory(node, networks)) is not None]
    return sorted(found, key=_unlikely)


def likeliest(found: Sequence[Factory], names: Collection[str]) -> Factory | None:
    """What probably makes the network of these weights; None when there is nothing.

    It can be called as it is, has a usual name, or is the class with these layers; else it is the first. names: of the
    weights.
    """
    tops = {name.partition(".")[0] for name in names}

    def score(one: Factory) -> tuple[bool, bool, int]:
        return not one.needed, one.usual, len(one.attributes & tops)

    return max(found, key=score, default=None)


def _factory(node: ast.stmt, networks: frozenset[str]) -> Factory | None:
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
        returned = ast.unparse(node.returns) if node.returns is not None else ""
        made = returned.rpartition(".")[2].strip("'\"")
        return Factory(node.name, _arguments(node.args), made in MODULES or made in networks, node.lineno)
    if isinstance(node, ast.ClassDef) and node.name in networks:
        makers = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        arguments = _arguments(makers[0].args, skip=1) if makers else ()
        kept = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)}
        return Factory(node.name, arguments, True, node.lineno, frozenset(kept))
    return None


def _networks(tree: ast.Module) -> frozenset[str]:
    """Classes of the file that are networks, also through each other."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    found: set[str] = set()
    while new := {name for name, of in bases.items() if name not in found and of & (MODULES | found)}:
        found |= new
    return frozenset(found)


def _arguments(given: ast.arguments, skip: int = 0) -> tuple[tuple[str, str], ...]:
    names = [one.arg for one in (*given.posonlyargs, *given.args)]
    defaults = [ast.unparse(one) for one in given.defaults]
    rows = list(zip(names, [""] * (len(names) - len(defaults)) + defaults, strict=True))[skip:]
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        rows.append((one.arg, ast.unparse(default) if default is not None else ""))
    return tuple(rows)


def _unlikely(one: Factory) -> tuple[bool, bool, int, int]:
    """Small for what probably makes the network: callable as it is, a usual name, late in the file."""
    usual = LIKELY.index(one.name) if one.usual else len(LIKELY)
    return not (one.network or one.usual), bool(one.needed), usual, -one.line
