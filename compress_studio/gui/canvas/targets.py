"""Where a connection that is being drawn may end, and why not. Pure, worked out once when the drawing begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from compress_studio.project.pipeline import NETWORK, Edge, NodeId, Pipeline

CIRCLE = "That would close a circle."
NO_INPUT = "A model is opened here, so nothing can lead into it."
ITSELF = "A step cannot feed itself."


@dataclass(frozen=True, slots=True)
class Targets:
    """The loose end of a connection: which ports would take it."""

    pipeline: Pipeline
    fixed: NodeId
    """The node at the end that stays."""
    port: str
    """The input at the end that stays; empty when the output stays and an input is sought."""
    old: Edge | None = None
    """The connection that is being taken elsewhere."""
    inputs: Mapping[NodeId, Sequence[str]] = field(default_factory=dict[NodeId, "Sequence[str]"])
    circle: frozenset[NodeId] = frozenset()
    used: frozenset[tuple[NodeId, str]] = frozenset()

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        fixed: NodeId,
        port: str,
        inputs: Mapping[NodeId, Sequence[str]],
        old: Edge | None = None,
    ) -> Targets:
        """Work out what is possible. inputs: the inputs of every node."""
        without = Pipeline(pipeline.nodes, tuple(edge for edge in pipeline.edges if edge != old))
        circle = without.below(fixed) if port else without.above(fixed)
        used = frozenset((edge.dst, edge.inp) for edge in without.edges)
        return cls(pipeline, fixed, port, old, inputs, frozenset(circle), used)

    def reason(self, node: NodeId) -> str:
        """Why a node cannot be the other end; empty when it can."""
        if node == self.fixed:
            return ITSELF
        if node in self.circle:
            return CIRCLE
        return NO_INPUT if not self.port and not self.inputs.get(node) else ""

    def edge_to(self, node: NodeId, port: str = "") -> Edge:
        """The connection to that node. port: the input under the cursor; without one, the first that is free."""
        if self.port:
            return Edge(node, NETWORK, self.fixed, self.port)
        names = self.inputs[node]
        free = [name for name in names if (node, name) not in self.used]
        return Edge(self.fixed, NETWORK, node, port if port in names else (free or list(names))[0])

    def replaces(self, edge: Edge) -> bool:
        """Whether another connection would give way."""
        return (edge.dst, edge.inp) in self.used
