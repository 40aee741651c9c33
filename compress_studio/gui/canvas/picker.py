"""A small searchable list of steps that opens where a step is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
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
from compress_studio.gui.panels.step_rows import MENTIONED, rank
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.spec.step import Group, StepSpec

WIDTH, HEIGHT = 280, 320
ID, GROUP = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


def matching(steps: Iterable[StepSpec], text: str) -> list[StepSpec]:
    """The steps that fit a search as in the library, the best first; mere mentions only when nothing fits better."""
    order = {group: place for place, group in enumerate(Group)}
    wanted = text.casefold().strip()
    ranked = [(fit, spec) for spec in steps if (fit := rank(spec, text)) is not None]
    if any(fit < MENTIONED for fit, _ in ranked):
        ranked = [one for one in ranked if one[0] < MENTIONED]

    def place(one: tuple[int, StepSpec]) -> tuple[bool, int, int]:
        begins = bool(wanted) and one[1].title.casefold().startswith(wanted)
        return (not begins, one[0], order[one[1].group])

    return [spec for _, spec in sorted(ranked, key=place)]


class StepPicker(QFrame):
    """Type to search, arrows to choose, Enter to take."""

    chosen = Signal(str)
    """Id of a step."""
    closed = Signal()
    """It is gone, with or without a choice; the keyboard is free."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self.setObjectName("step_picker")
        self.setAccessibleName("Add a step")
        self.setProperty("surface", "card")
        self._steps: list[StepSpec] = []
        self._reasons: Mapping[str, str] = {}
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

    def open_at(self, place: QPoint, steps: Iterable[StepSpec], reasons: Mapping[str, str]) -> None:
        """Show these steps, with the upper left corner at a place on the screen.

        reasons: why steps cannot be taken, by id; these are greyed.
        """
        self._steps, self._reasons = list(steps), reasons
        self.search.clear()
        self._fill("")
        window = self.parentWidget()
        spot = place if window is None else window.mapFromGlobal(place)
        room = self.screen().size() if window is None else window.size()
        x, y = min(spot.x(), room.width() - WIDTH - METRICS.gap), min(spot.y(), room.height() - HEIGHT - METRICS.gap)
        self.move(max(METRICS.gap, x), max(METRICS.gap, y))
        self.show()
        self.raise_()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)
        self._watch(on=True)

    def close_up(self) -> None:
        """Go away without a choice."""
        if self.isVisible():
            self._watch(on=False)
            self.hide()
            self.closed.emit()

    def _watch(self, *, on: bool) -> None:
        """Hear of presses anywhere in the program while it is open."""
        application = QApplication.instance()
        if application is not None and on:
            application.installEventFilter(self)
        elif application is not None:
            application.removeEventFilter(self)

    def _fill(self, text: str) -> None:
        self.rows.clear()
        for spec in matching(self._steps, text):
            row = QListWidgetItem(spec.title)
            row.setData(ID, spec.id)
            row.setData(GROUP, spec.group.value)
            reason = self._reasons.get(spec.id, "")
            row.setToolTip(reason or spec.summary)
            if reason:
                row.setFlags(Qt.ItemFlag.NoItemFlags)
            self.rows.addItem(row)
        self._step_to(-1, 1)
        if not self.rows.count():
            nothing = QListWidgetItem("No step has these words")
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.rows.addItem(nothing)

    def _take(self) -> None:
        row = self.rows.currentItem()
        if row is not None and row.data(ID) and row.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.close_up()
            self.chosen.emit(row.data(ID))

    def _step_to(self, start: int, way: int) -> None:
        """Make the next row that can be taken the current one, that many rows on."""
        usable = [row for row in range(self.rows.count()) if self.rows.item(row).flags() & Qt.ItemFlag.ItemIsEnabled]
        ahead = [row for row in usable if (row > start if way > 0 else row < start)]
        if ahead:
            many = min(abs(way), len(ahead))
            self.rows.setCurrentRow(ahead[many - 1] if way > 0 else ahead[-many])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
        if event.key() == Qt.Key.Key_Escape:
            self.close_up()
        elif event.key() in steps:
            self._step_to(self.rows.currentRow(), steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A press beside it closes it, and so does another window."""
        if event.type() is QEvent.Type.MouseButtonPress and isinstance(watched, QWidget):
            if watched is not self and not self.isAncestorOf(watched):
                self.close_up()
        elif event.type() is QEvent.Type.WindowDeactivate and watched is self.window():
            self.close_up()
        return False


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
        usable = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
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
            painter.setBrush(paint.groups[group] if usable else paint.track)
            painter.drawRoundedRect(QRectF(inner.left(), inner.center().y() - 4, 8, 8), 2, 2)
            painter.setFont(paint.small)
            painter.setPen(paint.pens["muted" if usable else "faint"])
            painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, group)
            inner.setLeft(inner.left() + 16)
            inner.setRight(inner.right() - paint.small_metrics.horizontalAdvance(group) - METRICS.gap)
        painter.setFont(current.font())
        painter.setPen(paint.pens["text" if usable else "faint" if group else "muted"])
        metrics = option.fontMetrics  # pyright: ignore[reportAttributeAccessIssue]
        text = metrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, round(inner.width()))
        painter.drawText(inner, left, text)
        painter.restore()
