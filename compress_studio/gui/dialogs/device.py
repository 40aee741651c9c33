"""The device dialog: what this machine computes with, and what training runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from compress_studio.gui.devices import DeviceRow, DeviceState
from compress_studio.gui.dialogs.fitting import FittingDialog
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.gui.widgets.card import Card, FactRows
from compress_studio.project import edits

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

WIDTH = 520
INDENT = 26


class DeviceDialog(FittingDialog):
    """Shows what was detected; a choice is an edit of the project."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.window)
        self.setObjectName("device_dialog")
        self.setWindowTitle("Device")
        self.setAccessibleName("Device")
        self.setMinimumWidth(WIDTH)
        self._session = commands.session
        self._devices = commands.devices
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * METRICS.pad, METRICS.pad + METRICS.gap, 2 * METRICS.pad, 2 * METRICS.gap)
        layout.setSpacing(METRICS.gap)
        self._card = Card("", self)
        self._facts = FactRows(self._card)
        self._card.body.addWidget(self._facts)
        layout.addWidget(self._card)
        layout.addWidget(SectionTitle("Training runs on", self))
        self._choices = QVBoxLayout()
        self._choices.setSpacing(METRICS.gap // 2)
        layout.addLayout(self._choices)
        layout.addWidget(SectionTitle("What is used for what", self))
        self._uses = FactRows(self)
        layout.addWidget(self._uses)
        layout.addStretch(1)
        close = QPushButton("Close", self)
        close.setObjectName("device_close")
        close.setAccessibleName("Close")
        close.setToolTip("Close this (Esc)")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(close)
        layout.addLayout(row)
        self._group = QButtonGroup(self)
        self._rows: tuple[QWidget, ...] = ()
        self._state: DeviceState | None = None
        self._devices.changed.connect(self._refresh)
        self._session.project_changed.connect(self._refresh)
        self._refresh()
        self._devices.ask()

    def show_state(self, state: DeviceState) -> None:
        """Show a state."""
        if state == self._state:
            return
        self._state = state
        self._card.set_title(state.processor)
        runtime = state.failure or ("Looking…" if state.waiting else state.providers)
        tone = "warn" if state.failure else ""
        self._facts.show_rows([*((*row, "") for row in state.facts), ("ONNX Runtime runs on", runtime, tone)])
        self._uses.show_rows([(*row, "") for row in state.uses])
        self._show_choices(state)

    def _show_choices(self, state: DeviceState) -> None:
        for old in self._rows:
            self._choices.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._rows = tuple(self._row(one, chosen=one.id == state.chosen) for one in state.rows)
        for made in self._rows:
            self._choices.addWidget(made)

    def _row(self, one: DeviceRow, *, chosen: bool) -> QWidget:
        row = QWidget(self)
        layout = QVBoxLayout(row)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(0)
        button = QRadioButton(one.title, row)
        button.setObjectName(f"device:{one.id}")
        button.setAccessibleName(one.title)
        button.setToolTip(one.note)
        button.setChecked(chosen)
        button.setEnabled(one.possible)
        button.clicked.connect(lambda: self._choose(one.id))
        self._group.addButton(button)
        note = QLabel(one.note, row)
        note.setWordWrap(True)
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setProperty("tone", "muted")
        note.setProperty("role", "small")
        note.setIndent(INDENT)
        layout.addWidget(button)
        layout.addWidget(note)
        return row

    def _choose(self, device: str) -> None:
        if device != self._session.project.device:
            self._session.edit("Device", edits.set_device(device))

    def _refresh(self, *_: object) -> None:
        self.show_state(self._devices.state())
