"""One parameter in a form: label, reset, editor, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from compress_studio.gui.forms.choices import ComboEditor
from compress_studio.gui.forms.editor import FieldEditor
from compress_studio.gui.forms.fields import make_editor
from compress_studio.gui.forms.gesture import new_gesture
from compress_studio.gui.forms.lists import ListEditor
from compress_studio.gui.forms.numbers import NumberEditor
from compress_studio.gui.forms.texts import PathEditor
from compress_studio.gui.forms.tiny import TinyButton
from compress_studio.gui.forms.wording import expects, is_default, plain, slider_range, typed, value_text
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, set_look
from compress_studio.spec.params import Field

LEAST = 16
"""Of a label, when there is very little room."""


def explain(field: Field) -> str:
    """The tooltip of a parameter: what it does, what may be chosen, what it would be by itself."""
    parts = [field.ui.help]
    if field.kind in {"float", "int"} and field.range is not None:
        words = expects(field)
        parts.append(f"{words[:1].upper()}{words[1:]}.")
    if field.kind not in {"str", "list", "map"}:
        parts.append(f"Default: {value_text(field, plain(field.default))}.")
    return "\n".join(part for part in parts if part)


class FieldRow(QWidget):
    """A parameter with its label. Asks for a reset only while there is something to reset."""

    editing = Signal(str, object)
    edited = Signal(str, object, int)

    def __init__(self, field: Field, node: str, parent: QWidget | None = None, *, of_source: bool = False) -> None:
        super().__init__(parent)
        self.field = field
        self.setObjectName(f"row:{node}.{field.name}")
        self.editor: FieldEditor = make_editor(field, self, of_source=of_source)
        self._may_reset = not isinstance(self.editor, PathEditor)
        self._value: Any = plain(field.default)
        self._kept: Any = None
        """The last value that was not automatic."""
        tip = explain(field)
        self.editor.name(f"param:{node}.{field.name}", field.ui.label, tip)
        self.label = ElidedLabel(field.ui.label, Qt.TextElideMode.ElideRight)
        self.label.setToolTip(tip)
        self.label.setMinimumWidth(LEAST)
        self.reset = TinyButton("reset", f"Reset {field.ui.label} to its default", self)
        self.reset.setObjectName(f"reset:{node}.{field.name}")
        self.reset.hide()
        self.auto: QPushButton | None = None
        if field.optional and isinstance(self.editor, NumberEditor):
            self.auto = self._make_auto(f"auto:{node}.{field.name}")
        self.error = QLabel(self)
        self.error.setObjectName(f"error:{node}.{field.name}")
        self.error.setProperty("tone", "bad")
        self.error.setWordWrap(True)
        self.error.hide()
        self._lay_out()
        self._connect()

    @property
    def value(self) -> Any:
        """What it shows."""
        return self._value

    def show_value(self, value: Any) -> None:
        """Show a value without telling anybody."""
        value = plain(value)
        self._value = value
        if value is not None:
            self._kept = value
        if value is not None or self.auto is None:
            self.editor.show_value(value)
        if self.auto is not None:
            self.auto.setChecked(value is None)
            self.editor.setVisible(value is not None)
            if self.editor.below is not None:
                self.editor.below.setVisible(value is not None)
        self.reset.setVisible(self._may_reset and not is_default(self.field, value))

    def show_error(self, message: str) -> None:
        """What is wrong with what was typed; empty: nothing."""
        self.error.setText(message)
        self.error.setVisible(bool(message))
        for control in self.editor.controls():
            set_look(control, "state", "bad" if message else "")

    def tab_stops(self) -> list[QWidget]:
        """What the Tab key reaches, in order."""
        stops: list[QWidget] = []
        for control in self.editor.controls():
            if control.focusPolicy() is Qt.FocusPolicy.NoFocus:
                stops += [one for one in control.findChildren(QWidget) if one.focusPolicy() != Qt.FocusPolicy.NoFocus]
            else:
                stops.append(control)
        return [*stops, *([] if self.auto is None else [self.auto]), self.reset]

    def show_names(self, names: list[str]) -> None:
        """The layers that a list can pick from."""
        if isinstance(self.editor, ListEditor):
            self.editor.show_names(names)

    def _make_auto(self, name: str) -> QPushButton:
        auto = QPushButton("Auto", self)
        auto.setObjectName(name)
        auto.setAccessibleName(f"{self.field.ui.label}: decide for me")
        auto.setToolTip("Pressed: decided for you. Press to choose a value yourself.")
        auto.setCheckable(True)
        auto.setProperty("kind", "small")
        auto.clicked.connect(self._auto_clicked)
        return auto

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        words = QHBoxLayout()
        words.setSpacing(METRICS.gap // 2)
        words.addWidget(self.label)
        words.addWidget(self.reset)
        words.addStretch(1)
        self._head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._head.setSpacing(METRICS.gap // 2)
        self._head.addLayout(words, 1)
        controls = self._controls = QHBoxLayout()
        controls.setSpacing(METRICS.gap // 2)
        if not self.editor.wide:
            controls.addWidget(self.editor)
        if self.auto is not None:
            controls.addWidget(self.auto)
        self._head.addLayout(controls)
        layout.addLayout(self._head)
        if self.editor.wide:
            layout.addWidget(self.editor)
        if self.editor.below is not None:
            layout.addWidget(self.editor.below)
        layout.addWidget(self.error)

    def _connect(self) -> None:
        self.editor.editing.connect(self._editing)
        self.editor.edited.connect(self._edited)
        self.editor.refused.connect(self.show_error)
        self.editor.reset_asked.connect(self._reset)
        self.reset.clicked.connect(self._reset)

    def _editing(self, value: Any) -> None:
        self.editing.emit(self.field.name, value)

    def _edited(self, value: Any, gesture: int) -> None:
        self.edited.emit(self.field.name, value, gesture)

    def _reset(self) -> None:
        self.show_error("")
        default = plain(self.field.default)
        if not is_default(self.field, self._value):
            self.edited.emit(self.field.name, default, new_gesture())

    def _auto_clicked(self, on: bool) -> None:
        self.show_error("")
        self.edited.emit(self.field.name, None if on else self._start(), new_gesture())

    def _stack(self) -> None:
        """Put label and editor below each other where they do not fit side by side."""
        if self.editor.wide or isinstance(self.editor, NumberEditor):
            return
        needed = self.label.sizeHint().width() + self.editor.sizeHint().width() + METRICS.gap
        narrow = needed > self.width()
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if self._head.direction() != direction:
            self._head.setDirection(direction)
            filling = isinstance(self.editor, ComboEditor) or not narrow
            side = Qt.AlignmentFlag(0) if filling else Qt.AlignmentFlag.AlignLeft
            self._controls.setAlignment(self.editor, side)

    def _start(self) -> Any:
        """Where somebody who takes over begins: at their last value, else in the middle."""
        if self._kept is not None:
            return self._kept
        span = slider_range(self.field)
        return 0 if span is None else typed(self.field, span.from_unit(0.5))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._stack()
