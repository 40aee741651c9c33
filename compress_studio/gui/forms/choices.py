"""Editors of choices and switches."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from compress_studio.gui.forms.editor import FieldEditor
from compress_studio.gui.forms.gesture import new_gesture
from compress_studio.gui.forms.switch import Switch
from compress_studio.gui.forms.wording import choice_word, plain
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.segments import Segments
from compress_studio.spec.params import Field

SHORT, ROOM = 3, 262
"""So many choices in so much room stand beside each other."""
LETTER, AROUND = 7, 26
"""Likely widths of a letter, and of what is around a word."""
AUTO, ON, OFF = "auto", "on", "off"


def fits_segments(label: str, words: tuple[str, ...]) -> bool:
    """Whether choices can be shown at once beside their label."""
    width = LETTER * len(label) + sum(LETTER * len(word) + AROUND for word in words)
    return len(words) <= SHORT and width <= ROOM


class _Combo(QComboBox):
    """A list of choices; the wheel only counts while it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ComboEditor(FieldEditor):
    """One of several words."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.combo = _Combo(self)
        self.combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.combo.setFixedHeight(METRICS.row)
        self.combo.setMinimumContentsLength(6)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.combo.setMinimumWidth(60)
        for value in field.choices:
            self.combo.addItem(choice_word(value), value)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo)
        self.combo.activated.connect(self._activated)

    def show_value(self, value: Any) -> None:
        self.combo.setCurrentIndex(self.combo.findData(plain(value)))

    def controls(self) -> tuple[QWidget, ...]:
        return (self.combo,)

    def _activated(self, _index: int) -> None:
        self.edited.emit(self.combo.currentData(), new_gesture())


class SegmentsEditor(FieldEditor):
    """One of few short words, all of them visible."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.segments = Segments([(value, choice_word(value)) for value in self.options()])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.segments)
        self.segments.chosen.connect(self._chosen)

    def options(self) -> tuple[str, ...]:
        """The values as words."""
        return self.field.choices

    def show_value(self, value: Any) -> None:
        self.segments.set_value(str(plain(value)))

    def controls(self) -> tuple[QWidget, ...]:
        return (self.segments,)

    def _chosen(self, value: str) -> None:
        self.edited.emit(value, new_gesture())


class TristateEditor(SegmentsEditor):
    """On, off, or decide for me."""

    def options(self) -> tuple[str, ...]:
        return (AUTO, ON, OFF)

    def show_value(self, value: Any) -> None:
        self.segments.set_value(AUTO if value is None else ON if value else OFF)

    def _chosen(self, value: str) -> None:
        self.edited.emit({AUTO: None, ON: True, OFF: False}[value], new_gesture())


class SwitchEditor(FieldEditor):
    """On or off."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.switch = Switch(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.switch)
        self.switch.clicked.connect(self._clicked)

    def show_value(self, value: Any) -> None:
        self.switch.setChecked(bool(value))

    def controls(self) -> tuple[QWidget, ...]:
        return (self.switch,)

    def _clicked(self, on: bool) -> None:
        self.edited.emit(on, new_gesture())
