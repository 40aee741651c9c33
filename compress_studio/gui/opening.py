"""What a path is to the window, and what opening it means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.project import edits
from compress_studio.project.files import SOURCE_PATH, SUFFIX
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.project.project import Project
from compress_studio.project.samples import sample_project
from compress_studio.spec.data import DataRequest

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

DATA_FORMATS = frozenset({Format.NPZ, Format.NPY, Format.PARQUET, Format.CSV, Format.FOLDER, Format.IMAGE, Format.ZIP})


class Kind(StrEnum):
    """What a path is used as."""

    PROJECT = "project"
    MODEL = "model"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A path and what it would become."""

    path: Path
    kind: Kind
    format: Format | None = None


def classify(path: Path) -> Dropped:
    """What a path is, by content; quick. Raises BadInput when there is nothing or it cannot be read."""
    if path.suffix.lower() == SUFFIX:
        return Dropped(path, Kind.PROJECT)
    found = sniff(path)
    if path.suffix.lower() == ".toml" or found in DATA_FORMATS:
        return Dropped(path, Kind.DATA, found)
    return Dropped(path, Kind.MODEL, found)


def open_path(session: Session, path: Path) -> None:
    """Open what lies at a path. Raises UserError; the open project then stays as it is."""
    dropped = classify(path)
    if dropped.kind is Kind.PROJECT:
        session.load(path)
    elif dropped.kind is Kind.DATA:
        session.edit(
            "Choose data", edits.set_data(replace(session.project.data, path=str(path.absolute()), options={}))
        )
    else:
        open_model(session, path)


def open_model(session: Session, path: Path) -> None:
    """Begin a project with a model, and look at it in the background."""
    params = {SOURCE_PATH: str(path.absolute())}
    project = edits.add_node(SOURCE_STEP, params, session.runtime.steps)(Project(title=path.stem))
    session.open(replace(project, data=DataRequest()), None)
    look_at_source(session)


def open_sample(session: Session, name: str) -> None:
    """Begin a project with a bundled sample, its data and its steps. Raises BadInput for a name nobody has."""
    session.open(sample_project(name, session.runtime.steps), None)
    look_at_source(session)


def look_at_source(session: Session) -> None:
    """Open the models of the project in the background, without measuring, so that previews have something to show."""
    sources = [node.id for node in session.project.pipeline.sources()]
    if sources:
        session.select(sources[:1])
        session.run(sources, measure=False)
