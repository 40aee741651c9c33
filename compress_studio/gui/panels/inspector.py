"""The form of the selected node with its preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


class Inspector(QWidget):
    """The form of the selected node with its preview."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("Inspector"))
