"""What every editor of a parameter is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from compress_studio.spec.params import Field


class FieldEditor(QWidget):
    """Shows and changes one parameter. Showing is silent; only gestures of the user are told."""

    editing = Signal(object)
    """The value during a drag."""
    edited = Signal(object, int)
    """The value counts: value and gesture."""
    refused = Signal(str)
    """What was typed is no value; empty: it is one again."""
    reset_asked = Signal()

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.below: QWidget | None = None
        """What stands below label and value, over the full width."""
        self.wide = False
        """The editor itself stands below the label."""

    @abstractmethod
    def show_value(self, value: Any) -> None:
        """Show a value without telling anybody."""

    @abstractmethod
    def controls(self) -> tuple[QWidget, ...]:
        """What takes the focus, the one that matters most first."""

    def name(self, name: str, label: str, tip: str) -> None:
        """Give every control an object name, a name for screen readers, and a tooltip."""
        for place, control in enumerate(self.controls()):
            control.setObjectName(name if place == 0 else f"{name}.{control.property('part') or place}")
            control.setAccessibleName(label)
            control.setToolTip(tip)
