"""A scrolling list of painted rows: only what is seen is painted, whatever the number of rows."""

from __future__ import annotations

from abc import abstractmethod

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from compress_studio.gui.charts.hover import HoverCard
from compress_studio.gui.charts.style import ROW, background, brush
from compress_studio.gui.theme.current import tokens


class BarList(QAbstractScrollArea):
    """Rows of one height below a fixed heading."""

    row_clicked = Signal(int)
    row_double_clicked = Signal(int)
    head_clicked = Signal(QPointF)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.row_height = ROW
        self.head_height = 0.0
        self.foot_height = 0.0
        self._pointed_at = -1
        self._card = HoverCard(self)

    # for each list to say ------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many rows there are."""
        return 0

    def paint_head(self, painter: QPainter, box: QRectF) -> None:
        """Paint what stands above the rows."""

    def paint_foot(self, painter: QPainter, box: QRectF) -> None:
        """Paint what stands below the rows."""

    def paint_row(self, painter: QPainter, row: int, box: QRectF) -> None:
        """Paint one row."""

    @abstractmethod
    def card(self, row: int) -> tuple[str, str, tuple[tuple[str, str, str], ...]]:
        """Title, subtitle and facts of a row."""

    # the same for all ----------------------------------------------------------------------------

    def rows_changed(self) -> None:
        """There are other rows: lay out and paint again."""
        if self._pointed_at >= self.count:
            self._leave()
        self._fit_bar()
        self.viewport().update()

    def restyle(self) -> None:
        """Take over the colours of another theme."""
        self.viewport().update()

    def row_at(self, place: QPointF) -> int:
        """The row under a point of the viewport; −1 for none."""
        top, bottom = self._body()
        if not top <= place.y() < bottom:
            return -1
        row = int((place.y() - top + self.verticalScrollBar().value()) // self.row_height)
        return row if 0 <= row < self.count else -1

    def row_box(self, row: int) -> QRectF:
        """Where a row lies in the viewport."""
        top = self._body()[0] + row * self.row_height - self.verticalScrollBar().value()
        return QRectF(0.0, top, self.viewport().width(), self.row_height)

    def show_row(self, row: int) -> None:
        """Scroll to a row."""
        bar, page = self.verticalScrollBar(), self._page()
        top = row * self.row_height
        if top < bar.value() or top + self.row_height > bar.value() + page:
            bar.setValue(round(top - page / 2 + self.row_height / 2))

    def full_size(self) -> QSize:
        """Of a picture of all rows."""
        height = self.head_height + self.count * self.row_height + self.foot_height
        return QSize(max(self.viewport().width(), 480), max(round(height), self.viewport().height()))

    def paint_all(self, painter: QPainter, size: QSize) -> None:
        """Paint all rows, also those that are scrolled away."""
        self.paint_head(painter, QRectF(0, 0, size.width(), self.head_height))
        for row in range(self.count):
            top = self.head_height + row * self.row_height
            self.paint_row(painter, row, QRectF(0, top, size.width(), self.row_height))
        foot = self.head_height + self.count * self.row_height
        self.paint_foot(painter, QRectF(0, foot, size.width(), self.foot_height))

    def _body(self) -> tuple[float, float]:
        """Top and bottom of the part that scrolls."""
        return self.head_height, self.viewport().height() - self.foot_height

    def _page(self) -> float:
        top, bottom = self._body()
        return max(bottom - top, 0.0)

    def _fit_bar(self) -> None:
        whole, page = self.count * self.row_height, self._page()
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, round(whole - page)))
        bar.setPageStep(round(page))
        bar.setSingleStep(round(self.row_height))

    def _point(self, row: int, at: QPointF) -> None:
        if row < 0:
            self._leave()
            return
        if row != self._pointed_at:
            self._pointed_at = row
            self.viewport().update()
        title, subtitle, facts = self.card(row)
        self._card.show_card((row, title, facts), title, subtitle, facts, at)

    def _leave(self) -> None:
        self._pointed_at = -1
        self._card.hide_card()
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), background())
        top, bottom = self._body()
        first = max(0, int(self.verticalScrollBar().value() // self.row_height))
        last = min(self.count, int((self.verticalScrollBar().value() + bottom - top) // self.row_height) + 1)
        width = self.viewport().width()
        painter.setClipRect(QRectF(0, top, width, bottom - top))
        for row in range(first, last):
            box = self.row_box(row)
            if row == self._pointed_at:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(brush(tokens().hover, 0.55))
                painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), 4, 4)
            self.paint_row(painter, row, box)
        painter.setClipping(False)
        self.paint_head(painter, QRectF(0, 0, width, self.head_height))
        under = min(bottom, top + self.count * self.row_height)
        self.paint_foot(painter, QRectF(0, under, width, self.foot_height))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self.row_at(event.position()), event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        row = self.row_at(event.position())
        if row >= 0:
            self.row_clicked.emit(row)
        elif event.position().y() < self.head_height:
            self.head_clicked.emit(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position())
        if row >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self.row_double_clicked.emit(row)

    def leaveEvent(self, event: object) -> None:
        self._leave()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_bar()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}
        if event.key() in moves and self.count:
            start = self._pointed_at if self._pointed_at >= 0 else -1
            row = min(max(start + moves[Qt.Key(event.key())], 0), self.count - 1)
            self.show_row(row)
            self._point(row, self.row_box(row).center())
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._pointed_at >= 0:
            self.row_clicked.emit(self._pointed_at)
        elif event.key() == Qt.Key.Key_Escape:
            self._leave()
        else:
            super().keyPressEvent(event)
