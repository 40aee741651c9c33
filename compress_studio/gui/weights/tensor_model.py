"""The tensors of a file as rows of a table."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from compress_studio.gui import words
from compress_studio.gui.theme.current import color, tokens
from compress_studio.gui.weights.listed import Index, ListedModel
from compress_studio.gui.weights.state import TensorRow

NAME, SHAPE, TYPE, SIZE = range(4)


class TensorModel(ListedModel):
    """Tensors in the order of the file."""

    titles = ("name", "shape", "type", "size")

    def show_tensors(self, rows: tuple[TensorRow, ...]) -> None:
        """Show tensors; where only their numbers are new, what is chosen stays."""
        if [one.name for one in rows] != [one.name for one in self.rows]:
            self.show_rows(rows)
            return
        self.rows = rows
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, SIZE))

    def matches(self, row: TensorRow, word: str) -> bool:
        return word in row.name.lower() or word in row.dtype

    def key(self, row: TensorRow, column: int) -> Any:
        return (row.name, row.count, row.dtype, row.bytes)[column]

    def alignment(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column == SIZE else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row: TensorRow = self.row(index.row())
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (row.name, shape_text(row.shape), row.dtype, words.bytes_text(row.bytes))[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(self.alignment(column))
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
