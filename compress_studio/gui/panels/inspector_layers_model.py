"""The layers of a preview as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QWidget

from compress_studio.gui.panels.inspector_bars import BAR, NAME, REMOVE, TEXT
from compress_studio.spec.preview import LayerPrediction

Index = QModelIndex | QPersistentModelIndex
NO_INDEX = QModelIndex()


class LayersModel(QAbstractTableModel):
    """Layers in the order of the network, filtered by a word."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._layers: tuple[LayerPrediction, ...] = ()
        self._names: list[str] = []
        self._shown: list[int] = []
        self._word = ""
        self.overrides: Mapping[str, float] = {}
        self.spared: frozenset[str] = frozenset()
        """Layers that are left alone by choice."""
        self.title = "changed"

    def show_layers(self, layers: tuple[LayerPrediction, ...], title: str) -> bool:
        """Show predictions; whether other layers than before are listed."""
        names = [one.name for one in layers]
        if title != self.title:
            self.title = title
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, REMOVE)
        if names == self._names:
            self._layers = layers
            if self._shown:
                self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, REMOVE))
            return False
        self.beginResetModel()
        self._layers, self._names = layers, names
        self._shown = self._matching()
        self.endResetModel()
        return True

    def filter(self, word: str) -> None:
        """List only the layers whose names hold a word."""
        self.beginResetModel()
        self._word = word.strip().lower()
        self._shown = self._matching()
        self.endResetModel()

    def layer(self, row: int) -> LayerPrediction:
        """The layer of a row."""
        return self._layers[self._shown[row]]

    def is_own(self, name: str) -> bool:
        """Whether something was chosen for this layer alone."""
        return name in self.overrides or name in self.spared

    def total(self) -> int:
        """How many layers there are, also those that are filtered out."""
        return len(self._layers)

    def _matching(self) -> list[int]:
        return [place for place, name in enumerate(self._names) if self._word in name.lower()]

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else REMOVE + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        layer = self.layer(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return {NAME: layer.name, TEXT: layer.text}.get(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            if index.column() == REMOVE and self.is_own(layer.name):
                return "Treat this layer like the others again (Delete)"
            return f"{layer.name}: {layer.text}" + (f"\n{layer.note}" if layer.note else "")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{layer.name} {layer.text} {layer.note}".strip()
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return {NAME: "layer", BAR: self.title}.get(section, "")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
