"""Python code that makes a network: where it is, which files belong to it, and the digest by which it is allowed.

Nothing is imported here. Standard library only.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress_studio.base.digest import digest_file, digest_files, digest_json
from compress_studio.base.errors import BadInput

SIGNATURE = "def make() -> torch.nn.Module"
MOST_FILES = 300
DIGEST = re.compile(r"[0-9a-f]{40}")
FORM = "Write file.py:function or package.module:function."


@dataclass(frozen=True, slots=True)
class Architecture:
    """A function that makes a network, and what its digest covers."""

    function: str
    """Empty: the code only provides classes for a pickled network."""
    module: str
    """The name under which it is imported."""
    files: tuple[Path, ...]
    """Of a file: itself and those beside it that it imports. Of a package: the file of the module."""
    folder: Path | None
    """The folder of a file; None for an installed package."""
    digest: str

    @property
    def words(self) -> str:
        """What would run, for people."""
        listed = ", ".join(file.name for file in self.files[:4]) + (", …" if len(self.files) > 4 else "")
        where = listed if self.folder is not None else f"the installed package {self.module}"
        return f"{self.function}() in {where}" if self.function else f"the code in {where}"


LIBRARIES = (".so", ".dll", ".dylib")


def parse_architecture(text: str, model: Path | None = None) -> Architecture:
    """The code that "file.py:function" or "package:function" names; a file is also looked for beside the model.

    Raises BadInput when there is no such file or package.
    """
    where, _, function = text.strip().rpartition(":") if not text.strip().endswith(".py") else (text.strip(), "", "")
    if function and not function.replace(".", "_").isidentifier():
        raise BadInput(f"architecture={text} names no function.", FORM)
    if where.endswith(".py"):
        return _of_file(_found(where, model), function)
    if not where or not all(part.isidentifier() for part in where.split(".")):
        raise BadInput(f"architecture={text} cannot be read.", FORM)
    return _of_package(where, function)


def allowed_by(word: str) -> tuple[str, str]:
    """Digest and description of what "--allow-code WORD" allows: a file, package:function, or a digest itself.

    Raises BadInput when it is none of these.
    """
    if DIGEST.fullmatch(word):
        return word, "a digest given by hand"
    path = Path(word)
    if path.is_file() and path.suffix != ".py":
        what = "library" if path.name.endswith(LIBRARIES) else "pickle"
        return digest_file(path), f"the {what} {path.name}"
    if path.is_dir():
        raise BadInput(f"--allow-code {word} is a folder.", "Give the file that may run.")
    if ":" not in word and path.suffix != ".py":
        raise BadInput(f"--allow-code {word}: there is no such file.", "Give the file, package:function or the digest.")
    code = parse_architecture(word)
    return code.digest, code.words


def _found(where: str, model: Path | None) -> Path:
    path = Path(where)
    beside = model.parent / (path.name if path.is_absolute() else path) if model is not None else path
    for one in (path, beside):
        if one.is_file():
            return one.absolute()
    raise BadInput(f"There is no file {where} with the architecture.", f"It should hold {SIGNATURE}.")


def _of_file(path: Path, function: str) -> Architecture:
    if not path.stem.isidentifier():
        raise BadInput(f"{path.name} cannot be imported under that name.", "Rename it: letters, digits, underscores.")
    tree = _parsed(path)
    if function and "." not in function and not _defines(tree, function):
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        raise BadInput(
            f"{path.name} has no function {function} (it has: {', '.join(names[:8]) or 'none'}).",
            f"It should hold {SIGNATURE}.",
        )
    files = tuple(sorted(_traced(path)))
    return Architecture(function, path.stem, files, path.parent, digest_files(files, path.parent))


def _defines(tree: ast.Module, name: str) -> bool:
    """Whether a name is defined, assigned or imported at the top of a module; a star import may bring anything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return True
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.Import | ast.ImportFrom):
            for one in node.names:
                if (one.asname or one.name.split(".")[0]) == name or one.name == "*":
                    return True
    return False


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        raise BadInput(f"{path.name} is no Python code that can be read{where}.", "Correct it.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error


def _traced(path: Path) -> set[Path]:
    """A file and the files beside it that it imports, at any depth."""
    root, found, waiting = path.parent, set[Path](), [path]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        if len(found) > MOST_FILES:
            raise BadInput(f"{path.name} imports more than {MOST_FILES} files beside it.", "Put it into a package.")
        waiting += _imported(_parsed(one), one.parent, root)
    return found


def _imported(tree: ast.Module, here: Path, root: Path) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _modules(root, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            start = here
            for _ in range(node.level - 1):
                start = start.parent
            parts = node.module.split(".") if node.module else []
            base = start if node.level else root
            if base.is_relative_to(root):
                for alias in node.names:
                    yield from _modules(base, [*parts, alias.name])


def _modules(base: Path, parts: list[str]) -> Iterator[Path]:
    """The files that are imported for a dotted name below a folder, as far as they exist."""
    for count in range(1, len(parts) + 1):
        place = base.joinpath(*parts[:count])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                yield file


def _of_package(module: str, function: str) -> Architecture:
    top, *rest = module.split(".")
    spec = _spec(top)
    if spec is None or spec.origin is None:
        raise BadInput(f"The package {top} is not installed here.", f"Install it: pip install {top}")
    place = Path(spec.origin)
    if rest:
        folder = Path(next(iter(spec.submodule_search_locations or ()), "")).joinpath(*rest)
        candidates = [folder.with_suffix(".py"), folder / "__init__.py"]
        known = [one for one in candidates if one.is_file()]
        if not known:
            raise BadInput(f"The package {top} has no module {module}.", FORM)
        place = known[0]
    row = ("package", module, _version(top), digest_file(place) if place.is_file() else "")
    return Architecture(function, module, (place,), None, digest_json(row))


def _spec(top: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(top)
    except (ValueError, ImportError):
        return None


def _version(top: str) -> str:
    try:
        return importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def parse_arguments(text: str) -> dict[str, Any]:
    """Keyword arguments as they are written: "num_classes=10+width=0.5"; numbers, True, False and None, else words.

    Raises BadInput for what cannot be read.
    """
    found: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in re.split(r"[,;+]", text))):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not name.isidentifier():
            raise BadInput(f"arguments={part} cannot be read.", "Write arguments=num_classes=10+width=0.5.")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            found[name] = value
    return found
