"""Everything that needs attention, with cause and remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


class ProblemsPanel(QWidget):
    """Everything that needs attention, with cause and remedy."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problems")
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("ProblemsPanel"))
