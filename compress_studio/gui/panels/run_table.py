"""The table of variants as a Qt model, and how its rows are painted."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from compress_studio.gui.panels.run_rows import COLUMNS, Cell, RunRow
from compress_studio.gui.theme.current import color, tokens

Index = QModelIndex | QPersistentModelIndex
STAR, NUMBER, PIPELINE, QUALITY, STATE = 0, 1, 2, 3, len(COLUMNS) - 1
SORT_ROLE = Qt.ItemDataRole.UserRole
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
BAR = 3.0
TONES = {"good": "good", "warn": "warn", "bad": "bad"}


class RunTable(QAbstractTableModel):
    """Rows of variants; sorting is done by a proxy with SORT_ROLE."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[RunRow, ...] = ()
        self._quality = "quality"

    def show_rows(self, quality: str, rows: tuple[RunRow, ...]) -> None:
        """Show other rows; when only numbers changed the selection stays."""
        same = [(row.id, row.node if not row.id else "") for row in rows] == [
            (row.id, row.node if not row.id else "") for row in self.rows
        ]
        if same and quality == self._quality:
            changed = [place for place, (old, new) in enumerate(zip(self.rows, rows, strict=True)) if old != new]
            self.rows = rows
            for place in changed:
                self.dataChanged.emit(self.index(place, 0), self.index(place, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self.rows, self._quality = rows, quality
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._quality if section == QUALITY else COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        cell: Cell = row.cells[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell.tip or None
        if role == Qt.ItemDataRole.ForegroundRole and cell.tone in TONES:
            return color(getattr(tokens(), TONES[cell.tone]))
        if role == SORT_ROLE:
            return cell.key
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.FontRole and row.node and index.column() == PIPELINE:
            from PySide6.QtGui import QFont

            from compress_studio.gui.theme.current import font

            return font(weight=QFont.Weight.Medium)
        return None


class RunDelegate(QStyledItemDelegate):
    """Adds the progress of work to the last column."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        row = index.data(ROW_ROLE)
        if index.column() != STATE or row is None or row.progress is None:
            return
        area = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue] - Qt's option has a rect
        bar = QRectF(area.left() + 6, area.bottom() - BAR - 1, max(0.0, area.width() - 12), BAR)
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(tokens().raised))
        painter.drawRoundedRect(bar, BAR / 2, BAR / 2)
        bar.setWidth(bar.width() * row.progress)
        painter.setBrush(color(tokens().warn))
        painter.drawRoundedRect(bar, BAR / 2, BAR / 2)
        painter.restore()
