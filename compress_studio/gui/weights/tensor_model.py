"""The tensors of a file as rows of a table."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QWidget

from compress_studio.gui import words
from compress_studio.gui.theme.current import color, tokens
from compress_studio.gui.weights.state import TensorRow

NAME, SHAPE, TYPE, SIZE = range(4)
TITLES = ("name", "shape", "type", "size")
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
NO_INDEX = QModelIndex()


class TensorModel(QAbstractTableModel):
    """Tensors in the order of the file."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[TensorRow, ...] = ()
        self._counted = False

    def show_rows(self, rows: tuple[TensorRow, ...], *, counted: bool) -> None:
        """Show other tensors. counted: distributions are there, so that tensors with damaged numbers are marked."""
        names = [one.name for one in rows] == [one.name for one in self.rows]
        self._counted = counted
        if names:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, SIZE))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(section))
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (row.name, shape_text(row.shape), row.dtype, words.bytes_text(row.bytes))[column]
        if role == SORT_ROLE:
            return (row.name, row.count, row.dtype, row.bytes)[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(column))
        if role == Qt.ItemDataRole.ToolTipRole:
            damaged = f"\n{words.grouped_text(row.not_a_number)} are not a number" if row.not_a_number else ""
            numbers = words.grouped_text(row.count)
            return f"{row.name}\n{shape_text(row.shape)} of {row.dtype}, {numbers} numbers{damaged}"
        if role == Qt.ItemDataRole.ForegroundRole:
            if row.not_a_number:
                return color(tokens().bad)
            return color(tokens().muted) if column in {TYPE, SHAPE} else None
        return None


def shape_text(shape: tuple[int, ...]) -> str:
    """ "64 × 3 × 7 × 7"."""
    return " × ".join(map(str, shape)) or "scalar"


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column == SIZE else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
