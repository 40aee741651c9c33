"""What runs said, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


class LogPanel(QWidget):
    """What runs said, line by line."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("log")
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("LogPanel"))
