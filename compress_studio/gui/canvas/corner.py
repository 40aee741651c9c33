"""The small toolbar in the corner of the canvas: zoom, fit, tidy up."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from compress_studio.gui.widgets.basics import IconButton

WIDTH = 52


class CornerBar(QFrame):
    """Buttons for what is seen; the page connects them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("canvas_bar")
        self.setProperty("surface", "card")
        self.out = self._button("zoom-out", "canvas_zoom_out", "Smaller (Ctrl+−)")
        self.percent = QToolButton(self)
        self.percent.setObjectName("canvas_zoom_percent")
        self.percent.setAutoRaise(True)
        self.percent.setFixedWidth(WIDTH)
        self.percent.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.percent.setToolTip("Show in full size (Ctrl+0)")
        self.percent.setAccessibleName("Full size")
        self.closer = self._button("zoom-in", "canvas_zoom_in", "Larger (Ctrl++)")
        self.fit = self._button("zoom-fit", "canvas_fit", "Show everything (F)")
        self.tidy = self._button("layout", "canvas_tidy", "Tidy up: lay out all steps (L)")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(3, 3, 3, 3)
        layout.setSpacing(1)
        for one in (self.out, self.percent, self.closer, self.fit, self.tidy):
            layout.addWidget(one)
        self.show_scale(1.0)

    def show_scale(self, scale: float) -> None:
        """Show how large things are seen."""
        self.percent.setText(f"{round(100 * scale)}\u202f%")

    def _button(self, icon: str, name: str, tip: str) -> IconButton:
        made = IconButton(icon, tip, self)
        made.setObjectName(name)
        return made
