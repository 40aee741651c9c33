"""The charts, one tab each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


class ChartsPanel(QWidget):
    """The charts, one tab each."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("charts")
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("ChartsPanel"))
