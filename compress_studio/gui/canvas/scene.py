"""The scene: items for the nodes and connections of the project, kept in step by comparing, never rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, QRectF
from PySide6.QtWidgets import QGraphicsScene

from compress_studio.gui.canvas.edge_item import EdgeItem, EdgeState
from compress_studio.gui.canvas.hint_item import HintItem
from compress_studio.gui.canvas.ink import BODY
from compress_studio.gui.canvas.look import input_ports, look_of
from compress_studio.gui.canvas.node_item import OUTPUT_PLACE, NodeItem, Zoom
from compress_studio.gui.nodeview import NodeView
from compress_studio.gui.theme import current
from compress_studio.project.pipeline import SOURCE_STEP, Edge, Node, NodeId, Point
from compress_studio.project.places import SPACING
from compress_studio.project.project import QUALITY_DROP, Project
from compress_studio.spec.registry import StepRegistry

PORT_REACH = 11.0
"""How near to a port the cursor must be, in pixels on the screen."""
EDGE_REACH = 7.0
ENDLESS = QRectF(-40_000.0, -40_000.0, 80_000.0, 80_000.0)


@dataclass(frozen=True, slots=True)
class PortSpot:
    """A port of a node; name is empty for the output."""

    node: NodeId
    name: str = ""


class PipelineScene(QGraphicsScene):
    """All items of the canvas."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(ENDLESS, parent)
        self.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.zoom = Zoom()
        self.nodes: dict[NodeId, NodeItem] = {}
        self.edges: dict[Edge, EdgeItem] = {}
        self.selected_edge: Edge | None = None
        self.steps: StepRegistry | None = None
        """Those that messages may name."""
        self.hint = HintItem()
        self.addItem(self.hint)
        self._shown: dict[NodeId, tuple[NodeView, Node, tuple[str, ...], float]] = {}
        self._edges_of: dict[NodeId, list[EdgeItem]] = {}
        self._hovered_edge: Edge | None = None
        current.watch().changed.connect(self.refresh)

    def show_pipeline(self, project: Project, views: Mapping[NodeId, NodeView]) -> None:
        """Show the project; items are added, moved and removed where it differs from what is shown."""
        pipeline = project.pipeline
        connected: dict[NodeId, list[str]] = {}
        for edge in pipeline.edges:
            connected.setdefault(edge.dst, []).append(edge.inp)
        drop = project.goal(QUALITY_DROP) or 0.01
        off: set[NodeId] = set()
        for node in pipeline:
            if not node.on:
                off.add(node.id)
            view = views.get(node.id)
            if view is not None:
                self._show_node(node, view, tuple(connected.get(node.id, ())), drop)
        for gone in [name for name in self.nodes if name not in pipeline]:
            self._remove_node(gone)
        self._show_edges(pipeline.edges, off)
        alone = len(pipeline) == 1 and pipeline.nodes[0].step == SOURCE_STEP
        self.hint.setVisible(alone)
        if alone:
            x, y = pipeline.nodes[0].pos
            self.hint.setPos(x + SPACING, y)

    def show_selection(self, selection: Sequence[NodeId], *, focused: bool) -> None:
        """Frame the selected nodes; the last one has the keyboard when focused."""
        chosen = set(selection)
        last = selection[-1] if selection else None
        for name, item in self.nodes.items():
            item.mark(selected=name in chosen, focused=focused and name == last)
            item.setZValue(1.0 if name in chosen else 0.0)

    def select_edge(self, edge: Edge | None) -> None:
        """Mark one connection, or none."""
        before, self.selected_edge = self.selected_edge, edge
        for one in (before, edge):
            if one in self.edges:
                self._rest(self.edges[one])

    def hover(self, node: NodeId | None, port: PortSpot | None, edge: Edge | None) -> None:
        """Light up what is under the cursor."""
        for name, item in self.nodes.items():
            at = "" if port is None or port.node != name else port.name or "out"
            item.mark(hovered=name == node, hot_port=at)
        if edge != self._hovered_edge:
            before, self._hovered_edge = self._hovered_edge, edge
            for one in (before, edge):
                if one in self.edges:
                    self._rest(self.edges[one])

    def aim_at_edge(self, edge: Edge | None) -> None:
        """Light up the connection that something would be inserted into."""
        for one, item in self.edges.items():
            if one == edge:
                item.show_state(EdgeState.TARGET)
            elif item.state is EdgeState.TARGET:
                self._rest(item)

    def place(self, node: NodeId, spot: QPointF) -> None:
        """Show a node somewhere, as while it is dragged; its connections follow."""
        self.nodes[node].setPos(spot)
        for item in self._edges_of.get(node, ()):
            self._route(item)

    def node_at(self, spot: QPointF) -> NodeId | None:
        """The topmost node under a point."""
        found: NodeItem | None = None
        for item in self.nodes.values():
            if BODY.contains(spot - item.pos()) and (found is None or item.zValue() >= found.zValue()):
                found = item
        return None if found is None else found.node

    def port_at(self, spot: QPointF) -> PortSpot | None:
        """The port nearest to a point, when it is near enough."""
        reach = PORT_REACH / max(self.zoom.scale, 0.3)
        nearest, best = None, reach * reach
        for item in self.nodes.values():
            here = spot - item.pos()
            if not BODY.adjusted(-reach, -reach, reach, reach).contains(here):
                continue
            for name in ("", *item.inputs()):
                place = item.input_place(name) if name else OUTPUT_PLACE
                distance = (here.x() - place.x()) ** 2 + (here.y() - place.y()) ** 2
                if distance < best:
                    nearest, best = PortSpot(item.node, name), distance
        return nearest

    def edge_at(self, spot: QPointF, reach: float = EDGE_REACH) -> Edge | None:
        """The connection nearest to a point, when it is near enough."""
        near = reach / max(self.zoom.scale, 0.1)
        x, y = spot.x(), spot.y()
        best = min(((item.distance(x, y, near), edge) for edge, item in self.edges.items()), default=None, key=_first)
        return best[1] if best is not None and best[0] <= near else None

    def nodes_in(self, box: QRectF) -> list[NodeId]:
        """The nodes that a rectangle touches, in the order of the pipeline."""
        return [name for name, item in self.nodes.items() if box.intersects(BODY.translated(item.pos()))]

    def port_place(self, spot: PortSpot) -> QPointF:
        """Where a port is."""
        item = self.nodes[spot.node]
        return item.pos() + (item.input_place(spot.name) if spot.name else OUTPUT_PLACE)

    def content(self, nodes: Iterable[NodeId] | None = None) -> QRectF:
        """The rectangle around these nodes, or all."""
        items = self.nodes.values() if nodes is None else [self.nodes[one] for one in nodes if one in self.nodes]
        box = QRectF()
        for item in items:
            box = box.united(BODY.translated(item.pos()))
        if nodes is None and self.hint.isVisible():
            box = box.united(BODY.translated(self.hint.pos()))
        return box

    def refresh(self) -> None:
        """Paint everything in the theme in force."""
        for node in self.nodes.values():
            node.refresh()
        for edge in self.edges.values():
            edge.refresh()
        self.update()

    def _show_node(self, node: Node, view: NodeView, connected: tuple[str, ...], drop: float) -> None:
        item = self.nodes.get(node.id)
        shown = self._shown.get(node.id)
        if item is None:
            item = self.nodes[node.id] = NodeItem(node.id, self.zoom)
            self.addItem(item)
        if shown is None or shown[1].pos != node.pos:
            self.place(node.id, _point(node.pos))
        if shown is None or shown[0] != view or shown[2:] != (connected, drop):
            item.show_look(look_of(view, input_ports(view, connected, node.step), connected, drop, self.steps))
        self._shown[node.id] = (view, node, connected, drop)

    def _show_edges(self, edges: Sequence[Edge], off: set[NodeId]) -> None:
        wanted = set(edges)
        for gone in [edge for edge in self.edges if edge not in wanted]:
            item = self.edges.pop(gone)
            self._edges_of[gone.src].remove(item)
            self._edges_of[gone.dst].remove(item)
            self.removeItem(item)
        if self.selected_edge not in wanted:
            self.selected_edge = None
        for edge in edges:
            item = self.edges.get(edge)
            if item is None:
                item = self.edges[edge] = EdgeItem(edge)
                self.addItem(item)
                self._edges_of.setdefault(edge.src, []).append(item)
                self._edges_of.setdefault(edge.dst, []).append(item)
                self._route(item)
            item.quiet = edge.dst in off
            if item.state in {EdgeState.PLAIN, EdgeState.OFF}:
                self._rest(item)

    def _remove_node(self, name: NodeId) -> None:
        self.removeItem(self.nodes.pop(name))
        self._shown.pop(name, None)

    def _route(self, item: EdgeItem) -> None:
        edge = item.edge
        if edge.src in self.nodes and edge.dst in self.nodes:
            item.route(self.port_place(PortSpot(edge.src)), self.port_place(PortSpot(edge.dst, edge.inp)))

    def _rest(self, item: EdgeItem) -> None:
        """The state of a connection that nothing is being done with."""
        if item.edge == self.selected_edge:
            item.show_state(EdgeState.SELECTED)
        elif item.edge == self._hovered_edge:
            item.show_state(EdgeState.HOVER)
        else:
            item.show_state(EdgeState.OFF if item.quiet else EdgeState.PLAIN)


def _point(place: Point) -> QPointF:
    return QPointF(place[0], place[1])


def _first(pair: tuple[float, Edge]) -> float:
    return pair[0]
