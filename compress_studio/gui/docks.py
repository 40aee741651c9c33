"""Docks with slim titles, and the memory of how the user arranged them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from compress_studio.base.errors import UserError
from compress_studio.base.paths import data_dir
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS

VERSION = 2
"""Of the arrangement; another number makes older ones be forgotten."""
FILE = "window.ini"
TITLE_HEIGHT = 26
SMALL_BUTTON = 20
CLOSE_TIP = "Close this panel; the Window menu brings it back"


class DockTitle(QWidget):
    """A slim title: drag it to move the dock, double click it to let it float."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self.setObjectName(f"{dock.objectName()}_title")
        self.setProperty("kind", "dock_title")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(TITLE_HEIGHT)
        self._dock = dock
        self._label = QLabel(dock.windowTitle().upper(), self)
        self._label.setProperty("role", "section")
        self._label.setProperty("tone", "muted")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(METRICS.pad, 0, METRICS.gap // 2, 0)
        layout.setSpacing(2)
        layout.addWidget(self._label, 1)
        layout.addWidget(small_button(dock, "float", "Let this panel float, or put it back", self._float, self))
        layout.addWidget(small_button(dock, "close", CLOSE_TIP, dock.close, self))

    def _float(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())

    def sizeHint(self) -> QSize:
        """The dock leaves this much room for it."""
        return QSize(super().sizeHint().width(), TITLE_HEIGHT)


def make_dock(title: str, name: str, widget: QWidget, window: QMainWindow) -> QDockWidget:
    """A dock of a window with a slim title."""
    dock = QDockWidget(title, window)
    dock.setObjectName(name)
    dock.setAccessibleName(title)
    dock.setWidget(widget)
    dock.setTitleBarWidget(DockTitle(dock))
    return dock


def small_button(dock: QDockWidget, name: str, tip: str, does: object, parent: QWidget) -> QToolButton:
    """A button of a dock: "float" or "close"."""
    made = QToolButton(parent)
    made.setObjectName(f"{dock.objectName()}_{name}")
    made.setProperty("kind", "dock_button")
    made.setAccessibleName(f"{name.capitalize()} {dock.windowTitle()}")
    made.setToolTip(tip)
    made.setIcon(icon(f"dock_{name}", "muted"))
    made.setAutoRaise(True)
    made.setFixedSize(SMALL_BUTTON, SMALL_BUTTON)
    made.setStyleSheet("QToolButton { border: none; background: transparent; padding: 0; }")
    made.clicked.connect(does)
    return made


class TabCorner(QWidget):
    """What stands beside the tabs of a dock whose tabs are its title: buttons of the open tab, float and close."""

    def __init__(self, dock: QDockWidget, tabs: QTabWidget) -> None:
        super().__init__(tabs)
        self.setObjectName(f"{dock.objectName()}_corner")
        self._dock = dock
        self._tabs = tabs
        self._extras: list[tuple[QWidget, QWidget]] = []
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, METRICS.gap // 2, 0)
        self._layout.setSpacing(METRICS.gap // 2)
        self._layout.addWidget(small_button(dock, "float", "Let this panel float, or put it back", self._float, self))
        self._layout.addWidget(small_button(dock, "close", CLOSE_TIP, dock.close, self))
        tabs.setCornerWidget(self, Qt.Corner.TopRightCorner)
        tabs.currentChanged.connect(self._show_extras)
        self.show()

    def sizeHint(self) -> QSize:
        """As high as the tabs, so that the buttons stand on their line."""
        hint = super().sizeHint()
        return QSize(hint.width(), max(hint.height(), self._tabs.tabBar().sizeHint().height()))

    def add_extra(self, widget: QWidget, page: QWidget) -> None:
        """Show buttons beside the tabs while a page is open."""
        self._extras.append((widget, page))
        self._layout.insertWidget(0, widget)
        self._show_extras()

    def _show_extras(self, *_: object) -> None:
        for widget, page in self._extras:
            widget.setVisible(self._tabs.currentWidget() is page)

    def _float(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())


def make_tabbed_dock(title: str, name: str, widget: QWidget, window: QMainWindow) -> QDockWidget:
    """A dock without a title of its own while it is docked: its tabs say what it is."""
    dock = QDockWidget(title, window)
    dock.setObjectName(name)
    dock.setAccessibleName(title)
    dock.setWidget(widget)
    blank = QWidget(dock)
    blank.setFixedHeight(0)
    dock.setTitleBarWidget(blank)
    # A floating panel has the frame of the system, by which it can be dragged to any side of the window.
    dock.topLevelChanged.connect(lambda floating: dock.setTitleBarWidget(None if floating else blank))  # type: ignore[arg-type]
    return dock


class Place(QWidget):
    """Holds a panel that is made when it is first asked for: what takes time to load must not hold up the window."""

    def __init__(self, make: Callable[[], QWidget]) -> None:
        super().__init__()
        self._make = make
        self._panel: QWidget | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    @property
    def filled(self) -> bool:
        """Whether the panel has been made."""
        return self._panel is not None

    @property
    def panel(self) -> QWidget:
        """The panel, made now at the latest."""
        if self._panel is None:
            self._panel = self._make()
            self._layout.addWidget(self._panel)
        return self._panel


class LayoutMemory:
    """Keeps size, place and docks of a window in a file of their own."""

    def __init__(self) -> None:
        try:
            self._settings = QSettings(str(data_dir() / FILE), QSettings.Format.IniFormat)
        except UserError:
            self._settings = None

    def save(self, window: QMainWindow) -> None:
        """Remember how the window is arranged."""
        if self._settings is not None:
            self._settings.setValue("version", VERSION)
            self._settings.setValue("geometry", window.saveGeometry())
            self._settings.setValue("state", window.saveState(VERSION))
            self._settings.sync()

    def restore(self, window: QMainWindow) -> bool:
        """Arrange the window as it was left; False when nothing usable is remembered."""
        if self._settings is None or str(self._settings.value("version", "")) != str(VERSION):
            return False
        geometry, state = self._settings.value("geometry"), self._settings.value("state")
        if not isinstance(geometry, QByteArray) or not isinstance(state, QByteArray):
            return False
        return window.restoreGeometry(geometry) and window.restoreState(state, VERSION)
