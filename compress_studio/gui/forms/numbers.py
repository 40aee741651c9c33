"""Editors of numbers: a box, with a slider where there is a range."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSpinBox, QWidget

from compress_studio.base.errors import BadInput
from compress_studio.gui.forms.editor import FieldEditor
from compress_studio.gui.forms.gesture import Gesture, new_gesture
from compress_studio.gui.forms.slider import Slider
from compress_studio.gui.forms.wording import plain, read_text, slider_range, typed, value_text
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.spec.params import Field

BOX = 74
LIMIT = 2**31 - 1


class NumberBox(QLineEdit):
    """A number with its unit. Enter or leaving it commits, Esc brings back what was there."""

    committed = Signal(object)
    refused = Signal(str)
    stepped = Signal(int)
    """Up or Down was pressed."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = field
        self._shown = ""
        self.setProperty("part", "box")
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFixedSize(BOX, METRICS.row - 2)
        self.editingFinished.connect(self._commit)
        self.textEdited.connect(self._forgive)

    def show_value(self, value: Any, *, anyway: bool = False) -> None:
        """Show a value. What is being typed stays while the value is the same, unless it is to be shown anyway."""
        text = value_text(self._field, value)
        if text == self._shown and self.isModified() and not anyway:
            return
        if text != self._shown or text != self.text():
            self._shown = text
            self.setText(text)
            self.setCursorPosition(0)

    def _forgive(self, _text: str) -> None:
        self.refused.emit("")

    def _commit(self) -> None:
        if self.text() == self._shown:
            return
        try:
            value = read_text(self._field, self.text())
        except BadInput as error:
            self.refused.emit(error.message)
            return
        self.refused.emit("")
        self.show_value(value, anyway=True)
        self.committed.emit(value)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason}:
            self.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            self.stepped.emit(1 if event.key() == Qt.Key.Key_Up else -1)
        elif event.key() == Qt.Key.Key_Escape and self.text() != self._shown:
            self.setText(self._shown)
            self.selectAll()
            self.refused.emit("")
        else:
            super().keyPressEvent(event)


class NumberEditor(FieldEditor):
    """A box; with a range a slider below it."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.box = NumberBox(field, self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        self.box.committed.connect(self._typed)
        self.box.refused.connect(self.refused)
        self.slider: Slider | None = None
        span = slider_range(field)
        if span is not None:
            self.slider = self.below = Slider(span, self)
            self.slider.setProperty("part", "slider")
            self.slider.editing.connect(self._dragged)
            self.slider.edited.connect(self._moved)
            self.slider.reset_asked.connect(self.reset_asked)
            self.box.stepped.connect(self._step)

    def show_value(self, value: Any) -> None:
        value = plain(value)
        if self.slider is not None:
            if self.slider.dragging:
                return
            if isinstance(value, int | float):
                self.slider.show_value(value)
        self.box.show_value(value)

    def controls(self) -> tuple[QWidget, ...]:
        return (self.box,) if self.slider is None else (self.slider, self.box)

    def _dragged(self, number: float) -> None:
        value = typed(self.field, number)
        self.refused.emit("")
        self.box.show_value(value, anyway=True)
        self.editing.emit(value)

    def _moved(self, number: float, gesture: int) -> None:
        value = typed(self.field, number)
        self.refused.emit("")
        self.box.show_value(value, anyway=True)
        self.edited.emit(value, gesture)

    def _typed(self, value: Any) -> None:
        if self.slider is not None and value is not None:
            self.slider.show_value(value)
        self.edited.emit(value, new_gesture())

    def _step(self, direction: int) -> None:
        if self.slider is not None:
            self.slider.step(direction)


class CalmSpinBox(QSpinBox):
    """A box of whole numbers; the wheel only counts while it has the focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class SpinEditor(FieldEditor):
    """A whole number without a range."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.spin = CalmSpinBox(self)
        self.spin.setRange(-LIMIT, LIMIT)
        self.spin.setKeyboardTracking(False)
        self.spin.setSuffix(f" {field.ui.unit}" if field.ui.unit else "")
        self.spin.setFixedWidth(BOX + 36)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.spin)
        self._gesture = Gesture(self)
        self.spin.valueChanged.connect(self._changed)

    def show_value(self, value: Any) -> None:
        self.spin.blockSignals(True)
        self.spin.setValue(int(value) if isinstance(value, int | float) else 0)
        self.spin.blockSignals(False)

    def controls(self) -> tuple[QWidget, ...]:
        return (self.spin,)

    def _changed(self, value: int) -> None:
        self.edited.emit(value, self._gesture.number())
