"""What opening a path means for the session: a project, a model in one of three ways, or data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.digest import Json
from compress_studio.gui import settings
from compress_studio.gui.recognizing import Dropped, Kind, classify
from compress_studio.project import edits
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import SOURCE_STEP, NodeId
from compress_studio.project.project import Project
from compress_studio.project.samples import sample_project
from compress_studio.spec.data import DataRequest
from compress_studio.spec.step import Group

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

__all__ = ["Dropped", "Kind", "classify", "open_path"]

COMPRESSING = frozenset({Group.PRUNE, Group.FACTORIZE, Group.QUANTIZE})
Values = Mapping[str, Json]
"""Parameters of the first step."""
NOTHING: Values = {}
BELOW = 160.0
"""Distance on the canvas from the lowest node to another model."""


def open_path(session: Session, path: Path) -> None:
    """Open a project, data or a model that needs no questions. Raises UserError; the open project then stays."""
    found = classify(path)
    if found.kind is Kind.PROJECT:
        session.load(found.path)
        look_at_source(session, show=first_step(session))
    elif found.kind is Kind.DATA:
        use_data(session, found.path)
    else:
        open_model(session, found.path)


def open_model(session: Session, path: Path, values: Values = NOTHING) -> None:
    """Begin a project with a model, and look at it in the background.

    Data chosen before there was any model are used with it. values: further parameters of the first step, such as the
    code that makes the network of weights.
    """
    before = session.project
    data = before.data if not len(before.pipeline) else DataRequest()
    project = edits.add_node(SOURCE_STEP, _of(path, values), session.runtime.steps)(Project(title=path.stem))
    session.facts.forget(str(path.absolute()))
    session.open(replace(project, data=data), None)
    look_at_source(session)


def open_sample(session: Session, name: str) -> None:
    """Begin a project with a bundled sample, its data and its steps. Raises BadInput for a name nobody has."""
    session.open(sample_project(name, session.runtime.steps), None)
    look_at_source(session, show=first_step(session))


def replace_model(session: Session, path: Path, node: NodeId | None = None, values: Values = NOTHING) -> None:
    """Let a source (the first one) open another file; the steps behind it stay. The same file is opened again."""
    sources = session.project.pipeline.sources()
    target = next((one for one in sources if node in {None, one.id}), None)
    if target is None:
        open_model(session, path, values)
        return
    same = target.params.get(SOURCE_PATH) == str(path.absolute())
    if same and all(target.params.get(name) == value for name, value in values.items()):
        open_again(session, target.id)
        return
    steps = session.runtime.steps
    unset = {field.name: field.default for field in steps.get(SOURCE_STEP).params.fields()}
    label = f"Open {path.name} in another way" if same else f"Replace the model by {path.name}"
    if session.edit(label, edits.set_params(target.id, {**unset, **_of(path, values)}, steps)):
        session.facts.forget(str(path.absolute()))
        look_at_source(session, target.id)


def open_again(session: Session, node: NodeId) -> None:
    """Look at the file of a source again, because it changed or could not be opened."""
    session.facts.forget(str(session.project.pipeline.node(node).params.get(SOURCE_PATH, "")))
    look_at_source(session, node)


def add_model(session: Session, path: Path, values: Values = NOTHING) -> None:
    """Open one more model in the same project, such as a teacher or one to merge with."""
    pipeline = session.project.pipeline
    left = min((one.pos[0] for one in pipeline), default=0.0)
    low = max((one.pos[1] for one in pipeline), default=-BELOW)
    known = {one.id for one in pipeline}
    adding = edits.add_node(SOURCE_STEP, _of(path, values), session.runtime.steps, pos=(left, low + BELOW))
    if session.edit(f"Add the model {path.name}", adding):
        added = next(one.id for one in session.project.pipeline.sources() if one.id not in known)
        look_at_source(session, added)


def use_data(session: Session, path: Path, *, quiet: bool = False) -> None:
    """Use a file or folder as the data set; without a model they are kept for the one that is opened next.

    quiet: that model is about to be opened, so nothing is said.
    """
    from compress_studio.gui.message import Message

    chosen = replace(session.project.data, path=str(path.absolute()), options={})
    if not session.edit("Choose data", edits.set_data(chosen)):
        return
    if not len(session.project.pipeline) and not quiet:
        text = f"{path.name} will be used as data."
        session.message.emit(Message(text, "Now open the model that they belong to.", "info"))


def remove_data(session: Session) -> None:
    """Work without data: on synthetic inputs."""
    session.edit("Remove the data", edits.set_data(DataRequest(seed=session.project.data.seed)))


def first_step(session: Session) -> NodeId | None:
    """The step to begin with: the first that makes the model smaller, else the first of any kind."""
    specs = session.runtime.steps
    steps = [one for one in session.project.pipeline.order() if one.step != SOURCE_STEP and one.on]
    sparing = [one for one in steps if one.step in specs and specs.get(one.step).group in COMPRESSING]
    return next((one.id for one in (*sparing, *steps)), None)


def look_at_source(session: Session, node: NodeId | None = None, *, show: NodeId | None = None) -> None:
    """Open the models of the project in the background, so that previews have something to show.

    show: the node to select; the source when nothing else is named. Nothing is measured then, unless the user set
    that models are measured when they are opened.
    """
    sources = [one.id for one in session.project.pipeline.sources()]
    if not sources:
        return
    session.select([show or node or sources[0]])
    session.look_at(sources, measure=settings.current().measure_on_opening)


def _of(path: Path, values: Values) -> Mapping[str, Json]:
    return {**values, SOURCE_PATH: str(path.absolute())}
