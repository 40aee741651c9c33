"""What the settings dialog is put together from: pages, and rows of a label, a note and a control."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle

CONTROL_WIDTH = 190


class Page(QScrollArea):
    """One page of rows."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"settings_page_{name}")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget(self)
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(2 * METRICS.pad, METRICS.pad, 2 * METRICS.pad, METRICS.pad)
        self.body.setSpacing(METRICS.gap)
        self.body.addStretch(1)
        self.setWidget(inner)

    def add(self, widget: QWidget) -> None:
        """Put something at the end."""
        self.body.insertWidget(self.body.count() - 1, widget)

    def add_title(self, text: str) -> None:
        """A heading of what follows."""
        title = SectionTitle(text, self)
        title.setContentsMargins(0, METRICS.gap, 0, 0)
        self.add(title)

    def add_row(self, label: str, note: str, control: QWidget) -> QLabel:
        """A setting; returns the label of the note, which may change."""
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, METRICS.gap // 2, 0, METRICS.gap // 2)
        layout.setSpacing(2 * METRICS.pad)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(QLabel(label, row))
        small = QLabel(note, row)
        small.setWordWrap(True)
        small.setProperty("tone", "muted")
        small.setProperty("role", "small")
        small.setVisible(bool(note))
        words.addWidget(small)
        layout.addLayout(words, 1)
        layout.addWidget(control, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        control.setAccessibleName(label)
        if not control.toolTip():
            control.setToolTip(note or label)
        self.add(row)
        return small
