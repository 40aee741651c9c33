"""What the mouse does on the canvas: one object per gesture, finishing in at most one edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtWidgets import QGraphicsLineItem, QGraphicsPathItem, QGraphicsRectItem

from compress_studio.gui.canvas import editing
from compress_studio.gui.canvas.edge_item import curve
from compress_studio.gui.canvas.editing import Spot
from compress_studio.gui.canvas.ink import ink
from compress_studio.gui.canvas.node_item import Aim
from compress_studio.gui.canvas.scene import PortSpot
from compress_studio.gui.canvas.targets import Targets
from compress_studio.project.pipeline import TEACHER, Edge, NodeId, Point
from compress_studio.project.places import on_grid

if TYPE_CHECKING:
    from compress_studio.gui.canvas.view import PipelineView

ABOVE = 10.0
Keys = Qt.KeyboardModifier


class Gesture:
    """From the press of a button to its release. start comes with the first move, so never for a mere click."""

    cursor = Qt.CursorShape.ArrowCursor

    def __init__(self, view: PipelineView) -> None:
        self.view = view
        self.scene = view.pipeline
        self.session = view.session

    def start(self, at: QPointF) -> None:
        """The mouse began to move, at the place of the press."""

    def move(self, at: QPointF, keys: Keys) -> None:
        """The mouse is here now, in units of the scene."""

    def finish(self, at: QPointF) -> None:
        """The button was released: do it."""

    def cancel(self) -> None:
        """Esc was pressed, or the project changed: everything as before."""


class Pan(Gesture):
    """Move what is seen."""

    cursor = Qt.CursorShape.ClosedHandCursor

    def __init__(self, view: PipelineView, press: QPoint) -> None:
        super().__init__(view)
        self._last = press

    def drag(self, to: QPoint) -> None:
        """The mouse is here now, in pixels: scene units move along with what is seen."""
        self.view.pan_by(to - self._last)
        self._last = to


class MoveNodes(Gesture):
    """Put the selected nodes somewhere else."""

    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self, view: PipelineView, grabbed: NodeId) -> None:
        super().__init__(view)
        self.grabbed = grabbed
        self._begun = QPointF()
        self._before: dict[NodeId, Point] = {}
        self.places: dict[NodeId, Point] = {}

    def start(self, at: QPointF) -> None:
        pipeline = self.session.project.pipeline
        self._begun = at
        self._before = {one: pipeline.node(one).pos for one in self.session.selection}

    def move(self, at: QPointF, keys: Keys) -> None:
        first = self._before[self.grabbed]
        way = at - self._begun
        there = on_grid((first[0] + way.x(), first[1] + way.y()))
        across, down = there[0] - first[0], there[1] - first[1]
        self.places = {one: (x + across, y + down) for one, (x, y) in self._before.items()}
        for one, (x, y) in self.places.items():
            self.scene.place(one, QPointF(x, y))

    def finish(self, at: QPointF) -> None:
        if self.places:
            editing.move(self.session, self.places)

    def cancel(self) -> None:
        for one, (x, y) in self._before.items():
            if one in self.scene.nodes:
                self.scene.place(one, QPointF(x, y))


class InsertOnEdge(MoveNodes):
    """Move a node that is joined to nothing; released on a connection it is put into it."""

    def __init__(self, view: PipelineView, grabbed: NodeId) -> None:
        super().__init__(view, grabbed)
        self.edge: Edge | None = None

    def move(self, at: QPointF, keys: Keys) -> None:
        super().move(at, keys)
        self.edge = self.scene.edge_at(self.scene.nodes[self.grabbed].sceneBoundingRect().center(), 30.0)
        self.scene.aim_at_edge(self.edge)
        self.view.say("Release to insert it here" if self.edge is not None else "")

    def finish(self, at: QPointF) -> None:
        if self.edge is None:
            super().finish(at)
        else:
            editing.insert(self.session, self.edge, self.grabbed, self.places[self.grabbed])

    def cancel(self) -> None:
        super().cancel()
        self.scene.aim_at_edge(None)


class DrawEdge(Gesture):
    """Draw a connection from a port, or take an end of an existing one elsewhere."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: PipelineView, fixed: PortSpot, old: Edge | None = None) -> None:
        super().__init__(view)
        self._fixed = fixed
        self._old = old
        self._draft = QGraphicsPathItem()
        self._targets: Targets | None = None
        self._chosen: Edge | None = None
        self._over: NodeId | None = None

    def start(self, at: QPointF) -> None:
        inputs = {name: item.inputs() for name, item in self.scene.nodes.items()}
        pipeline = self.session.project.pipeline
        self._targets = Targets.of(pipeline, self._fixed.node, self._fixed.name, inputs, self._old)
        self._draft.setPen(ink().draft)
        self._draft.setZValue(ABOVE)
        self.scene.addItem(self._draft)
        if self._old in self.scene.edges:
            self.scene.edges[self._old].setVisible(False)

    def move(self, at: QPointF, keys: Keys) -> None:
        targets = self._targets
        assert targets is not None
        port = self.scene.port_at(at)
        self._over = port.node if port is not None else self.scene.node_at(at)
        reason = targets.reason(self._over) if self._over is not None else ""
        fits = self._over is not None and not reason
        self._chosen = targets.edge_to(self._over, port.name if port else "") if fits and self._over else None
        for name, item in self.scene.nodes.items():
            refused = bool(targets.reason(name))
            chosen = name == self._over and not refused
            own = name == self._fixed.node
            aim = Aim.CHOSEN if chosen else Aim.NONE if own else Aim.IMPOSSIBLE if refused else Aim.POSSIBLE
            item.mark(aim=aim, hot_port=self._hot(name))
        end = at if self._chosen is None else self._loose_place(self._chosen)
        self._lead(end)
        own_node = self._over == self._fixed.node
        replaced = self._chosen is not None and targets.replaces(self._chosen)
        self.view.say("" if own_node else reason or ("Replaces the connection that is there" if replaced else ""))

    def finish(self, at: QPointF) -> None:
        self.cancel()
        if self._chosen is not None:
            if self._chosen != self._old:
                editing.connect(self.session, self._chosen, self._old)
        elif self._over is not None:
            return
        elif self._old is not None:
            editing.cut(self.session, [self._old])
        elif self._fixed.name:
            place = (at.x() - self._width, at.y())
            self.view.step_wanted.emit(Spot(place, before=(self._fixed.node, self._fixed.name)))
        else:
            self.view.step_wanted.emit(Spot((at.x(), at.y() - self._height / 2), after=self._fixed.node))

    def cancel(self) -> None:
        if self._draft.scene() is not None:
            self.scene.removeItem(self._draft)
        if self._old in self.scene.edges:
            self.scene.edges[self._old].setVisible(True)
        for item in self.scene.nodes.values():
            item.mark(aim=Aim.NONE, hot_port="")

    @property
    def _width(self) -> float:
        return self.scene.hint.rect().width()

    @property
    def _height(self) -> float:
        return self.scene.hint.rect().height()

    def _hot(self, name: NodeId) -> str:
        edge = self._chosen
        if name == self._fixed.node:
            return self._fixed.name or "out"
        if edge is None or name not in {edge.src, edge.dst}:
            return ""
        return "out" if self._fixed.name else edge.inp

    def _loose_place(self, edge: Edge) -> QPointF:
        return self.scene.port_place(PortSpot(edge.src) if self._fixed.name else PortSpot(edge.dst, edge.inp))

    def _lead(self, end: QPointF) -> None:
        start = self.scene.port_place(self._fixed)
        if self._fixed.name:
            start, end = end, start
        below = self._chosen is not None and self._chosen.inp == TEACHER
        self._draft.setPath(curve(start, end, from_below=below))


