"""The canvas without a mouse: from node to node, moving, Esc and Enter. Letters are actions, see actions.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from compress_studio.gui.canvas import editing
from compress_studio.gui.canvas.navigation import nearest
from compress_studio.project.pipeline import NodeId, Point
from compress_studio.project.places import GRID

if TYPE_CHECKING:
    from compress_studio.gui.canvas.view import PipelineView

ARROWS: dict[int, Point] = {
    Qt.Key.Key_Left: (-1.0, 0.0),
    Qt.Key.Key_Right: (1.0, 0.0),
    Qt.Key.Key_Up: (0.0, -1.0),
    Qt.Key.Key_Down: (0.0, 1.0),
}
Keys = Qt.KeyboardModifier


def pressed(view: PipelineView, event: QKeyEvent) -> bool:
    """Do what a key means; False when it means nothing here."""
    key = event.key()
    if key in ARROWS:
        return _arrow(view, ARROWS[key], event.modifiers())
    if key == Qt.Key.Key_Escape:
        return _escape(view)
    if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and view.session.current is not None:
        view.form_wanted.emit()
        return True
    if key in {Qt.Key.Key_Home, Qt.Key.Key_End}:
        names = [node.id for node in view.session.project.pipeline.order()]
        if names:
            _go(view, names[0 if key == Qt.Key.Key_Home else -1])
        return True
    return False


def tab(view: PipelineView, *, forward: bool) -> bool:
    """Go to the next node; False at the end, where the keyboard leaves the canvas."""
    names = [node.id for node in view.session.project.pipeline.order()]
    current = view.session.current
    if current not in names:
        return False
    place = names.index(current) + (1 if forward else -1)
    if not 0 <= place < len(names):
        return False
    _go(view, names[place])
    return True


def _arrow(view: PipelineView, way: Point, keys: Keys) -> bool:
    pipeline = view.session.project.pipeline
    if keys & Keys.ControlModifier:
        places = {
            node.id: (node.pos[0] + way[0] * GRID, node.pos[1] + way[1] * GRID)
            for node in pipeline
            if node.id in view.session.selection
        }
        if places:
            editing.move(view.session, places, "move with keys")
            view.reveal(list(places))
        return True
    current = view.session.current
    if current is None:
        if len(pipeline):
            _go(view, pipeline.order()[0].id)
        return True
    found = nearest({node.id: node.pos for node in pipeline}, current, way)
    if found is not None:
        kept = view.session.selection if keys & Keys.ShiftModifier else ()
        view.session.select([*(one for one in kept if one != found), found])
        view.reveal([found])
    return True


def _escape(view: PipelineView) -> bool:
    if view.cancel_gesture():
        return True
    if view.pipeline.selected_edge is not None:
        view.pipeline.select_edge(None)
        return True
    if view.session.selection:
        view.session.select(())
        return True
    return False


def _go(view: PipelineView, node: NodeId) -> None:
    view.session.select([node])
    view.reveal([node])
