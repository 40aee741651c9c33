"""Rows of a table that are filtered and sorted at once, also when there are tens of thousands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

Index = QModelIndex | QPersistentModelIndex
NO_INDEX = QModelIndex()
ROW = 24


class ListedModel(QAbstractTableModel):
    """Rows in their own order, or in that of a column; only those that fit the word in the search field."""

    titles: tuple[str, ...] = ()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[Any, ...] = ()
        """All rows, in their own order."""
        self._places: list[int] = []
        self._word = ""
        self._column, self._down = -1, False

    def show_rows(self, rows: Sequence[Any]) -> None:
        """Show others."""
        self.beginResetModel()
        self.rows = tuple(rows)
        self._arrange()
        self.endResetModel()

    def set_word(self, word: str) -> None:
        """Only rows that hold a word."""
        self._word = word.strip().lower()
        self.arrange()

    def arrange(self) -> None:
        """Filter and sort again."""
        self.beginResetModel()
        self._arrange()
        self.endResetModel()

    def row(self, place: int) -> Any:
        """What is shown at a place of the table."""
        return self.rows[self._places[place]]

    def place_of(self, number: int) -> int:
        """Where a row is shown, by its place among all; -1 when it is filtered out."""
        return self._places.index(number) if number in self._places else -1

    @abstractmethod
    def matches(self, row: Any, word: str) -> bool:
        """Whether a row is shown when a word, in small letters, is searched for."""

    @abstractmethod
    def key(self, row: Any, column: int) -> Any:
        """By what a column is sorted."""

    def _arrange(self) -> None:
        self._places = [number for number, row in enumerate(self.rows) if self.matches(row, self._word)]
        if self._column >= 0:
            self._places.sort(key=lambda number: self.key(self.rows[number], self._column), reverse=self._down)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column, self._down = column, order is Qt.SortOrder.DescendingOrder
        self.arrange()

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._places)

    def columnCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(self.alignment(section))
        return None

    def alignment(self, column: int) -> Qt.AlignmentFlag:
        """Where the text of a column stands."""
        return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def listed_table(model: ListedModel, parent: QWidget) -> QTableView:
    """A table of such rows: in their own order at first, whole rows chosen, the first column as wide as it can be."""
    view = QTableView(parent)
    view.setModel(model)
    view.setSortingEnabled(True)
    view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setShowGrid(False)
    view.setTabKeyNavigation(False)
    view.setWordWrap(False)
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(ROW)
    head = view.horizontalHeader()
    head.setHighlightSections(False)
    head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return view
