"""The right column: the form of the selected node with its live preview, its result and its problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QElapsedTimer, Qt, QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.forms.gesture import new_gesture
from compress_studio.gui.forms.help import HelpPopover, help_page
from compress_studio.gui.forms.param_form import ParamForm
from compress_studio.gui.forms.texts import PathEditor
from compress_studio.gui.forms.wording import plain
from compress_studio.gui.nodeview import NodeView
from compress_studio.gui.panels.inspector_body import InspectorBody
from compress_studio.gui.panels.inspector_fixes import Fix
from compress_studio.gui.panels.inspector_preview import PreviewShown
from compress_studio.gui.panels.inspector_state import (
    DIMS,
    InspectorState,
    facts_before,
    override_field,
    read_preview,
    read_state,
)
from compress_studio.gui.recognizing import MODEL_PATTERNS, recognize
from compress_studio.gui.weights import flow
from compress_studio.project import edits
from compress_studio.project.pipeline import SOURCE_STEP, TEACHER, NodeId

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands
    from compress_studio.gui.previews import Previews

FRAME_MS = 16
OPEN_FILTERS = (f"Models ({MODEL_PATTERNS})", "All files (*)")


class Inspector(QWidget):
    """Reads everything from the session, and turns gestures into edits of the project."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._commands = commands
        self._session = commands.session
        self.previews: Previews = commands.session.previews
        """May be replaced in tests."""
        self._watched: NodeId = ""
        """The node whose form is open."""
        self._refreshing = False
        self._params: Mapping[str, Any] = {}
        self._pending: Mapping[str, Any] | None = None
        """Values of a drag that are not painted yet."""
        self._held: Mapping[str, Any] | None = None
        """Values of a drag that goes on."""
        self._since = QElapsedTimer()
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.timeout.connect(self._paint_drag)
        self.body = InspectorBody(self._session.runtime.steps, self._fix, self._open_graph, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.body)
        self._help = HelpPopover(self)
        self._connect()
        self.refresh()

    @property
    def form(self) -> ParamForm | None:
        """The form that is shown."""
        return self.body.form

    def refresh(self) -> None:
        """Show what the session says now."""
        self._refreshing = True
        self._watch()
        self._refreshing = False
        state = read_state(self._session, self.previews)
        if state.view is not None:
            state = replace(state, preview=self._with_drag(state.view, state.preview))
        self.show_state(state)

    def show_state(self, state: InspectorState) -> None:
        """Show a state; a drag that goes on is not disturbed."""
        made = self.body.show_state(state)
        if made is not None:
            made.editing.connect(self._dragged)
            made.edited.connect(self._edited)
            path = next((row.editor for row in made.rows.values() if isinstance(row.editor, PathEditor)), None)
            if path is not None:
                path.ask = self._ask_model

    def focus_form(self) -> None:
        """Put the keyboard on the first parameter."""
        if self.body.form is not None:
            self.body.form.focus_first()

    # from the session -----------------------------------------------------------------------------

    def _connect(self) -> None:
        session, body = self._session, self.body
        session.selection_changed.connect(self._changed)
        session.project_changed.connect(self._changed)
        session.views_changed.connect(self._show_views)
        session.facts.changed.connect(self._changed)
        self.previews.changed.connect(self._previewed)
        body.reset_asked.connect(self._reset_all)
        body.help_asked.connect(self._show_help)
        body.switch_asked.connect(self._switch_on)
        body.source.dims.edited.connect(self._dims_edited)
        body.several.asked.connect(self._do_with_all)
        layers = body.preview.layers
        layers.override_editing.connect(self._override_dragged)
        layers.override_edited.connect(self._override_edited)
        layers.override_removed.connect(self._override_removed)
        layers.spared.connect(self._spare)

    def _changed(self, *_args: object) -> None:
        self.refresh()

    def _show_views(self) -> None:
        views = tuple(self._session.views[one] for one in self._session.selection if one in self._session.views)
        self.body.show_views(views)

    def _previewed(self, node: str) -> None:
        view = self.body.state.view
        if view is None or view.node.id != node or self._refreshing:
            return
        view = self._session.views.get(node, view)
        shown = read_preview(self.previews, view, facts_before(self._session, node))
        self.body.show_preview(self._with_drag(view, shown))
        self._estimate_first(node)

    def _watch(self) -> None:
        """Follow the node whose form is open: its sketch, and a new estimate whenever its values changed."""
        chosen = self._session.selection
        view = self._session.views.get(chosen[0]) if len(chosen) == 1 else None
        node, params = ("", {}) if view is None else (view.node.id, view.node.params)
        same, old = node == self._watched, self._params
        self._watched, self._params = node, params
        if not same or params != old:
            self._stop_drag()
        if not same:
            self.previews.watch(node or None)
        elif node and params != old:
            self.previews.want_estimate(node)
        if not same and node:
            self._estimate_first(node)

    def _estimate_first(self, node: NodeId) -> None:
        """Try the step once when its form is open and it has no result yet; not while a run needs the processor."""
        previews = self.previews
        if self._session.running or not previews.state(node).estimates or previews.estimating(node):
            return
        if previews.estimate(node) is None and previews.estimate_failure(node) is None:
            previews.want_estimate(node)

    # drags ----------------------------------------------------------------------------------------

    def _dragged(self, values: Mapping[str, Any]) -> None:
        """Remember the newest values; they are painted once per frame."""
        self._pending = self._held = values
        if not self._frame.isActive():
            passed = self._since.elapsed() if self._since.isValid() else FRAME_MS
            self._frame.start(max(0, FRAME_MS - int(passed)))

    def _paint_drag(self) -> None:
        view, values = self.body.state.view, self._pending
        self._pending = None
        if view is None or view.spec is None or values is None:
            return
        self._since.start()
        self.body.preview.show_state(self._with_drag(view, self.body.preview.shown))

    def _with_drag(self, view: NodeView, shown: PreviewShown) -> PreviewShown:
        """A preview as the values of a drag that goes on would have it."""
        values = self._held
        if values is None or view.spec is None or (self.body.form is not None and values == self.body.form.values):
            return shown
        override = override_field(view.spec, values)
        own: Any = shown.overrides if override is None else values.get(override.name) or {}
        tried = None if shown.estimate is None else replace(shown.estimate, outdated=True)
        made = self.previews.prediction(view.node.id, values)
        return replace(shown, prediction=made, estimate=tried, overrides=own)

    def _override_dragged(self, layer: str, value: float) -> None:
        values = self._with_override(layer, value)
        if values is not None:
            self._dragged(values)

    def _with_override(self, layer: str, value: float | None) -> dict[str, Any] | None:
        """All values with one more or one fewer layer that has its own."""
        form, view = self.body.form, self.body.state.view
        override = None if view is None or view.spec is None else override_field(view.spec, view.node.params)
        if form is None or override is None:
            return None
        own: dict[str, float] = dict(form.values.get(override.name) or {})
        own.pop(layer, None)
        if value is not None:
            own[layer] = value
        return {**form.values, override.name: own}

    # edits ----------------------------------------------------------------------------------------

    def _edited(self, name: str, value: Any, gesture: int) -> None:
        view = self.body.state.view
        field = None if view is None or view.spec is None else view.spec.params.field_named(name)
        if view is None or field is None:
            return
        self._stop_drag()
        node, steps = view.node.id, self._session.runtime.steps
        self._session.edit(field.ui.label, edits.set_param(node, name, value, steps), merge=(node, name, gesture))

    def _override_edited(self, layer: str, value: float, gesture: int) -> None:
        self._override(layer, value, gesture)

    def _override_removed(self, layer: str) -> None:
        shown = self.body.preview.shown
        if layer in shown.overrides:
            self._override(layer, None, new_gesture())
        elif shown.spare_field is not None and layer in shown.spared:
            self._edited(shown.spare_field.name, [one for one in shown.spared if one != layer], new_gesture())

    def _spare(self, layer: str) -> None:
        """Leave a layer alone."""
        shown = self.body.preview.shown
        if shown.spare_field is not None and layer not in shown.spared:
            self._edited(shown.spare_field.name, [*shown.spared, layer], new_gesture())

    def _override(self, layer: str, value: float | None, gesture: int) -> None:
        values, view = self._with_override(layer, value), self.body.state.view
        override = None if view is None or view.spec is None else override_field(view.spec, view.node.params)
        if values is None or view is None or override is None:
            return
        self._stop_drag()
        node, name = view.node.id, override.name
        edit = edits.set_param(node, name, values[name], self._session.runtime.steps)
        self._session.edit(f"{override.ui.label}: {layer}", edit, merge=(node, name, layer, gesture))

    def _stop_drag(self) -> None:
        self._pending = self._held = None
        self._frame.stop()

    def _reset_all(self) -> None:
        view = self.body.state.view
        if view is None or view.spec is None or self.body.form is None:
            return
        defaults = {
            one.name: plain(one.default)
            for one in view.spec.params.fields()
            if view.node.step != SOURCE_STEP or one.name == DIMS
        }
        self._session.edit(f"Reset {view.title}", edits.set_params(view.node.id, defaults, self._session.runtime.steps))

    def _dims_edited(self, text: str, gesture: int) -> None:
        self._edited(DIMS, text, gesture)

    def _switch_on(self) -> None:
        view = self.body.state.view
        if view is not None:
            self._session.edit(f"Switch {view.title} on", edits.toggle([view.node.id]))

    def _ask_model(self, _parent: QWidget, folder: str) -> str:
        path, view = self._commands.asking.ask_open("Choose another model", OPEN_FILTERS, folder), self.body.state.view
        if path is None or view is None:
            return ""
        found = recognize(path)[0]
        if flow.asks(found):
            flow.open_asking(self._commands, found, flow.Wish(found.path, unsaved.REPLACE, view.node.id))
            return ""
        return str(path.absolute())

    def _fix(self, fix: Fix) -> None:
        """Do what a message advises."""
        view = self.body.state.view
        if view is None:
            return
        session, steps = self._session, self._session.runtime.steps
        if fix.review:
            self._commands.review_code(view.node.id)
            return
        if not fix.step:
            self._edited(fix.name, fix.value, new_gesture())
            return
        known = {one.id for one in session.project.pipeline}
        pipeline = session.project.pipeline
        following = [edge for edge in pipeline.outputs_of(view.node.id) if edge.inp != TEACHER]
        if len(following) == 1:
            adding = edits.insert_on_edge(following[0], fix.step, {}, steps)
        else:
            adding = edits.append_step(fix.step, {}, steps, after=view.node.id)
        if session.edit(fix.label, adding):
            session.select([one.id for one in session.project.pipeline if one.id not in known])

    def _do_with_all(self, what: str) -> None:
        """Do something with all selected nodes."""
        session, chosen = self._session, list(self._session.selection)
        count = f"{len(chosen)} steps"
        if what == "mute":
            session.edit(f"Switch {count} off or on", edits.toggle(chosen))
        elif what == "delete":
            session.edit(f"Delete {count}", edits.remove_nodes(chosen, session.runtime.steps))
        else:
            pipeline = session.project.pipeline
            known = {one.id for one in pipeline}
            nodes = [one for one in pipeline.order() if one.id in set(chosen)]
            if session.edit(f"Duplicate {count}", edits.paste(nodes, pipeline.edges)):
                session.select([one.id for one in session.project.pipeline if one.id not in known])

    def _open_graph(self) -> None:
        """Show the inside of the network of this node."""
        self._commands.window.charts.show_tab("network")

    def _show_help(self, beside: QWidget) -> None:
        view = self.body.state.view
        if view is not None and view.spec is not None:
            self._help.show_page(help_page(view.spec), beside)
