"""What the canvas does to the project: each function is one edit, so one undo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compress_studio.gui.canvas.layout import arrange
from compress_studio.project import edits
from compress_studio.project.edits import Edit
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, Edge, NodeId, Pipeline, Point
from compress_studio.project.places import free_place, on_grid
from compress_studio.project.project import Project

if TYPE_CHECKING:
    from compress_studio.gui.session import Session


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a new step goes."""

    place: Point | None = None
    """On the canvas; None: beside what it follows."""
    edge: Edge | None = None
    """Into this connection."""
    after: NodeId | None = None
    """Behind this node."""
    before: tuple[NodeId, str] | None = None
    """In front of this input."""


def ends(pipeline: Pipeline) -> list[NodeId]:
    """The nodes that nothing depends on."""
    feeding = {edge.src for edge in pipeline.edges}
    return [node.id for node in pipeline.order() if node.id not in feeding]


def add_step(session: Session, step: str, spot: Spot) -> bool:
    """Add a step and select it."""
    steps = session.runtime.steps
    if step not in steps:
        return _edit(session, "Add step", edits.add_node(step, steps=steps))
    title = steps.get(step).title
    pipeline = session.project.pipeline
    place = on_grid(spot.place) if spot.place is not None else None
    if spot.edge is not None:
        return _edit(session, f"Insert {title}", edits.insert_on_edge(spot.edge, step, steps=steps))
    after = spot.after
    last = ends(pipeline)
    if after is None and spot.before is None and len(last) == 1:
        after = last[0]
    if after is not None and steps.get(step).inputs:
        return _edit(session, f"Add {title}", edits.append_step(step, steps=steps, after=after, pos=place))
    lowest = max((node.pos[1] for node in pipeline), default=0.0)
    wanted = place if place is not None else (0.0, lowest)
    free = free_place((node.pos for node in pipeline), wanted)
    edit = edits.add_node(step, steps=steps, pos=free)
    if spot.before is not None:
        node, port = spot.before
        edge = Edge(pipeline.fresh_id(step), NETWORK, node, port)
        edit = edits.together(edit, edits.connect(edge, steps))
    return _edit(session, f"Add {title}", edit)


def add_model(session: Session, path: str) -> bool:
    """Add another source."""
    steps, pipeline = session.runtime.steps, session.project.pipeline
    left = min((node.pos[0] for node in pipeline), default=0.0)
    top = max((node.pos[1] for node in pipeline.sources()), default=0.0)
    place = free_place((node.pos for node in pipeline), (left, top))
    return _edit(session, "Add model", edits.add_node(SOURCE_STEP, {SOURCE_PATH: path}, steps, pos=place))


def delete(session: Session, nodes: Iterable[NodeId]) -> bool:
    """Remove nodes; what led into them goes on to what follows."""
    gone = tuple(nodes)
    return bool(gone) and session.edit(
        f"Delete {named(session, gone)}", edits.remove_nodes(gone, session.runtime.steps)
    )


def mute(session: Session, nodes: Iterable[NodeId]) -> bool:
    """Switch steps off, or on again when all of them are off. Models among several steps are left alone."""
    pipeline = session.project.pipeline
    chosen = [pipeline.node(one) for one in nodes]
    usable = [node for node in chosen if node.step != SOURCE_STEP] or chosen
    some_on = any(node.on for node in usable)
    flipped = [node.id for node in usable if node.on == some_on]
    word = "Switch off" if some_on else "Switch on"
    return bool(flipped) and session.edit(f"{word} {named(session, flipped)}", edits.toggle(flipped))


def measure(session: Session, nodes: Iterable[NodeId]) -> bool:
    """Measure the results of nodes no more, or again when none of them is measured."""
    chosen = tuple(nodes)
    measured = any(session.project.pipeline.node(one).measured for one in chosen)
    word = "Do not measure" if measured else "Measure"
    return bool(chosen) and session.edit(
        f"{word} {named(session, chosen)}", edits.set_measured(chosen, measured=not measured)
    )


def duplicate(session: Session, node: NodeId) -> bool:
    """Copy a node and what follows as a variant."""
    return _edit(session, f"Duplicate {named(session, [node])} as variant", edits.duplicate_branch(node))


def disconnect(session: Session, nodes: Iterable[NodeId]) -> bool:
    """Remove every connection between these nodes and the others."""
    chosen = set(nodes)
    gone = [edge for edge in session.project.pipeline.edges if (edge.src in chosen) != (edge.dst in chosen)]
    return bool(gone) and session.edit(f"Disconnect {named(session, chosen)}", edits.cut(gone))


def cut(session: Session, edges: Iterable[Edge]) -> bool:
    """Remove connections."""
    gone = tuple(edges)
    return bool(gone) and session.edit(
        "Remove connection" if len(gone) == 1 else f"Remove {len(gone)} connections", edits.cut(gone)
    )


def connect(session: Session, edge: Edge, old: Edge | None = None) -> bool:
    """Join two nodes; old: the connection whose end was taken elsewhere."""
    steps = session.runtime.steps
    join = edits.connect(edge, steps)
    if old is not None:
        return session.edit("Reconnect", edits.together(edits.cut([old]), join))
    return session.edit("Connect", join)


def insert(session: Session, edge: Edge, node: NodeId, place: Point) -> bool:
    """Put a loose node into a connection."""
    steps = session.runtime.steps
    both = edits.together(edits.move({node: place}), edits.insert_node(edge, node, steps))
    return session.edit(f"Insert {named(session, [node])}", both)


def move(session: Session, places: dict[NodeId, Point], merge: str | None = None) -> bool:
    """Put nodes somewhere else."""
    return session.edit(f"Move {named(session, places)}", edits.move(places), merge)


def tidy(session: Session) -> bool:
    """Lay out the whole pipeline."""
    return session.edit("Tidy up", edits.move(arrange(session.project.pipeline)))


def named(session: Session, nodes: Iterable[NodeId]) -> str:
    """What an undo label calls these nodes."""
    chosen = list(nodes)
    view = session.views.get(chosen[0]) if len(chosen) == 1 else None
    return view.title if view is not None else f"{len(chosen)} steps" if len(chosen) > 1 else "step"


def _edit(session: Session, label: str, edit: Edit) -> bool:
    """Do it and select what is new."""
    before: Project = session.project
    done = session.edit(label, edit)
    if done:
        session.select([node.id for node in session.project.pipeline if node.id not in before.pipeline])
    return done


def paste(session: Session, copied: Pipeline, edit: Edit) -> bool:
    """Add copies and select them."""
    count = len(copied)
    return _edit(session, f"Paste {count} steps" if count > 1 else "Paste step", edit)
