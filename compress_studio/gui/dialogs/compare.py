"""Two results side by side: what was measured, what differs in their recipes, and what became of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from compress_studio.engine.variants import Variant
from compress_studio.gui.dialogs.compare_state import CompareRow, compare_facts, compare_params, layer_pairs
from compress_studio.gui.panels.run_rows import measured_on, recipe_text
from compress_studio.gui.theme.current import color, font, tokens, watch
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

SIZE = QSize(860, 600)
ROW = 42


class _Bars(QWidget):
    """One pair of bars per measured quantity, the longer one as wide as the picture."""

    def __init__(self, rows: Sequence[CompareRow], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = [row for row in rows if row.first is not None and row.second is not None]
        self.setMinimumHeight(ROW * len(self._rows) + METRICS.gap)
        self.setAccessibleName("Bars of both results")
        watch().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(METRICS.small_font, tabular=True))
        left, right = 130.0, 190.0
        wide = max(1.0, self.width() - left - right)
        for place, row in enumerate(self._rows):
            top = float(place * ROW + METRICS.gap)
            painter.setPen(color(tokens().muted))
            painter.drawText(QRectF(0, top, left - 10, 30), int(Qt.AlignmentFlag.AlignVCenter), row.label)
            largest = max(abs(row.first or 0.0), abs(row.second or 0.0)) or 1.0
            for turn, (value, text) in enumerate(((row.first, row.first_text), (row.second, row.second_text))):
                y = top + turn * 16
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color(tokens().series[turn]))
                length = max(2.0, wide * abs(value or 0.0) / largest)
                painter.drawRoundedRect(QRectF(left, y, length, 13), 3, 3)
                painter.setPen(color(tokens().text))
                painter.drawText(QRectF(left + length + 8, y - 2, right, 17), int(Qt.AlignmentFlag.AlignVCenter), text)
            far = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
            painter.drawText(QRectF(0, top, self.width() - METRICS.gap, 30), far, row.difference)
        painter.end()


class CompareDialog(QDialog):
    """The window with two columns."""

    def __init__(self, commands: Commands, first: Variant, second: Variant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare")
        self.setWindowTitle("Compare two results")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(SIZE)
        self._commands = commands
        self._session = commands.session
        self.first, self.second = first, second
        steps = self._session.runtime.steps
        names = [f"#{one.number}  {recipe_text(one.recipe, steps)}  ·  {measured_on(one)}" for one in (first, second)]
        layout = QVBoxLayout(self)
        layout.addLayout(self._legend(names))
        facts = compare_facts(first, second)
        tabs = QTabWidget(self)
        tabs.setObjectName("compare:tabs")
        tabs.setDocumentMode(True)
        heads = (f"#{first.number}", f"#{second.number}")
        tabs.addTab(self._measured(facts), "Measured")
        tabs.addTab(_table(("parameter", *heads), compare_params(first, second, steps), self), "Parameters")
        self._layers = QWidget(self)
        QVBoxLayout(self._layers)
        tabs.addTab(self._layers, "Layers")
        layout.addWidget(tabs, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        close = QPushButton("Close", self)
        close.setObjectName("compare:close")
        close.clicked.connect(self.close)
        row.addWidget(close)
        layout.addLayout(row)
        self._show_layers()
        self._session.facts.changed.connect(self._facts_came)

    def _legend(self, names: Sequence[str]) -> QVBoxLayout:
        box = QVBoxLayout()
        for turn, name in enumerate(names):
            row = QHBoxLayout()
            mark = QLabel("■", self)
            mark.setStyleSheet(f"color: {tokens().series[turn]}")
            row.addWidget(mark)
            row.addWidget(ElidedLabel(name, Qt.TextElideMode.ElideRight), 1)
            box.addLayout(row)
        return box

    def _measured(self, facts: Sequence[CompareRow]) -> QWidget:
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(_Bars(facts))
        return scroll

    def _facts_came(self, name: str) -> None:
        if name in {self.first.result.digest, self.second.result.digest}:
            self._show_layers()

    def _show_layers(self) -> None:
        """Layers by name; asked of a worker when they are not known."""
        known = []
        for one in (self.first, self.second):
            artifact = self._session.store.artifact(one.result.digest)
            facts = None if artifact is None else self._session.facts.of_file(artifact.path, artifact.digest)
            known.append(facts)
        layout = self._layers.layout()
        assert layout is not None
        while (item := layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        if None in known:
            gone = any(self._session.store.artifact(one.result.digest) is None for one in (self.first, self.second))
            text = "A result was cleared from the cache; run it again." if gone else "Looking at the layers …"
            layout.addWidget(QLabel(text, self._layers))
            return
        heads = ("layer", "operator", f"bytes #{self.first.number}", f"bytes #{self.second.number}", "difference")
        layout.addWidget(_table(heads, layer_pairs(known[0] or {}, known[1] or {}), self._layers))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], parent: QWidget) -> QTableWidget:
    table = QTableWidget(len(rows), len(heads), parent)
    table.setHorizontalHeaderLabels(list(heads))
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    for place, row in enumerate(rows):
        for column, text in enumerate(row):
            table.setItem(place, column, QTableWidgetItem(text))
    return table
