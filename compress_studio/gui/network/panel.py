"""The inside of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


class NetworkPanel(QWidget):
    """The inside of a network."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("network")
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("NetworkPanel"))
