"""The left side: the model card, the data card, budgets and the step library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from compress_studio.gui.data_look import DataLook
from compress_studio.gui.panels.budgets import Budgets
from compress_studio.gui.panels.data_card import DataCard
from compress_studio.gui.panels.library import StepLibrary
from compress_studio.gui.panels.model_card import ModelCard
from compress_studio.gui.theme.tokens import METRICS

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

LEAST = 220
LIBRARY_HEIGHT = 210
"""What the library keeps of a low window; the cards scroll then."""


class SidePanel(QWidget):
    """Model card, data card and step library."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self.setAccessibleName("Model, data and steps")
        self.setMinimumWidth(LEAST)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.look = DataLook(commands.session)
        self.model_card = ModelCard(commands, self)
        self.data_card = DataCard(commands, self.look, self)
        self.budgets = Budgets(commands.session, self)
        self.library = StepLibrary(commands, self)
        self.library.setMinimumHeight(LIBRARY_HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.gap, METRICS.gap, METRICS.gap, 0)
        layout.setSpacing(METRICS.gap)
        self._cards = CardColumn([self.model_card, self.data_card, self.budgets], self)
        layout.addWidget(self._cards, 0)
        layout.addWidget(self.library, 1)
        self.setTabOrder(self.data_card, self.library.search)


class CardColumn(QScrollArea):
    """Cards below each other, as high as they want to be while there is room, else scrolled."""

    def __init__(self, cards: list[QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cards")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = _Inside(self)
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        for card in cards:
            # As high as their texts need at this width; what is left goes below them.
            card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
            layout.addWidget(card)
        layout.addStretch(1)
        self.setWidget(inside)
        inside.installEventFilter(self)
        inside.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        if watched is self.widget() and event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        inside = self.widget()
        return QSize(super().sizeHint().width(), 0 if inside is None else inside.minimumSizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(120, min(120, self.sizeHint().height()))


class _Inside(QWidget):
    """Holds the cards: never wider than there is room, and never lower than its contents need.

    The height is that which is enough both with a scroll bar and without one, whatever the width is now. Pictures get
    lower in a narrower card: asked at its present width, the bar would make the cards fit, go, make them too high,
    and come again, without end.
    """

    def __init__(self, column: CardColumn) -> None:
        super().__init__(column)
        self._column = column

    def minimumSizeHint(self) -> QSize:
        wide = self._column.maximumViewportSize().width()
        narrow = wide - self._column.verticalScrollBar().sizeHint().width()
        return QSize(1, max(height_of(self, wide), height_of(self, narrow)))


def height_of(widget: QWidget | None, width: int) -> int:
    """The height that the layout of a widget needs at a width."""
    layout = None if widget is None else widget.layout()
    if layout is None:
        return 0
    return layout.heightForWidth(width) if layout.hasHeightForWidth() else layout.sizeHint().height()
