"""The main window: the canvas in the middle, docks around it, menus and toolbar made from the list of actions."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QStackedWidget, QTabWidget, QWidget

from compress_studio.gui import recent
from compress_studio.gui.action import Action
from compress_studio.gui.actions import ACTIONS, BASIC, MENUS
from compress_studio.gui.canvas.page import CanvasPage
from compress_studio.gui.commands import Commands
from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.dialogs.asking import Asking, Dialogs
from compress_studio.gui.docks import LayoutMemory, Place, TabCorner, make_dock, make_tabbed_dock
from compress_studio.gui.message import Message
from compress_studio.gui.mnemonics import plain_text, with_keys
from compress_studio.gui.panels.empty import EmptyState
from compress_studio.gui.panels.log import LogPanel
from compress_studio.gui.panels.problems import ProblemsPanel
from compress_studio.gui.panels.runs import RunsPanel
from compress_studio.gui.panels.side import SidePanel
from compress_studio.gui.panels.status import StatusBar
from compress_studio.gui.session import Session
from compress_studio.gui.settings import SettingsFile
from compress_studio.gui.stepwords import in_words
from compress_studio.gui.tab_order import bring_into_view, following
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.toolbar import MainToolBar
from compress_studio.gui.weights.notice import CodeNotice
from compress_studio.gui.widgets.toasts import Toasts

if TYPE_CHECKING:
    from compress_studio.gui.charts.panel import ChartsPanel
    from compress_studio.gui.panels.inspector import Inspector

TITLE = "Compress Studio"
SIDE_WIDTH, FORM_WIDTH = 264, 320
CHARTS_SHARE, RUNS_SHARE = 0.36, 0.18
"""Of the height of the window."""
ROLES = {
    "app.quit": QAction.MenuRole.QuitRole,
    "app.settings": QAction.MenuRole.PreferencesRole,
    "app.about": QAction.MenuRole.AboutRole,
}
"""What belongs into the menu of the program on macOS."""


class MainWindow(QMainWindow):
    """The window of one session."""

    def __init__(
        self,
        session: Session,
        asking: Asking | None = None,
        settings: SettingsFile | None = None,
        layout: LayoutMemory | None = None,
        *,
        staged: bool = False,
    ) -> None:
        """asking: None for dialogs; layout: None when the arrangement is not remembered.

        staged: what takes time to load is left out until finish.
        """
        super().__init__()
        self.session = session
        self.setObjectName("main_window")
        self.setAccessibleName(TITLE)
        self.commands = Commands(self, session, asking or Dialogs(self), settings or SettingsFile(parent=self))
        self.actions_by_id: dict[str, QAction] = {}
        self.closed_for_good: Callable[[], None] = session.close
        """What ends with the window."""
        self._layout_memory = layout
        self._build_center()
        self._build_docks()
        self._build_actions()
        self._build_bars()
        self.toasts = Toasts(self)
        self.toasts.review_asked.connect(self.commands.review_code)
        self.code_notice = CodeNotice(session, self)
        self._connect()
        self._first_state = self.saveState()
        self.remembered = layout is not None and layout.restore(self)
        """Whether it is arranged as it was left."""
        self._put_away: tuple[QDockWidget, ...] | None = None
        """The docks that are hidden while there is no project."""
        self._show_page()
        self._show_title()
        self._show_actions()
        if not staged:
            self.finish()

    @property
    def charts(self) -> ChartsPanel:
        """The charts."""
        return cast("ChartsPanel", self._charts.panel)

    @property
    def inspector(self) -> Inspector:
        """The form of the selected node."""
        return cast("Inspector", self._inspector.panel)

    @property
    def finished(self) -> bool:
        """Whether everything is there."""
        return self._charts.filled and self._inspector.filled

    def finish(self) -> None:
        """Make what was left out so that the window shows sooner. Doing it again changes nothing."""
        if not self.finished:
            assert self.inspector is not None
            TabCorner(self.charts_dock, self.charts.tabs)
            self._show_actions()

    def show_problems(self) -> None:
        """Bring the list of problems to the front."""
        self.runs_dock.show()
        self.runs_dock.raise_()
        self.toasts.raise_()
        self.bottom.setCurrentWidget(self.problems)
        self.problems.setFocus()

    def reset_layout(self) -> None:
        """Put all docks back to where they were at first."""
        for dock in self.docks:
            dock.setFloating(False)
        self.restoreState(self._first_state)
        self._put_away = None
        self._size_docks()
        self._show_page()

    @property
    def docks(self) -> tuple[QDockWidget, ...]:
        """All docks."""
        return (self.side_dock, self.form_dock, self.charts_dock, self.runs_dock)

    def _build_center(self) -> None:
        self.pages = QStackedWidget(self)
        self.empty = EmptyState(self.commands)
        self.canvas = CanvasPage(self.commands)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.canvas)
        self.pages.setMinimumSize(240, 140)
        self.setCentralWidget(self.pages)

    def _build_docks(self) -> None:
        area = Qt.DockWidgetArea
        self.setCorner(Qt.Corner.BottomLeftCorner, area.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, area.RightDockWidgetArea)
        self.setDockNestingEnabled(True)
        self.side = SidePanel(self.commands)
        self._inspector = Place(lambda: _make("panels.inspector:Inspector", self.commands))
        self._charts = Place(lambda: _make("charts.panel:ChartsPanel", self.commands))
        self.bottom = QTabWidget()
        self.bottom.setObjectName("bottom_tabs")
        self.bottom.setDocumentMode(True)
        self.runs, self.problems = RunsPanel(self.commands), ProblemsPanel(self.commands)
        self.log = LogPanel(self.commands)
        for panel, title in ((self.runs, "Runs"), (self.problems, "Problems"), (self.log, "Log")):
            self.bottom.addTab(panel, title)
        self.side_dock = self._dock("Model and steps", "dock_side", self.side, area.LeftDockWidgetArea)
        self.form_dock = self._dock("Inspector", "dock_form", self._inspector, area.RightDockWidgetArea)
        self.charts_dock = make_tabbed_dock("Charts", "dock_charts", self._charts, self)
        self.runs_dock = make_tabbed_dock("Results", "dock_runs", self.bottom, self)
        for dock in (self.charts_dock, self.runs_dock):
            self.addDockWidget(area.BottomDockWidgetArea, dock)
        TabCorner(self.runs_dock, self.bottom).add_extra(self.runs.take_bar(), self.runs)
        self.splitDockWidget(self.charts_dock, self.runs_dock, Qt.Orientation.Vertical)
        self._size_docks()

    def _size_docks(self) -> None:
        self.resizeDocks([self.side_dock, self.form_dock], [SIDE_WIDTH, FORM_WIDTH], Qt.Orientation.Horizontal)
        heights = [round(share * self.height()) for share in (CHARTS_SHARE, RUNS_SHARE)]
        self.resizeDocks([self.charts_dock, self.runs_dock], heights, Qt.Orientation.Vertical)

    def _dock(self, title: str, name: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = make_dock(title, name, widget, self)
        self.addDockWidget(area, dock)
        return dock

    def _build_actions(self) -> None:
        menus = {name: self.menuBar().addMenu(text) for name, text in zip(MENUS, with_keys(MENUS), strict=True)}
        for one in ACTIONS:
            made = self._action(one)
            self.actions_by_id[one.id] = made
            owner: QWidget = getattr(self, one.scope) if one.scope else self
            owner.addAction(made)
            if one.menu:
                if one.separate:
                    menus[one.menu].addSeparator()
                menus[one.menu].addAction(made)
        self.recent_menu = QMenu("Open recent", self)
        self.recent_menu.setObjectName("menu_recent")
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        menus["File"].insertMenu(self.actions_by_id["data.open"], self.recent_menu)
        window = menus["Window"]
        first = window.actions()[0] if window.actions() else None
        for dock in self.docks:
            toggle = dock.toggleViewAction()
            toggle.setObjectName(f"action:{dock.objectName()}")
            window.insertAction(first, toggle) if first is not None else window.addAction(toggle)
        if first is not None:
            window.insertSeparator(first)
        for menu in menus.values():
            menu.aboutToShow.connect(lambda menu=menu: _give_keys(menu))

    def _build_bars(self) -> None:
        self.toolbar = MainToolBar(self.commands, self.actions_by_id, self)
        self.addToolBar(self.toolbar)
        self.status = StatusBar(self.commands, self)
        self.setStatusBar(self.status)

    def _action(self, one: Action) -> QAction:
        made = QAction(one.title, self)
        made.setObjectName(f"action:{one.id}")
        made.setMenuRole(ROLES.get(one.id, QAction.MenuRole.NoRole))
        made.setCheckable(one.checked is not None)
        if one.keys:
            made.setShortcuts([QKeySequence(keys) for keys in one.keys.split(", ")])
        if one.scope:
            made.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        if one.icon:
            tone = "accent_text" if one.id == "run.all" else "text"
            made.setIcon(icon(one.icon, tone))
        made.setToolTip(f"{one.tip or one.title} ({one.keys.split(', ')[0]})" if one.keys else one.tip or one.title)
        made.triggered.connect(lambda _checked=False, one=one: one.does(self.commands))
        return made

    def _connect(self) -> None:
        session = self.session
        session.project_changed.connect(self._show_page)
        session.history_changed.connect(self._show_title)
        session.project_opened.connect(self._show_title)
        session.message.connect(self._show_message)
        self._actions_timer = QTimer(self)
        self._actions_timer.setSingleShot(True)
        self._actions_timer.setInterval(0)
        self._actions_timer.timeout.connect(self._show_actions)
        for signal in (session.history_changed, session.selection_changed, session.run_started, session.run_ended):
            signal.connect(self._show_actions)
        for signal in (session.views_changed, session.run_changed):
            signal.connect(self._show_actions_soon)

    def _show_message(self, message: Message) -> None:
        steps = self.session.runtime.steps
        said = replace(message, text=in_words(message.text, None, steps), hint=in_words(message.hint, None, steps))
        self.toasts.show_message(said)

    def _show_actions_soon(self, *_: object) -> None:
        self._actions_timer.start()

    def _show_page(self, *_: object) -> None:
        empty = len(self.session.project.pipeline) == 0
        self.pages.setCurrentWidget(self.empty if empty else self.canvas)
        self._clear_desk(empty=empty)

    def _clear_desk(self, *, empty: bool) -> None:
        """Without a project there is only the page to begin with; then the panels come as they were."""
        if empty and self._put_away is None:
            self._put_away = tuple(dock for dock in self.docks if not dock.isHidden())
            for dock in self._put_away:
                dock.hide()
        elif not empty and self._put_away is not None:
            for dock in self._put_away:
                dock.show()
            self._put_away = None
            if not self.remembered:
                self._size_docks()

    def _show_title(self) -> None:
        name = self.commands.project_name()
        self.setWindowTitle(f"{name}[*] – {TITLE}")
        self.setWindowFilePath(str(self.session.path or ""))
        self.setWindowModified(self.session.dirty)

    def _show_actions(self, *_: object) -> None:
        for one in ACTIONS if self.finished else BASIC:
            made = self.actions_by_id[one.id]
            made.setEnabled(one.enabled(self.commands))
            if one.checked is not None:
                made.setChecked(one.checked(self.commands))
        for name, word, label in (
            ("edit.undo", "Undo", self.session.history.undo_label),
            ("edit.redo", "Redo", self.session.history.redo_label),
        ):
            text = f"{word} “{label}”" if label else word
            self.actions_by_id[name].setText(text.replace("&", "&&"))

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for one in recent.recent_files():
            made = self.recent_menu.addAction(icon("file" if one.kind == "project" else "chip"), one.title)
            made.setToolTip(one.path)
            made.setStatusTip(one.path)
            made.triggered.connect(lambda _checked=False, path=one.path: self.commands.open_path(Path(path)))
        if self.recent_menu.isEmpty():
            self.recent_menu.addAction("Nothing opened yet").setEnabled(False)
            return
        self.recent_menu.addSeparator()
        self.recent_menu.addAction("Clear this list", self.commands.clear_recent)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002 - the name is Qt's
        parts = (
            self.toolbar,
            self.side_dock,
            self.pages,
            self.form_dock,
            self.charts_dock,
            self.runs_dock,
            self.toasts,
        )
        here = [part for part in parts if part.window() is self]
        found = following(here, self.focusWidget(), forward=next)
        if found is None:
            return False
        found.setFocus(Qt.FocusReason.TabFocusReason if next else Qt.FocusReason.BacktabFocusReason)
        bring_into_view(found)
        return True

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowActivate:
            self.setWindowModified(self.session.dirty)
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        commands = self.commands
        if not commands.may_leave("closing"):
            event.ignore()
            return
        ask = self.session.running and commands.settings.now.confirm_stop
        if ask and commands.asking.choose(unsaved.still_running()) is None:
            event.ignore()
            return
        if self._layout_memory is not None:
            self._clear_desk(empty=False)
            for dock in self._put_away or ():
                dock.show()
            self._layout_memory.save(self)
        self.closed_for_good()
        event.accept()


def _give_keys(menu: QMenu) -> None:
    """Underline a letter of every line, by which it can be chosen while the menu is open."""
    lines = [one for one in menu.actions() if not one.isSeparator()]
    for one, text in zip(lines, with_keys([plain_text(one.text()) for one in lines]), strict=True):
        one.setText(text)


def _make(name: str, commands: Commands) -> QWidget:
    """The panel "module:class" of this package."""
    module, _, kind = name.partition(":")
    return getattr(importlib.import_module(f"compress_studio.gui.{module}"), kind)(commands)
