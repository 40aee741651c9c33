"""What lies over the window while files are dragged: one field for each thing that can be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from compress_studio.gui.theme import current
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS

if TYPE_CHECKING:
    from compress_studio.gui.drops import Offer

MARGIN = 28
BETWEEN = 16
NOTE_HEIGHT = 40
SYMBOL = 36
WIDEST = 560
ICONS = {"open": "drop", "replace": "reset", "new": "new", "add": "plus", "data": "data", "project": "open"}
DIM = 0.93


class DropOverlay(QWidget):
    """Covers the window; the field under the pointer is lit."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("drop_overlay")
        self.setAccessibleName("What happens when it is dropped")
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._offer: Offer | None = None
        self.zone = ""
        """The id of the field under the pointer."""
        self.hide()

    def show_offer(self, offer: Offer) -> None:
        """Show what can be done."""
        self._offer = offer
        if self.zone not in {one.id for one in offer.zones}:
            self.zone = offer.zones[0].id if offer.zones else ""
        self.setAccessibleDescription(", ".join(one.title for one in offer.zones) or offer.reason)
        self.update()

    def appear(self) -> None:
        """Cover the window."""
        self.fit()
        self.raise_()
        self.show()

    def fit(self) -> None:
        """Take the size of the window."""
        window = self.parentWidget()
        if window is not None:
            self.setGeometry(window.rect())

    def point_at(self, place: QPoint) -> None:
        """Light the field at a place."""
        areas = self.areas()
        found = next((name for name, area in areas if area.contains(place)), "")
        if not found and areas:
            found = min(areas, key=lambda one: (one[1].center() - place).manhattanLength())[0]
        if found != self.zone:
            self.zone = found
            self.update()

    def areas(self) -> list[tuple[str, QRect]]:
        """The fields with their places."""
        offer = self._offer
        if offer is None or not offer.zones:
            return []
        inside = self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN - (NOTE_HEIGHT if offer.note else 0))
        count = len(offer.zones)
        width = (inside.width() - (count - 1) * BETWEEN) // count
        return [
            (one.id, QRect(inside.left() + place * (width + BETWEEN), inside.top(), width, inside.height()))
            for place, one in enumerate(offer.zones)
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = current.tokens()
        painter.fillRect(self.rect(), current.color(tokens.window, DIM))
        offer = self._offer
        if offer is None:
            return
        if not offer.zones:
            area = self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
            self._paint_field(painter, area, "cancel", offer.reason, offer.hint, tokens.bad, lit=True)
            return
        for (name, area), zone in zip(self.areas(), offer.zones, strict=True):
            symbol = ICONS.get(name, "drop")
            self._paint_field(painter, area, symbol, zone.title, zone.detail, tokens.accent, lit=name == self.zone)
        if offer.note:
            painter.setPen(current.color(tokens.warn))
            painter.setFont(current.font())
            below = QRect(MARGIN, self.height() - MARGIN - NOTE_HEIGHT, self.width() - 2 * MARGIN, NOTE_HEIGHT)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, offer.note)

    def _paint_field(
        self, painter: QPainter, area: QRect, symbol: str, title: str, detail: str, colour: str, *, lit: bool
    ) -> None:
        tokens = current.tokens()
        pen = QPen(current.color(colour if lit else tokens.strong_border), 2)
        pen.setStyle(Qt.PenStyle.DashLine)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.setBrush(current.color(colour, 0.12) if lit else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(area), 2 * METRICS.radius, 2 * METRICS.radius)
        width = min(WIDEST, area.width() - 4 * METRICS.pad)
        wrap = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        flags = int(wrap.value) | int(Qt.TextFlag.TextWordWrap.value)
        painter.setFont(current.font(METRICS.hero_font, QFont.Weight.DemiBold))
        left, middle = area.center().x() - width // 2, area.center().y()
        head = painter.boundingRect(QRect(left, 0, width, 4000), flags, title)
        painter.setFont(current.font(METRICS.title_font))
        text = painter.boundingRect(QRect(left, 0, width, 4000), flags, detail) if detail else QRect()
        top = middle - (SYMBOL + 2 * METRICS.pad + head.height() + METRICS.gap + text.height()) // 2
        tone = "bad" if colour == tokens.bad else "accent" if lit else "muted"
        icon(symbol, tone).paint(painter, QRect(area.center().x() - SYMBOL // 2, top, SYMBOL, SYMBOL))
        top += SYMBOL + 2 * METRICS.pad
        painter.setPen(current.color(tokens.text))
        painter.setFont(current.font(METRICS.hero_font, QFont.Weight.DemiBold))
        painter.drawText(QRect(left, top, width, head.height()), flags, title)
        top += head.height() + METRICS.gap
        painter.setPen(current.color(tokens.muted))
        painter.setFont(current.font(METRICS.title_font))
        painter.drawText(QRect(left, top, width, text.height()), flags, detail)
