"""The line above the picture: which network, what the colours mean, search, and what one can do with the picture."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from compress_studio.gui.network.ink import MEASURES, Measure
from compress_studio.gui.network.subject import RESULT, SOURCE
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, IconButton
from compress_studio.gui.widgets.search import SearchField
from compress_studio.gui.widgets.segments import Segments

SEARCH_WIDTH = 170


class _Search(SearchField):
    """A search field whose Enter goes to the next match, with Shift to the one before."""

    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.stepped.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
            return
        super().keyPressEvent(event)


class Bar(QWidget):
    """Tells what the user chose; shows what it is told."""

    side_chosen = Signal(str)
    measure_chosen = Signal(str)
    sought = Signal(str)
    stepped = Signal(int)
    """To the next match (1) or the one before (−1)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("network_bar")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(METRICS.gap, METRICS.gap // 2, METRICS.gap, METRICS.gap // 2)
        layout.setSpacing(METRICS.gap)
        self.side = Segments([(RESULT, "Result"), (SOURCE, "Source")], self)
        self.side.setObjectName("network_side")
        self.side.setToolTip("The network as the selected step leaves it, or as it was opened")
        self.side.chosen.connect(self.side_chosen)
        self.title = ElidedLabel("", Qt.TextElideMode.ElideMiddle, self)
        self.measure = QComboBox(self)
        self.measure.setObjectName("network_measure")
        self.measure.setAccessibleName("Colour by")
        self.measure.setToolTip("What the colours of the boxes show")
        for value, label in MEASURES:
            self.measure.addItem(f"Colour: {label.lower()}", value.value)
        self.measure.activated.connect(self._chose_measure)
        self.search = _Search("Find an operator", self)
        self.search.setObjectName("network_search")
        self.search.setToolTip("Find by name or operator. Enter goes to the next match, Shift+Enter to the one before.")
        self.search.setMinimumWidth(SEARCH_WIDTH // 2)
        self.search.setMaximumWidth(SEARCH_WIDTH)
        self.search.textChanged.connect(self.sought)
        self.search.stepped.connect(self.stepped)
        self.count = QLabel(self)
        self.count.setObjectName("network_matches")
        self.count.setProperty("tone", "muted")
        self.buttons = {
            name: self._button(name, icon, tip)
            for name, icon, tip in (
                ("open", "layers", "Open all groups, or close them"),
                ("turn", "arrow-right", "Let the network flow down or to the right"),
                ("out", "zoom-out", "Zoom out (Ctrl+−)"),
                ("in", "zoom-in", "Zoom in (Ctrl++)"),
                ("fit", "zoom-fit", "Show everything (F)"),
            )
        }
        layout.addWidget(self.side)
        layout.addWidget(self.title, 3)
        layout.addWidget(self.measure)
        layout.addWidget(self.search, 2)
        layout.addWidget(self.count)
        layout.addSpacing(-METRICS.gap // 2)
        for button in self.buttons.values():
            layout.addWidget(button)
        self.show_matches("", 0, 0)

    def show_title(self, text: str, tip: str = "") -> None:
        """Which network is shown."""
        self.title.setText(text)
        self.title.setToolTip(tip)

    def show_measure(self, measure: Measure) -> None:
        """What the colours mean, without telling anybody."""
        self.measure.setCurrentIndex(self.measure.findData(measure.value))

    def show_matches(self, text: str, at: int, count: int) -> None:
        """How many operators were found, and which of them is shown."""
        self.count.setVisible(bool(text))
        self.count.setText("none" if not count else f"{at} / {count}" if at else f"{count}")

    def _chose_measure(self, _index: int) -> None:
        self.measure_chosen.emit(str(self.measure.currentData()))

    def _button(self, name: str, icon: str, tip: str) -> IconButton:
        made = IconButton(icon, tip, self)
        made.setObjectName(f"network_{name}")
        return made
