"""Made-up moments of a project for the gallery: nothing open, running, finished, failed, with long names.

Every scene is a session of its own that heard the events of a run which never took place. The numbers are made up
to be looked at; the program itself reaches nothing of this.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from compress_studio.engine import events
from compress_studio.engine.cache import Store
from compress_studio.engine.plan import NodeState
from compress_studio.engine.records import Cause, Failure
from compress_studio.engine.runner import Run
from compress_studio.gui.planning import Planned
from compress_studio.gui.session import Session
from compress_studio.project.pipeline import Node
from compress_studio.project.project import Project
from compress_studio.project.samples import sample_project
from compress_studio.spec.meter import Reading

SCENES = ("empty", "busy", "full", "failed", "long")
SAMPLE = "letters"
RUN = "example"
LONG = "a_model_with_a_name_that_nobody_would_choose_but_that_some_export_script_makes_2026-11-22_final_v17.onnx"
SIZES = (309_000, 145_000, 145_000, 42_900)
ACCURACIES = (0.980, 0.953, 0.972, 0.969)
MILLISECONDS = (0.0091, 0.0084, 0.0083, 0.0152)


class _Standing:
    """A run that goes on for ever: what the session asks a run for, without any work."""

    id = RUN

    def cancel(self) -> None:
        """Nothing is going on that could stop."""


def make_scene(name: str, store: Store, folder: Path) -> Session:
    """The session of a scene; folder: for its files. Close it when it is done with."""
    session = Session(store)
    if name == "empty":
        return session
    session.open(_project(session, folder, long=name == "long"))
    session.settle()
    _agree(session)
    if name == "busy":
        session._run = cast("Run", _Standing())
    source = session.store.put(_network(session.project, folder)).digest
    for event in _events(name, session.project, source):
        session.bridge.put(event)
    session.bridge.drain()
    session.select([session.project.pipeline.nodes[1].id])
    return session


def finish_scene(session: Session) -> None:
    """Let questions about the scene be answered, then show it as it was made.

    The run of an example would never end, so it is taken away while the session comes to rest; and the plan is told
    that the made-up results belong to the parameters shown.
    """
    run, session._run = session._run, None
    session.settle()
    if len(session.project.pipeline):
        _agree(session)
    session._run = run
    if run is not None:
        session.bridge.put(_halfway(session.project.pipeline.nodes[2].id))
        session.bridge.drain()


def _agree(session: Session) -> None:
    """Let the plan know of the made-up keys, and of the results that are there."""
    assert session.plan is not None
    nodes = {
        node: replace(one, key=f"key-{place}", state=NodeState.FRESH if node in session.results else one.state)
        for place, (node, one) in enumerate(session.plan.nodes.items())
    }
    session._planned(Planned(replace(session.plan, nodes=nodes), {}, session.project))


def _project(session: Session, folder: Path, *, long: bool) -> Project:
    project = sample_project(SAMPLE, session.runtime.steps)
    if not long:
        return project
    nodes = list(project.pipeline.nodes)
    path = folder / LONG
    shutil.copyfile(str(nodes[0].params["path"]), path)
    nodes[0] = replace(nodes[0], params={**nodes[0].params, "path": str(path)})
    return replace(project, title=LONG, pipeline=replace(project.pipeline, nodes=tuple(nodes)))


def _network(project: Project, folder: Path) -> Path:
    """A folder as the store takes it."""
    made = folder / f"network-{len(list(folder.iterdir()))}"
    made.mkdir()
    shutil.copyfile(str(project.pipeline.nodes[0].params["path"]), made / "model.onnx")
    return made


def _events(name: str, project: Project, source: str) -> Iterator[events.RunEvent]:
    nodes = project.pipeline.nodes
    yield events.RunStarted(RUN, tuple(node.id for node in nodes))
    done = {"busy": 2, "failed": 1}.get(name, len(nodes))
    for place, node in enumerate(nodes[:done]):
        yield from _done(place, node, source)
    for node in nodes[done + 1 :]:
        yield events.NodeQueued(node.id, 4.0)
    if name == "busy":
        yield from _training(nodes[done].id, 40)
        yield _halfway(nodes[done].id)
        return
    if name == "failed":
        yield from _failed(nodes, done)
    yield events.RunEnded(RUN, name != "failed", 12.0)


def _halfway(node: str) -> events.RunEvent:
    return events.NodeProgress(node, 0.62, "epoch 4 of 5", 14.0)


def _failed(nodes: tuple[Node, ...], at: int) -> Iterator[events.RunEvent]:
    message = "The layer fc2 has no bias to put the correction into."
    hint = "Choose another criterion, or leave this layer out."
    yield events.NodeFailed(nodes[at].id, Failure(Cause.REFUSED, message, hint))
    for node in nodes[at + 1 :]:
        yield events.NodeSkipped(node.id, "blocked", "waits for the step before")


def _done(place: int, node: Node, source: str) -> Iterator[events.RunEvent]:
    digest = source if place == 0 else f"{place:064x}"
    report: dict[str, Any] = {"layers_changed": 3, "layers_total": 4} if place else {}
    if place == 1:
        text = "The last layer was left alone, because its inputs differ too much between the samples."
        report["warnings"] = [{"code": "example", "message": text}]
    if place == 2:
        yield from _training(node.id, 60)
    yield events.NodeDone(node.id, f"key-{place}", digest, "", report, 1.5 * place)
    size, share, time = SIZES[place], ACCURACIES[place], MILLISECONDS[place]
    sizes = (Reading("bytes", size), Reading("zipped_bytes", 0.93 * size), Reading("parameters", size / 4))
    counts = (Reading("nonzero", size / 4), Reading("macs", size / 4))
    ratio = MILLISECONDS[0] / time
    times = (Reading("median_ms", time), Reading("p25_ms", 0.98 * time), Reading("p75_ms", 1.03 * time))
    speed = Reading("ratio", ratio, low=0.97 * ratio, high=1.02 * ratio)
    top1 = Reading("top1", share, low=share - 0.004, high=share + 0.004, n=4000)
    change = share - ACCURACIES[0]
    yield events.MeasurementTaken(node.id, "size", digest, (*sizes, *counts))
    yield events.MeasurementTaken(node.id, "accuracy", digest, (top1,))
    if place:
        lost = Reading("top1_change", change, low=change - 0.003, high=change + 0.003, n=4000)
        yield events.MeasurementTaken(node.id, "agreement", digest, (Reading("agreement", share), lost))
    yield events.MeasurementTaken(node.id, "latency", digest, (*times, speed))


def _training(node: str, points: int) -> Iterator[events.RunEvent]:
    yield events.NodeStarted(node, "key", 30.0)
    for step in range(points):
        yield events.SeriesPoint(node, "loss", step, 0.2 + 1.4 / (1 + 0.2 * step))
        yield events.SeriesPoint(node, "val loss", step, 0.25 + 1.3 / (1 + 0.2 * step))
