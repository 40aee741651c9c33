"""What is shown while there is no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


class EmptyState(QWidget):
    """What is shown while there is no model."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("empty")
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("EmptyState"))
