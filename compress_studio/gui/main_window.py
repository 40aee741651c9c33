"""The main window: the canvas in the middle, docks around it, menus and toolbar made from the list of actions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QDockWidget, QMainWindow, QStackedWidget, QTabWidget, QToolBar, QWidget

from compress_studio.gui.action import Action
from compress_studio.gui.actions import ACTIONS, MENUS
from compress_studio.gui.canvas.page import CanvasPage
from compress_studio.gui.charts.panel import ChartsPanel
from compress_studio.gui.commands import Commands
from compress_studio.gui.panels.empty import EmptyState
from compress_studio.gui.panels.inspector import Inspector
from compress_studio.gui.panels.log import LogPanel
from compress_studio.gui.panels.problems import ProblemsPanel
from compress_studio.gui.panels.runs import RunsPanel
from compress_studio.gui.panels.side import SidePanel
from compress_studio.gui.session import Session
from compress_studio.gui.theme.icons import icon

TITLE = "Compress Studio"
TOOLBAR = ("model.open", "data.open", "project.save", "", "run.all", "run.stop", "", "model.export")
SIDE_WIDTH, FORM_WIDTH, CHARTS_HEIGHT, RUNS_HEIGHT = 250, 320, 340, 150


class MainWindow(QMainWindow):
    """The window of one session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.setObjectName("main_window")
        self.commands = Commands(self, session)
        self.actions_by_id: dict[str, QAction] = {}
        self._build_center()
        self._build_docks()
        self._build_actions()
        self._connect()
        self._show_title()
        self._show_actions()

    def _build_center(self) -> None:
        self.pages = QStackedWidget(self)
        self.empty = EmptyState(self.commands)
        self.canvas = CanvasPage(self.commands)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.canvas)
        self.setCentralWidget(self.pages)

    def _build_docks(self) -> None:
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.setDockNestingEnabled(True)
        self.side = SidePanel(self.commands)
        self.inspector = Inspector(self.commands)
        self.charts = ChartsPanel(self.commands)
        self.bottom = QTabWidget()
        self.bottom.setDocumentMode(True)
        self.runs, self.problems, self.log = (
            RunsPanel(self.commands),
            ProblemsPanel(self.commands),
            LogPanel(self.commands),
        )
        for panel, title in ((self.runs, "Runs"), (self.problems, "Problems"), (self.log, "Log")):
            self.bottom.addTab(panel, title)
        left, right, low = (
            Qt.DockWidgetArea.LeftDockWidgetArea,
            Qt.DockWidgetArea.RightDockWidgetArea,
            Qt.DockWidgetArea.BottomDockWidgetArea,
        )
        self.side_dock = self._dock("Model and steps", "dock_side", self.side, left)
        self.form_dock = self._dock("Inspector", "dock_form", self.inspector, right)
        self.charts_dock = self._dock("Charts", "dock_charts", self.charts, low)
        self.runs_dock = self._dock("Runs", "dock_runs", self.bottom, low)
        self.splitDockWidget(self.charts_dock, self.runs_dock, Qt.Orientation.Vertical)
        self.resizeDocks([self.side_dock, self.form_dock], [SIDE_WIDTH, FORM_WIDTH], Qt.Orientation.Horizontal)
        self.resizeDocks([self.charts_dock, self.runs_dock], [CHARTS_HEIGHT, RUNS_HEIGHT], Qt.Orientation.Vertical)

    def _dock(self, title: str, name: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(widget)
        dock.setTitleBarWidget(QWidget(dock))
        self.addDockWidget(area, dock)
        return dock

    def _build_actions(self) -> None:
        menus = {name: self.menuBar().addMenu(name) for name in MENUS}
        for one in ACTIONS:
            made = self._action(one)
            self.actions_by_id[one.id] = made
            owner: QWidget = getattr(self, one.scope) if one.scope else self
            owner.addAction(made)
            if one.menu:
                if one.separate:
                    menus[one.menu].addSeparator()
                menus[one.menu].addAction(made)
        self.toolbar = QToolBar("Main", self)
        self.toolbar.setObjectName("toolbar")
        self.toolbar.setMovable(False)
        self.toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for name in TOOLBAR:
            if name:
                self.toolbar.addAction(self.actions_by_id[name])
            else:
                self.toolbar.addSeparator()
        self.addToolBar(self.toolbar)

    def _action(self, one: Action) -> QAction:
        made = QAction(one.title, self)
        made.setObjectName(f"action:{one.id}")
        if one.keys:
            made.setShortcuts([QKeySequence(keys) for keys in one.keys.split(", ")])
        if one.scope:
            made.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        if one.icon:
            made.setIcon(icon(one.icon))
        made.setToolTip(f"{one.tip or one.title} ({one.keys.split(', ')[0]})" if one.keys else one.tip or one.title)
        made.triggered.connect(lambda _checked=False, one=one: one.does(self.commands))
        return made

    def _connect(self) -> None:
        session = self.session
        session.project_changed.connect(lambda _before, _after: self._show_page())
        session.history_changed.connect(self._show_title)
        for signal in (session.history_changed, session.views_changed, session.selection_changed, session.run_changed):
            signal.connect(lambda *_: self._show_actions())
        self._show_page()

    def _show_page(self) -> None:
        empty = len(self.session.project.pipeline) == 0
        self.pages.setCurrentWidget(self.empty if empty else self.canvas)

    def _show_title(self) -> None:
        project, path = self.session.project, self.session.path
        name = path.name if path is not None else project.title or "Untitled"
        self.setWindowTitle(f"{name}[*] – {TITLE}")
        self.setWindowModified(self.session.dirty)

    def _show_actions(self) -> None:
        for one in ACTIONS:
            made = self.actions_by_id[one.id]
            made.setEnabled(one.enabled(self.commands))
        for name, word, label in (
            ("edit.undo", "Undo", self.session.history.undo_label),
            ("edit.redo", "Redo", self.session.history.redo_label),
        ):
            self.actions_by_id[name].setText(f"{word} “{label}”" if label else word)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.session.close()
        event.accept()
