"""A small searchable list of steps that opens where a step is wanted."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from compress_studio.gui.canvas.ink import ink
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.spec.step import Group, StepSpec

WIDTH, HEIGHT = 280, 320
ID, GROUP = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


def matching(steps: Iterable[StepSpec], text: str) -> list[StepSpec]:
    """The steps that all words of a search are found in; those whose title begins with it come first."""
    wanted = text.lower().split()
    order = {group: place for place, group in enumerate(Group)}
    found: list[tuple[int, int, StepSpec]] = []
    for spec in steps:
        title = spec.title.lower()
        everything = f"{title} {spec.id} {spec.group.value} {spec.summary}".lower()
        if all(word in everything for word in wanted):
            rank = 0 if title.startswith(text.lower().strip()) else 1 if all(word in title for word in wanted) else 2
            found.append((rank, order[spec.group], spec))
    return [spec for _, _, spec in sorted(found, key=lambda one: one[:2])]


class StepPicker(QFrame):
    """Type to search, arrows to choose, Enter to take."""

    chosen = Signal(str)
    """Id of a step."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("step_picker")
        self.setAccessibleName("Add a step")
        self.setProperty("surface", "card")
        self._steps: list[StepSpec] = []
        self.search = QLineEdit(self)
        self.search.setObjectName("step_picker_search")
        self.search.setAccessibleName("Search steps")
        self.search.setPlaceholderText("Add a step: type to search")
        self.search.textChanged.connect(self._fill)
        self.search.returnPressed.connect(self._take)
        self.rows = QListWidget(self)
        self.rows.setObjectName("step_picker_list")
        self.rows.setAccessibleName("Steps")
        self.rows.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.rows.setItemDelegate(_Row(self.rows))
        self.rows.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.setMouseTracking(True)
        self.rows.itemEntered.connect(self.rows.setCurrentItem)
        self.rows.itemClicked.connect(lambda _item: self._take())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.gap, METRICS.gap, METRICS.gap, METRICS.gap)
        layout.setSpacing(METRICS.gap)
        layout.addWidget(self.search)
        layout.addWidget(self.rows)
        self.setFixedSize(WIDTH, HEIGHT)

    def open_at(self, place: QPoint, steps: Iterable[StepSpec]) -> None:
        """Show these steps, with the upper left corner at a place on the screen."""
        self._steps = list(steps)
        self.search.clear()
        self._fill("")
        screen = self.screen().availableGeometry()
        x = max(screen.left(), min(place.x(), screen.right() - WIDTH))
        y = max(screen.top(), min(place.y(), screen.bottom() - HEIGHT))
        self.move(x, y)
        self.show()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def _fill(self, text: str) -> None:
        self.rows.clear()
        for spec in matching(self._steps, text):
            row = QListWidgetItem(spec.title)
            row.setData(ID, spec.id)
            row.setData(GROUP, spec.group.value)
            row.setToolTip(spec.summary)
            self.rows.addItem(row)
        if self.rows.count():
            self.rows.setCurrentRow(0)
        else:
            nothing = QListWidgetItem("No step has these words")
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.rows.addItem(nothing)

    def _take(self) -> None:
        row = self.rows.currentItem()
        if row is not None and row.data(ID):
            self.hide()
            self.chosen.emit(row.data(ID))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        elif event.key() in steps:
            row = self.rows.currentRow() + steps[Qt.Key(event.key())]
            self.rows.setCurrentRow(max(0, min(self.rows.count() - 1, row)))
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        window = self.parentWidget().window()
        if QApplication.activeWindow() in {None, self}:
            window.activateWindow()


class _Row(QStyledItemDelegate):
    """The colour of the group, the title, and the name of the group at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, METRICS.row)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        paint, box = ink(), QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue] - the stubs lack it
        state = option.state  # pyright: ignore[reportAttributeAccessIssue]
        group = index.data(GROUP)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected and group:
            painter.setPen(paint.none)
            painter.setBrush(current.color(current.tokens().selection))
            painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), METRICS.small_radius, METRICS.small_radius)
        inner = box.adjusted(METRICS.gap, 0, -METRICS.gap, 0)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if group:
            painter.setPen(paint.none)
            painter.setBrush(paint.groups[group])
            painter.drawRoundedRect(QRectF(inner.left(), inner.center().y() - 4, 8, 8), 2, 2)
            painter.setFont(paint.small)
            painter.setPen(paint.pens["muted"])
            painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, group)
            inner.setLeft(inner.left() + 16)
            inner.setRight(inner.right() - paint.small_metrics.horizontalAdvance(group) - METRICS.gap)
        painter.setFont(current.font())
        painter.setPen(paint.pens["text" if group else "muted"])
        metrics = option.fontMetrics  # pyright: ignore[reportAttributeAccessIssue]
        text = metrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, round(inner.width()))
        painter.drawText(inner, left, text)
        painter.restore()
