"""A few choices side by side, of which one holds."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QToolButton, QWidget

MOVES: dict[int, int] = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}


class Segments(QWidget):
    """A row of buttons, one of them pressed; arrow keys move."""

    chosen = Signal(str)
    """The value that the user chose."""

    def __init__(self, options: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "segments")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        self._group = QButtonGroup(self)
        self._values: list[str] = []
        for value, label in options:
            button = QToolButton(self)
            button.setObjectName(f"segment:{value}")
            button.setProperty("kind", "segment")
            button.setCheckable(True)
            button.setText(label)
            button.setToolTip(label)
            button.setAccessibleName(label)
            button.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)
            button.installEventFilter(self)
            self._group.addButton(button, len(self._values))
            self._values.append(value)
            layout.addWidget(button)
        self._group.idClicked.connect(self._clicked)
        if self._values:
            self.set_value(self._values[0])

    @property
    def value(self) -> str:
        """The value that holds; empty when there is none."""
        place = self._group.checkedId()
        return self._values[place] if place >= 0 else ""

    def set_value(self, value: str) -> None:
        """Show a value, without telling anybody; one that is not offered is ignored."""
        if value in self._values:
            place = self._values.index(value)
            self._group.button(place).setChecked(True)
            self._one_tab_stop(place)

    def set_enabled(self, value: str, enabled: bool, tip: str = "") -> None:
        """Offer a value or not; tip: why not."""
        button = self._group.button(self._values.index(value))
        button.setEnabled(enabled)
        button.setToolTip(tip or button.text())

    def _clicked(self, place: int) -> None:
        self._one_tab_stop(place)
        self.chosen.emit(self._values[place])

    def _one_tab_stop(self, place: int) -> None:
        for one, button in enumerate(self._group.buttons()):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if one == place else Qt.FocusPolicy.ClickFocus)

    def _move(self, by: int) -> bool:
        """Choose the next one that is offered."""
        place = self._group.checkedId() + by
        while 0 <= place < len(self._values):
            button = self._group.button(place)
            if button.isEnabled():
                button.setFocus(Qt.FocusReason.TabFocusReason)
                button.click()
                break
            place += by
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys of the buttons."""
        if event.type() is not QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        by = MOVES.get(event.key())
        return by is not None and self._move(by)
