"""Nodes and edges: a pipeline is an immutable value, always without circles."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from compress_studio.base.digest import Json
from compress_studio.base.errors import BadInput

NodeId: TypeAlias = str
"""A readable word that stays the same for ever: "prune1", "distil1"."""
Point: TypeAlias = tuple[float, float]

NETWORK = "network"
"""The port that carries the main line: the output of every step and, by custom, its first input."""
TEACHER = "teacher"
"""An input of this name is joined to the source when a step is appended."""
SOURCE_STEP = "source.model"
TELLING_PREFIXES = frozenset({"source", "prune", "quantize", "factorize", "cluster"})
"""First parts of step ids that say what is done; of all others the last part says more."""


@dataclass(frozen=True, slots=True)
class Node:
    """One use of a step, with its parameters."""

    id: NodeId
    step: str
    """Id of the step; it may be unknown here, the node is then kept as it is."""
    params: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    """Values by name, as plain JSON; a name that is missing means its default."""
    pos: Point = (0.0, 0.0)
    on: bool = True
    """False: the node passes on what arrives at its first input."""
    measured: bool = True
    """False: its result is made but not measured."""
    version: int = 1
    """Version of the step when the node was saved."""
    extra: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    """What a file said about this node that nobody here knows; written back untouched."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An output of one node joined to an input of another."""

    src: NodeId
    out: str
    dst: NodeId
    inp: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Nodes in the order in which they were added, and edges. Raises BadInput when these are no pipeline.

    Checked when made: node ids are unique, edges join nodes that exist, an input has at most one edge, and
    there is no circle.
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        ids = {node.id for node in self.nodes}
        if len(ids) != len(self.nodes):
            twice = sorted({node.id for node in self.nodes if sum(one.id == node.id for one in self.nodes) > 1})
            raise BadInput(f"Two nodes have the same name: {', '.join(twice)}.", "Rename one of them.")
        inputs: set[tuple[NodeId, str]] = set()
        for edge in self.edges:
            for end in (edge.src, edge.dst):
                if end not in ids:
                    raise BadInput(f"A connection leads to {end}, which does not exist.", "Remove the connection.")
            if (edge.dst, edge.inp) in inputs:
                raise BadInput(f"Two connections lead into {edge.inp} of {edge.dst}.", "Remove one of them.")
            inputs.add((edge.dst, edge.inp))
        if len(self._sorted()) != len(self.nodes):
            raise BadInput("The connections form a circle.", "Remove one of the connections of the circle.")

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, node: object) -> bool:
        return any(one.id == node for one in self.nodes)

    def node(self, node: NodeId) -> Node:
        """The node of that name; raises BadInput naming those that exist."""
        for one in self.nodes:
            if one.id == node:
                return one
        names = ", ".join(one.id for one in self.nodes) or "none"
        raise BadInput(f"There is no node {node}.", f"The nodes of this pipeline: {names}.")

    def order(self) -> tuple[Node, ...]:
        """All nodes, each after everything it takes in; otherwise in the order in which they were added."""
        return self._sorted()

    def above(self, node: NodeId) -> tuple[NodeId, ...]:
        """Everything that the node depends on, in running order, without the node itself."""
        return self._reach(node, upwards=True)

    def below(self, node: NodeId) -> tuple[NodeId, ...]:
        """Everything that depends on the node, in running order, without the node itself."""
        return self._reach(node, upwards=False)

    def inputs_of(self, node: NodeId) -> dict[str, Edge]:
        """The connected inputs of a node: port name to the edge that feeds it."""
        return {edge.inp: edge for edge in self.edges if edge.dst == node}

    def outputs_of(self, node: NodeId) -> tuple[Edge, ...]:
        """The edges that leave a node."""
        return tuple(edge for edge in self.edges if edge.src == node)

    def sources(self) -> tuple[Node, ...]:
        """The nodes that open a model, in order."""
        return tuple(node for node in self.order() if node.step == SOURCE_STEP)

    def source_of(self, node: NodeId) -> NodeId | None:
        """The model that a node descends from: the source at the beginning of its main line, itself when it is one.

        A teacher is not what a node descends from, whatever was added first. None: its line has no source.
        """
        at = self.node(node)
        while at.step != SOURCE_STEP:
            edge = main_input(self.inputs_of(at.id))
            if edge is None:
                return None
            at = self.node(edge.src)
        return at.id

    def last(self) -> Node | None:
        """The node whose result is the result of the pipeline: the last in order that nothing depends on."""
        feeding = {edge.src for edge in self.edges}
        ends = [node for node in self.order() if node.id not in feeding]
        return ends[-1] if ends else None

    def fresh_id(self, step: str, also: Iterable[NodeId] = ()) -> NodeId:
        """A name nobody has yet: a word of the step and a number, such as "prune1" for "prune.channels"."""
        taken = {node.id for node in self.nodes} | set(also)
        stem = _stem(step)
        number = 1
        while f"{stem}{number}" in taken:
            number += 1
        return f"{stem}{number}"

    def _sorted(self) -> tuple[Node, ...]:
        """Topological order by Kahn's method; shorter than the pipeline when there is a circle."""
        waiting = {node.id: 0 for node in self.nodes}
        followers: dict[NodeId, list[NodeId]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            waiting[edge.dst] += 1
            followers[edge.src].append(edge.dst)
        place = {node.id: number for number, node in enumerate(self.nodes)}
        ready = [place[node] for node, count in waiting.items() if count == 0]
        heapq.heapify(ready)
        done: list[Node] = []
        while ready:
            node = self.nodes[heapq.heappop(ready)]
            done.append(node)
            for follower in followers[node.id]:
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    heapq.heappush(ready, place[follower])
        return tuple(done)

    def _reach(self, start: NodeId, *, upwards: bool) -> tuple[NodeId, ...]:
        self.node(start)
        neighbours: dict[NodeId, list[NodeId]] = {}
        for edge in self.edges:
            here, there = (edge.dst, edge.src) if upwards else (edge.src, edge.dst)
            neighbours.setdefault(here, []).append(there)
        found: set[NodeId] = set()
        stack = [start]
        while stack:
            for there in neighbours.get(stack.pop(), ()):
                if there not in found:
                    found.add(there)
                    stack.append(there)
        return tuple(node.id for node in self.order() if node.id in found)


def main_input(inputs: Mapping[str, Edge]) -> Edge | None:
    """The edge of a node that carries the main line: into the port of that name, else into any but the teacher's."""
    if NETWORK in inputs:
        return inputs[NETWORK]
    return next((edge for name, edge in inputs.items() if name != TEACHER), next(iter(inputs.values()), None))


def _stem(step: str) -> str:
    """What is done, in one word: "prune" for "prune.channels", "distil" for "train.distil"."""
    parts = [part for part in step.split(".") if part] or ["node"]
    word = parts[0] if parts[0] in TELLING_PREFIXES else parts[-1]
    word = "".join(letter for letter in word.lower() if letter.isascii() and letter.isalnum()) or "node"
    return f"{word}_" if word[-1].isdigit() else word
