"""The table of layers below a preview: what becomes of each, and values of its own for one layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QRect,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from compress_studio.gui.forms.slider import Slider
from compress_studio.gui.forms.tiny import TinyButton
from compress_studio.gui.forms.wording import value_text
from compress_studio.gui.panels.inspector_bars import BAR, NAME, REMOVE, TEXT, BarDelegate
from compress_studio.gui.panels.inspector_layers_model import LayersModel
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.gui.widgets.search import SearchField
from compress_studio.spec.params import Field, Range
from compress_studio.spec.preview import LayerPrediction

ROW, HEAD, TEXT_WIDTH = 24, 24, 42
MOST_ROWS = 12
"""Shown at a time; more scroll."""
SEARCHED = 30
"""From so many layers there is a search."""
LEAST_EDITOR = 140
ROOMY = 270
"""From this width the bars have their full length."""
WIDEST_TEXT = 110
WIDTHS = {BAR: 62, TEXT: 66, REMOVE: 20}


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
    """What is over a row while one layer gets a value of its own: a slider, and a button that leaves it alone."""

    def __init__(self, field: Field | None, spare: Field | None, value: float, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("layer_editor")
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAutoFillBackground(True)
        self._field = field
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        self.slider: Slider | None = None
        self._text = QLabel(self)
        if field is not None and field.range is not None:
            self.slider = Slider(field.range, self)
            self.slider.setObjectName("layer_editor.slider")
            self.slider.setAccessibleName(f"{field.ui.label} of this layer")
            self.slider.setToolTip("Drag, or use the arrow keys. Esc or Enter closes.")
            self.slider.show_value(value)
            layout.addWidget(self.slider, 1)
            self._text.setFixedWidth(TEXT_WIDTH)
            layout.addWidget(self._text)
            self.show_value(value)
        self.spare: TinyButton | None = None
        if spare is not None:
            self.spare = TinyButton("mute", f"{spare.ui.label}: this layer", self)
            self.spare.setObjectName("layer_editor.spare")
            layout.addWidget(self.spare)
        first = self.slider or self.spare
        if first is not None:
            self.setFocusProxy(first)

    def controls(self) -> tuple[QWidget, ...]:
        """What can have the focus."""
        return tuple(one for one in (self.slider, self.spare) if one is not None)

    def show_value(self, value: float) -> None:
        """Show a value beside the slider."""
        if self._field is not None:
            self._text.setText(value_text(self._field, value))


class LayersTable(QWidget):
    """Title, search, table, and why the chosen layer is left alone."""

    override_editing = Signal(str, float)
    override_edited = Signal(str, float, int)
    override_removed = Signal(str)
    """The layer has no value of its own any more, or is not left alone any more."""
    spared = Signal(str)
    """The layer shall be left alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("layers")
        self._field: Field | None = None
        self._spare: Field | None = None
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

    def show_choices(
        self,
        field: Field | None,
        overrides: Mapping[str, float],
        spare: Field | None = None,
        spared: Collection[str] = (),
    ) -> None:
        """What single layers were given: values of their own, and which are left alone by choice."""
        if (field, spare) != (self._field, self._spare):
            self._field, self._spare = field, spare
            self._close_editor()
            self.title.setText("Per layer · click to override" if field or spare else "Per layer")
        self.model.overrides, self.model.spared = overrides, frozenset(spared)

    def show_layers(self, layers: tuple[LayerPrediction, ...], title: str) -> None:
        """Show predictions."""
        if self.model.show_layers(layers, title):
            self.search.setVisible(len(layers) > SEARCHED)
            if len(layers) <= SEARCHED and self.search.text():
                self.search.clear()
            self._fit()
            self._fit_texts(layers)
            self.note.hide()
        elif self.view.currentIndex().isValid():
            self._show_note(self.view.currentIndex(), self.view.currentIndex())

    def edit_row(self, row: int) -> None:
        """Open the slider of a layer, unless the step leaves it alone."""
        layer = self.model.layer(row)
        self._close_editor()
        if (self._field is None and self._spare is None) or not can_override(layer):
            return
        value = self.model.overrides.get(layer.name)
        if value is None and self._field is not None and self._field.range is not None:
            value = start_value(layer, self._field.range)
        self._edited_layer = layer.name
        editor = self._editor = LayerEditor(self._field, self._spare, value or 0.0, self.view.viewport())
        if editor.slider is not None:
            editor.slider.editing.connect(self._dragged)
            editor.slider.edited.connect(self._moved)
            editor.slider.reset_asked.connect(self._remove_edited)
        if editor.spare is not None:
            editor.spare.clicked.connect(self._spare_edited)
        for control in editor.controls():
            control.installEventFilter(self)
        area = self.view.visualRect(self.model.index(row, BAR if editor.slider is not None else TEXT))
        area.setLeft(min(area.left(), self.view.viewport().width() - LEAST_EDITOR))
        area = area.united(self.view.visualRect(self.model.index(row, REMOVE)))
        editor.setGeometry(area.adjusted(0, 0, 0, -1))
        editor.show()
        editor.setFocus()

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

    def _fit_texts(self, layers: Sequence[LayerPrediction]) -> None:
        """Give the words beside the bars the room that the longest of them needs."""
        metrics = self.view.fontMetrics()
        widest = max((metrics.horizontalAdvance(one.text) for one in layers), default=0) + 2 * METRICS.gap
        self.view.setColumnWidth(TEXT, min(max(widest, WIDTHS[TEXT]), WIDEST_TEXT))

    def _fit(self) -> None:
        rows = min(self.model.total(), MOST_ROWS)
        self.view.setFixedHeight(HEAD + ROW * rows + 2 * self.view.frameWidth())

    def _filter(self, word: str) -> None:
        self.model.filter(word)

    def _clicked(self, index: QModelIndex) -> None:
        layer = self.model.layer(index.row())
        if index.column() == REMOVE and self.model.is_own(layer.name):
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

    def _spare_edited(self) -> None:
        layer = self._edited_layer
        self._close_editor()
        self.view.setFocus()
        self.spared.emit(layer)

    def _close_editor(self) -> None:
        editor, self._editor = self._editor, None
        if editor is not None:
            for control in editor.controls():
                control.removeEventFilter(self)
            editor.hide()
            editor.deleteLater()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() == event.size().width():
            return
        self.view.setColumnWidth(BAR, WIDTHS[BAR] if self.width() >= ROOMY else WIDTHS[BAR] // 2)
        self._close_editor()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            return self._key(watched, event)
        if event.type() is QEvent.Type.FocusOut and self._editor is not None and watched in self._editor.controls():
            QTimer.singleShot(0, self, self._focus_left)
        return False

    def _focus_left(self) -> None:
        """Close the editor when the focus went to something else than its other part."""
        if self._editor is not None and not any(one.hasFocus() for one in self._editor.controls()):
            self._close_editor()

    def _key(self, watched: Any, event: QKeyEvent) -> bool:
        if watched is not self.view:
            enter = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
            if event.key() == Qt.Key.Key_Escape or (event.key() in enter and isinstance(watched, Slider)):
                self._close_editor()
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
            if self.model.is_own(self.model.layer(row).name):
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
