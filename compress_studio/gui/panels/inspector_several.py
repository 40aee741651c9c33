"""What is shown when several nodes are selected: which, and what can be done with all of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from compress_studio.gui.nodeview import NodeView
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.card import Card, FactRows
from compress_studio.project.pipeline import SOURCE_STEP

BUTTONS = (
    ("mute", "mute", "Switch off or on", "A step that is off passes on what arrives."),
    ("duplicate", "duplicate", "Duplicate", "Copies of these steps, joined in the same way."),
    ("delete", "delete", "Delete", "What came into a deleted step goes on to those behind it."),
)
MOST = 12


class SeveralSection(QWidget):
    """A summary of the selection with its actions."""

    asked = Signal(str)
    """ "mute", "duplicate" or "delete"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector.several")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        self.card = Card(parent=self)
        self._rows = FactRows(self.card)
        self.card.body.addWidget(self._rows)
        layout.addWidget(self.card)
        self._buttons: dict[str, QPushButton] = {}
        for name, icon_name, label, tip in BUTTONS:
            button = QPushButton(icon(icon_name), label, self)
            button.setObjectName(f"several:{name}")
            button.setAccessibleName(label)
            button.setToolTip(tip)
            button.clicked.connect(lambda _checked=False, name=name: self.asked.emit(name))
            self._buttons[name] = button
            layout.addWidget(button)

    def show_views(self, views: Sequence[NodeView]) -> None:
        """Show which nodes are selected."""
        rows = [(view.title, view.state.value, "") for view in views[:MOST]]
        if len(views) > MOST:
            rows.append((f"and {len(views) - MOST} more", "", "muted"))
        self._rows.show_rows(rows)
        self._buttons["mute"].setEnabled(all(view.node.step != SOURCE_STEP for view in views))
