"""The format of an export: how to get what is missing, what can be chosen for it, and what it cannot carry."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from compress_studio.base.errors import BadInput
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import set_look
from compress_studio.spec.output import OutputSpec
from compress_studio.spec.params import Field


class FormatChoices(QWidget):
    """What can be chosen for one format, one line for each parameter that it declares."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._spec: OutputSpec | None = None
        self._editors: dict[str, QWidget] = {}

    def show_spec(self, spec: OutputSpec) -> None:
        """Show the parameters of a format, each at its default."""
        self._spec = spec
        self._editors.clear()
        while self._form.rowCount():
            self._form.removeRow(0)
        for field in spec.params.fields():
            editor = self._editor(field)
            editor.setObjectName(f"export:choice:{field.name}")
            editor.setAccessibleName(field.ui.label)
            editor.setToolTip(field.ui.help)
            self._editors[field.name] = editor
            label = QLabel(field.ui.label, self)
            label.setToolTip(field.ui.help)
            self._form.addRow(label, editor)
        self.setVisible(bool(self._editors))

    def values(self) -> dict[str, Any]:
        """What was chosen, without what is as it was. Raises BadInput for a value that the format does not take."""
        found: dict[str, Any] = {}
        if self._spec is None:
            return found
        for field in self._spec.params.fields():
            value = _value(field, self._editors[field.name])
            if value != field.default:
                found[field.name] = value
        self._spec.params.read(found)
        return found

    def _editor(self, field: Field) -> QWidget:
        if field.kind == "bool" and not field.optional:
            box = QCheckBox(self)
            box.setChecked(bool(field.default))
            box.toggled.connect(lambda _on: self.changed.emit())
            return box
        words = _words(field)
        if words:
            combo = QComboBox(self)
            for word, text in words:
                combo.addItem(text, word)
            combo.setCurrentIndex(max(0, combo.findData(_text(field.default))))
            combo.currentIndexChanged.connect(lambda _place: self.changed.emit())
            return combo
        line = QLineEdit(_text(field.default), self)
        line.setPlaceholderText("automatic" if field.optional else "none" if field.kind == "str" else field.expects())
        line.textChanged.connect(lambda _text: self.changed.emit())
        return line


def _words(field: Field) -> list[tuple[str, str]]:
    if field.kind == "bool":
        return [("", "automatic"), ("true", "yes"), ("false", "no")]
    return [(one, one) for one in field.choices]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _value(field: Field, editor: QWidget) -> Any:
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    text = str(editor.currentData()) if isinstance(editor, QComboBox) else ""
    if isinstance(editor, QLineEdit):
        text = editor.text()
    if not text.strip() and not field.optional:
        return field.default
    value = field.parse(text)
    return field.default if field.kind == "choice" and value == _text(field.default) else value


class FormatNotes(QWidget):
    """What stands between the result and this format: a missing package, or what the format cannot carry."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        self.text = QLabel(self)
        self.text.setObjectName("export:carries")
        self.text.setWordWrap(True)
        layout.addWidget(self.text)
        self._install = QWidget(self)
        row = QHBoxLayout(self._install)
        row.setContentsMargins(0, 0, 0, 0)
        self.command = QLineEdit(self._install)
        self.command.setObjectName("export:install")
        self.command.setAccessibleName("Command that installs what is missing")
        self.command.setReadOnly(True)
        self.copy = QPushButton("Copy", self._install)
        self.copy.setToolTip("Copy the command to the clipboard")
        self.copy.setObjectName("export:install:copy")
        self.copy.clicked.connect(self._copy)
        row.addWidget(self.command, 1)
        row.addWidget(self.copy)
        layout.addWidget(self._install)
        self.clear()

    def clear(self) -> None:
        """Nothing stands between."""
        self.text.setText("")
        self.setVisible(False)

    def show_missing(self, spec: OutputSpec) -> None:
        """The package that is missing, with the command that installs it."""
        missing = spec.missing()
        names = " and ".join(one.module for one in missing)
        verb = "is" if len(missing) == 1 else "are"
        self._show(f"{spec.title} needs {names}, which {verb} not installed. Install it and choose the format again:")
        set_look(self.text, "tone", "warn")
        self.command.setText(" && ".join(one.command for one in missing))
        self.command.setCursorPosition(0)
        self.copy.setText("Copy")
        self._install.show()

    def show_verdict(self, verdict: Mapping[str, Any]) -> None:
        """What the format cannot carry, or what becomes of the network in it."""
        words = f"{verdict['reason']} {verdict['hint']}".strip()
        if not words:
            self.clear()
            return
        self._show(words)
        set_look(self.text, "tone", "info" if verdict["ok"] else "bad")
        self._install.hide()

    def show_mistake(self, mistake: BadInput) -> None:
        """A value that the format does not take."""
        self.show_verdict({"ok": False, "reason": mistake.message, "hint": mistake.hint})

    def _show(self, text: str) -> None:
        self.text.setText(text)
        self.setVisible(True)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.command.text())
        self.copy.setText("Copied")


def fill_formats(combo: QComboBox, specs: Any) -> None:
    """All formats by their titles; those whose package is missing say so."""
    importlib.invalidate_caches()
    for place, spec in enumerate(specs):
        missing = spec.missing()
        combo.addItem(f"{spec.title} (not installed)" if missing else spec.title, spec.id)
        tip = f"Needs: {' && '.join(one.command for one in missing)}" if missing else spec.summary
        combo.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
