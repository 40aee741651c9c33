"""All keyboard shortcuts, searchable, in the groups of the menus."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from compress_studio.gui.action import Action
from compress_studio.gui.actions import MENUS
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.gui.widgets.hint import EmptyHint
from compress_studio.gui.widgets.search import SearchField

OTHER = "Everywhere"
WIDTH, HEIGHT = 520, 600


def grouped(actions: Sequence[Action], query: str = "") -> dict[str, list[tuple[str, list[str]]]]:
    """Title and keys of the actions that have keys and hold every word of the query, by menu."""
    words = query.lower().split()
    groups: dict[str, list[tuple[str, list[str]]]] = {}
    for one in actions:
        if not one.keys:
            continue
        keys = [_native(part) for part in one.keys.split(", ")]
        text = f"{one.title} {one.menu} {' '.join(keys)}".lower()
        if all(word in text for word in words):
            groups.setdefault(one.menu or OTHER, []).append((one.title.rstrip("…"), keys))
    order = [*MENUS, OTHER]
    return dict(sorted(groups.items(), key=lambda pair: order.index(pair[0])))


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


class ShortcutsDialog(QDialog):
    """A page to look keys up."""

    def __init__(self, actions: Sequence[Action], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self.setWindowTitle("Keyboard shortcuts")
        self.resize(WIDTH, HEIGHT)
        self._actions = actions
        self.search = SearchField("Search by command or key", self)
        self.search.setObjectName("shortcuts_search")
        self.search.textChanged.connect(self.show_query)
        self._area = QScrollArea(self)
        self._area.setObjectName("shortcuts_area")
        self._area.setAccessibleName("Shortcuts")
        self._area.setWidgetResizable(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * METRICS.gap, 2 * METRICS.gap, 2 * METRICS.gap, METRICS.gap)
        layout.setSpacing(METRICS.gap)
        layout.addWidget(self.search)
        layout.addWidget(self._area, 1)
        self.show_query("")

    def show_query(self, query: str) -> None:
        """Show the shortcuts that answer a query."""
        groups = grouped(self._actions, query)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, METRICS.gap, 0)
        layout.setSpacing(METRICS.gap)
        if not groups:
            text = "Another word may help; all commands, also those without keys, are in the palette."
            layout.addWidget(EmptyHint("keyboard", "No shortcut is called so", text, parent=page))
        for name, rows in groups.items():
            layout.addWidget(SectionTitle(name, page))
            layout.addWidget(_table(rows, page))
            layout.addSpacing(METRICS.gap // 2)
        layout.addStretch(1)
        self._area.setWidget(page)


def _table(rows: list[tuple[str, list[str]]], parent: QWidget) -> QWidget:
    made = QWidget(parent)
    grid = QGridLayout(made)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setVerticalSpacing(METRICS.gap // 2)
    grid.setColumnStretch(0, 1)
    for place, (title, keys) in enumerate(rows):
        name = QLabel(title, made)
        name.setWordWrap(True)
        grid.addWidget(name, place, 0)
        line = QHBoxLayout()
        line.setSpacing(METRICS.gap // 2)
        for one in keys:
            key = QLabel(one, made)
            key.setProperty("role", "key")
            line.addWidget(key)
        grid.addLayout(line, place, 1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made
