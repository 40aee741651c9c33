"""A file of weights together with the code that makes its network: what is to be opened, and what must be allowed.

Nothing is run or imported here. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress_studio.artifacts.checkpoints import CHECKPOINTS, Checkpoint, look
from compress_studio.artifacts.codefiles import Architecture, parse_architecture, parse_arguments
from compress_studio.artifacts.refusals import refuse
from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.artifacts.weight_groups import choose, groups
from compress_studio.base.digest import digest_file


@dataclass(frozen=True, slots=True)
class CodeSource:
    """A file of weights with the code that makes its network."""

    path: Path
    kind: Format
    architecture: Architecture | None
    arguments: Mapping[str, Any]
    entry: str
    checkpoint: Checkpoint | None
    """None: the code brings its own weights."""

    @property
    def unpickles(self) -> bool:
        """Whether the file itself is unpickled, because no function makes the network."""
        return self.checkpoint is not None and not (self.architecture and self.architecture.function)

    def needs(self) -> list[tuple[str, str, str]]:
        """What must be allowed: digest, what would run, and the word for --allow-code."""
        found: list[tuple[str, str, str]] = []
        code = self.architecture
        if code is not None:
            where = str(next(one for one in code.files if one.stem == code.module)) if code.folder else ""
            found.append((code.digest, code.words, where or f"{code.module}:{code.function}"))
        if self.unpickles and self.checkpoint is not None:
            names = self.checkpoint.foreign
            listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            what = f"the pickle {self.path.name}, which imports {listed or 'nothing but tensors'}"
            found.append((digest_file(self.path), what, str(self.path)))
        return found

    @property
    def what(self) -> str:
        """What makes the network, for people."""
        code = self.architecture
        if code is not None and code.function:
            file = code.folder is not None and len(code.files) == 1
            return f"{code.function}() of {code.files[0].name if file else code.module}"
        return f"the pickled network {self.path.name}"


def source_of(path: Path, architecture: str, arguments: str, entry: str) -> CodeSource:
    """What is to be opened; nothing is run. Raises BadInput with what is missing, such as an architecture."""
    kind = sniff(path)
    code = parse_architecture(architecture, path) if architecture else None
    if kind in {Format.TEXT, Format.CSV} and path.suffix == ".py" and code is not None and code.function:
        return CodeSource(path, kind, code, parse_arguments(arguments), entry, None)
    if kind not in CHECKPOINTS:
        raise refuse(path, kind)
    checkpoint = look(path)
    if code is None or not code.function:
        group = choose(groups(checkpoint), path.name, entry) if checkpoint.tensors else None
        pickled = checkpoint.modules and kind in {Format.CHECKPOINT, Format.PICKLE}
        if not pickled or (group is not None and not group.pickled_class):
            raise refuse(path, kind)
    return CodeSource(path, kind, code, parse_arguments(arguments), entry, checkpoint)