class BandSelect(Gesture):
    """Select the nodes that a rectangle touches."""

    def __init__(self, view: PipelineView, *, adding: bool) -> None:
        super().__init__(view)
        self._kept = self.session.selection if adding else ()
        self._begun = QPointF()
        self._band = QGraphicsRectItem()
        self._found: list[NodeId] = []

    def start(self, at: QPointF) -> None:
        self._begun = at
        self._band.setPen(ink().band_frame)
        self._band.setBrush(ink().band)
        self._band.setZValue(ABOVE)
        self.scene.addItem(self._band)

    def move(self, at: QPointF, keys: Keys) -> None:
        box = QRectF(self._begun, at).normalized()
        self._band.setRect(box)
        self._found = [*self._kept, *(one for one in self.scene.nodes_in(box) if one not in self._kept)]
        self.scene.show_selection(self._found, focused=False)

    def finish(self, at: QPointF) -> None:
        self.cancel()
        self.session.select(self._found)

    def cancel(self) -> None:
        if self._band.scene() is not None:
            self.scene.removeItem(self._band)
        self.view.show_selection()


class CutEdges(Gesture):
    """Draw a line that cuts every connection it crosses."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: PipelineView) -> None:
        super().__init__(view)
        self._line = QGraphicsLineItem()
        self._begun = QPointF()
        self._crossed: list[Edge] = []

    def start(self, at: QPointF) -> None:
        self._begun = at
        self._line.setPen(ink().cut)
        self._line.setZValue(ABOVE)
        self.scene.addItem(self._line)

    def move(self, at: QPointF, keys: Keys) -> None:
        self._line.setLine(self._begun.x(), self._begun.y(), at.x(), at.y())
        start, end = self._begun.toTuple(), at.toTuple()
        self._crossed = [edge for edge, item in self.scene.edges.items() if item.crossed_by(start, end)]
        many = len(self._crossed)
        self.view.say(f"Cuts {many} connection{'s' if many > 1 else ''}" if many else "")

    def finish(self, at: QPointF) -> None:
        self.cancel()
        editing.cut(self.session, self._crossed)

    def cancel(self) -> None:
        if self._line.scene() is not None:
            self.scene.removeItem(self._line)


class PlaceStep(Gesture):
    """Drop a step from the library: on a connection, on a node, or anywhere."""

    def __init__(self, view: PipelineView, step: str) -> None:
        super().__init__(view)
        self.step = step
        self.spot = Spot()

    def move(self, at: QPointF, keys: Keys) -> None:
        edge = self.scene.edge_at(at, 16.0)
        node = self.scene.node_at(at)
        hint = self.scene.hint
        on_hint = node is None and hint.isVisible() and hint.sceneBoundingRect().contains(at)
        if node is not None:
            edge = None
            self.spot = Spot(after=node)
        elif edge is not None:
            self.spot = Spot(edge=edge)
        elif on_hint:
            self.spot = Spot((hint.pos().x(), hint.pos().y()))
        else:
            box = hint.rect()
            self.spot = Spot((at.x() - box.width() / 2, at.y() - box.height() / 2))
        hint.light(lit=on_hint)
        self.scene.aim_at_edge(edge)
        for name, item in self.scene.nodes.items():
            item.mark(aim=Aim.CHOSEN if name == node else Aim.NONE)
        self.view.say("Insert here" if edge else "Add behind this one" if node else "")

    def finish(self, at: QPointF) -> None:
        self.cancel()
        editing.add_step(self.session, self.step, self.spot)

    def cancel(self) -> None:
        self.scene.hint.light(lit=False)
        self.scene.aim_at_edge(None)
        for item in self.scene.nodes.values():
            item.mark(aim=Aim.NONE)
