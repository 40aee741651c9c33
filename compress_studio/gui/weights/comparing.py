"""Weights that do not fit, side by side: what the network has and what the file has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QTableView, QVBoxLayout, QWidget

from compress_studio.gui import words
from compress_studio.gui.theme.current import color, tokens
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.listed import Index, ListedModel, listed_table
from compress_studio.gui.weights.state import Kind, Misfit, WeightsState
from compress_studio.gui.widgets.basics import IconButton
from compress_studio.gui.widgets.hint import breakable
from compress_studio.gui.widgets.search import SearchField
from compress_studio.gui.widgets.segments import Segments

NAME, NETWORK, FILE = range(3)
ALL = "all"
SHAPE_WIDTH = 124
LABELS = {Kind.MISSING: "Missing", Kind.DIFFERENT: "Other shape", Kind.UNEXPECTED: "Only in the file"}
ABSENT = {Kind.MISSING: (FILE, "not there"), Kind.UNEXPECTED: (NETWORK, "not there")}


class MisfitModel(ListedModel):
    """The weights that do not fit."""

    titles = ("weight", "in the network", "in the file")

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._kind = ALL

    def set_kind(self, kind: str) -> None:
        """ALL or the value of a kind."""
        self._kind = kind
        self.arrange()

    def matches(self, row: Misfit, word: str) -> bool:
        return self._kind in {ALL, row.kind.value} and word in row.name.lower()

    def key(self, row: Misfit, column: int) -> Any:
        return (row.name, row.network, row.file)[column]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row: Misfit = self.row(index.row())
        column = index.column()
        absent = ABSENT.get(row.kind)
        gone = absent is not None and absent[0] == column
        if role == Qt.ItemDataRole.DisplayRole:
            return absent[1] if absent is not None and gone else (row.name, row.network, row.file)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.name}\nNetwork: {row.network or 'not there'}\nFile: {row.file or 'not there'}"
        if role == Qt.ItemDataRole.ForegroundRole:
            if gone:
                return color(tokens().muted if row.kind is Kind.UNEXPECTED else tokens().bad)
            return color(tokens().warn) if row.kind is Kind.DIFFERENT and column != NAME else None
        return None


class ComparingPane(QWidget):
    """The comparison after a trial."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weights:comparing")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        self.model = MisfitModel(self)
        self._renamed = QLabel(self)
        self._renamed.setTextFormat(Qt.TextFormat.PlainText)
        self._renamed.setProperty("tone", "muted")
        self._renamed.setWordWrap(True)
        layout.addWidget(self._renamed)
        self._kinds_row = QHBoxLayout()
        self._kinds_row.addStretch(1)
        self._kinds_row.addStretch(1)
        layout.addLayout(self._kinds_row)
        self.kinds = self._make_kinds({})
        row = QHBoxLayout()
        row.setSpacing(METRICS.gap)
        self.search = SearchField("Find a weight", self)
        self.search.setObjectName("comparing:search")
        self.search.textChanged.connect(self.model.set_word)
        self.copy = IconButton("copy", "Copy the rows that are shown", self)
        self.copy.setObjectName("comparing:copy")
        self.copy.clicked.connect(self._copy)
        row.addWidget(self.search, 1)
        row.addWidget(self.copy)
        layout.addLayout(row)
        self.table = self._make_table()
        layout.addWidget(self.table, 1)

    def show_state(self, state: WeightsState) -> None:
        """Show the outcome of the last trial."""
        outcome = state.outcome
        rows = outcome.rows if outcome is not None else ()
        text = f"{outcome.renamed}." if outcome is not None and outcome.renamed else ""
        self._renamed.setText(breakable(text))
        self._renamed.setVisible(bool(text))
        if rows == self.model.rows:
            return
        self.model.show_rows(rows)
        counts = {kind: sum(row.kind is kind for row in rows) for kind in Kind}
        self._kinds_row.removeWidget(self.kinds)
        self.kinds.deleteLater()
        self.kinds = self._make_kinds(counts)
        self.model.set_kind(ALL)

    def rows_text(self) -> str:
        """The rows that are shown, with tabs between their columns."""
        rows = [self._row(place) for place in range(self.model.rowCount())]
        return "\n".join("\t".join(row) for row in [self.model.titles, *rows])

    def _row(self, place: int) -> Sequence[str]:
        return [str(self.model.index(place, column).data() or "") for column in range(len(self.model.titles))]

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.rows_text())
        self.copy.set_icon("check", "good")
        self.copy.set_tip("Copied")

    def _make_kinds(self, counts: dict[Kind, int]) -> Segments:
        total = sum(counts.values())
        options = [(ALL, f"All {words.grouped_text(total)}")]
        options += [
            (kind.value, f"{LABELS[kind]} {words.grouped_text(counts[kind])}") for kind in LABELS if counts.get(kind)
        ]
        made = Segments(options, self)
        made.setObjectName("comparing:kinds")
        made.setVisible(len(options) > 2)
        made.chosen.connect(self.model.set_kind)
        self._kinds_row.insertWidget(1, made)
        self.copy_calm()
        return made

    def copy_calm(self) -> None:
        """The copy button before it was used."""
        if hasattr(self, "copy"):
            self.copy.set_icon("copy")
            self.copy.set_tip("Copy the rows that are shown")

    def _make_table(self) -> QTableView:
        view = listed_table(self.model, self)
        view.setObjectName("comparing:table")
        view.setAccessibleName("Weights that do not fit")
        view.setToolTip("Weights of the network and of the file that do not fit each other")
        head = view.horizontalHeader()
        for column in (NETWORK, FILE):
            head.resizeSection(column, SHAPE_WIDTH)
        return view
