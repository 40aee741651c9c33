"""Editor of lists of layer names: chips, and a list to pick from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from compress_studio.gui.forms.editor import FieldEditor
from compress_studio.gui.forms.flow import FlowLayout
from compress_studio.gui.forms.gesture import new_gesture
from compress_studio.gui.forms.tiny import TinyButton
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel
from compress_studio.gui.widgets.search import SearchField
from compress_studio.spec.params import Field

CHIP = 24
PICKER = QSize(280, 320)


class Chip(QFrame):
    """A name with a cross that removes it; Delete removes it too."""

    removed = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.setProperty("surface", "card")
        self.setFixedHeight(CHIP)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 2, 0)
        layout.setSpacing(2)
        label = ElidedLabel(name)
        label.setMinimumWidth(20)
        layout.addWidget(label)
        self.cross = TinyButton("close", f"Take {name} off the list", self, glyph=10)
        layout.addWidget(self.cross)
        self.cross.clicked.connect(self._remove)
        self.setToolTip(name)

    def _remove(self) -> None:
        self.removed.emit(self.name)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width() + 2, CHIP)


class LayerPicker(QFrame):
    """A list of names with a search; a tick takes one in. A name or pattern that is not listed can be typed."""

    picked = Signal(object)
    """The names that are ticked, in order."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("layer_picker")
        self.setProperty("surface", "card")
        self.setFixedSize(PICKER)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.gap, METRICS.gap, METRICS.gap, METRICS.gap)
        self.search = SearchField("Find a layer, or type a pattern such as encoder.*")
        self.search.setObjectName("layer_picker.search")
        self.search.setAccessibleName("Find a layer")
        self.list = QListWidget(self)
        self.list.setObjectName("layer_picker.list")
        self.list.setAccessibleName("Layers")
        self.list.setUniformItemSizes(True)
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._take)
        self.list.itemChanged.connect(self._ticked)
        self._chosen: list[str] = []

    def show_names(self, names: Iterable[str], chosen: Iterable[str]) -> None:
        """Fill in; chosen names that are not among the others come first."""
        self._chosen = list(chosen)
        known = list(names)
        self.list.blockSignals(True)
        self.list.clear()
        for name in [*(one for one in self._chosen if one not in known), *known]:
            item = QListWidgetItem(name, self.list)
            item.setToolTip(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if name in self._chosen else Qt.CheckState.Unchecked)
        self.list.blockSignals(False)
        self.search.clear()

    def _filter(self, text: str) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            item.setHidden(text.lower() not in item.text().lower())

    def _ticked(self, item: QListWidgetItem) -> None:
        name, on = item.text(), item.checkState() is Qt.CheckState.Checked
        if on and name not in self._chosen:
            self._chosen.append(name)
        elif not on and name in self._chosen:
            self._chosen.remove(name)
        self.picked.emit(list(self._chosen))

    def _take(self) -> None:
        """Enter in the search takes the only layer that is left, else what was typed as a name or pattern."""
        left = [self.list.item(row) for row in range(self.list.count()) if not self.list.item(row).isHidden()]
        text = self.search.text().strip()
        if len(left) == 1:
            item = left[0]
            ticked = item.checkState() is Qt.CheckState.Checked
            item.setCheckState(Qt.CheckState.Unchecked if ticked else Qt.CheckState.Checked)
        elif text and text not in self._chosen:
            self._chosen.append(text)
            self.picked.emit(list(self._chosen))
        self.search.clear()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


class ListEditor(FieldEditor):
    """Names of layers."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self._names: list[str] = []
        self._value: list[str] = []
        self.button = QPushButton("Choose layers…", self)
        self.button.setFixedHeight(METRICS.row - 2)
        self.button.setProperty("kind", "small")
        self.button.clicked.connect(self._pick)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        self.below = QWidget(self)
        self._chips = FlowLayout(self.below)
        self._picker: LayerPicker | None = None

    def show_names(self, names: Iterable[str]) -> None:
        """The layers that can be picked."""
        self._names = list(names)

    def show_value(self, value: Any) -> None:
        names = [str(one) for one in value or ()]
        if names == self._value:
            return
        self._value = names
        while (item := self._chips.takeAt(0)) is not None:
            chip = item.widget()
            if chip is not None:
                chip.hide()
                chip.deleteLater()
        for name in names:
            chip = Chip(name, self.below)
            chip.removed.connect(self._remove)
            self._chips.addWidget(chip)
            chip.show()
        if self.below is not None:
            self.below.setVisible(bool(names))
            self.below.updateGeometry()

    def controls(self) -> tuple[QWidget, ...]:
        return (self.button,)

    def _pick(self) -> None:
        if self._picker is None:
            self._picker = LayerPicker(self)
            self._picker.picked.connect(self._picked)
        self._picker.show_names(self._names, self._value)
        corner = self.button.mapToGlobal(QPoint(self.button.width() - PICKER.width(), self.button.height() + 2))
        self._picker.move(corner)
        self._picker.show()

    def _picked(self, names: list[str]) -> None:
        self.edited.emit(names, new_gesture())

    def _remove(self, name: str) -> None:
        self.edited.emit([one for one in self._value if one != name], new_gesture())
