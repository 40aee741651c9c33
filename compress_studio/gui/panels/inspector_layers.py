"""The table of layers below a preview: what becomes of each, and values of its own for one layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from compress_studio.gui.forms.slider import Slider
from compress_studio.gui.forms.wording import value_text
from compress_studio.gui.panels.inspector_bars import BAR, NAME, REMOVE, TEXT, BarDelegate
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.gui.widgets.search import SearchField
from compress_studio.spec.params import Field, Range
from compress_studio.spec.preview import LayerPrediction

ROW, HEAD = 24, 24
MOST_ROWS = 12
"""Shown at a time; more scroll."""
SEARCHED = 30
"""From so many layers there is a search."""
WIDTHS = {BAR: 62, TEXT: 66, REMOVE: 20}
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
        self.title = "changed"

    def show_layers(self, layers: tuple[LayerPrediction, ...], title: str, overrides: Mapping[str, float]) -> bool:
        """Show predictions; whether other layers than before are listed."""
        names = [one.name for one in layers]
        self.overrides = overrides
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
            if index.column() == REMOVE and layer.name in self.overrides:
                return "Remove the value of this layer (Delete)"
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


class _Head(QHeaderView):
    """The title of the bars may reach over their texts."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        text = self.model().headerData(logicalIndex, Qt.Orientation.Horizontal)
        if not text:
            return
        if logicalIndex == BAR:
            rect = rect.adjusted(0, 0, WIDTHS[TEXT] + WIDTHS[REMOVE], 0)
        painter.setFont(current.font(METRICS.font - 1))
        painter.setPen(current.color(current.tokens().muted))
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width() - 2)
        painter.drawText(rect.adjusted(2, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)


class LayerEditor(QWidget):
    """The slider over a row while one layer gets a value of its own."""

    def __init__(self, field: Field, span: Range, value: float, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("layer_editor")
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAutoFillBackground(True)
        self._field = field
        self.slider = Slider(span, self)
        self.slider.setObjectName("layer_editor.slider")
        self.slider.setAccessibleName(f"{field.ui.label} of this layer")
        self.slider.setToolTip("Drag, or use the arrow keys. Esc or Enter closes.")
        self.slider.show_value(value)
        self._text = QLabel(value_text(field, value), self)
        self._text.setFixedWidth(44)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 4, 0)
        layout.setSpacing(METRICS.gap)
        layout.addWidget(self.slider)
        layout.addWidget(self._text)
        self.setFocusProxy(self.slider)

    def show_value(self, value: float) -> None:
        """Show a value beside the slider."""
        self._text.setText(value_text(self._field, value))


class LayersTable(QWidget):
    """Title, search, table, and why the chosen layer is left alone."""

    override_editing = Signal(str, float)
    override_edited = Signal(str, float, int)
    override_removed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("layers")
        self._field: Field | None = None
        self._editor: LayerEditor | None = None
        self._edited_layer = ""
        self.title = SectionTitle("Per layer")
        self.search = SearchField("Find a layer")
        self.search.setObjectName("layers.search")
        self.model = LayersModel(self)
        self.view = self._make_view()
        self.note = QLabel(self)
        self.note.setObjectName("layers.note")
        self.note.setProperty("tone", "muted")
        self.note.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        for widget in (self.title, self.search, self.view, self.note):
            layout.addWidget(widget)
        self.search.textChanged.connect(self._filter)
        self.view.clicked.connect(self._clicked)
        self.view.selectionModel().currentRowChanged.connect(self._show_note)
        self.model.modelReset.connect(self._close_editor)
        self.note.hide()

    def show_layers(
        self,
        layers: tuple[LayerPrediction, ...],
        title: str,
        field: Field | None = None,
        overrides: Mapping[str, float] | None = None,
    ) -> None:
        """Show predictions; field: the parameter that holds values of single layers, where the step has one."""
        if field is not self._field:
            self._field = field
            self.title.setText("Per layer · click to override" if field is not None else "Per layer")
        if self.model.show_layers(layers, title, overrides or {}):
            self.search.setVisible(len(layers) > SEARCHED)
            if len(layers) <= SEARCHED and self.search.text():
                self.search.clear()
            self._fit()
            self.note.hide()

    def edit_row(self, row: int) -> None:
        """Open the slider of a layer, unless the step leaves it alone."""
        layer = self.model.layer(row)
        span = None if self._field is None else self._field.range
        if self._field is None or span is None or not can_override(layer):
            return
        self._close_editor()
        value = self.model.overrides.get(layer.name)
        value = start_value(layer, span) if value is None else value
        self._edited_layer = layer.name
        self._editor = LayerEditor(self._field, span, value, self.view.viewport())
        self._editor.slider.editing.connect(self._dragged)
        self._editor.slider.edited.connect(self._moved)
        self._editor.slider.reset_asked.connect(self._remove_edited)
        self._editor.slider.installEventFilter(self)
        area = self.view.visualRect(self.model.index(row, BAR))
        area = area.united(self.view.visualRect(self.model.index(row, TEXT)))
        self._editor.setGeometry(area.adjusted(0, 0, 0, -1))
        self._editor.show()
        self._editor.slider.setFocus()

    def _make_view(self) -> QTableView:
        view = QTableView(self)
        view.setObjectName("layers.table")
        view.setAccessibleName("Layers")
        view.setModel(self.model)
        view.setItemDelegate(BarDelegate(self.model, view))
        view.setShowGrid(False)
        view.setMouseTracking(True)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setTabKeyNavigation(False)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(ROW)
        head = _Head(view)
        view.setHorizontalHeader(head)
        head.setFixedHeight(HEAD)
        head.setMinimumSectionSize(10)
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            view.setColumnWidth(column, width)
        view.installEventFilter(self)
        view.verticalScrollBar().valueChanged.connect(self._close_editor)
        return view

    def _fit(self) -> None:
        rows = min(self.model.total(), MOST_ROWS)
        self.view.setFixedHeight(HEAD + ROW * rows + 2 * self.view.frameWidth())

    def _filter(self, word: str) -> None:
        self.model.filter(word)

    def _clicked(self, index: QModelIndex) -> None:
        layer = self.model.layer(index.row())
        if index.column() == REMOVE and layer.name in self.model.overrides:
            self._close_editor()
            self.override_removed.emit(layer.name)
        else:
            self.edit_row(index.row())

    def _show_note(self, index: QModelIndex, _before: QModelIndex) -> None:
        note = self.model.layer(index.row()).note if index.isValid() else ""
        self.note.setText(f"{self.model.layer(index.row()).name}: {note}" if note else "")
        self.note.setVisible(bool(note))

    def _dragged(self, value: float) -> None:
        if self._editor is not None:
            self._editor.show_value(value)
        self.override_editing.emit(self._edited_layer, value)

    def _moved(self, value: float, gesture: int) -> None:
        if self._editor is not None:
            self._editor.show_value(value)
        self.override_edited.emit(self._edited_layer, value, gesture)

    def _remove_edited(self) -> None:
        layer = self._edited_layer
        self._close_editor()
        if layer in self.model.overrides:
            self.override_removed.emit(layer)

    def _close_editor(self) -> None:
        editor, self._editor = self._editor, None
        if editor is not None:
            editor.slider.removeEventFilter(self)
            editor.hide()
            editor.deleteLater()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            return self._key(watched, event)
        if event.type() is QEvent.Type.FocusOut and self._editor is not None and watched is self._editor.slider:
            self._close_editor()
        return False

    def _key(self, watched: Any, event: QKeyEvent) -> bool:
        if watched is not self.view:
            if event.key() in {Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self.view.setFocus()
                return True
            return False
        row = self.view.currentIndex().row()
        if row < 0:
            return False
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2}:
            self.edit_row(row)
            return True
        if event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            if self.model.layer(row).name in self.model.overrides:
                self.override_removed.emit(self.model.layer(row).name)
            return True
        return False


def can_override(layer: LayerPrediction) -> bool:
    """Whether a layer may get a value of its own: not when the step must leave it alone."""
    return not layer.note


def start_value(layer: LayerPrediction, span: Range) -> float:
    """Where the slider of a layer begins: at what the step does to it now."""
    if span.hi <= 1.0:
        return span.snap(layer.share)
    try:
        return span.snap(float(layer.text.split()[0].rstrip("%")))
    except (ValueError, IndexError):
        return span.from_unit(layer.share)
