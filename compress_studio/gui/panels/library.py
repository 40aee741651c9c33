"""The step library: find a step, read what it does, add it by Enter, double click or drag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QDrag, QFont, QKeyEvent, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from compress_studio.gui.panels.drag_picture import node_picture
from compress_studio.gui.panels.step_rows import (
    BROKEN,
    HEADER,
    STEP,
    LibraryRow,
    LibraryState,
    best_match,
    library_rows,
    target_facts,
    target_node,
)
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.search import SearchField
from compress_studio.project import edits

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

STEP_MIME = "application/x-compress-studio-step"
"""Data of a drag from the library: the id of the step as UTF-8."""
ROW = 24
HEADER_ROW = 28
REASON_ROW = 17
SQUARE = 8
INDENT = 22
Index = QModelIndex | QPersistentModelIndex
ROW_ROLE = Qt.ItemDataRole.UserRole


class StepListModel(QAbstractListModel):
    """The rows of the library for Qt."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: tuple[LibraryRow, ...] = ()

    def show_rows(self, rows: tuple[LibraryRow, ...]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row_of(self, step: str) -> int:
        """Where a step stands, else the step that fits the search best, else −1."""
        steps = [place for place, one in enumerate(self._rows) if one.kind == STEP]
        best = min(steps, key=lambda place: self._rows[place].rank, default=-1)
        return next((place for place in steps if self._rows[place].step == step), best)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return row.title
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return row.tip
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"<p style='white-space:pre-wrap'>{_escaped(row.tip)}</p>" if row.tip else None
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        row: LibraryRow | None = index.data(ROW_ROLE)
        if row is None or row.kind == HEADER:
            return Qt.ItemFlag.NoItemFlags
        shown = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return shown | Qt.ItemFlag.ItemIsDragEnabled if row.kind == STEP else shown


class StepDelegate(QStyledItemDelegate):
    """Paints groups with their colour and steps below them; a step that does not apply is grey with its reason."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: LibraryRow = index.data(ROW_ROLE)
        area: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue] - PySide leaves it out
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row.kind == HEADER:
            self._paint_header(painter, area, row)
        else:
            state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
            self._paint_step(painter, area, row, state)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row: LibraryRow = index.data(ROW_ROLE)
        if row.kind == HEADER:
            return QSize(80, HEADER_ROW)
        return QSize(80, ROW + (REASON_ROW if row.reason else 0))

    def _paint_header(self, painter: QPainter, area: QRect, row: LibraryRow) -> None:
        tokens = current.tokens()
        middle = area.top() + HEADER_ROW * 0.58
        square = QRectF(area.left() + METRICS.gap // 2, middle - SQUARE / 2, SQUARE, SQUARE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(current.color(tokens.groups.get(row.group, tokens.muted)))
        painter.drawRoundedRect(square, 2, 2)
        painter.setPen(current.color(tokens.muted))
        painter.setFont(current.font(METRICS.small_font, QFont.Weight.Medium))
        text = QRectF(square.right() + METRICS.gap, middle - 10, area.width(), 20)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, row.title)

    def _paint_step(self, painter: QPainter, area: QRect, row: LibraryRow, state: QStyle.StateFlag) -> None:
        tokens = current.tokens()
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if chosen or hovered:
            focused = chosen and bool(state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(current.color(tokens.selection if focused else tokens.hover))
            painter.drawRoundedRect(QRectF(area).adjusted(2, 1, -2, -1), METRICS.small_radius, METRICS.small_radius)
        faded = bool(row.reason)
        line = area.adjusted(INDENT, 0, -METRICS.gap, 0)
        line.setHeight(ROW)
        painter.setPen(current.color(tokens.faint if faded else tokens.text))
        painter.setFont(current.font())
        self._text(painter, line, row.title)
        if faded:
            below = QRect(line.left(), area.top() + ROW - 4, line.width(), REASON_ROW)
            painter.setFont(current.font(METRICS.small_font))
            painter.setPen(current.color(tokens.bad if row.kind == BROKEN else tokens.muted))
            self._text(painter, below, row.reason)

    def _text(self, painter: QPainter, area: QRect, text: str) -> None:
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, shown)


class StepList(QListView):
    """The list itself: Enter or a double click adds, dragging carries the step to the canvas."""

    wanted = Signal(object)
    """LibraryRow that the user wants to add."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("step_list")
        self.setAccessibleName("Steps")
        self.setMouseTracking(True)
        self.setUniformItemSizes(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.rows = StepListModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(StepDelegate(self))
        self.doubleClicked.connect(self._want)
        current.watch().changed.connect(self.viewport().update)

    def row(self) -> LibraryRow | None:
        """The row under the cursor."""
        return self.currentIndex().data(ROW_ROLE)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._want(self.currentIndex())
            return
        super().keyPressEvent(event)

    def startDrag(self, supportedActions: Qt.DropAction) -> None:
        row = self.row()
        if row is None or row.kind != STEP:
            return
        mime = QMimeData()
        mime.setData(STEP_MIME, row.step.encode())
        drag = QDrag(self)
        drag.setMimeData(mime)
        picture = node_picture(row.title, row.group, self.devicePixelRatioF())
        drag.setPixmap(picture)
        drag.setHotSpot(QPoint(METRICS.node_width // 2, METRICS.gap * 2))
        drag.exec(Qt.DropAction.CopyAction)

    def _want(self, index: Index) -> None:
        row: LibraryRow | None = index.data(ROW_ROLE)
        if row is not None and row.kind != HEADER:
            self.wanted.emit(row)


class StepLibrary(QWidget):
    """The search field and the list."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("library")
        self._session = commands.session
        self._shown: LibraryState | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        self.search = SearchField("Find a step", self)
        self.search.setObjectName("library.search")
        self.search.setToolTip("Find a step by what it is called or what it does (Ctrl+F)")
        self.search.setAcceptDrops(False)
        self.search.textChanged.connect(self.refresh)
        self.search.installEventFilter(self)
        self.list = StepList(self)
        self.list.wanted.connect(self._add)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        self._find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self, self.focus_search)
        session = self._session
        for signal in (session.selection_changed, session.results_changed, session.project_changed):
            signal.connect(self.refresh)
        session.facts.changed.connect(self.refresh)
        self.refresh()

    def focus_search(self) -> None:
        """Begin to search."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def refresh(self, *_: object) -> None:
        """Show what applies to the network that a new step would get."""
        steps = self._session.runtime.steps
        rows = library_rows(steps, target_facts(self._session), self.search.text(), steps.broken)
        search = self.search.text()
        self.show_state(LibraryState(rows, search, best_match(steps, rows, search) if search else ""))

    def show_state(self, state: LibraryState) -> None:
        """Show this and nothing else; the chosen step stays chosen."""
        if state == self._shown:
            return
        before = self.list.row()
        searched = self._shown is not None and self._shown.search != state.search
        self._shown = state
        self.list.rows.show_rows(state.rows)
        place = self.list.rows.row_of(state.best if before is None or searched else before.step)
        if place >= 0 and (before is not None or state.search):
            self.list.setCurrentIndex(self.list.rows.index(place))

    def _add(self, row: LibraryRow) -> None:
        from compress_studio.gui.message import Message

        session = self._session
        if row.kind == BROKEN:
            session.message.emit(Message(f"The plug-in {row.title} could not be loaded.", row.reason, "warning"))
            return
        if row.reason:
            session.message.emit(Message(f"{row.title} does not apply here: {row.reason}", row.hint, "warning"))
            return
        known = {one.id for one in session.project.pipeline}
        adding = edits.append_step(row.step, {}, session.runtime.steps, after=target_node(session))
        if session.edit(f"Add {row.title}", adding):
            session.select([one.id for one in session.project.pipeline if one.id not in known])

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Arrow keys and Enter in the search field act on the list."""
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() is QKeyEvent.Type.KeyPress:
            down = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if down is not None:
                self._move(down)
                return True
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.search.text():
                row = self.list.row()
                if row is not None:
                    self._add(row)
                return True
        return super().eventFilter(watched, event)

    def _move(self, by: int) -> None:
        place = self.list.currentIndex().row() + by
        while 0 <= place < self.list.rows.rowCount():
            index = self.list.rows.index(place)
            if self.list.rows.flags(index) != Qt.ItemFlag.NoItemFlags:
                self.list.setCurrentIndex(index)
                return
            place += by


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
