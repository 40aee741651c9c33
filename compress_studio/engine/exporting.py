"""Exporting a result: everything is made and proved beside the target first, then renamed into place."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compress_studio.artifacts.artifact import MODEL_FILE
from compress_studio.base.errors import BadInput, UserError
from compress_studio.base.paths import flush, write_text
from compress_studio.engine import delivery
from compress_studio.engine.report_page import report_page
from compress_studio.engine.run_script import run_script
from compress_studio.engine.variants import recipe_of
from compress_studio.project import files
from compress_studio.project.project import Project

SUFFIX = ".onnx"
ONNX = "onnx"
OPERATORS = "custom_ops"
"""The parameter of a source that says where operators come from."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is exported, and where to."""

    target: Path
    """The .onnx file."""
    network: Path
    """The stored network that was measured."""
    digest: str
    node: str
    project: Project
    report: Mapping[str, Any]
    """What build_report gave for the node and everything above it."""
    with_recipe: bool = True
    with_report: bool = True
    with_script: bool = False
    output: str = ONNX
    """Id of the format; another one than ONNX is written by a worker into the folder that stage makes."""
    suffixes: tuple[str, ...] = (SUFFIX,)
    """Of the files of that format."""
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What was chosen for that format, where it is not the default."""

    @property
    def as_measured(self) -> bool:
        """Whether the bytes are those that were measured."""
        return self.output == ONNX and not self.params and not delivery.in_two_files(self.network)

    def names(self) -> dict[str, Path]:
        """The files that will be written, by what they are."""
        stem = self.target.with_suffix("")
        found = {"model": self.target}
        if self.output == ONNX and delivery.in_two_files(self.network):
            found["weights"] = self.target.with_name(f"{self.target.name}.data")
        if self.with_recipe:
            found["recipe"] = stem.with_name(f"{stem.name}{files.SUFFIX}")
        if self.with_report:
            found["report"] = stem.with_name(f"{stem.name}.report.html")
            found["numbers"] = stem.with_name(f"{stem.name}.report.json")
        if self.with_script and self.output == ONNX:
            found["script"] = stem.with_name(f"run_{stem.name}.py")
        return found


@dataclass(frozen=True, slots=True)
class Staged:
    """An export that is made and waits for its proof."""

    folder: Path
    files: Mapping[Path, Path]
    """From the place in the folder to the target."""

    @property
    def model(self) -> Path:
        """The model inside the folder."""
        return next(iter(self.files))


def check_target(request: ExportRequest) -> None:
    """Raise what is known to be wrong before anything is written."""
    target = request.target
    if target.suffix.lower() not in request.suffixes or (target.is_dir() and request.as_measured):
        what = "an ONNX file" if request.output == ONNX else "a file of this format"
        ending = " or ".join(request.suffixes)
        raise BadInput(f"{target.name} is not the name of {what}.", f"Choose a name that ends with {ending}.")
    delivery.check_writable(target.parent)
    weights = request.names().get("weights")
    if weights is not None and weights.exists() and not target.exists():
        raise UserError(f"{weights} belongs to another model.", "Choose another folder.")


def stage(request: ExportRequest) -> Staged:
    """Make all files in a fresh folder beside the target. Raises UserError and leaves nothing behind."""
    check_target(request)
    parent = request.target.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".cs-", dir=parent))
    try:
        names = request.names()
        made = {folder / request.target.name: names["model"]}
        if request.as_measured:
            made |= _copied(request, folder)
        for what, text in _texts(request).items():
            write_text(folder / names[what].name, text)
            made[folder / names[what].name] = names[what]
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise UserError(
                f"{parent} cannot be written: {error.strerror or error}.", "Choose another folder."
            ) from None
        raise
    return Staged(folder, made)


def with_files(staged: Staged, request: ExportRequest, names: Sequence[str]) -> Staged:
    """The staged export with the files that a worker wrote into its folder."""
    parent = request.target.absolute().parent
    written = {staged.folder / name: parent / name for name in names}
    others = {inside: target for inside, target in staged.files.items() if inside != staged.model}
    return Staged(staged.folder, {**written, **others})


def _copied(request: ExportRequest, folder: Path) -> dict[Path, Path]:
    """Copy the stored network and prove that the copy holds the same bytes."""
    copied = {MODEL_FILE: folder / request.target.name}
    delivery.copier(request.network)(copied[MODEL_FILE])
    if delivery.digest_of(copied) != request.digest:
        raise UserError(
            f"{request.target.name} differs from the model that was measured.", "Check the disk, then retry."
        )
    return {copied[MODEL_FILE]: request.names()["model"]}


def finish(staged: Staged) -> list[Path]:
    """Rename everything into place; what was there before is replaced only now."""
    try:
        for inside, target in staged.files.items():
            flush(inside)
            if inside.is_dir() and target.is_dir():
                shutil.rmtree(target)
            inside.replace(target)
    except OSError as error:
        raise UserError(
            f"The export cannot be put into place: {error.strerror or error}.", "Choose another name."
        ) from None
    finally:
        discard(staged)
    return list(staged.files.values())


def discard(staged: Staged) -> None:
    """Remove what was made."""
    shutil.rmtree(staged.folder, ignore_errors=True)


def _texts(request: ExportRequest) -> dict[str, str]:
    texts: dict[str, str] = {}
    recipe = replace(request.project, pipeline=recipe_of(request.project.pipeline, request.node))
    if request.with_recipe:
        texts["recipe"] = files.dump(recipe, request.target.absolute().parent)
    if request.with_report:
        texts["report"] = report_page(request.report, request.node)
        texts["numbers"] = json.dumps(request.report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if request.with_script and request.output == ONNX:
        texts["script"] = run_script(request.target.name, _operators(recipe))
    return texts


def _operators(recipe: Project) -> list[str]:
    """Where the sources of a recipe take operators from that ONNX Runtime lacks: words and names of files."""
    given = [str(node.params.get(OPERATORS, "")) for node in recipe.pipeline.nodes]
    words = [word.strip() for text in given for word in re.split("[+;]", text)]
    return list(dict.fromkeys(Path(word).name for word in words if word))
