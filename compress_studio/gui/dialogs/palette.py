"""The command palette: everything that can be done, found by typing a few letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from compress_studio.gui.dialogs.entries import Entry, all_entries
from compress_studio.gui.dialogs.fuzzy import rank
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.search import SearchField

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

WIDTH, ROW, ROWS = 560, 30, 11
Row = tuple[Entry, tuple[int, ...]]
Index = QModelIndex | QPersistentModelIndex


class _Rows(QAbstractListModel):
    """The entries that answer the query."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []

    def show_rows(self, rows: list[Row]) -> None:
        """Show others."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row(self, place: int) -> Row:
        """One of them."""
        return self._rows[place]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        return len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self._rows[index.row()][0]
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return entry.title
        return entry.tip if role == Qt.ItemDataRole.ToolTipRole else None


class _Painter(QStyledItemDelegate):
    """Draws a row: the title with the letters found, what it is, its keys."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, _Rows)
        entry, places = model.row(index.row())
        tokens = current.tokens()
        rect: QRect = option.rect  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.selection))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(rect.adjusted(4, 1, -4, -1), METRICS.small_radius, METRICS.small_radius)
        inner = rect.adjusted(METRICS.pad, 0, -METRICS.pad, 0)
        aside = "   ".join(part for part in (entry.kind, entry.keys) if part)
        painter.setFont(current.font(METRICS.small_font))
        painter.setPen(QColor(tokens.muted if entry.enabled else tokens.faint))
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, aside)
        inner.setRight(inner.right() - painter.fontMetrics().horizontalAdvance(aside) - METRICS.pad)
        _draw_title(painter, inner, entry, set(places))

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(WIDTH - 2 * METRICS.pad, ROW)


def _draw_title(painter: QPainter, rect: QRect, entry: Entry, places: set[int]) -> None:
    tokens = current.tokens()
    plain, strong = current.font(), current.font(weight=QFont.Weight.DemiBold)
    text = QFontMetrics(strong).elidedText(entry.title, Qt.TextElideMode.ElideRight, rect.width())
    left = rect.left()
    begin = 0
    while begin < len(text):
        end = begin + 1
        while end < len(text) and (end in places) == (begin in places):
            end += 1
        found = begin in places
        painter.setFont(strong if found else plain)
        tone = tokens.faint if not entry.enabled else tokens.accent if found else tokens.text
        painter.setPen(QColor(tone))
        part = QRect(left, rect.top(), rect.right() - left + 1, rect.height())
        painter.drawText(part, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text[begin:end])
        left += painter.fontMetrics().horizontalAdvance(text[begin:end])
        begin = end


class Palette(QFrame):
    """A list at the top of the window that goes away with Esc, with a click elsewhere, or when something was chosen."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.window)
        self.setObjectName("palette")
        self.setAccessibleName("All commands")
        self.setProperty("surface", "popup")
        self._window = commands.window
        self._before: QWidget | None = None
        """What had the keyboard before."""
        self._entries = all_entries(commands)
        self._texts = [entry.title for entry in self._entries]
        self.search = SearchField("Search commands, steps and nodes", self)
        self.search.setObjectName("palette_search")
        self.search.setProperty("kind", "plain")
        self.list = QListView(self)
        self.list.setObjectName("palette_list")
        self.list.setAccessibleName("Commands found")
        self.list.setProperty("kind", "popup")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._rows = _Rows(self)
        self.list.setModel(self._rows)
        self.list.setItemDelegate(_Painter(self.list))
        self.nothing = QLabel("Nothing is called so. Try one word of what you want to do.", self)
        self.nothing.setProperty("tone", "muted")
        self.nothing.setMargin(METRICS.pad)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.gap, METRICS.gap, METRICS.gap, METRICS.gap)
        layout.setSpacing(METRICS.gap // 2)
        for widget in (self.search, self.list, self.nothing):
            layout.addWidget(widget)
        self.search.textChanged.connect(self._find)
        self.list.clicked.connect(self._run)
        self.search.installEventFilter(self)
        self._window.installEventFilter(self)
        self._find("")

    @property
    def shown(self) -> list[Entry]:
        """The entries that are listed, in order."""
        return [self._rows.row(place)[0] for place in range(self._rows.rowCount())]

    @property
    def current(self) -> Entry | None:
        """The entry that Enter runs."""
        index = self.list.currentIndex()
        return self._rows.row(index.row())[0] if index.isValid() else None

    def dismiss(self) -> None:
        """Go away."""
        if self.isHidden():
            return
        self._window.removeEventFilter(self)
        focus = QApplication.focusWidget()
        inside = focus is not None and self.isAncestorOf(focus)
        self.hide()
        if inside and self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.deleteLater()

    def _find(self, query: str) -> None:
        self._rows.show_rows(rank(query, self._entries, self._texts))
        count = self._rows.rowCount()
        self.list.setVisible(count > 0)
        self.nothing.setVisible(count == 0)
        self.list.setFixedHeight(ROW * max(1, min(ROWS, count)))
        first = next((place for place, entry in enumerate(self.shown) if entry.enabled), 0)
        self._go(first if count else -1)
        self._place()

    def _go(self, place: int) -> None:
        if 0 <= place < self._rows.rowCount():
            self.list.setCurrentIndex(self._rows.index(place))
            self.list.scrollTo(self.list.currentIndex())

    def _move(self, by: int) -> None:
        count = self._rows.rowCount()
        if count:
            place = self.list.currentIndex().row() + by
            self._go(place % count if abs(by) == 1 else min(max(place, 0), count - 1))

    def _run(self, index: QModelIndex) -> None:
        entry = self._rows.row(index.row())[0]
        if entry.enabled:
            self.dismiss()
            entry.does()

    def _place(self) -> None:
        self.setFixedWidth(min(WIDTH, self._window.width() - 2 * METRICS.pad))
        self.adjustSize()
        self.move((self._window.width() - self.width()) // 2, self._window.height() // 12)
        self.raise_()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._before = QApplication.focusWidget()
        self._place()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window:
            if event.type() is QEvent.Type.Resize:
                self._place()
            return False
        if event.type() is QEvent.Type.FocusOut and self.isVisible():
            self.dismiss()
        return event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self._key(event)

    def _key(self, event: QKeyEvent) -> bool:
        moves = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS, Qt.Key.Key_PageUp: -ROWS}
        key = Qt.Key(event.key())
        if key in moves:
            self._move(moves[key])
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            if self.list.currentIndex().isValid():
                self._run(self.list.currentIndex())
        elif key is Qt.Key.Key_Escape:
            self.dismiss()
        else:
            return False
        return True


def open_palette(commands: Commands) -> None:
    """Show the palette, or put it away when it is there."""
    there = commands.window.findChild(Palette)
    if there is not None and there.isVisible():
        there.dismiss()
        return
    Palette(commands).show()
