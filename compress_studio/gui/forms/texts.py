"""Editors of text and of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget

from compress_studio.gui.forms.editor import FieldEditor
from compress_studio.gui.forms.gesture import new_gesture
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel
from compress_studio.spec.params import Field

MODELS = "Models (*.onnx *.ort *.pt2 *.pt *.pth *.tflite);;All files (*)"


class _Line(QLineEdit):
    """Esc brings back what was there."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.shown = ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text() != self.shown:
            self.setText(self.shown)
        else:
            super().keyPressEvent(event)


class TextEditor(FieldEditor):
    """A line of text; Enter or leaving it commits."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.wide = True
        self.line = _Line(self)
        self.line.setFixedHeight(METRICS.row)
        self.line.setPlaceholderText("auto" if field.optional else "")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line)
        self.line.editingFinished.connect(self._commit)

    def show_value(self, value: Any) -> None:
        text = "" if value is None else str(value)
        if text == self.line.shown and self.line.isModified():
            return  # somebody is typing
        self.line.shown = text
        self.line.setText(self.line.shown)
        self.line.setCursorPosition(0)

    def controls(self) -> tuple[QWidget, ...]:
        return (self.line,)

    def _commit(self) -> None:
        text = self.line.text()
        if text != self.line.shown:
            self.line.shown = text
            self.line.setModified(False)
            self.edited.emit(None if self.field.optional and not text else text, new_gesture())


def ask_model(parent: QWidget, folder: str) -> str:
    """Let the user choose a model; empty when they did not."""
    return QFileDialog.getOpenFileName(parent, "Choose another model", folder, MODELS)[0]


class PathEditor(FieldEditor):
    """The file of a model: its name, and a button that asks for another one."""

    ask: Callable[[QWidget, str], str] = staticmethod(ask_model)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.wide = True
        self._path = ""
        self.label = ElidedLabel("")
        self.label.setProperty("tone", "muted")
        self.button = QPushButton("Choose another model…", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        layout.addWidget(self.label)
        layout.addWidget(self.button)
        self.button.clicked.connect(self._choose)

    def show_value(self, value: Any) -> None:
        self._path = str(value or "")
        self.label.setText(self._path or "No model chosen")
        self.button.setText("Choose another model…" if self._path else "Choose a model…")

    def controls(self) -> tuple[QWidget, ...]:
        return (self.button,)

    def _choose(self) -> None:
        folder = str(Path(self._path).parent) if self._path else ""
        chosen = self.ask(self, folder)
        if chosen and chosen != self._path:
            self.edited.emit(chosen, new_gesture())
