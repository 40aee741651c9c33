"""What lies under the cursor, and which gesture a press there begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent

from compress_studio.gui.canvas import gestures
from compress_studio.gui.canvas.editing import Spot
from compress_studio.gui.canvas.scene import PortSpot
from compress_studio.project.pipeline import Edge, NodeId

if TYPE_CHECKING:
    from compress_studio.gui.canvas.view import PipelineView

Keys = Qt.KeyboardModifier


@dataclass(frozen=True, slots=True)
class Press:
    """A button that is held."""

    button: Qt.MouseButton
    pixel: QPointF
    gesture: gestures.Gesture | None
    """What begins when the mouse moves."""
    click: Callable[[], None]
    """What happens when it does not."""


def read(view: PipelineView, event: QMouseEvent) -> Press | None:
    """What a press means."""
    pixel, button, keys = event.position(), event.button(), event.modifiers()
    left = button is Qt.MouseButton.LeftButton
    if button is Qt.MouseButton.MiddleButton or (left and view.space):
        view.touched = True
        view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        return Press(button, pixel, gestures.Pan(view, pixel.toPoint()), _nothing)
    if not left:
        return None
    if keys & Keys.AltModifier:
        return Press(button, pixel, gestures.CutEdges(view), _nothing)
    return _left(view, pixel, view.scene_spot(pixel), keys)


def hover(view: PipelineView, spot: QPointF) -> None:
    """Light up what a press here would mean."""
    scene = view.pipeline
    port = scene.port_at(spot)
    node = scene.node_at(spot)
    edge = scene.edge_at(spot) if port is None and node is None else None
    scene.hover(node, port, edge)
    over_hint = scene.hint.isVisible() and scene.hint.sceneBoundingRect().contains(spot)
    if edge is not None or over_hint:
        view.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
    elif port is not None:
        view.viewport().setCursor(Qt.CursorShape.CrossCursor)
    else:
        view.rest_cursor()


def select_for_menu(view: PipelineView, spot: QPointF) -> None:
    """Before a context menu opens: select what is under the cursor."""
    scene = view.pipeline
    node = scene.node_at(spot)
    view.cursor_spot = spot
    scene.select_edge(scene.edge_at(spot) if node is None else None)
    if node is not None and node not in view.session.selection:
        view.session.select([node])
    elif node is None:
        view.session.select(())


def ask_for_step(view: PipelineView, spot: QPointF) -> None:
    """Ask for a step to put at a place."""
    box = view.pipeline.hint.rect()
    view.step_wanted.emit(Spot((spot.x() - box.width() / 2, spot.y() - box.height() / 2)))


def _left(view: PipelineView, pixel: QPointF, spot: QPointF, keys: Keys) -> Press:
    scene, button = view.pipeline, Qt.MouseButton.LeftButton
    port = scene.port_at(spot)
    if port is not None:
        return Press(button, pixel, _from_port(view, port), _nothing)
    node = scene.node_at(spot)
    if node is not None:
        scene.select_edge(None)
        return _on_node(view, pixel, node, keys)
    edge = scene.edge_at(spot)
    if edge is not None:
        scene.select_edge(edge)
        view.session.select(())
        return Press(button, pixel, _from_edge(view, edge, spot), _nothing)
    scene.select_edge(None)
    if scene.hint.isVisible() and scene.hint.sceneBoundingRect().contains(spot):
        place = scene.hint.pos()
        return Press(button, pixel, None, lambda: view.step_wanted.emit(Spot((place.x(), place.y()))))
    adding = bool(keys & (Keys.ShiftModifier | Keys.ControlModifier))
    clear = _nothing if adding else lambda: view.session.select(())
    return Press(button, pixel, gestures.BandSelect(view, adding=adding), clear)


def _on_node(view: PipelineView, pixel: QPointF, node: NodeId, keys: Keys) -> Press:
    session, button = view.session, Qt.MouseButton.LeftButton
    others = [one for one in session.selection if one != node]
    if keys & (Keys.ShiftModifier | Keys.ControlModifier):
        if node in session.selection:
            return Press(button, pixel, _mover(view, node), lambda: session.select(others))
        session.select([*others, node])
        return Press(button, pixel, _mover(view, node), _nothing)
    if node in session.selection:
        return Press(button, pixel, _mover(view, node), lambda: session.select([node]))
    session.select([node])
    return Press(button, pixel, _mover(view, node), _nothing)


def _mover(view: PipelineView, node: NodeId) -> gestures.Gesture:
    """A node that is joined to nothing can be put into a connection while it is moved."""
    joined = any(node in {edge.src, edge.dst} for edge in view.session.project.pipeline.edges)
    alone = view.session.selection == (node,) and not joined and view.pipeline.nodes[node].inputs()
    return gestures.InsertOnEdge(view, node) if alone else gestures.MoveNodes(view, node)


def _from_port(view: PipelineView, port: PortSpot) -> gestures.Gesture:
    """A free port begins a connection; an input that is fed gives its connection away."""
    fed = view.session.project.pipeline.inputs_of(port.node).get(port.name) if port.name else None
    if fed is not None:
        return gestures.DrawEdge(view, PortSpot(fed.src), fed)
    return gestures.DrawEdge(view, port)


def _from_edge(view: PipelineView, edge: Edge, spot: QPointF) -> gestures.Gesture:
    """The end that is nearer comes along."""
    start = view.pipeline.port_place(PortSpot(edge.src)) - spot
    end = view.pipeline.port_place(PortSpot(edge.dst, edge.inp)) - spot
    if start.manhattanLength() < end.manhattanLength():
        return gestures.DrawEdge(view, PortSpot(edge.dst, edge.inp), edge)
    return gestures.DrawEdge(view, PortSpot(edge.src), edge)


def _nothing() -> None:
    """A click here means nothing."""
