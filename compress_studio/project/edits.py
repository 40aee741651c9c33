"""Edits: functions that give a changed project and never touch the old one.

Every function here returns an Edit, ready for History.do. An edit that cannot be done raises UserError with the
reason and leaves nothing half done. Where a registry of steps is given, parameters are checked and stored in full;
without one (or for an unknown step) they are taken as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from compress_studio.base.digest import Json
from compress_studio.base.errors import UserError
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, TEACHER, Edge, Node, NodeId, Pipeline, Point
from compress_studio.project.places import BELOW, SPACING, free_offset, free_place, make_room, moved
from compress_studio.project.project import Goal, MeterUse, Project
from compress_studio.spec.data import DataRequest
from compress_studio.spec.ports import Port, can_join
from compress_studio.spec.registry import StepRegistry

Edit: TypeAlias = Callable[[Project], Project]

NO_PARAMS: Mapping[str, Json] = {}


def together(*parts: Edit) -> Edit:
    """Several edits, one after the other, as one."""

    def edit(project: Project) -> Project:
        for part in parts:
            project = part(project)
        return project

    return edit


def add_node(
    step: str,
    params: Mapping[str, Json] = NO_PARAMS,
    steps: StepRegistry | None = None,
    *,
    pos: Point = (0.0, 0.0),
) -> Edit:
    """Add a node that is joined to nothing; it gets the next free name of its kind."""

    def edit(project: Project) -> Project:
        return _with_nodes(project, [*project.pipeline.nodes, _new_node(project, step, params, steps, pos)])

    return edit


def append_step(
    step: str,
    params: Mapping[str, Json] = NO_PARAMS,
    steps: StepRegistry | None = None,
    *,
    after: NodeId | None = None,
    pos: Point | None = None,
) -> Edit:
    """Add a node at the end of the line, or behind the node after; pos: the place wanted, else beside that node.

    Its first input is joined to that node, an input named "teacher" to the source of the line. Raises UserError
    when there is nothing to join it to.
    """

    def edit(project: Project) -> Project:
        last = project.pipeline.node(after) if after is not None else project.pipeline.last()
        if last is None:
            raise UserError("There is no model to work on yet.", "Open a model first.")
        wanted = (last.pos[0] + SPACING, last.pos[1]) if pos is None else pos
        place = free_place((node.pos for node in project.pipeline.nodes), wanted)
        node = _new_node(project, step, params, steps, place)
        return _joined(project, node, last.id, steps, [])

    return edit


def insert_on_edge(
    edge: Edge, step: str, params: Mapping[str, Json] = NO_PARAMS, steps: StepRegistry | None = None
) -> Edit:
    """Put a new node into a connection: what flowed through the edge flows through the node."""

    def edit(project: Project) -> Project:
        _check_there(project.pipeline, edge)
        pipeline, middle = make_room(project.pipeline, edge)
        node = _new_node(project, step, params, steps, middle)
        without = replace(project, pipeline=Pipeline(pipeline.nodes, tuple(_others(pipeline, edge))))
        return _joined(without, node, edge.src, steps, [Edge(node.id, NETWORK, edge.dst, edge.inp)])

    return edit


def insert_node(edge: Edge, node: NodeId, steps: StepRegistry | None = None) -> Edit:
    """Put a node that is there already into a connection."""

    def edit(project: Project) -> Project:
        _check_there(project.pipeline, edge)
        into = Edge(edge.src, edge.out, node, _first_input(project.pipeline.node(node), steps))
        without = _with_edges(project, _others(project.pipeline, edge))
        return together(connect(into, steps), connect(Edge(node, NETWORK, edge.dst, edge.inp), steps))(without)

    return edit


def remove_nodes(nodes: Iterable[NodeId], steps: StepRegistry | None = None) -> Edit:
    """Remove nodes; what came into the first input of a removed node goes on to the nodes behind it."""
    gone = set(nodes)

    def edit(project: Project) -> Project:
        pipeline = project.pipeline
        for node in gone:
            pipeline.node(node)
        kept: list[Edge] = []
        for edge in pipeline.edges:
            if edge.dst in gone:
                continue
            feed = _feed_past(pipeline, edge, gone, steps)
            if feed is not None:
                kept.append(replace(edge, src=feed.src, out=feed.out))
        left = tuple(node for node in pipeline.nodes if node.id not in gone)
        return replace(project, pipeline=Pipeline(left, tuple(kept)))

    return edit


def connect(edge: Edge, steps: StepRegistry | None = None) -> Edit:
    """Join an output to an input; a connection that led into this input before is replaced."""

    def edit(project: Project) -> Project:
        pipeline = project.pipeline
        out = _port(pipeline, edge.src, edge.out, steps, inputs=False)
        into = _port(pipeline, edge.dst, edge.inp, steps, inputs=True)
        if out is not None and into is not None and not can_join(out, into):
            raise UserError(f"{into.title or into.name} does not take what {out.title or out.name} gives.")
        if edge.src == edge.dst or edge.dst in pipeline.above(edge.src):
            raise UserError("That would close a circle.", "Connect to a node that comes later.")
        others = [one for one in pipeline.edges if (one.dst, one.inp) != (edge.dst, edge.inp)]
        return _with_edges(project, [*others, edge])

    return edit


def cut(edges: Iterable[Edge]) -> Edit:
    """Remove connections; those that are not there are ignored."""
    gone = set(edges)
    return lambda project: _with_edges(project, [edge for edge in project.pipeline.edges if edge not in gone])


def set_param(node: NodeId, name: str, value: Json, steps: StepRegistry | None = None) -> Edit:
    """Change one parameter; raises BadInput with what is expected when the value is not allowed."""
    return set_params(node, {name: value}, steps)


def set_params(node: NodeId, values: Mapping[str, Json], steps: StepRegistry | None = None) -> Edit:
    """Change several parameters of a node at once."""

    def edit(project: Project) -> Project:
        old = project.pipeline.node(node)
        return _with_node(project, replace(old, params=_checked(old.step, {**old.params, **values}, steps)))

    return edit


def move(places: Mapping[NodeId, Point]) -> Edit:
    """Put nodes somewhere else on the canvas."""

    def edit(project: Project) -> Project:
        for node in places:
            project.pipeline.node(node)
        return replace(project, pipeline=moved(project.pipeline, places))

    return edit


def toggle(nodes: Iterable[NodeId]) -> Edit:
    """Switch nodes off, or on again; a node that is off passes on what arrives. A source cannot be off."""
    chosen = tuple(nodes)

    def edit(project: Project) -> Project:
        for name in chosen:
            node = project.pipeline.node(name)
            if node.step == SOURCE_STEP:
                raise UserError("The source cannot be switched off.", "Remove it, or choose another model.")
            project = _with_node(project, replace(node, on=not node.on))
        return project

    return edit


def set_measured(nodes: Iterable[NodeId], *, measured: bool) -> Edit:
    """Choose whether the results of nodes are measured."""
    chosen = tuple(nodes)

    def edit(project: Project) -> Project:
        for name in chosen:
            project = _with_node(project, replace(project.pipeline.node(name), measured=measured))
        return project

    return edit


def paste(nodes: Sequence[Node], edges: Iterable[Edge] = (), offset: Point = (30.0, 30.0)) -> Edit:
    """Add copies of nodes under new names, with the connections among them; other connections are left out."""
    among = tuple(edges)

    def edit(project: Project) -> Project:
        copies, names = _copies(project.pipeline, nodes, offset)
        inner = [
            Edge(names[edge.src], edge.out, names[edge.dst], edge.inp)
            for edge in among
            if edge.src in names and edge.dst in names
        ]
        pipeline = Pipeline((*project.pipeline.nodes, *copies), (*project.pipeline.edges, *inner))
        return replace(project, pipeline=pipeline)

    return edit


def duplicate_branch(node: NodeId, offset: Point = (0.0, BELOW)) -> Edit:
    """Copy a node and everything behind it, fed from the same places: a variant to compare with.

    The copies lie at the offset, or further down where something is in their way.
    """

    def edit(project: Project) -> Project:
        pipeline = project.pipeline
        if pipeline.node(node).step == SOURCE_STEP:
            raise UserError("A source is not a branch.", "Choose the first node of the branch.")
        branch = [pipeline.node(node), *(pipeline.node(one) for one in pipeline.below(node))]
        free = free_offset([one.pos for one in pipeline.nodes], [one.pos for one in branch], offset)
        copies, names = _copies(pipeline, branch, free)
        edges = [
            Edge(names.get(edge.src, edge.src), edge.out, names[edge.dst], edge.inp)
            for edge in pipeline.edges
            if edge.dst in names
        ]
        return replace(project, pipeline=Pipeline((*pipeline.nodes, *copies), (*pipeline.edges, *edges)))

    return edit


def set_data(data: DataRequest) -> Edit:
    """Choose the data set."""
    return lambda project: replace(project, data=data)


def set_title(title: str) -> Edit:
    """Name the project."""
    return lambda project: replace(project, title=title)


def set_meters(meters: Iterable[MeterUse]) -> Edit:
    """Choose what is measured."""
    chosen = tuple(meters)
    return lambda project: replace(project, meters=chosen)


def set_goals(goals: Iterable[Goal]) -> Edit:
    """Choose the budgets that results are judged by."""
    chosen = tuple(goals)
    return lambda project: replace(project, goals=chosen)


def set_seed(seed: int) -> Edit:
    """Choose the seed of every step that draws random numbers."""
    return lambda project: replace(project, seed=seed)


def set_device(device: str) -> Edit:
    """Choose where training runs."""
    return lambda project: replace(project, device=device)


def _new_node(project: Project, step: str, params: Mapping[str, Json], steps: StepRegistry | None, pos: Point) -> Node:
    version = steps.get(step).version if steps is not None else 1
    return Node(project.pipeline.fresh_id(step), step, _checked(step, params, steps), pos, version=version)


def _checked(step: str, params: Mapping[str, Json], steps: StepRegistry | None) -> Mapping[str, Json]:
    if steps is None or step not in steps:
        return dict(params)
    return steps.get(step).params.read(params).plain()


def _joined(project: Project, node: Node, before: NodeId, steps: StepRegistry | None, more: list[Edge]) -> Project:
    edges = [*project.pipeline.edges, Edge(before, NETWORK, node.id, _first_input(node, steps)), *more]
    source = project.pipeline.source_of(before)
    if source is not None and steps is not None and any(port.name == TEACHER for port in steps.get(node.step).inputs):
        edges.append(Edge(source, NETWORK, node.id, TEACHER))
    return replace(project, pipeline=Pipeline((*project.pipeline.nodes, node), tuple(edges)))


def _check_there(pipeline: Pipeline, edge: Edge) -> None:
    if edge not in pipeline.edges:
        raise UserError("That connection is not there any more.", "Choose another connection.")


def _others(pipeline: Pipeline, edge: Edge) -> list[Edge]:
    return [one for one in pipeline.edges if one != edge]


def _first_input(node: Node, steps: StepRegistry | None) -> str:
    if steps is None or node.step not in steps:
        return NETWORK
    ports = steps.get(node.step).inputs
    if not ports:
        raise UserError(f"{steps.get(node.step).title} opens a model and cannot follow another node.")
    return ports[0].name


def _feed_past(pipeline: Pipeline, edge: Edge, gone: set[NodeId], steps: StepRegistry | None) -> Edge | None:
    """The edge that still exists from which this one is fed when some nodes are gone; None when there is none."""
    while edge.src in gone:
        node = pipeline.node(edge.src)
        name = NETWORK
        if steps is not None and node.step in steps:
            name = next((port.name for port in steps.get(node.step).inputs), "")
        before = pipeline.inputs_of(node.id).get(name)
        if before is None:
            return None
        edge = before
    return edge


def _port(pipeline: Pipeline, node: NodeId, name: str, steps: StepRegistry | None, *, inputs: bool) -> Port | None:
    """The port of that name; None when the step is unknown here; raises UserError when it has no such port."""
    step = pipeline.node(node).step
    if steps is None or step not in steps:
        return None
    ports = steps.get(step).inputs if inputs else steps.get(step).outputs
    for port in ports:
        if port.name == name:
            return port
    names = ", ".join(port.name for port in ports) or "none"
    raise UserError(f"{node} has no {'input' if inputs else 'output'} {name}.", f"It has: {names}.")


def _copies(pipeline: Pipeline, nodes: Sequence[Node], offset: Point) -> tuple[list[Node], dict[NodeId, NodeId]]:
    copies: list[Node] = []
    names: dict[NodeId, NodeId] = {}
    for node in nodes:
        names[node.id] = pipeline.fresh_id(node.step, also=names.values())
        place = (node.pos[0] + offset[0], node.pos[1] + offset[1])
        copies.append(replace(node, id=names[node.id], pos=place))
    return copies, names


def _with_nodes(project: Project, nodes: Iterable[Node]) -> Project:
    return replace(project, pipeline=Pipeline(tuple(nodes), project.pipeline.edges))


def _with_edges(project: Project, edges: Iterable[Edge]) -> Project:
    return replace(project, pipeline=Pipeline(project.pipeline.nodes, tuple(edges)))


def _with_node(project: Project, changed: Node) -> Project:
    return _with_nodes(project, (changed if node.id == changed.id else node for node in project.pipeline.nodes))
