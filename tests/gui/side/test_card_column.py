"""The column of cards: it comes to rest at every height, also where a scroll bar changes how high the cards are."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from compress_studio.gui.panels.side import CardColumn
from compress_studio.gui.widgets.card import Card

WIDTH = 240


class Pictures(QWidget):
    """As high as it is wide, like a row of pictures."""

    def __init__(self, ratio: float) -> None:
        super().__init__()
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._ratio = ratio

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return round(self._ratio * width)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, self.heightForWidth(WIDTH))

    def minimumSizeHint(self) -> QSize:
        return QSize(1, 1)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_cards_that_get_lower_beside_a_scroll_bar_come_to_rest(qtbot, ratio) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    column = CardColumn([Pictures(ratio)], page)
    layout.addWidget(column)
    page.resize(WIDTH, 100)
    with qtbot.waitExposed(page):
        page.show()
    needed = round(ratio * WIDTH)
    bar = column.verticalScrollBar()
    for height in range(needed - 60, needed + 10, 4):
        page.resize(WIDTH, height)
        qtbot.waitUntil(lambda height=height: bar.isVisible() == (height < needed))


def test_a_long_notice_is_shown_whole(qtbot) -> None:
    card = Card("Data")
    label = QLabel("Nothing says how the values are scaled, so that several ways were tried. " * 4)
    label.setWordWrap(True)
    card.body.addWidget(label)
    page = QWidget()
    qtbot.addWidget(page)
    layout = QVBoxLayout(page)
    layout.addWidget(CardColumn([card], page))
    layout.addStretch(1)
    page.resize(WIDTH, 500)
    with qtbot.waitExposed(page):
        page.show()
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()))
    assert card.rect().contains(label.geometry())
