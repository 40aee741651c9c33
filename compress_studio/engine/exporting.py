"""Exporting a result: everything is made and proved beside the target first, then renamed into place."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compress_studio.artifacts.artifact import MODEL_FILE
from compress_studio.base.errors import BadInput, UserError
from compress_studio.base.paths import write_text
from compress_studio.engine import delivery
from compress_studio.engine.report_page import report_page
from compress_studio.engine.run_script import run_script
from compress_studio.engine.variants import recipe_of
from compress_studio.project import files
from compress_studio.project.project import Project

SUFFIX = ".onnx"


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

    def names(self) -> dict[str, Path]:
        """The files that will be written, by what they are."""
        stem = self.target.with_suffix("")
        found = {"model": self.target}
        for name in delivery.artifact_files(self.network):
            if name != MODEL_FILE:
                found["weights"] = self.target.parent / name
        if self.with_recipe:
            found["recipe"] = stem.with_name(f"{stem.name}{files.SUFFIX}")
        if self.with_report:
            found["report"] = stem.with_name(f"{stem.name}.report.html")
            found["numbers"] = stem.with_name(f"{stem.name}.report.json")
        if self.with_script:
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
    if target.suffix.lower() != SUFFIX or target.is_dir():
        raise BadInput(f"{target.name} is not the name of an ONNX file.", "Choose a name that ends with .onnx.")
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
        stored = delivery.artifact_files(request.network)
        for name, path in stored.items():
            inside = folder / (request.target.name if name == MODEL_FILE else name)
            delivery.copier(path)(inside)
            made[inside] = names["model"] if name == MODEL_FILE else names["weights"]
        copied = {name: folder / (request.target.name if name == MODEL_FILE else name) for name in stored}
        if delivery.digest_of(copied) != request.digest:
            raise UserError(
                f"{request.target.name} differs from the model that was measured.", "Check the disk, then retry."
            )
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


def finish(staged: Staged) -> list[Path]:
    """Rename everything into place; what was there before is replaced only now."""
    try:
        for inside, target in staged.files.items():
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
    if request.with_script:
        texts["script"] = run_script(request.target.name)
    return texts
