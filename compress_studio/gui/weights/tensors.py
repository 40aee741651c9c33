"""The tensors of a file: a table to search and sort, and how the numbers of the chosen one are distributed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from compress_studio.gui import words
from compress_studio.gui.forms.histogram import HistogramView
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.listed import listed_table
from compress_studio.gui.weights.state import Distribution, EntryRow, TensorRow, WeightsLook, WeightsState
from compress_studio.gui.weights.tensor_model import NAME, TensorModel
from compress_studio.gui.widgets.basics import ElidedLabel
from compress_studio.gui.widgets.card import Card
from compress_studio.gui.widgets.hint import EmptyHint
from compress_studio.gui.widgets.search import SearchField
from compress_studio.spec.preview import Histogram

WIDTHS = (0, 128, 68, 70)
LONGEST = 28
"""Letters of a part of the file in the list."""
REMARKS = 4
"""Lines below the table; the last one has all others in its tooltip."""
STATISTICS = ("min", "max", "mean", "standard deviation", "zeros", "not a number")


class TensorsPane(QWidget):
    """What the file holds."""

    entry_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weights:tensors")
        self._entries: tuple[EntryRow, ...] = ()
        self._look: WeightsLook | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        self.totals = ElidedLabel(mode=Qt.TextElideMode.ElideRight, parent=self)
        self.totals.setObjectName("weights:totals")
        self.totals.setProperty("tone", "muted")
        layout.addWidget(self.totals)
        self._pages = QStackedWidget(self)
        self._hint = EmptyHint("clock", "Looking into the file…", parent=self._pages)
        self._pages.addWidget(self._hint)
        self._pages.addWidget(self._make_page())
        layout.addWidget(self._pages, 1)

    def show_state(self, state: WeightsState) -> None:
        """Show the tensors, or why there are none."""
        look = state.look
        self.totals.setVisible(look is not None)
        if look is None:
            self._show_hint(state)
            return
        count = f"{words.grouped_text(len(look.tensors))} tensor{'' if len(look.tensors) == 1 else 's'}"
        numbers = f"{words.count_text(look.parameters)} numbers"
        self.totals.setText(f"{count} · {numbers} · {words.bytes_text(look.bytes)} · {look.form}")
        self._show_entries(look, state.choice.entry)
        if look is not self._look:
            self._look = look
            self._show_rows(look)
        self._show_remarks(look.remarks)
        self._pages.setCurrentIndex(1)

    def _make_page(self) -> QWidget:
        page = QWidget(self)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        row = QHBoxLayout()
        row.setSpacing(METRICS.gap)
        self.search = SearchField("Find a tensor", page)
        self.search.setObjectName("weights:search")
        self.entry = QComboBox(page)
        self.entry.setObjectName("weights:entry")
        self.entry.setAccessibleName("Part of the file")
        self.entry.setToolTip("Which part of the file holds the weights to open")
        self.entry.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.entry.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.entry.activated.connect(self._entry_picked)
        row.addWidget(self.search, 1)
        row.addWidget(self.entry)
        layout.addLayout(row)
        self.model = TensorModel(self)
        self.search.textChanged.connect(self._search)
        self.table = _table(self.model, page)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._make_card(page))
        self.remarks = [ElidedLabel(mode=Qt.TextElideMode.ElideRight, parent=page) for _ in range(REMARKS)]
        told = QVBoxLayout()
        told.setSpacing(2)
        for label in self.remarks:
            label.setProperty("role", "small")
            label.setProperty("tone", "muted")
            told.addWidget(label)
        layout.addLayout(told)
        return page

    def _make_card(self, page: QWidget) -> Card:
        self._card = Card("", page)
        self.histogram = HistogramView(self._card)
        self._why = QLabel(self._card)
        self._why.setProperty("tone", "muted")
        self._why.setWordWrap(True)
        self._card.body.addWidget(self.histogram)
        self._card.body.addWidget(self._why)
        grid = QGridLayout()
        grid.setHorizontalSpacing(METRICS.pad)
        grid.setVerticalSpacing(0)
        self.statistics: dict[str, QLabel] = {}
        for place, name in enumerate(STATISTICS):
            title, value = QLabel(name, self._card), QLabel(self._card)
            title.setProperty("tone", "muted")
            title.setProperty("role", "small")
            value.setAccessibleName(name)
            grid.addWidget(title, 0, place)
            grid.addWidget(value, 1, place)
            self.statistics[name] = value
        self._card.body.addLayout(grid)
        return self._card

    def _show_hint(self, state: WeightsState) -> None:
        self._look = None
        self._pages.setCurrentIndex(0)
        failure = state.look_failure
        if state.only_code:
            text = "The network keeps the weights that its code gives it. To use a file of weights, drop both together."
            self._hint.show_hint("file", f"{state.path.name} is code", text)
        elif failure is not None:
            self._hint.show_hint("warning", failure.message, failure.hint)
        else:
            self._hint.show_hint("clock", "Looking into the file…")

    def _show_entries(self, look: WeightsLook, entry: str) -> None:
        self.entry.setVisible(len(look.entries) > 1)
        if look.entries != self._entries:
            self._entries = look.entries
            self.entry.clear()
            for one in look.entries:
                whole = f"{one.name or 'outermost'} · {one.holds} · {words.grouped_text(one.tensors)} tensors"
                text = f"{one.name or 'outermost'} · {one.holds}"
                self.entry.addItem(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…", one.name)
                self.entry.setItemData(self.entry.count() - 1, whole, Qt.ItemDataRole.ToolTipRole)
        with QSignalBlocker(self.entry):
            self.entry.setCurrentIndex(self.entry.findData(entry or look.entry))

    def _show_remarks(self, texts: Sequence[str]) -> None:
        shown, more = list(texts[:REMARKS]), texts[REMARKS:]
        if more:
            shown[-1] = f"{len(more) + 1} more remarks: {texts[REMARKS - 1]}"
        for place, label in enumerate(self.remarks):
            label.setText(shown[place] if place < len(shown) else "")
            label.setToolTip("\n".join(texts[REMARKS - 1 :]) if more and place == REMARKS - 1 else "")
            label.setVisible(place < len(shown))

    def _show_rows(self, look: WeightsLook) -> None:
        chosen = self._chosen()
        self.model.show_tensors(look.tensors)
        self._choose(chosen)

    def _search(self, word: str) -> None:
        chosen = self._chosen()
        self.model.set_word(word)
        self._choose(chosen)

    def _choose(self, before: TensorRow | None) -> None:
        """Choose the tensor that was chosen before other ones were shown, else the first."""
        names = [one.name for one in self.model.rows]
        number = names.index(before.name) if before is not None and before.name in names else 0
        if self.model.rowCount():
            self.table.setCurrentIndex(self.model.index(max(0, self.model.place_of(number)), NAME))
        self._show_tensor(self._chosen())

    def _chosen(self) -> TensorRow | None:
        index = self.table.currentIndex()
        return self.model.row(index.row()) if index.isValid() else None

    def _entry_picked(self, place: int) -> None:
        self.entry_chosen.emit(str(self.entry.itemData(place)))

    def _row_chosen(self, _now: QModelIndex, _before: QModelIndex) -> None:
        self._show_tensor(self._chosen())

    def _show_tensor(self, row: TensorRow | None) -> None:
        self._card.setVisible(row is not None)
        if row is None:
            return
        self._card.set_title(row.name, row.name)
        found = row.distribution
        self.histogram.setVisible(found is not None)
        self._why.setVisible(found is None)
        if found is None:
            self._why.setText(self._reason(row))
        else:
            edges, counts = np.asarray(found.edges), np.asarray(found.counts)
            self.histogram.show_histogram(Histogram(f"Numbers of {row.name}", edges, counts))
        texts = _statistics(found, row)
        for name, label in self.statistics.items():
            label.setText(texts[name])

    def _reason(self, row: TensorRow) -> str:
        if self._look is not None and not self._look.counted:
            return "Counting the numbers…"
        if row.not_a_number:
            return "None of its numbers is a finite number."
        if not row.count:
            return "It holds no numbers."
        return f"Numbers of the type {row.dtype} cannot be shown as a distribution."


def _table(model: TensorModel, parent: QWidget) -> QTableView:
    view = listed_table(model, parent)
    view.setObjectName("weights:table")
    view.setAccessibleName("Tensors")
    view.setToolTip("The tensors of the file; choose one to see its numbers")
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    head = view.horizontalHeader()
    for column, width in enumerate(WIDTHS):
        if width:
            head.resizeSection(column, width)
    return view


def _statistics(found: Distribution | None, row: TensorRow) -> dict[str, str]:
    """The numbers below a histogram, by their names."""
    if found is None:
        lost = words.grouped_text(row.not_a_number) if row.not_a_number else words.NOTHING
        return {name: lost if name == "not a number" else words.NOTHING for name in STATISTICS}
    share = words.percent_text(found.zeros / max(found.counted, 1))
    values = [_number(one) for one in (found.low, found.high, found.mean, found.std)]
    return dict(zip(STATISTICS, (*values, share, words.grouped_text(found.not_a_number)), strict=True))


def _number(value: float) -> str:
    text = f"{value:.2e}" if value and (abs(value) < 1e-3 or abs(value) >= 1e6) else words.number_text(value)
    return text.replace("-", "−")
