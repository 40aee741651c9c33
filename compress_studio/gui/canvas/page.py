"""The pipeline editor with its small toolbar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QVBoxLayout, QWidget

from compress_studio.gui.canvas import clipboard, editing
from compress_studio.gui.canvas.corner import CornerBar
from compress_studio.gui.canvas.editing import Spot
from compress_studio.gui.canvas.look import spoken
from compress_studio.gui.canvas.minimap import Minimap
from compress_studio.gui.canvas.picker import StepPicker
from compress_studio.gui.canvas.view import READABLE, PipelineView
from compress_studio.gui.panels.step_rows import verdict
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.project import edits
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, Edge, NodeId
from compress_studio.project.places import free_offset, on_grid
from compress_studio.project.project import Project
from compress_studio.spec.step import StepSpec

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

ZOOM_STEP = 1.2


class CanvasPage(QWidget):
    """The view, its overlays, and what the actions of the canvas do."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas")
        self._commands = commands
        self._session = commands.session
        self._wanted = Spot()
        """Where the step goes that is being chosen."""
        self._dialog: QFileDialog | None = None
        self._fresh = True
        """The project has not been shown yet."""
        self.view = PipelineView(self._session, self)
        self.bar = CornerBar(self)
        self.minimap = Minimap(self.view, self)
        self.picker = StepPicker(self)
        self.menu = QMenu(self)
        self.menu.setObjectName("canvas_menu")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.setFocusProxy(self.view)
        self._connect()
        self._show_views()

    def _connect(self) -> None:
        session, view, bar = self._session, self.view, self.bar
        session.project_opened.connect(self._opened)
        session.project_changed.connect(self._changed)
        session.views_changed.connect(self._show_views)
        session.selection_changed.connect(self._selected)
        view.zoomed.connect(bar.show_scale)
        view.zoomed.connect(self._follow)
        view.moved.connect(self._follow)
        view.step_wanted.connect(self.ask_step)
        view.menu_wanted.connect(self._open_menu)
        view.form_wanted.connect(self.focus_form)
        self.picker.chosen.connect(self._picked)
        self.picker.closed.connect(self.view.setFocus)
        bar.out.clicked.connect(self.zoom_out)
        bar.closer.clicked.connect(self.zoom_in)
        bar.percent.clicked.connect(self.full_size)
        bar.fit.clicked.connect(self.fit)
        bar.tidy.clicked.connect(self.tidy)
        current.watch().changed.connect(self._theme_changed)

    # what the actions do --------------------------------------------------------------------------

    def select_all(self) -> None:
        """Select every node."""
        self._session.select(node.id for node in self._session.project.pipeline.order())

    def copy(self) -> None:
        """Lay the selected nodes on the clipboard."""
        if self._session.selection:
            clipboard.put(clipboard.text_of(self._session.project.pipeline, self._session.selection))

    def cut(self) -> None:
        """Copy, then delete."""
        self.copy()
        self.delete()

    def paste(self) -> None:
        """Add what is on the clipboard: at the cursor when it is over the canvas, else beside the originals."""
        steps = self._session.runtime.steps
        copied = clipboard.take(steps)
        if copied is None:
            self._tell("There are no steps to paste.", "Select steps and copy them first.")
            return
        left, top = min(node.pos[0] for node in copied), min(node.pos[1] for node in copied)
        offset = (METRICS.grid * 2.0, METRICS.grid * 2.0)
        spot = self.view.cursor_spot
        if spot is not None:
            offset = on_grid((spot.x() - left, spot.y() - top))
        taken = [node.pos for node in self._session.project.pipeline]
        free = free_offset(taken, [node.pos for node in copied], offset)
        if editing.paste(self._session, copied, edits.paste(copied.nodes, copied.edges, free)):
            self.view.reveal(list(self._session.selection))

    def delete(self) -> None:
        """Remove the selected connection, or the selected nodes."""
        edge = self.view.pipeline.selected_edge
        if edge is not None:
            editing.cut(self._session, [edge])
        else:
            editing.delete(self._session, self._session.selection)

    def mute(self) -> None:
        """Switch the selected steps off, or on again."""
        editing.mute(self._session, self._session.selection)

    def measure(self) -> None:
        """Measure the selected steps no more, or again."""
        editing.measure(self._session, self._session.selection)

    def duplicate(self) -> None:
        """Copy the branch that begins with the current node."""
        if self._session.current is not None and editing.duplicate(self._session, self._session.current):
            self.view.reveal(list(self._session.selection))

    def disconnect_selected(self) -> None:
        """Take the selected nodes, or the selected connection, out of the pipeline."""
        edge = self.view.pipeline.selected_edge
        if edge is not None:
            editing.cut(self._session, [edge])
        else:
            editing.disconnect(self._session, self._session.selection)

    def connect_selected(self) -> None:
        """Join the two selected nodes, the first one to the last one."""
        if len(self._session.selection) != 2:
            self._tell("Two steps can be connected at a time.", "Select the giving step, then the taking one.")
            return
        start, end = self._session.selection
        inputs = self.view.pipeline.nodes[end].inputs()
        free = [name for name in inputs if name not in self._session.project.pipeline.inputs_of(end)]
        if not inputs:
            self._tell("A model is opened here, so nothing can lead into it.", "Select a step as the second one.")
            return
        editing.connect(self._session, Edge(start, NETWORK, end, (free or list(inputs))[0]))

    def tidy(self) -> None:
        """Lay out the whole pipeline and show it."""
        editing.tidy(self._session)
        self.fit()

    def zoom_in(self) -> None:
        """Larger."""
        self.view.zoom_by(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Smaller."""
        self.view.zoom_by(1 / ZOOM_STEP)

    def full_size(self) -> None:
        """Show in full size."""
        self.view.touched = True
        self.view.zoom_to(1.0)

    def fit(self) -> None:
        """Show everything."""
        self.view.touched = True
        self.view.fit()

    def focus_form(self) -> None:
        """Go to the form of the current node."""
        self._commands.window.inspector.setFocus(Qt.FocusReason.OtherFocusReason)

    def add_step(self) -> None:
        """Open the list of steps: for into the selected connection, behind the current node, or at the cursor."""
        node = self._session.current
        spot, edge = self.view.cursor_spot, self.view.pipeline.selected_edge
        if edge is not None:
            self.ask_step(Spot(edge=edge))
        elif node is not None:
            self.ask_step(Spot(after=node))
        elif spot is not None and len(editing.ends(self._session.project.pipeline)) > 1:
            self.ask_step(Spot((spot.x(), spot.y())))
        else:
            self.ask_step(Spot())

    def add_model(self) -> None:
        """Ask for another model and add it as a source."""
        if self._dialog is None:
            self._dialog = QFileDialog(self, "Add another model")
            self._dialog.setObjectName("add_model_dialog")
            self._dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            self._dialog.fileSelected.connect(self.add_model_file)
        self._dialog.open()

    def add_model_file(self, path: str) -> None:
        """Add a model as another source."""
        if path and editing.add_model(self._session, str(Path(path).absolute())):
            self.view.reveal(list(self._session.selection))
            self._session.run(self._session.selection, measure=False)

    def ask_step(self, spot: Spot) -> None:
        """Open the searchable list for a step that goes there."""
        self._wanted = spot
        steps = [one for one in self._session.runtime.steps if one.id != SOURCE_STEP]
        self.picker.setParent(self.window())
        self.picker.open_at(self._picker_place(spot), steps, self._reasons(steps, spot))

    # what comes from the session --------------------------------------------------------------------

    def _opened(self) -> None:
        self.view.cancel_gesture()
        self.view.touched = False
        self._fresh = True

    def _changed(self, before: Project, after: Project) -> None:
        if before.pipeline is not after.pipeline:
            self.view.cancel_gesture()
        self._show_views()
        if self.isVisible():
            known = set() if self._fresh else {node.id for node in before.pipeline}
            self._show_new([node.id for node in after.pipeline if node.id not in known])
        self._follow()

    def _show_new(self, nodes: list[NodeId]) -> None:
        """See to it that new nodes are seen; everything is, until the user chose another view."""
        seen = self.view.seen().contains(self.view.pipeline.content())
        if self._fresh or (nodes and not self.view.touched and not seen):
            self.view.fit(least=READABLE)
        if nodes and not self._fresh:
            self.view.reveal(nodes)
        self._fresh = False

    def _show_views(self) -> None:
        self.view.pipeline.show_pipeline(self._session.project, self._session.views)
        self.view.show_selection()
        self._describe()

    def _selected(self, _nodes: object) -> None:
        if self._session.selection:
            self.view.pipeline.select_edge(None)
        self.view.show_selection()
        self._describe()

    def _describe(self) -> None:
        view = self._session.views.get(self._session.current or "")
        text = spoken(view) if view is not None else "Nothing is selected. Use the arrow keys to go to a step."
        if text != self.view.accessibleDescription():
            self.view.setAccessibleDescription(text)

    def _follow(self) -> None:
        self.minimap.follow()

    def _theme_changed(self) -> None:
        self.view.viewport().update()
        self.minimap.update()

    # overlays ---------------------------------------------------------------------------------------

    def _picked(self, step: str) -> None:
        if editing.add_step(self._session, step, self._wanted):
            self.view.reveal(list(self._session.selection))

    def _reasons(self, steps: list[StepSpec], spot: Spot) -> dict[str, str]:
        """Why steps do not apply to the network that would arrive, as far as it is known."""
        session = self._session
        pipeline = session.project.pipeline
        ends = editing.ends(pipeline)
        node = spot.after or (spot.edge.src if spot.edge is not None else ends[0] if len(ends) == 1 else None)
        if node is None:
            return {}
        source = pipeline.source_of(node)
        facts = session.facts.of_node(node) or (session.facts.of_node(source) if source is not None else None)
        verdicts = {one.id: verdict(one, facts) for one in steps}
        return {name: f"{one.reason} {one.hint}".strip() for name, one in verdicts.items() if not one.ok}

    def _picker_place(self, spot: Spot) -> QPoint:
        if spot.place is not None:
            place = QPointF(*spot.place)
        elif spot.edge is not None:
            place = self.view.pipeline.edges[spot.edge].boundingRect().center()
        elif spot.after is not None:
            place = self.view.pipeline.content([spot.after]).topRight() + QPointF(METRICS.grid, 0.0)
        else:
            place = self.view.pipeline.content().topRight() + QPointF(METRICS.grid, 0.0)
        pixel = self.view.mapFromScene(place)
        inside = self.view.viewport().rect()
        x, y = min(max(pixel.x(), 0), inside.right()), min(max(pixel.y(), 0), inside.bottom())
        return self.view.viewport().mapToGlobal(QPoint(x, y))

    def _open_menu(self, place: QPoint) -> None:
        from compress_studio.gui.canvas.actions import EDGE_MENU, EMPTY_MENU, NODE_MENU

        names = NODE_MENU if self._session.selection else EDGE_MENU if self.view.pipeline.selected_edge else EMPTY_MENU
        known = self._commands.window.actions_by_id
        self.menu.clear()
        for name in names:
            if not name:
                self.menu.addSeparator()
            elif name in known:
                self.menu.addAction(known[name])
        self.menu.popup(place)

    def _tell(self, text: str, hint: str) -> None:
        from compress_studio.gui.message import Message

        self._session.message.emit(Message(text, hint, "warning"))

    def _place_overlays(self) -> None:
        gap = METRICS.pad
        self.bar.adjustSize()
        self.bar.move(gap, self.height() - self.bar.height() - gap)
        self.minimap.fit_into(self.size())
        self.minimap.move(self.width() - self.minimap.width() - gap, self.height() - self.minimap.height() - gap)
        self.bar.raise_()
        self.minimap.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_overlays()
        if not self.view.touched and self.isVisible():
            self.view.fit(least=READABLE)
        self._follow()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place_overlays()
        if not self.view.touched:
            self._fresh = False
            self.view.fit(least=READABLE)
