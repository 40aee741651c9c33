"""What stands in the right column, from top to bottom; knows states, not the session."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from compress_studio.gui.forms.param_form import ParamForm
from compress_studio.gui.nodeview import NodeView
from compress_studio.gui.panels.inspector_parts import NodeProgress, Notice, clear, wrapped
from compress_studio.gui.panels.inspector_preview import PreviewSection, PreviewShown
from compress_studio.gui.panels.inspector_result import Do, ProblemSection, ResultSection
from compress_studio.gui.panels.inspector_several import SeveralSection
from compress_studio.gui.panels.inspector_source import SourceSection
from compress_studio.gui.panels.inspector_state import DIMS, InspectorState
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, IconButton
from compress_studio.gui.widgets.hint import EmptyHint
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.spec.registry import StepRegistry

LEAST = 280
HINT = ("node", "Nothing selected", "Click a step of the pipeline to see what it does and to change it.")


class _Column(QScrollArea):
    """Scrolls up and down only: what is inside is always as wide as there is room."""

    def __init__(self, inside: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("inspector.scroll")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(inside)
        self._inside = inside

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._inside.setFixedWidth(self.viewport().width())
        super().resizeEvent(event)


class InspectorBody(QWidget):
    """Header, problems, progress, form, preview and result of one node; or what else is selected."""

    reset_asked = Signal()
    help_asked = Signal(object)
    """The widget to show it beside."""
    switch_asked = Signal()

    def __init__(
        self, steps: StepRegistry, do: Do, open_graph: Callable[[], object] | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.state = InspectorState()
        self.form: ParamForm | None = None
        self._form_of: tuple[str, str] = ("", "")
        self.title = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle, parent=self)
        self.title.setObjectName("inspector.title")
        self.title.setProperty("role", "title")
        self.reset = self._button("reset", "Reset all parameters to their defaults", "inspector.reset")
        self.help = self._button("help", "What this step does, when to use it, and its traps", "inspector.help")
        self.reset.clicked.connect(self.reset_asked)
        self.help.clicked.connect(self._ask_help)
        self.summary = wrapped("", "muted", self)
        self.summary.setObjectName("inspector.summary")
        self.problems = ProblemSection(steps, do, self)
        self.off = QWidget(self)
        self._off = QVBoxLayout(self.off)
        self._off.setContentsMargins(0, 0, 0, 0)
        self.progress = NodeProgress(self)
        self.place = QVBoxLayout()
        self.preview = PreviewSection(self)
        self.result = ResultSection(steps, do, open_graph, self)
        self.source = SourceSection(self)
        self.several = SeveralSection(self)
        self.hint = EmptyHint(*HINT)
        self._lay_out()
        self.show_state(self.state)

    def show_state(self, state: InspectorState) -> ParamForm | None:
        """Show everything; the form when another one had to be made."""
        self.state = state
        view = state.view
        made = self._show_form(view)
        if self.form is not None:
            self.form.show_names(list(state.layers))
        self.show_views(state.views)
        self.show_preview(state.preview)
        of_source = view is not None and view.node.step == SOURCE_STEP
        self.source.setVisible(of_source)
        if view is not None and of_source:
            self.source.show_facts(state.facts, str(view.node.params.get(DIMS) or ""), state.facts_message)
        self.several.setVisible(len(state.views) > 1)
        self.hint.setVisible(not state.views)
        self._scroll.setVisible(bool(state.views))
        return made

    def show_views(self, views: tuple[NodeView, ...]) -> None:
        """Show states, progress and results; called often while a run goes on."""
        if len(views) != len(self.state.views):
            return
        self.state = replace(self.state, views=views)
        view = self.state.view
        self._show_header(view)
        self.problems.show_view(view)
        self._show_off(view)
        self.progress.show_progress(view)
        self.result.show_view(view)
        if len(views) > 1:
            self.several.show_views(views)

    def show_preview(self, shown: PreviewShown) -> None:
        """Show what can be said before a run."""
        self.state = replace(self.state, preview=shown)
        self.preview.show_state(shown)
        something = shown.prediction or shown.estimate or shown.estimating or shown.message
        self.preview.setVisible(bool(something) and self.state.view is not None)

    def _button(self, icon: str, tip: str, name: str) -> IconButton:
        button = IconButton(icon, tip, self)
        button.setObjectName(name)
        return button

    def _lay_out(self) -> None:
        header = QWidget(self)
        head = QHBoxLayout(header)
        head.setContentsMargins(METRICS.pad, METRICS.gap, METRICS.gap, METRICS.gap // 2)
        head.setSpacing(2)
        head.addWidget(self.title, 1)
        head.addWidget(self.reset)
        head.addWidget(self.help)
        self._header = header
        inside = QWidget(self)
        inside.setObjectName("inspector.inside")
        inside.setProperty("surface", "panel")
        inside.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inside)
        column.setContentsMargins(METRICS.pad, 0, METRICS.pad, METRICS.pad)
        column.setSpacing(METRICS.pad)
        column.addWidget(self.summary)
        for widget in (self.problems, self.off, self.progress):
            column.addWidget(widget)
        column.addLayout(self.place)
        for widget in (self.several, self.source, self.preview, self.result):
            column.addWidget(widget)
        column.addStretch(1)
        self.inside = inside
        self._scroll = _Column(inside, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(self.hint, 1)

    def _show_form(self, view: NodeView | None) -> ParamForm | None:
        spec = None if view is None else view.spec
        wanted = ("", "") if view is None or spec is None else (view.node.id, spec.id)
        made: ParamForm | None = None
        if wanted != self._form_of:
            clear(self.place)
            self.form, self._form_of = None, wanted
            if view is not None and spec is not None:
                of_source = view.node.step == SOURCE_STEP
                made = self.form = ParamForm(spec.params, view.node.id, self, of_source=of_source)
                self.place.addWidget(made)
                self._scroll.verticalScrollBar().setValue(0)
                self._order_tabs(made)
        if self.form is not None and view is not None:
            self.form.show_values(view.node.params)
        return made

    def _order_tabs(self, form: ParamForm) -> None:
        """The Tab key goes from top to bottom, although the form is younger than what stands below it."""
        layers = self.preview.layers
        stops = [self.reset, self.help, *form.tab_stops(), layers.search, layers.view]
        for first, second in itertools.pairwise(stops):
            QWidget.setTabOrder(first, second)

    def _show_header(self, view: NodeView | None) -> None:
        self._header.setVisible(bool(self.state.views))
        changed = self.form is not None and bool(self.form.changed) and view is not None
        self.reset.setVisible(changed and view is not None and view.node.step != SOURCE_STEP)
        self.help.setVisible(view is not None and view.spec is not None)
        title = f"{len(self.state.views)} steps selected" if view is None else view.title
        if title != self.title.text():
            self.title.setText(title)
        summary = "" if view is None else _summary(view)
        if summary != self.summary.text():
            self.summary.setText(summary)
        self.summary.setVisible(bool(summary))

    def _show_off(self, view: NodeView | None) -> None:
        off = view is not None and not view.node.on
        if off and not self._off.count():
            buttons = [("Switch it on", self.switch_asked.emit)]
            self._off.addWidget(Notice("muted", "This step is off: it passes on what arrives.", "", buttons))
        self.off.setVisible(off)

    def _ask_help(self) -> None:
        self.help_asked.emit(self.help)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, 120)

    def sizeHint(self) -> QSize:
        return QSize(320, 600)


def _summary(view: NodeView) -> str:
    if view.spec is None:
        return f"The step {view.node.step} is not installed here. It stays in the project as it is."
    return view.spec.summary
